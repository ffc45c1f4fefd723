//! What must never happen, judged by what really happened: starts and effects of vendor programs, backups, writes,
//! users, and who gave an order under which lease. What the operator believes is looked at only where an invariant
//! speaks of it (a step that counts as verified must be so in the world).
//!
//! Every invariant counts how often it was really put to the test: a check that never had anything to check proves
//! nothing.

mod backup;
mod confinement;
mod fencing;
mod order;
mod repeat;
mod restore;
mod secrecy;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use crm_api::order::Order;
use jiff::Timestamp;

use crate::cluster::Change;
use crate::file::ScenarioFile;
use crate::world::GhostEvent;
use backup::BackupFirst;
use confinement::Confinement;
use fencing::Fencing;
use order::InOrder;
use repeat::Repeats;
use restore::RestoreOnWord;
use secrecy::Secrecy;

/// An invariant of `operator/ARCHITECTURE.md`, by the number that it has there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// S-1: no step starts before every step it depends on is verified, and true.
    Order,
    /// S-2: at most one destructive action at a time, per site and per server.
    OneAtATime,
    /// S-3: no schema change without a whole backup of this database, taken after the last write.
    BackupFirst,
    /// S-4: every effect happens once.
    EffectOnce,
    /// S-5: no order of a deposed leader starts after one of its successor.
    Fencing,
    /// S-6: nothing is restored but from a whole set, with nobody connected, on a person's word or by declared policy.
    RestoreOnWord,
    /// S-9: nothing of a site is touched but by a change of its own that holds its claims.
    Confinement,
    /// S-10: no secret stands where it could be read: in an object, a notice, an argument, a file of an agent.
    Secrecy,
    /// S-11: what may have had an effect is never run again blindly.
    UnknownIsNotAbsent,
}

impl Invariant {
    /// All that are checked.
    pub const ALL: [Self; 9] = [
        Self::Order,
        Self::OneAtATime,
        Self::BackupFirst,
        Self::EffectOnce,
        Self::Fencing,
        Self::RestoreOnWord,
        Self::Confinement,
        Self::Secrecy,
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
            Self::Confinement => "S-9",
            Self::Secrecy => "S-10",
            Self::UnknownIsNotAbsent => "S-11",
        }
    }

    /// What it says.
    #[must_use]
    pub fn statement(self) -> &'static str {
        match self {
            Self::Order => "no step starts before every step it depends on is verified, and true in the world",
            Self::OneAtATime => "at most one destructive program runs at any time, per site and per server",
            Self::BackupFirst => {
                "no schema change without a whole backup of this database, taken alone and after the last write"
            }
            Self::EffectOnce => "every effect happens once",
            Self::Fencing => "no order of a deposed leader starts after one of its successor",
            Self::RestoreOnWord => {
                "nothing is restored but from a whole set, with nobody connected, on a person's word or by declared policy"
            }
            Self::Confinement => "nothing of a site is touched but by a change of its own that holds its claims",
            Self::Secrecy => "no secret stands in an object, a notice, an argument or a file of an agent",
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
    /// What is checked of each site, by its name.
    sites: BTreeMap<String, OfSite>,
    /// The site whose checks look at what belongs to no other.
    first: String,
    fencing: Fencing,
    confinement: Confinement,
    secrecy: Secrecy,
    /// Site of each change, by the name of the change.
    changes: BTreeMap<String, String>,
}

/// What is checked of one site.
struct OfSite {
    order: InOrder,
    repeats: Repeats,
    backup: BackupFirst,
    restore: RestoreOnWord,
}

/// What a check says.
type Verdict = Result<(), Broken>;

/// An invariant and what broke it.
#[derive(Debug, PartialEq, Eq)]
struct Broken(Invariant, String);

impl Invariants {
    pub(crate) fn new(file: &ScenarioFile) -> Self {
        let of_site = |file: &ScenarioFile| OfSite {
            order: InOrder::new(file),
            repeats: Repeats::default(),
            backup: BackupFirst::new(file),
            restore: RestoreOnWord::default(),
        };
        Self {
            sites: file.each().map(|file| (file.site_name().to_owned(), of_site(file))).collect(),
            first: file.site_name().to_owned(),
            fencing: Fencing::default(),
            confinement: Confinement::default(),
            secrecy: Secrecy::new(file),
            changes: BTreeMap::new(),
        }
    }

    fn of(&mut self, site: &str) -> Option<&mut OfSite> {
        let site = if self.sites.contains_key(site) { site } else { &self.first };
        self.sites.get_mut(site)
    }

    /// Something was stored in the API.
    pub(crate) fn stored(&mut self, at: Timestamp, change: &Change) -> Option<Violation> {
        self.fencing.stored(change);
        self.confinement.stored(change);
        if let Err(leak) = self.secrecy.stored(change) {
            return broken(at, Err(leak));
        }
        let Some(new) = &change.new else { return None };
        let site = match &*change.kind {
            "CrmSite" => new["metadata"]["name"].as_str(),
            "CrmChange" | "CrmDecision" => new["spec"]["site"].as_str(),
            _ => return None,
        };
        let site = site.unwrap_or_default().to_owned();
        if &*change.kind == "CrmChange" {
            let name = new["metadata"]["name"].as_str().unwrap_or_default();
            self.changes.insert(name.to_owned(), site.clone());
        }
        let checks = self.of(&site)?;
        checks.repeats.stored(change);
        checks.restore.stored(change);
        broken(at, checks.order.stored(change))
    }

    /// Something really happened.
    pub(crate) fn happened(&mut self, event: &GhostEvent) -> Option<Violation> {
        let what = &event.what;
        let confined = self.confinement.happened(&event.site, what);
        let checks = self.of(&event.site)?;
        let verdict = checks
            .repeats
            .happened(what)
            .and_then(|()| checks.backup.happened(what))
            .and_then(|()| checks.restore.happened(what))
            .and_then(|()| checks.order.happened(what));
        broken(event.at, verdict.and(confined))
    }

    /// An agent writes down that it begins an order.
    pub(crate) fn begins(&mut self, at: Timestamp, node: &str, order: &Order) -> Option<Violation> {
        let fenced = self.fencing.begins(node, order);
        let change = order.id.split_once('/').map_or("", |(change, _)| change);
        let site = self.changes.get(change).cloned().unwrap_or_default();
        let checks = self.of(&site)?;
        broken(at, fenced.and_then(|()| checks.order.begins(order)))
    }

    /// Somebody of ours shows a text to others: starts a program with it, types it, writes it to a file, sends it.
    pub(crate) fn shows(&mut self, at: Timestamp, place: &str, text: &[u8]) -> Option<Violation> {
        broken(at, self.secrecy.shows(place, text))
    }

    /// How often each was put to the test.
    pub(crate) fn exercised(&self) -> Vec<Exercised> {
        let sum = |of: fn(&OfSite) -> u32| self.sites.values().map(of).sum();
        let times = |invariant| match invariant {
            Invariant::Order => sum(|site| site.order.times),
            Invariant::OneAtATime => sum(|site| site.repeats.starts),
            Invariant::BackupFirst => sum(|site| site.backup.times),
            Invariant::EffectOnce => sum(|site| site.repeats.effects),
            Invariant::Fencing => self.fencing.times,
            Invariant::RestoreOnWord => sum(|site| site.restore.times),
            Invariant::Confinement => self.confinement.times,
            Invariant::Secrecy => self.secrecy.times,
            Invariant::UnknownIsNotAbsent => sum(|site| site.repeats.again),
        };
        Invariant::ALL.into_iter().map(|invariant| Exercised { invariant, times: times(invariant) }).collect()
    }
}

fn broken(at: Timestamp, verdict: Verdict) -> Option<Violation> {
    let Err(Broken(invariant, what)) = verdict else { return None };
    Some(Violation { invariant, at, what })
}
