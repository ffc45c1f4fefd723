//! Which site is looked at next. A small ordered queue of our own, so that the same story is told in the same order on
//! every machine. It touches nothing.
//!
//! A site stands in it at most once, at the earliest time that anybody asked for, and is never worked on twice at once.
//! Being woken too often is harmless (a round on an unchanged site writes nothing); being woken never is impossible,
//! because every round ends by putting its site back.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crm_api::pace::Pace;
use tokio::time::Instant;

use crate::limits::{BACKOFF_MAX, BACKOFF_MIN, ROUNDS_AT_ONCE};

/// A site by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SiteKey {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl SiteKey {
    pub(crate) fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

impl fmt::Display for SiteKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}

/// Sites by the time at which they are due.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    order: BTreeSet<(Instant, SiteKey)>,
    due: BTreeMap<SiteKey, Instant>,
    running: BTreeSet<SiteKey>,
    failures: BTreeMap<SiteKey, Failures>,
    pace: Pace,
}

/// Failures in a row, and the end of the wait that they brought.
#[derive(Debug)]
struct Failures {
    count: u32,
    wait_until: Instant,
}

impl Queue {
    /// An empty queue whose waits after failures come from there.
    pub(crate) fn at(pace: Pace) -> Self {
        Self { pace, ..Self::default() }
    }

    /// How many sites wait for their time, and how many are being looked at.
    pub(crate) fn depth(&self) -> (usize, usize) {
        (self.due.len(), self.running.len())
    }

    /// Puts a site in, or moves it forward; never back. One that is being worked on waits until that round is over, one
    /// that failed until its wait is over: what its half round wrote must not wake it at once.
    pub(crate) fn add(&mut self, site: &SiteKey, at: Instant) {
        let at = self.failures.get(site).map_or(at, |failures| at.max(failures.wait_until));
        if let Some(due) = self.due.get(site) {
            if *due <= at {
                return;
            }
            self.order.remove(&(*due, site.clone()));
        }
        self.due.insert(site.clone(), at);
        self.order.insert((at, site.clone()));
    }

    /// Takes out the site that has been due for longest; ties in the order of names.
    pub(crate) fn take(&mut self, now: Instant) -> Option<SiteKey> {
        if self.running.len() >= ROUNDS_AT_ONCE {
            return None;
        }
        let (at, site) = self.first_idle().filter(|(at, _)| *at <= now)?;
        self.order.remove(&(at, site.clone()));
        self.due.remove(&site);
        self.running.insert(site.clone());
        Some(site)
    }

    /// When [`Self::take`] will next give something; `None` if only the end of a round can bring that about.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        if self.running.len() >= ROUNDS_AT_ONCE {
            return None;
        }
        self.first_idle().map(|(at, _)| at)
    }

    fn first_idle(&self) -> Option<(Instant, SiteKey)> {
        self.order.iter().find(|(_, site)| !self.running.contains(site)).cloned()
    }

    /// A round went well: the site comes back then.
    pub(crate) fn succeeded(&mut self, site: &SiteKey, next: Instant) {
        self.running.remove(site);
        self.failures.remove(site);
        self.add(site, next);
    }

    /// A round failed: the site comes back after a wait that grows with every failure.
    pub(crate) fn failed(&mut self, site: &SiteKey, now: Instant) {
        self.running.remove(site);
        if let Some(due) = self.due.remove(site) {
            self.order.remove(&(due, site.clone()));
        }
        let failures = self.failures.entry(site.clone()).or_insert(Failures { count: 0, wait_until: now });
        failures.count = failures.count.saturating_add(1);
        failures.wait_until = now + self.pace.after(failures.count, BACKOFF_MIN, BACKOFF_MAX);
        let wait_until = failures.wait_until;
        self.add(site, wait_until);
    }

    /// The site is gone. If it was asked for meanwhile, it is looked at once more.
    pub(crate) fn gone(&mut self, site: &SiteKey) {
        self.running.remove(site);
        self.failures.remove(site);
    }
}

#[cfg(test)]
mod tests {
    use super::{Queue, SiteKey};
    use crate::limits::ROUNDS_AT_ONCE;
    use std::time::Duration;
    use tokio::time::Instant;

    fn site(name: &str) -> SiteKey {
        SiteKey::new("crm", name)
    }

    #[test]
    fn sites_come_in_the_order_in_which_they_are_due_and_then_by_name() {
        let now = Instant::now();
        let mut queue = Queue::default();
        queue.add(&site("c"), now);
        queue.add(&site("b"), now);
        queue.add(&site("a"), now + Duration::from_secs(1));
        assert_eq!(queue.take(now), Some(site("b")));
        assert_eq!(queue.take(now), Some(site("c")));
        assert_eq!(queue.take(now), None);
        assert_eq!(queue.next_due(), Some(now + Duration::from_secs(1)));
        assert_eq!(queue.take(now + Duration::from_secs(1)), Some(site("a")));
    }

    #[test]
    fn a_site_stands_in_the_queue_once_at_the_earliest_time() {
        let now = Instant::now();
        let mut queue = Queue::default();
        queue.add(&site("a"), now + Duration::from_secs(300));
        queue.add(&site("a"), now);
        queue.add(&site("a"), now + Duration::from_secs(5));
        assert_eq!(queue.take(now), Some(site("a")));
        queue.succeeded(&site("a"), now + Duration::from_secs(300));
        assert_eq!(queue.next_due(), Some(now + Duration::from_secs(300)));
    }

    #[test]
    fn a_site_is_never_worked_on_twice_at_once() {
        let now = Instant::now();
        let mut queue = Queue::default();
        queue.add(&site("a"), now);
        assert_eq!(queue.take(now), Some(site("a")));
        queue.add(&site("a"), now);
        assert_eq!(queue.take(now), None);
        assert_eq!(queue.next_due(), None, "nothing to wake up for while its round runs");
        queue.succeeded(&site("a"), now + Duration::from_secs(300));
        assert_eq!(queue.take(now), Some(site("a")), "what was asked for meanwhile is not forgotten");
    }

    #[test]
    fn only_so_many_sites_are_worked_on_at_once() {
        let now = Instant::now();
        let mut queue = Queue::default();
        let names: Vec<String> = (0..=ROUNDS_AT_ONCE).map(|number| format!("site-{number:02}")).collect();
        for name in &names {
            queue.add(&site(name), now);
        }
        let taken: Vec<SiteKey> = std::iter::from_fn(|| queue.take(now)).collect();
        assert_eq!(taken.len(), ROUNDS_AT_ONCE);
        assert_eq!(queue.next_due(), None);
        queue.gone(&site("site-00"));
        assert_eq!(queue.take(now), names.last().map(|name| site(name)));
    }

    #[test]
    fn a_failing_site_waits_longer_each_time_until_it_succeeds() {
        let now = Instant::now();
        let mut queue = Queue::default();
        let mut at = now;
        queue.add(&site("a"), at);
        for expected in [1, 2, 4] {
            queue.take(at);
            queue.add(&site("a"), at);
            queue.failed(&site("a"), at);
            queue.add(&site("a"), at);
            at += Duration::from_secs(expected);
            assert_eq!(queue.next_due(), Some(at), "its own half round does not wake it sooner");
        }
        queue.take(at);
        queue.succeeded(&site("a"), at);
        queue.take(at);
        queue.failed(&site("a"), at);
        assert_eq!(queue.next_due(), Some(at + Duration::from_secs(1)));
    }
}
