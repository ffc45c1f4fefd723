//! Every test that crosses crates, in one binary: linking once is what keeps it fast.

mod crds;
mod files;
mod plan_command;
mod stories;
mod sandbox_command;
mod structure;
