//! The real kubectl, and what is expected of it at any API server that has our definitions, a site at rest and an operator at
//! work: at the sandbox that is open on loopback, and at a real control plane.
//!
//! - [`terminal`]: kubectl as a person calls it, with a kubeconfig and the plugin on its PATH.
//! - [`reading`], [`writing`], [`change`]: what is expected of each command, given a terminal.

pub mod change;
pub mod reading;
pub mod terminal;
pub mod writing;
