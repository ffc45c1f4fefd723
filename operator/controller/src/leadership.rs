//! Who gives orders: the half of the Lease that touches the API server. Decisions about it are `crm_plan::lease`.
//!
//! The Lease is taken and renewed by replacing it with the resourceVersion that was read, so a write that is repeated,
//! or lost and found, can never undo somebody else's: it conflicts. Even two leaders at once are harmless: each has an
//! epoch of its own, and agents refuse the lower one.

use std::sync::Arc;

use crm_api::CrmNode;
use crm_api::clock::Clock;
use crm_api::pace::Pace;
use crm_plan::lease::{EPOCH_ANNOTATION, LeaseDecision, LeaseView, decide, epoch};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::PostParams;
use kube::core::DynamicObject;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::Config;
use crate::call::{CallError, call, list};
use crate::limits::{GIVE_BACK, TERM_MIN};
use crate::signs::{Sign, Signs};

/// Why the Lease could not be taken or kept this time.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LeadershipError {
    /// A call failed. Asked again after the renewal interval.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Another controller leads.
    #[error("the lease belongs to {holder}")]
    Lost {
        /// Who.
        holder: String,
    },
    /// No higher epoch can be had: whoever led on would not be told from the leader before.
    #[error(
        "no epoch is left after {known} ({by}); if that number is wrong, delete that object (a CrmNode is written anew by \
         kubectl crm node enroll --renew), then start this program again"
    )]
    Spent {
        /// The highest one that is known.
        known: i64,
        /// Who knows it.
        by: String,
    },
}

/// One term of leadership, as those see it who write.
///
/// It ends by itself when the Lease was not renewed in time, measured by the local clock that only goes forward: nobody
/// has to be told.
#[derive(Clone, Debug)]
pub(crate) struct Term {
    epoch: i64,
    since: Instant,
    until: watch::Receiver<Instant>,
}

impl Term {
    /// Epoch of the orders of this term.
    pub(crate) fn epoch(&self) -> i64 {
        self.epoch
    }

    /// How long this term still lasts, whatever epoch a node obeys; nothing once it may be given up.
    pub(crate) fn lasts_anyway(&self) -> Option<std::time::Duration> {
        TERM_MIN.checked_sub(self.since.elapsed()).filter(|left| !left.is_zero())
    }

    /// Whether we lead at this moment. Asked right before every write; a write that was on its way when the term ended
    /// is made harmless by its resourceVersion and its epoch.
    pub(crate) fn may_write(&self) -> bool {
        Instant::now() < *self.until.borrow()
    }

    #[cfg(test)]
    pub(crate) fn for_test(epoch: i64, lasts: std::time::Duration) -> Self {
        Self { epoch, since: Instant::now(), until: watch::channel(Instant::now() + lasts).1 }
    }
}

/// The Lease, and what was seen of it.
pub(crate) struct Election {
    api: Api<Lease>,
    nodes: Api<DynamicObject>,
    clock: Arc<dyn Clock>,
    config: Config,
    /// Version of the Lease last seen, and since when.
    seen: Option<(String, Instant)>,
    /// Local time that only goes forward: this moment of the clock was that moment of the timers.
    origin: (Timestamp, Instant),
    signs: Signs,
    pace: Pace,
}

/// A Lease that is ours.
pub(crate) struct Reign {
    lease: Lease,
    term: Term,
    until: watch::Sender<Instant>,
}

impl Reign {
    pub(crate) fn term(&self) -> Term {
        self.term.clone()
    }
}

impl Election {
    pub(crate) fn new(config: Config, client: &Client, clock: Arc<dyn Clock>, signs: Signs, pace: Pace) -> Self {
        let origin = (clock.now(), Instant::now());
        Self {
            api: Api::namespaced(client.clone(), &config.lease_namespace),
            nodes: Api::all_with(client.clone(), &kube::api::ApiResource::erase::<CrmNode>(&())),
            clock,
            config,
            seen: None,
            origin,
            signs,
            pace,
        }
    }

    /// Waits until the Lease is ours.
    pub(crate) async fn win(&mut self) -> Reign {
        loop {
            let mut wait = self.config.renew_interval;
            match self.try_to_win().await {
                Ok(Some(reign)) => {
                    self.signs.show(Sign::Leading { epoch: reign.term.epoch });
                    return reign;
                }
                Ok(None) => {
                    self.signs.show(Sign::Following);
                }
                Err(LeadershipError::Call(error)) if error.is_conflict() || error.is_already_exists() => {
                    tracing::debug!(%error, "somebody else took the lease")
                }
                Err(error @ LeadershipError::Spent { .. }) => {
                    self.signs.show(Sign::LeaseFailed);
                    tracing::error!(%error, "nobody can lead");
                }
                Err(error) => {
                    // One small question every few seconds from each process; spread, so that they do not come together.
                    wait = self.pace.spread(wait);
                    self.signs.show(Sign::LeaseFailed);
                    tracing::warn!(%error, "the lease cannot be taken");
                }
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn try_to_win(&mut self) -> Result<Option<Reign>, LeadershipError> {
        let lease = call("read the lease", self.api.get_opt(&self.config.lease_name)).await?;
        let view = lease.as_ref().map(|lease| self.view(lease));
        match decide(view.as_ref(), &self.config.identity, None, self.local_now()) {
            LeaseDecision::Take { transitions } => {
                let annotated = view.map_or(0, |view| view.epoch);
                self.take(lease, transitions, annotated).await.map(Some)
            }
            LeaseDecision::Wait { until } => {
                tracing::debug!(%until, "another controller leads");
                Ok(None)
            }
            // Without a term of our own there is nothing to renew; the next look decides anew.
            LeaseDecision::Renew => Ok(None),
        }
    }

    /// Takes the Lease under a new epoch. The nodes are asked first, the Lease is written last and conditionally: who
    /// took it in between, and gave orders of the epoch that we have just computed, makes our write fail.
    async fn take(&self, found: Option<Lease>, transitions: i32, annotated: i64) -> Result<Reign, LeadershipError> {
        let (known, by) = highest_epoch(&list("list nodes for their epochs", &self.nodes, "").await?.0);
        let Some(epoch) = epoch(transitions, annotated, known) else {
            let by = if known == i64::MAX { by } else { format!("Lease {}", self.config.lease_name) };
            return Err(LeadershipError::Spent { known: known.max(annotated), by });
        };
        let sent = Instant::now();
        let lease = self.filled(found.clone().unwrap_or_default(), transitions, epoch);
        let params = PostParams { field_manager: Some(crm_api::CONTROLLER.to_owned()), ..PostParams::default() };
        let lease = if found.is_some() {
            call("take the lease", self.api.replace(&self.config.lease_name, &params, &lease)).await?
        } else {
            call("create the lease", self.api.create(&params, &lease)).await?
        };
        let (until, receiver) = watch::channel(self.deadline(sent));
        Ok(Reign { lease, term: Term { epoch, since: Instant::now(), until: receiver }, until })
    }

    /// Renews the Lease until that fails for too long or somebody else holds it. Then the term is over.
    pub(crate) async fn keep(&mut self, reign: &mut Reign) {
        loop {
            tokio::time::sleep(self.config.renew_interval).await;
            let deadline = *reign.until.borrow();
            let renewal = tokio::time::timeout(self.config.renew_interval, self.renew(reign));
            let renewed = tokio::time::timeout_at(deadline, renewal).await;
            match renewed.map(|in_time| in_time.unwrap_or(Err(CallError::Lost { what: "renew the lease" }.into()))) {
                Ok(Ok(until)) => {
                    reign.until.send_replace(until);
                    self.signs.show(Sign::Leading { epoch: reign.term.epoch });
                }
                Ok(Err(LeadershipError::Lost { holder })) => {
                    tracing::warn!(%holder, epoch = reign.term.epoch, "leadership was taken over");
                    break;
                }
                Ok(Err(error @ (LeadershipError::Call(_) | LeadershipError::Spent { .. }))) => {
                    self.signs.show(Sign::LeaseFailed);
                    tracing::warn!(%error, "the lease was not renewed");
                }
                Err(_) => {
                    tracing::warn!(
                        epoch = reign.term.epoch,
                        "leadership ended: the lease could not be renewed in time"
                    );
                    break;
                }
            }
        }
        reign.until.send_replace(Instant::now());
    }

    /// One renewal. A conflict is looked into: it may be the echo of a renewal of ours whose answer was lost.
    async fn renew(&self, reign: &mut Reign) -> Result<Instant, LeadershipError> {
        let params = PostParams { field_manager: Some(crm_api::CONTROLLER.to_owned()), ..PostParams::default() };
        let transitions = reign.lease.spec.as_ref().and_then(|spec| spec.lease_transitions).unwrap_or(0);
        let lease = self.filled(reign.lease.clone(), transitions, reign.term.epoch);
        let sent = Instant::now();
        match call("renew the lease", self.api.replace(&self.config.lease_name, &params, &lease)).await {
            Ok(lease) => {
                reign.lease = lease;
                Ok(self.deadline(sent))
            }
            Err(error) if error.is_conflict() || error.is_not_found() => {
                let found = call("read the lease", self.api.get_opt(&self.config.lease_name)).await?;
                let lease =
                    found.ok_or_else(|| LeadershipError::Lost { holder: "nobody: it was deleted".to_owned() })?;
                let holder = holder_of(&lease).unwrap_or("nobody").to_owned();
                if holder != self.config.identity || annotated_epoch(&lease) != reign.term.epoch {
                    return Err(LeadershipError::Lost { holder });
                }
                reign.lease = lease;
                Err(error.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Gives the Lease back: nobody holds it, and the epoch stays for the next one to go on from. It is written under the
    /// version that this term knows: a Lease that somebody else has taken meanwhile conflicts and is left alone.
    pub(crate) async fn give_back(&self, reign: Reign) {
        reign.until.send_replace(Instant::now());
        let transitions = reign.lease.spec.as_ref().and_then(|spec| spec.lease_transitions).unwrap_or(0);
        let mut lease = self.filled(reign.lease.clone(), transitions, reign.term.epoch);
        if let Some(spec) = &mut lease.spec {
            spec.holder_identity = None;
        }
        let params = PostParams { field_manager: Some(crm_api::CONTROLLER.to_owned()), ..PostParams::default() };
        let write = call("give the lease back", self.api.replace(&self.config.lease_name, &params, &lease));
        match tokio::time::timeout(GIVE_BACK, write).await {
            Ok(Ok(_)) => tracing::info!(epoch = reign.term.epoch, "the lease was given back"),
            Ok(Err(error)) => tracing::warn!(%error, "the lease was not given back; it ends by itself"),
            Err(_) => tracing::warn!("the lease was not given back in time; it ends by itself"),
        }
    }

    fn view(&mut self, lease: &Lease) -> LeaseView {
        let version = lease.metadata.resource_version.clone().unwrap_or_default();
        let since = match &self.seen {
            Some((seen, since)) if *seen == version => *since,
            Some(_) | None => Instant::now(),
        };
        self.seen = Some((version, since));
        let spec = lease.spec.clone().unwrap_or_default();
        LeaseView {
            holder: spec.holder_identity.filter(|holder| !holder.is_empty()),
            transitions: spec.lease_transitions.unwrap_or(0),
            epoch: annotated_epoch(lease),
            seen_since: self.local(since),
            // The holder's own word on how long it may be silent; ours where it gave none.
            duration: spec.lease_duration_seconds.map_or_else(
                || SignedDuration::try_from(self.config.lease_duration).unwrap_or(SignedDuration::MAX),
                |seconds| SignedDuration::from_secs(i64::from(seconds)),
            ),
        }
    }

    fn filled(&self, found: Lease, transitions: i32, epoch: i64) -> Lease {
        let now = MicroTime(self.clock.now());
        let before = found.spec.unwrap_or_default();
        let taken_now =
            found.metadata.annotations.as_ref().and_then(|all| all.get(EPOCH_ANNOTATION)).map(String::as_str)
                != Some(epoch.to_string().as_str());
        let mut metadata = ObjectMeta {
            name: Some(self.config.lease_name.clone()),
            namespace: Some(self.config.lease_namespace.clone()),
            managed_fields: None,
            ..found.metadata
        };
        metadata.annotations.get_or_insert_default().insert(EPOCH_ANNOTATION.to_owned(), epoch.to_string());
        let spec = LeaseSpec {
            holder_identity: Some(self.config.identity.clone()),
            lease_duration_seconds: Some(i32::try_from(self.config.lease_duration.as_secs()).unwrap_or(i32::MAX)),
            lease_transitions: Some(transitions),
            acquire_time: if taken_now { Some(now.clone()) } else { before.acquire_time },
            renew_time: Some(now),
            ..LeaseSpec::default()
        };
        Lease { metadata, spec: Some(spec) }
    }

    /// Until when a renewal that was sent then lets us write: two thirds of the duration, so that our last write has
    /// arrived before anybody else may think that we are silent.
    fn deadline(&self, sent: Instant) -> Instant {
        sent + self.config.lease_duration.saturating_mul(2) / 3
    }

    fn local_now(&self) -> Timestamp {
        self.local(Instant::now())
    }

    fn local(&self, at: Instant) -> Timestamp {
        let (time, instant) = self.origin;
        let passed = SignedDuration::try_from(at.saturating_duration_since(instant)).unwrap_or(SignedDuration::MAX);
        time.saturating_add(passed).unwrap_or(Timestamp::MAX)
    }
}

fn holder_of(lease: &Lease) -> Option<&str> {
    lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref())
}

fn annotated_epoch(lease: &Lease) -> i64 {
    let annotations = lease.metadata.annotations.as_ref();
    annotations.and_then(|all| all.get(EPOCH_ANNOTATION)).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The highest epoch that any node has reported, or that stands in an order which no agent may have seen yet, and which node
/// that is. Read from the raw object: a node that does not parse counts as well.
fn highest_epoch(nodes: &[DynamicObject]) -> (i64, String) {
    let of_node = |node: &DynamicObject| {
        let reported = node.data.pointer("/status/highestEpoch").and_then(serde_json::Value::as_i64).unwrap_or(0);
        let orders = node.data.pointer("/spec/orders").and_then(serde_json::Value::as_array);
        let ordered = orders.into_iter().flatten().filter_map(|order| order.get("epoch")?.as_i64()).max();
        reported.max(ordered.unwrap_or(0))
    };
    let highest = nodes.iter().map(|node| (of_node(node), node)).max_by_key(|(epoch, _)| *epoch);
    highest.map_or_else(Default::default, |(epoch, node)| {
        let text = |part: &Option<String>| part.clone().unwrap_or_default();
        (epoch, format!("CrmNode {}/{}", text(&node.metadata.namespace), text(&node.metadata.name)))
    })
}

#[cfg(test)]
mod tests {
    use super::{Term, highest_epoch};
    use kube::core::DynamicObject;
    use serde_json::json;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_term_ends_by_itself() {
        let term = Term::for_test(1, Duration::from_secs(10));
        assert!(term.may_write());
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(!term.may_write());
    }

    #[test]
    fn the_highest_epoch_counts_orders_that_no_agent_has_seen_and_nodes_that_do_not_parse() {
        let node = |value: serde_json::Value| serde_json::from_value::<DynamicObject>(value).unwrap();
        let nodes = [
            node(json!({"metadata": {"name": "a"}, "status": {"highestEpoch": 4}})),
            node(json!({"metadata": {"name": "b"}, "spec": {"orders": [{"epoch": 6}, {"epoch": 5}]}})),
            node(json!({"metadata": {"name": "c"}, "spec": {"orders": "none"}, "status": 7})),
        ];
        assert_eq!(highest_epoch(&nodes), (6, "CrmNode /b".to_owned()));
        assert_eq!(highest_epoch(&[]).0, 0);
    }
}
