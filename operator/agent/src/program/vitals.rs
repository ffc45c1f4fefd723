//! Whether this agent is heard: from its requests to the API server, since all that it has to say goes there.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crm_process::beat::Beat;
use crm_process::endpoints;
use crm_process::metrics::{ApiRequests, Metrics};
use crm_process::requests::Counter;
use jiff::{SignedDuration, Timestamp};
use prometheus_client::metrics::gauge::Gauge;
use std::sync::atomic::AtomicU64;

use crate::{Standing, Watcher};

/// An agent reports every five minutes; three reports that are missed make its node stale.
const REPORT_LIMIT: Duration = Duration::from_secs(15 * 60);

/// What was seen of the link.
pub(super) struct Vitals {
    metrics: Metrics,
    requests: ApiRequests,
    age: Gauge<f64, AtomicU64>,
    token: Gauge<f64, AtomicU64>,
    pub(super) beat: Beat,
    seen: Mutex<Seen>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    watching: bool,
    reported: Option<Instant>,
    standing: Option<Standing>,
    /// Until when the agent's own token is good.
    token: Option<Timestamp>,
}

impl Vitals {
    /// Nothing was seen yet.
    pub(super) fn new(version: &str) -> Self {
        let (mut metrics, requests) = Metrics::new("crm_agent", version);
        let age = Gauge::default();
        let help = "Seconds since the API server took a report or a sign of life; 0 before the first.";
        metrics.gauge("last_report_age_seconds", &[], help, age.clone());
        let token = Gauge::default();
        let help = "Seconds until the agent's own token ends; 0 where it ended, or the agent has none of its own.";
        metrics.gauge("token_left_seconds", &[], help, token.clone());
        Self { metrics, requests, age, token, beat: Beat::default(), seen: Mutex::default() }
    }

    /// Its metrics as a table of a guide.
    pub(super) fn table(&self) -> String {
        self.metrics.table()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until when the agent's own token is good.
    pub(super) fn token_until(&self, at: Timestamp) {
        self.seen().token = Some(at);
    }

    fn token_left(&self, now: Timestamp) -> Option<SignedDuration> {
        self.seen().token.map(|until| until.duration_since(now).max(SignedDuration::ZERO))
    }

    fn ready_at(&self, now: Instant) -> Result<(), String> {
        if self.token_left(Timestamp::now()) == Some(SignedDuration::ZERO) {
            return Err(
                "the agent's token has ended: enrol the server anew (kubectl crm node enroll --renew)".to_owned()
            );
        }
        let Seen { watching, reported, standing, token: _ } = *self.seen();
        if standing == Some(Standing::Another) {
            return Err(
                "the CrmNode is another machine's: this one looks like a copy of it, and does nothing".to_owned()
            );
        }
        if !watching {
            return Err("the watch on the agent's own CrmNode is not open".to_owned());
        }
        match reported.map(|at| now.saturating_duration_since(at)) {
            None => Err("nothing was reported yet: is there a CrmNode of this name?".to_owned()),
            Some(age) if age > REPORT_LIMIT => Err(format!("the last report was taken {} seconds ago", age.as_secs())),
            Some(_) => Ok(()),
        }
    }
}

impl Counter for Vitals {
    fn count(&self, verb: &'static str, code: &str) {
        self.requests.count(verb, code);
        let taken = code.starts_with('2');
        let mut seen = self.seen();
        match verb {
            "watch" => seen.watching = taken,
            "patch" if taken => seen.reported = Some(Instant::now()),
            _ => {}
        }
    }
}

impl Watcher for Vitals {
    fn saw(&self, standing: Standing) {
        self.seen().standing = Some(standing);
    }
}

impl endpoints::Vitals for Vitals {
    fn alive(&self) -> Result<(), String> {
        self.beat.heard_at(Instant::now())
    }

    fn ready(&self) -> Result<(), String> {
        self.ready_at(Instant::now())
    }

    fn metrics(&self) -> String {
        self.token.set(self.token_left(Timestamp::now()).map_or(0.0, |left| left.as_secs_f64()));
        self.age.set(self.seen().reported.map_or(0.0, |at| at.elapsed().as_secs_f64()));
        self.metrics.text()
    }
}

#[cfg(test)]
mod tests {
    use super::{REPORT_LIMIT, Standing, Timestamp, Vitals, Watcher as _};
    use crm_process::endpoints::Vitals as _;
    use crm_process::requests::Counter as _;
    use std::time::{Duration, Instant};

    #[test]
    fn it_is_ready_while_it_hears_and_is_heard() {
        let vitals = Vitals::new("0.0.0");
        assert!(vitals.ready().unwrap_err().contains("watch"));
        vitals.count("watch", "200");
        assert!(vitals.ready().unwrap_err().contains("CrmNode"));
        vitals.count("patch", "403");
        assert!(vitals.ready().is_err());
        vitals.count("patch", "200");
        assert_eq!(vitals.ready(), Ok(()));
        assert!(vitals.ready_at(Instant::now() + REPORT_LIMIT + Duration::from_secs(1)).is_err());
        vitals.count("watch", "none");
        assert!(vitals.ready().is_err());
        let text = vitals.metrics();
        assert!(text.contains("crm_agent_api_requests_total{verb=\"patch\",code=\"403\"} 1"), "{text}");
        assert!(text.contains("crm_agent_last_report_age_seconds"), "{text}");
    }

    #[test]
    fn a_copy_and_an_agent_whose_token_has_ended_are_not_ready_and_say_why() {
        let vitals = Vitals::new("0.0.0");
        vitals.count("watch", "200");
        vitals.count("patch", "200");
        vitals.token_until(Timestamp::now() + jiff::SignedDuration::from_hours(1));
        assert_eq!(vitals.ready(), Ok(()));
        let left = |text: &str| -> f64 {
            let line = text.lines().find_map(|line| line.strip_prefix("crm_agent_token_left_seconds "));
            line.unwrap().parse().unwrap()
        };
        assert!((3000.0..=3600.0).contains(&left(&vitals.metrics())), "{}", vitals.metrics());
        vitals.saw(Standing::Another);
        assert!(vitals.ready().unwrap_err().contains("another machine's"));
        vitals.saw(Standing::Mine);
        vitals.token_until(Timestamp::now());
        assert!(vitals.ready().unwrap_err().contains("has ended"));
        assert!(left(&vitals.metrics()).abs() < f64::EPSILON);
    }

    #[test]
    fn a_loop_that_stands_still_is_not_alive() {
        let vitals = Vitals::new("0.0.0");
        assert_eq!(vitals.alive(), Ok(()));
        let later = Instant::now() + Duration::from_secs(60);
        assert!(vitals.beat.heard_at(later).unwrap_err().contains("blocked"));
    }
}
