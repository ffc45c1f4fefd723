//! Facts about a real Kubernetes, and the sandbox's model of it held to account. `tests/cluster/run` starts a control
//! plane and runs this; it is no part of `cargo test`, which needs no cluster.
//!
//! - `server`: the real API. `referee`: has it asked whatever the model is asked, and compares. `names`: what the two
//!   call differently and means the same; `texts`: the same for messages.
//! - `confinement`: what each identity may do; `reports`: what its writes may contain; `policies`: that it is the policies which
//!   hold that; `stage`: who is there meanwhile. `enrolment`: a server from its enrolment to its end.
//! - `rights`: what is granted is used, by the audit log.
//! - `stories`: every example, each of its requests answered by both. `traces`: random operations on our kinds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test ends where something is not as it must be, and says how far it went"
)]

mod confinement;
mod enrolment;
mod names;
mod policies;
mod referee;
mod reports;
mod rights;
mod server;
mod stage;
mod stories;
mod texts;
mod traces;
