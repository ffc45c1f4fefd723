//! Every test that crosses crates, in one binary: linking once is what keeps it fast.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod approval_commands;
mod bad_input;
mod bad_sites;
mod check_rows;
mod cluster_commands;
mod command_line;
mod crds;
mod files;
mod half_done_commands;
mod kubectl;
mod notice_body;
mod papers;
mod plan_command;
mod reference;
mod refused_writes;
mod run_the_operator;
mod sandbox_command;
mod secrecy;
mod standing_commands;
mod stories;
mod structure;
mod watch_command;
