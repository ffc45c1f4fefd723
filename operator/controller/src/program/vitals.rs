//! Whether this process lives, is ready, and what it counts: all of it from the signs of the loop.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crm_process::beat::Beat;
use crm_process::endpoints;
use crm_process::metrics::{ApiRequests, Metrics};

use super::numbers::{Numbers, Site};
use crate::signs::{Outcome, Sign, Watcher};
use crate::watches;

/// Beside the lease's own duration, so long may one look at the Lease take: two calls and pages of nodes, each with its
/// limit.
const LEASE_LIMIT: Duration = Duration::from_secs(180);
/// No round takes so long: each of its calls has a limit.
const ROUND_LIMIT: Duration = Duration::from_secs(20 * 60);

type Key = (String, String);

/// The signs, put together.
pub(super) struct Vitals {
    metrics: Metrics,
    numbers: Numbers,
    lease_limit: Duration,
    pub(super) beat: Beat,
    seen: Mutex<Seen>,
}

struct Seen {
    lease: Lease,
    lease_at: Instant,
    watching: BTreeSet<&'static str>,
    rounds: BTreeMap<Key, Instant>,
    success: Option<Instant>,
    sites: BTreeMap<Key, Site>,
}

/// How it stands with the Lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lease {
    Unread,
    Failed,
    Following,
    Leading,
}

impl Vitals {
    /// Nothing was seen yet.
    pub(super) fn new(version: &str, lease_duration: Duration) -> (Self, ApiRequests) {
        let (metrics, numbers, requests) = Numbers::new(version);
        let now = Instant::now();
        let seen = Seen {
            lease: Lease::Unread,
            lease_at: now,
            watching: BTreeSet::new(),
            rounds: BTreeMap::new(),
            success: None,
            sites: BTreeMap::new(),
        };
        let lease_limit = lease_duration + LEASE_LIMIT;
        (Self { metrics, numbers, lease_limit, beat: Beat::default(), seen: Mutex::new(seen) }, requests)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn alive_at(&self, now: Instant) -> Result<(), String> {
        self.beat.heard_at(now)?;
        let seen = self.seen();
        let since = |then: Instant| now.saturating_duration_since(then);
        if since(seen.lease_at) > self.lease_limit {
            return Err(format!("the lease was not looked at for {} seconds", since(seen.lease_at).as_secs()));
        }
        match seen.rounds.iter().find(|(_, begun)| since(**begun) > ROUND_LIMIT) {
            Some(((namespace, name), begun)) => {
                Err(format!("the round on {namespace}/{name} has taken {} seconds", since(*begun).as_secs()))
            }
            None => Ok(()),
        }
    }
}

impl Watcher for Vitals {
    fn saw(&self, sign: Sign<'_>) {
        let mut seen = self.seen();
        let key = |(namespace, name): (&str, &str)| (namespace.to_owned(), name.to_owned());
        let mut lease = None;
        match sign {
            Sign::Following => lease = Some(Lease::Following),
            Sign::LeaseFailed => lease = Some(Lease::Failed),
            Sign::Leading { epoch } => {
                lease = Some(Lease::Leading);
                self.numbers.leader.set(1);
                self.numbers.epoch.set(epoch);
                seen.success.get_or_insert_with(Instant::now);
            }
            Sign::Deposed => {
                lease = Some(Lease::Unread);
                self.numbers.leader.set(0);
                self.numbers.epoch.set(0);
                self.numbers.show_queue(0, 0);
                (seen.watching, seen.rounds, seen.sites, seen.success) = Default::default();
                self.numbers.show_sites(&seen.sites);
            }
            Sign::Watching { kind } => {
                seen.watching.insert(kind);
            }
            Sign::WatchFailed { kind } => {
                seen.watching.remove(kind);
            }
            Sign::Queue { waiting, running } => self.numbers.show_queue(waiting, running),
            Sign::RoundBegan { site } => {
                seen.rounds.insert(key(site), Instant::now());
            }
            Sign::RoundEnded { site, outcome, took } => {
                self.numbers.round_ended(outcome, took);
                seen.rounds.remove(&key(site));
                match outcome {
                    Outcome::Done => seen.success = Some(Instant::now()),
                    Outcome::Gone => {
                        seen.sites.remove(&key(site));
                        self.numbers.show_sites(&seen.sites);
                    }
                    Outcome::Retried | Outcome::Blocked | Outcome::Fenced | Outcome::Broken => {}
                }
            }
            Sign::Site { site, conditions, phases } => {
                let read = Site::read(conditions, phases);
                // A site at rest is read again and again and counts the same: a fleet is not counted anew for it.
                if seen.sites.get(&key(site)) != Some(&read) {
                    seen.sites.insert(key(site), read);
                    self.numbers.show_sites(&seen.sites);
                }
            }
            Sign::Ordered { orders } => {
                self.numbers.orders.inc_by(u64::try_from(orders).unwrap_or(u64::MAX));
            }
        }
        if let Some(lease) = lease {
            (seen.lease, seen.lease_at) = (lease, Instant::now());
        }
    }
}

impl endpoints::Vitals for Vitals {
    fn alive(&self) -> Result<(), String> {
        self.alive_at(Instant::now())
    }

    fn ready(&self) -> Result<(), String> {
        let seen = self.seen();
        match seen.lease {
            Lease::Unread => Err("the lease was not read yet".to_owned()),
            Lease::Failed => Err("the API server does not answer, or refuses the lease; see the log".to_owned()),
            Lease::Following => Ok(()),
            Lease::Leading => {
                let missing: Vec<&str> = watches::kinds().filter(|kind| !seen.watching.contains(kind)).collect();
                if missing.is_empty() { Ok(()) } else { Err(format!("there is no watch on {}", missing.join(", "))) }
            }
        }
    }

    fn metrics(&self) -> String {
        let age = self.seen().success.map_or(0.0, |then| then.elapsed().as_secs_f64());
        self.numbers.since_success.set(age);
        self.metrics.text()
    }
}

#[cfg(test)]
mod tests;
