//! Decisions, pure: no async, no clock, no I/O, no randomness, no logging. Facts and `now` go in; steps, waits and their
//! reasons come out.
//!
//! - [`plan`]: the one decision function, for the controller, `kubectl crm plan`, tests and the sandbox alike.
//! - [`snapshot`]: everything observed in one round; [`view`]: the questions that decisions ask of it.
//! - [`propose`]: no change is open: is one needed, and which? [`advance`]: a change is open: what is next?
//! - [`drift`]: what differs from what was proven, judged by policy. [`correct`]: which of it is taken away by itself.
//! - [`products`]: what each product consists of, and the table of its ordering rules. The only place that knows one.
//! - [`orphans`]: what was taken out of the declaration and still stands on its node.
//! - [`catalogue`], [`version_text`], [`windows`], [`sort`], [`hash`]: the parts of those decisions.
//! - [`intent`]: what a round may do. [`report`]: status and conditions. [`explain`]: a plan as text for people.
//! - [`carry_out`]: the agent's half. [`evidence`]: judging facts, shared by both halves.
//! - `notices`: what people are told about a change, and when.
//! - [`lease`]: who may give orders, and with which epoch.

pub mod advance;
pub mod carry_out;
pub mod catalogue;
pub mod correct;
pub mod drift;
pub mod evidence;
pub mod explain;
pub mod forecast;
pub mod half_done;
pub mod hash;
pub mod intent;
pub mod lease;
mod notices;
pub mod orphans;
pub mod path;
pub mod products;
pub mod propose;
pub mod report;
pub mod restore;
mod round;
pub mod said;
pub mod snapshot;
pub mod sort;
pub mod unwritten;
pub mod version_text;
pub mod view;
pub mod windows;

pub use intent::{Announcement, Intent, Plan, Standing};
pub use round::plan;
pub use snapshot::Snapshot;

#[cfg(test)]
mod tests;
