//! The metrics of `crm-operator`. Labels are words of this program or of the types in `api`, never a name that a person
//! chose and never anything out of a Secret: so their number has a bound, and nobody learns anything from them.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use crm_api::change::ChangePhase;
use crm_api::condition::Kind;
use crm_process::metrics::{ApiRequests, Metrics};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

use crate::signs::Outcome;

/// Conditions that are counted one by one; all others are debts that a change has left to people.
const CONDITIONS: [Kind; 11] = [
    Kind::Ready,
    Kind::UpToDate,
    Kind::Reconciling,
    Kind::Stalled,
    Kind::Stopped,
    Kind::Held,
    Kind::HalfDone,
    Kind::Drifted,
    Kind::FactsFresh,
    Kind::Orphaned,
    Kind::NoticesDelivered,
];
const STATES: [&str; 3] = ["True", "False", "Unknown"];

type Words<const N: usize> = [(&'static str, &'static str); N];
type Number = Gauge<f64, AtomicU64>;

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub(super) leader: Gauge,
    pub(super) epoch: Gauge,
    rounds: Family<Words<1>, Counter>,
    round_seconds: Option<Histogram>,
    queue: Family<Words<1>, Gauge>,
    pub(super) orders: Counter,
    sites: Gauge,
    conditions: Family<Words<2>, Gauge>,
    changes: Family<Words<1>, Gauge>,
    pub(super) since_success: Number,
}

impl Numbers {
    /// The text of all metrics, the metrics, and the counter of API requests among them.
    pub(super) fn new(version: &str) -> (Metrics, Self, ApiRequests) {
        let (mut metrics, requests) = Metrics::new("crm_operator", version);
        // From 10 ms to 82 s: a round has a limit per call, and few calls.
        let seconds = Histogram::new(exponential_buckets(0.01, 2.0, 14));
        let numbers = Self { round_seconds: Some(seconds.clone()), ..Self::default() };
        metrics.gauge("leader", &[], "1 while this process leads.", numbers.leader.clone());
        metrics.gauge(
            "epoch",
            &[],
            "Epoch of the orders of this term; 0 while another one leads.",
            numbers.epoch.clone(),
        );
        let help = "Rounds on a site by how they ended.";
        metrics.counter("reconcile_rounds", &["outcome"], help, numbers.rounds.clone());
        metrics.histogram("reconcile_seconds", &[], "How long rounds took.", seconds);
        let help = "Sites that wait for their time, and those that are being looked at.";
        metrics.gauge("queue_sites", &["state"], help, numbers.queue.clone());
        metrics.counter("orders_given", &[], "Orders given to agents, further tries included.", numbers.orders.clone());
        metrics.gauge("sites", &[], "Sites that this leader has read.", numbers.sites.clone());
        let help = "Sites by the status of their conditions; Debt is whatever a change has left to people.";
        metrics.gauge("site_conditions", &["condition", "status"], help, numbers.conditions.clone());
        metrics.gauge("changes", &["phase"], "Changes of those sites by phase.", numbers.changes.clone());
        let help = "Seconds since a round was carried to its end, or since this process began to lead; 0 while another one \
                    leads.";
        metrics.gauge("last_success_age_seconds", &[], help, numbers.since_success.clone());
        for outcome in Outcome::ALL {
            numbers.rounds.get_or_create(&[("outcome", outcome.as_str())]).inc_by(0);
        }
        numbers.show_queue(0, 0);
        numbers.show_sites::<()>(&BTreeMap::new());
        (metrics, numbers, requests)
    }

    pub(super) fn round_ended(&self, outcome: Outcome, took: Duration) {
        self.rounds.get_or_create(&[("outcome", outcome.as_str())]).inc();
        if let Some(seconds) = &self.round_seconds {
            seconds.observe(took.as_secs_f64());
        }
    }

    pub(super) fn show_queue(&self, waiting: usize, running: usize) {
        for (state, sites) in [("waiting", waiting), ("running", running)] {
            self.queue.get_or_create(&[("state", state)]).set(whole(sites));
        }
    }

    /// Counts anew over all sites: what was there before and is gone is 0 again.
    pub(super) fn show_sites<K>(&self, sites: &BTreeMap<K, Site>) {
        let (mut conditions, mut changes) = (BTreeMap::new(), BTreeMap::new());
        for kind in CONDITIONS.into_iter().map(Kind::as_str).chain(["Debt"]) {
            for state in STATES {
                conditions.insert((kind, state), 0);
            }
        }
        for phase in PHASES {
            changes.insert(phase_word(phase), 0);
        }
        for site in sites.values() {
            for (kind, state) in &site.conditions {
                *conditions.entry((kind, state)).or_default() += 1;
            }
            for phase in &site.phases {
                *changes.entry(phase_word(*phase)).or_default() += 1;
            }
        }
        for ((kind, state), number) in conditions {
            self.conditions.get_or_create(&[("condition", kind), ("status", state)]).set(number);
        }
        for (phase, number) in changes {
            self.changes.get_or_create(&[("phase", phase)]).set(number);
        }
        self.sites.set(whole(sites.len()));
    }
}

/// What is counted of one site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Site {
    conditions: Vec<(&'static str, &'static str)>,
    phases: Vec<ChangePhase>,
}

impl Site {
    /// Takes known words only: whatever else stands in a status becomes no label.
    pub(super) fn read(conditions: &[Condition], phases: &[ChangePhase]) -> Self {
        let known = |condition: &Condition| {
            let kind = CONDITIONS.into_iter().map(Kind::as_str).find(|kind| *kind == condition.type_);
            let state = STATES.into_iter().find(|state| *state == condition.status)?;
            Some((kind.unwrap_or("Debt"), state))
        };
        Self { conditions: conditions.iter().filter_map(known).collect(), phases: phases.to_vec() }
    }
}

const PHASES: [ChangePhase; 7] = [
    ChangePhase::Preparing,
    ChangePhase::Changing,
    ChangePhase::BackingOut,
    ChangePhase::Halted,
    ChangePhase::Succeeded,
    ChangePhase::Failed,
    ChangePhase::Superseded,
];

fn phase_word(phase: ChangePhase) -> &'static str {
    match phase {
        ChangePhase::Preparing => "Preparing",
        ChangePhase::Changing => "Changing",
        ChangePhase::BackingOut => "BackingOut",
        ChangePhase::Halted => "Halted",
        ChangePhase::Succeeded => "Succeeded",
        ChangePhase::Failed => "Failed",
        ChangePhase::Superseded => "Superseded",
    }
}

fn whole(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
