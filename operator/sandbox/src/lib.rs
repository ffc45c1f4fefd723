//! The simulated world: a Kubernetes API, Windows machines, SQL Server, the vendor's installers, people, and the clock.
//!
//! The controller and the agents that run in it are the ones that ship.

pub mod clock;
pub mod cluster;
pub mod edge;
pub mod faults;
pub mod file;
pub mod home;
pub mod invariants;
mod people;
pub mod plants;
mod receiver;
pub mod report;
pub mod run;
pub mod secrets;
pub mod story;
pub mod sweep;
mod witness;
pub mod world;
