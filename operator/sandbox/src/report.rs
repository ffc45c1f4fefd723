//! What a run came to.

use jiff::{SignedDuration, Timestamp};

use crate::invariants::Violation;
use crate::run::Options;
use crate::world::VersionRow;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The goal was reached and proved.
    Reached,
    /// Everything was taken back; why.
    BackedOut(String),
    /// Nothing goes on until somebody acts.
    Halted {
        /// Why.
        reason: String,
        /// What a person can do.
        remedy: String,
    },
    /// Something is waited for that nobody will end.
    Waiting {
        /// What for, in a word.
        reason: String,
        /// What for, in a sentence.
        message: String,
        /// Who could end it.
        ended_by: String,
    },
    /// The simulated time was up.
    TimedOut,
    /// An invariant was broken.
    Violated(Violation),
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq)]
pub struct RunReport {
    /// How it ended.
    pub outcome: Outcome,
    /// simulated
    pub duration: SignedDuration,
}

impl RunReport {
    pub(crate) fn of(
        stage: &crate::run::Stage,
        _options: &Options,
        outcome: Outcome,
        _before: Vec<VersionRow>,
        edited_at: Option<Timestamp>,
    ) -> Self {
        use crm_api::clock::Clock as _;
        let now = stage.clock.now();
        Self { outcome, duration: now.duration_since(edited_at.unwrap_or(now)) }
    }
}
