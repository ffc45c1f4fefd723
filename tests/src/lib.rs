//! What several test programs share. Tests that cross crates live in `it/`, those that need a cluster in `cluster/suite/`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what tests are made of fails as tests do")]

pub mod kubectl;
pub mod mistakes;
