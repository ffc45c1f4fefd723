//! Invariants, judged by what really happened.

use crm_api::order::Order;
use jiff::Timestamp;

use crate::cluster::Change;
use crate::file::ScenarioFile;
use crate::world::GhostEvent;

/// A broken invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which: `S-1`.
    pub id: &'static str,
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub what: String,
}

#[derive(Default)]
pub(crate) struct Invariants {}

impl Invariants {
    pub(crate) fn new(_file: &ScenarioFile) -> Self {
        Self::default()
    }
    pub(crate) fn stored(&mut self, _at: Timestamp, _change: &Change) -> Option<Violation> {
        None
    }
    pub(crate) fn happened(&mut self, _event: &GhostEvent) -> Option<Violation> {
        None
    }
    pub(crate) fn begins(&mut self, _at: Timestamp, _node: &str, _order: &Order) -> Option<Violation> {
        None
    }
}
