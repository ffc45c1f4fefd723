//! The simulated world of the sandbox, while it is being written apart from the sandbox itself.

pub mod world;
