//! What the programs of the measurement share: the way from the operator to the simulated SQL Servers.

pub mod sql;
