//! What must never happen, judged by what really happened: starts and effects of vendor programs, backups, writes,
//! users, and who gave an order under which lease. What the operator believes is looked at only where an invariant
//! speaks of it (a step that counts as verified must be so in the world).
//!
//! Every invariant counts how often it was really put to the test: a check that never had anything to check proves
//! nothing.

mod backup;
mod fencing;
mod order;
mod repeat;
mod restore;
#[cfg(test)]
mod tests;

use std::fmt;

use crm_api::order::Order;
use jiff::Timestamp;

use crate::cluster::Change;
use crate::file::ScenarioFile;
use crate::world::GhostEvent;
use backup::BackupFirst;
use fencing::Fencing;
use order::InOrder;
use repeat::Repeats;
use restore::RestoreOnWord;

/// An invariant of `operator/ARCHITECTURE.md`, by the number that it has there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// S-1: no step starts before every step it depends on is verified, and true.
    Order,
    /// S-2: at most one destructive action at a time.
    OneAtATime,
    /// S-3: no schema change without a whole backup of this database, taken after the last write.
    BackupFirst,
    /// S-4: every effect happens once.
    EffectOnce,
    /// S-5: no order of a deposed leader starts after one of its successor.
    Fencing,
    /// S-6: nothing is restored but from a whole set, with nobody connected, on a person's word or by declared policy.
    RestoreOnWord,
    /// S-11: what may have had an effect is never run again blindly.
    UnknownIsNotAbsent,
}

impl Invariant {
    /// All that are checked.
    pub const ALL: [Self; 7] = [
        Self::Order,
        Self::OneAtATime,
        Self::BackupFirst,
        Self::EffectOnce,
        Self::Fencing,
        Self::RestoreOnWord,
        Self::UnknownIsNotAbsent,
    ];

    /// Its number.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Order => "S-1",
            Self::OneAtATime => "S-2",
            Self::BackupFirst => "S-3",
            Self::EffectOnce => "S-4",
            Self::Fencing => "S-5",
            Self::RestoreOnWord => "S-6",
            Self::UnknownIsNotAbsent => "S-11",
        }
    }

    /// What it says.
    #[must_use]
    pub fn statement(self) -> &'static str {
        match self {
            Self::Order => "no step starts before every step it depends on is verified, and true in the world",
            Self::OneAtATime => "at most one destructive program runs at any time",
            Self::BackupFirst => {
                "no schema change without a whole backup of this database, taken alone and after the last write"
            }
            Self::EffectOnce => "every effect happens once",
            Self::Fencing => "no order of a deposed leader starts after one of its successor",
            Self::RestoreOnWord => {
                "nothing is restored but from a whole set, with nobody connected, on a person's word or by declared policy"
            }
            Self::UnknownIsNotAbsent => "what may have had an effect is never run again blindly",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// A broken invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.invariant, self.invariant.statement(), self.what)
    }
}

/// How often an invariant was put to the test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exercised {
    /// Which.
    pub invariant: Invariant,
    /// How often.
    pub times: u32,
}

/// All of them.
pub(crate) struct Invariants {
    order: InOrder,
    repeats: Repeats,
    backup: BackupFirst,
    fencing: Fencing,
    restore: RestoreOnWord,
}

/// What a check says.
type Verdict = Result<(), Broken>;

/// An invariant and what broke it.
#[derive(Debug, PartialEq, Eq)]
struct Broken(Invariant, String);

impl Invariants {
    pub(crate) fn new(file: &ScenarioFile) -> Self {
        Self {
            order: InOrder::new(file),
            repeats: Repeats::default(),
            backup: BackupFirst::new(file),
            fencing: Fencing::default(),
            restore: RestoreOnWord::default(),
        }
    }

    /// Something was stored in the API.
    pub(crate) fn stored(&mut self, at: Timestamp, change: &Change) -> Option<Violation> {
        self.fencing.stored(change);
        self.repeats.stored(change);
        self.restore.stored(change);
        broken(at, self.order.stored(change))
    }

    /// Something really happened.
    pub(crate) fn happened(&mut self, event: &GhostEvent) -> Option<Violation> {
        let what = &event.what;
        let verdict = self
            .repeats
            .happened(what)
            .and_then(|()| self.backup.happened(what))
            .and_then(|()| self.restore.happened(what))
            .and_then(|()| self.order.happened(what));
        broken(event.at, verdict)
    }

    /// An agent writes down that it begins an order.
    pub(crate) fn begins(&mut self, at: Timestamp, node: &str, order: &Order) -> Option<Violation> {
        let verdict = self.fencing.begins(node, order).and_then(|()| self.order.begins(order));
        broken(at, verdict)
    }

    /// How often each was put to the test.
    pub(crate) fn exercised(&self) -> Vec<Exercised> {
        let times = |invariant| match invariant {
            Invariant::Order => self.order.times,
            Invariant::OneAtATime => self.repeats.starts,
            Invariant::BackupFirst => self.backup.times,
            Invariant::EffectOnce => self.repeats.effects,
            Invariant::Fencing => self.fencing.times,
            Invariant::RestoreOnWord => self.restore.times,
            Invariant::UnknownIsNotAbsent => self.repeats.again,
        };
        Invariant::ALL.into_iter().map(|invariant| Exercised { invariant, times: times(invariant) }).collect()
    }
}

fn broken(at: Timestamp, verdict: Verdict) -> Option<Violation> {
    let Err(Broken(invariant, what)) = verdict else { return None };
    Some(Violation { invariant, at, what })
}
