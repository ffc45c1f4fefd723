//! Whether this agent is heard: from its requests to the API server, since all that it has to say goes there.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crm_process::endpoints;
use crm_process::metrics::{ApiRequests, Metrics};
use crm_process::requests::Counter;
use prometheus_client::metrics::gauge::Gauge;
use std::sync::atomic::AtomicU64;

/// An agent reports every five minutes; three reports that are missed make its node stale.
const REPORT_LIMIT: Duration = Duration::from_secs(15 * 60);

/// What was seen of the link.
pub(super) struct Vitals {
    metrics: Metrics,
    requests: ApiRequests,
    age: Gauge<f64, AtomicU64>,
    seen: Mutex<Seen>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    watching: bool,
    reported: Option<Instant>,
}

impl Vitals {
    /// Nothing was seen yet.
    pub(super) fn new(version: &str) -> Self {
        let (mut metrics, requests) = Metrics::new("crm_agent", version);
        let age = Gauge::default();
        let help = "Seconds since the API server took a report or a sign of life; 0 before the first.";
        metrics.gauge("last_report_age_seconds", &[], help, age.clone());
        Self { metrics, requests, age, seen: Mutex::default() }
    }

    /// Its metrics as a table of a guide.
    pub(super) fn table(&self) -> String {
        self.metrics.table()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ready_at(&self, now: Instant) -> Result<(), String> {
        let Seen { watching, reported } = *self.seen();
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

impl endpoints::Vitals for Vitals {
    /// Its answer is the proof: the loop shares the threads that give it.
    fn alive(&self) -> Result<(), String> {
        Ok(())
    }

    fn ready(&self) -> Result<(), String> {
        self.ready_at(Instant::now())
    }

    fn metrics(&self) -> String {
        self.age.set(self.seen().reported.map_or(0.0, |at| at.elapsed().as_secs_f64()));
        self.metrics.text()
    }
}

#[cfg(test)]
mod tests {
    use super::{REPORT_LIMIT, Vitals};
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
}
