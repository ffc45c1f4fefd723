//! The real kubectl, against the sandbox that is open on loopback.
//!
//! - [`terminal`]: kubectl as a person calls it, with a kubeconfig.
//! - [`reading`], [`writing`], [`change`]: what is expected of each command, given a terminal. They know no sandbox: the
//!   same is expected of any control plane with our definitions, a site at rest and an operator at work.
//! - [`home`]: the sandbox that is started for it, and what is true of the sandbox alone.

mod change;
mod home;
mod reading;
mod terminal;
mod writing;
