//! Facts about a real Kubernetes, and the sandbox's model of it held to account. `tests/cluster/run` starts a control
//! plane and runs this; it is no part of `cargo test`, which needs no cluster.
//!
//! - `server`: the real API. `referee`: has it asked whatever the model is asked, and compares. `names`: what the two
//!   call differently and means the same; `texts`: the same for messages.
//! - `confinement`: what each identity may do, and what its writes may contain.
//! - `rights`: what is granted is used, by the audit log.
//! - `control_plane`: one that a test may stop, kill and set back.
//! - `real`: the same server in the place of the model. `identities`: who asks there, with which rights.
//! - `survive`: stories on the real server, undisturbed and with everything that may befall a cluster in mid-change.
//! - `stories`: every example, each of its requests answered by both. `traces`: random operations on our kinds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test ends where something is not as it must be, and says how far it went"
)]

mod confinement;
mod control_plane;
mod identities;
mod names;
mod real;
mod referee;
mod rights;
mod server;
mod stories;
mod survive;
mod texts;
mod traces;
