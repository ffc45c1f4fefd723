//! Facts about a real Kubernetes, and the sandbox's model of it held to account. `tests/cluster/run` starts a control
//! plane and runs this; it is no part of `cargo test`, which needs no cluster.
//!
//! - `server`: the real API. `referee`: has it asked whatever the model is asked, and compares. `names`: what the two
//!   call differently and means the same; `texts`: the same for messages.
//! - `confinement`: what each identity may do; `reports`: what its writes may contain; `policies`: that it is the policies which
//!   hold that; `stage`: who is there meanwhile. `enrolment`: a server from its enrolment to its end.
//! - `rights`: what is granted is used, by the audit log. `people`: the roles for people.
//!   `secrecy`: no secret stands in the logs of the control plane.
//! - `control_plane`: one that a test may stop, kill and set back.
//! - `real`: the same server in the place of the model. `identities`: who asks there, with which rights.
//! - `survive`: stories on the real server, undisturbed and with everything that may befall a cluster in mid-change.
//! - `kubectl`: the real kubectl, by the same expectations as at the sandbox. `mistakes`: its answers to wrong manifests.
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
mod enrolment;
mod identities;
mod kubectl;
mod mistakes;
mod names;
mod people;
mod policies;
mod real;
mod referee;
mod reports;
mod rights;
mod secrecy;
mod server;
mod stage;
mod stories;
mod survive;
mod texts;
mod traces;
