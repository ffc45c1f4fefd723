//! What a run came to: how it ended, versions before and after, downtime, backup, findings, and what was checked.

mod gather;
mod tables;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::cluster::Waits;
pub use crate::edge::PointNames;
use crate::invariants::{Exercised, Violation};
use crate::story::StoryEvent;
pub use crate::witness::Writes;
use crate::world::scenario::Ends;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The goal was reached and proved.
    Reached,
    /// Everything was taken back; why.
    BackedOut(String),
    /// Nothing goes on until somebody acts, and nobody will.
    Halted {
        /// Why.
        reason: String,
        /// What a person can do.
        remedy: String,
    },
    /// There is no change, and the site says why.
    Refused(String),
    /// Something is waited for that nobody will end.
    Waiting {
        /// What for, in a word.
        reason: String,
        /// What for, in a sentence.
        message: String,
        /// Who could end it.
        ended_by: String,
    },
    /// The site was deleted from the cluster, and what was under way has come to a point at which it could be let go.
    Gone,
    /// The simulated time was up.
    TimedOut,
    /// An invariant was broken.
    Violated(Violation),
}

impl Outcome {
    /// In a word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Reached => "Reached",
            Self::BackedOut(_) => "BackedOut",
            Self::Halted { .. } => "Halted",
            Self::Refused(_) => "Refused",
            Self::Waiting { .. } => "Waiting",
            Self::Gone => "Gone",
            Self::TimedOut => "TimedOut",
            Self::Violated(_) => "Violated",
        }
    }

    /// Whether it is the end that a scenario announces.
    #[must_use]
    pub fn is(&self, ends: Ends) -> bool {
        match self {
            Self::Reached => ends == Ends::Reached,
            Self::BackedOut(_) => ends == Ends::BackedOut,
            Self::Halted { .. } => ends == Ends::Halted,
            Self::Refused(_) => ends == Ends::Refused,
            Self::Waiting { .. } => ends == Ends::Waiting,
            Self::Gone | Self::TimedOut | Self::Violated(_) => false,
        }
    }
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq)]
pub struct RunReport {
    /// Name of the scenario.
    pub scenario: String,
    /// What the run was made of.
    pub seed: u64,
    /// Faults that were set, as they are written on a command line.
    pub faults: Vec<String>,
    /// How it ended, at the first site.
    pub outcome: Outcome,
    /// Whether every site has come to the end that the scenario announces.
    pub ends_as_announced: bool,
    /// What it came to at the first site, the one that the scenario is about.
    pub first: SiteReport,
    /// What it came to at the other sites.
    pub others: Vec<SiteReport>,
    /// From the edit of the site to the end.
    pub duration: SignedDuration,
    /// When the edit was applied; none where the site never settled.
    pub edited_at: Option<Timestamp>,
    /// Stored writes of the API, by who wrote.
    pub writes: Writes,
    /// What really happened, counted.
    pub happened: Happened,
    /// How often each invariant was put to the test.
    pub exercised: Vec<Exercised>,
    /// Steps at which the change was halted and a person allowed another try.
    pub human_retries: Vec<String>,
    /// How everything stands, without times, ids and attempts.
    pub digest: BTreeMap<String, String>,
    /// What the crash sweep can kill at.
    pub points: PointNames,
    /// Whether the kill of [`crate::run::Options::kill`] has struck.
    pub kill_struck: bool,
    /// How another API server answered, where one did in the place of the model.
    pub waits: Waits,
    /// The whole story.
    pub story: Vec<StoryEvent>,
}

/// What a run came to at one site.
#[derive(Clone, Debug, PartialEq)]
pub struct SiteReport {
    /// The site, as `namespace/name`.
    pub site: String,
    /// How it ended; none where the operator does not know the site.
    pub outcome: Option<Outcome>,
    /// Name of the record (`CrmChange`), if there is one.
    pub record: Option<String>,
    /// Versions by part and source, before and after, as they really are.
    pub versions: Vec<VersionChange>,
    /// From closing to opening the site, by the record.
    pub closed_for: Option<SignedDuration>,
    /// How long at least one of its users could not work.
    pub downtime: SignedDuration,
    /// The backup set.
    pub backup: Option<BackupReport>,
    /// What a person should know afterwards.
    pub findings: Vec<String>,
    /// The site as it stands in the API at the end.
    pub final_site: Option<Value>,
}

/// What one source shows of one part, before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionChange {
    /// Component or `Database`.
    pub part: String,
    /// Machine; none for the database.
    pub node: Option<String>,
    /// Where it is read.
    pub source: String,
    /// Before the edit.
    pub before: Option<String>,
    /// At the end.
    pub after: Option<String>,
}

/// The backup set of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupReport {
    /// Name of the `CrmBackup`.
    pub name: String,
    /// Release of the site at that moment.
    pub release: String,
    /// Whether it is proven to be fit for a restore.
    pub verified: bool,
    /// Its files: who wrote each, path, size in bytes.
    pub files: Vec<(String, String, i64)>,
}

/// What really happened, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Happened {
    /// Vendor programs that were started.
    pub programs: u32,
    /// Changes for good that they made.
    pub effects: u32,
    /// Backups that were written to their end.
    pub backups: u32,
    /// Restarts of Windows.
    pub restarts: u32,
    /// Agents that were lost.
    pub agents_lost: u32,
    /// Faults that struck.
    pub faults: u32,
    /// Events in all.
    pub events: u32,
}
