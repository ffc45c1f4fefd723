//! The simulated world: a Kubernetes API, Windows machines, SQL Server, the vendor's installers, people, and the clock.
//!
//! The controller and the agents that run in it are the ones that ship.

pub mod cluster;
pub mod world;
