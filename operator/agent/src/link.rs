//! The only file that talks to Kubernetes: one watch of the agent's own object, its status, its sign of life.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use crm_api::CrmNode;
use crm_api::node::CrmNodeStatus;
use crm_api::pace::Pace;
use futures::StreamExt as _;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams, WatchEvent, WatchParams};
use kube::{Api, Client, Resource as _};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::round::Store;
use crate::spec::Spec;

/// One answer of the API server takes no longer.
const CALL_LIMIT: Duration = Duration::from_secs(30);
/// The API server ends a watch after so long; the agent then opens the next one.
const WATCH_SECS: u32 = 290;
/// A watch that is silent for longer than it can live has lost its server.
const WATCH_SILENCE_LIMIT: Duration = Duration::from_secs(305);
/// How soon a watch is opened again, or a write that failed is tried again: at once would hammer a server that refuses.
pub(crate) const AGAIN_FIRST: Duration = Duration::from_secs(5);
/// The same after many failures in a row. The server may have been away for hours; orders should not wait long when it is back.
pub(crate) const AGAIN_LONGEST: Duration = Duration::from_secs(30);
/// A server that lags behind has caught up by then. One that still shows an older object was set back to an older state.
const LAGS_AT_MOST: Duration = Duration::from_secs(60);

/// What went wrong between agent and API server. All of it is tried again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    /// The server said no, or was not reached.
    #[error("{doing}: {source}")]
    Api {
        /// What was being done.
        doing: &'static str,
        /// What was said.
        source: Box<kube::Error>,
    },
    /// The server said nothing.
    #[error("{0}: no answer in time")]
    TimedOut(&'static str),
    /// The server ended the watch with a status.
    #[error("the watch ended: {0}")]
    WatchEnded(String),
    /// The server lags behind, or was set back.
    #[error("the server shows generation {shown} of the node's object, and {known} is known")]
    Older {
        /// What it shows.
        shown: i64,
        /// What was seen before.
        known: i64,
    },
}

/// The agent's end of the link.
#[derive(Clone)]
pub(crate) struct Link {
    node: String,
    nodes: Api<DynamicObject>,
    leases: Api<Lease>,
}

impl Link {
    pub(crate) fn new(client: Client, namespace: &str, node: &str) -> Self {
        let kind = ApiResource::erase::<CrmNode>(&());
        Self {
            node: node.to_owned(),
            nodes: Api::namespaced_with(client.clone(), namespace, &kind),
            leases: Api::namespaced(client, namespace),
        }
    }

    /// Follows the agent's own object, forever. A watch without a version begins with the object as it is now, so no
    /// list is needed, neither at first nor after a break. An object that is deleted during a break is not missed until
    /// it comes back: by then `startBefore` has put an end to its orders.
    pub(crate) async fn follow(&self, spec: &watch::Sender<Option<Arc<Spec>>>, pace: &Pace) -> Infallible {
        // Since when every watch has begun with an older object than the one that is known.
        let mut older_since: Option<Instant> = None;
        let mut failures = 0_u32;
        loop {
            let begun = Instant::now();
            let ended = self.watch(spec, &mut older_since).await;
            // One that has lived for long was good, however it ended: breaks that are hours apart are not failures in a row.
            if ended.is_ok() || begun.elapsed() >= AGAIN_LONGEST {
                failures = 0;
            }
            match ended {
                Ok(()) => tracing::debug!("the watch ran out"),
                Err(error) => {
                    failures = failures.saturating_add(1);
                    tracing::warn!(%error, "watching again");
                }
            }
            tokio::time::sleep(pace.after(failures, AGAIN_FIRST, AGAIN_LONGEST)).await;
        }
    }

    async fn watch(
        &self,
        spec: &watch::Sender<Option<Arc<Spec>>>,
        older_since: &mut Option<Instant>,
    ) -> Result<(), LinkError> {
        let parameters = WatchParams::default()
            .fields(&format!("metadata.name={}", self.node))
            .timeout(WATCH_SECS)
            .disable_bookmarks();
        let stream = limited("open the watch", CALL_LIMIT, self.nodes.watch(&parameters, "")).await?;
        let mut stream = std::pin::pin!(stream);
        loop {
            let event = tokio::time::timeout(WATCH_SILENCE_LIMIT, stream.next()).await;
            match event.map_err(|_| LinkError::TimedOut("watch"))? {
                None => return Ok(()),
                Some(Ok(WatchEvent::Added(object) | WatchEvent::Modified(object))) => {
                    let new = read(&object);
                    if let Some(older) = older(spec, &new) {
                        let since = *older_since.get_or_insert_with(Instant::now);
                        if since.elapsed() < LAGS_AT_MOST {
                            return Err(older);
                        }
                        tracing::warn!(%older, "taken over: the cluster was set back to an older state");
                    }
                    *older_since = None;
                    take(spec, new);
                }
                Some(Ok(WatchEvent::Deleted(_))) => take(spec, Spec::default()),
                Some(Ok(WatchEvent::Bookmark(_))) => {}
                Some(Ok(WatchEvent::Error(status))) => {
                    return Err(LinkError::WatchEnded(status.message));
                }
                Some(Err(error)) => {
                    return Err(LinkError::Api { doing: "watch", source: Box::new(error) });
                }
            }
        }
    }
}

/// Whether this is an older generation of the same object than the one that is known.
fn older(known: &watch::Sender<Option<Arc<Spec>>>, new: &Spec) -> Option<LinkError> {
    let known = known.borrow();
    let known = known.as_deref().filter(|known| known.uid == new.uid && new.generation < known.generation)?;
    Some(LinkError::Older { shown: new.generation, known: known.generation })
}

/// Hands on what is new. A status that came round is taken over without waking anybody: we wrote it.
fn take(known: &watch::Sender<Option<Arc<Spec>>>, new: Spec) {
    known.send_if_modified(|known| {
        let same = known.as_deref().is_some_and(|known| {
            // Whose the node is decides whether anything is done at all: that wakes, whoever wrote it.
            let same_owner = known.status.machine == new.status.machine && known.status.account == new.status.account;
            known.uid == new.uid && same_owner && new.generation == known.generation
        });
        *known = Some(Arc::new(new));
        !same
    });
}

fn read(object: &DynamicObject) -> Spec {
    Spec::read(object.metadata.uid.clone(), object.metadata.generation.unwrap_or(0), &object.data)
}

async fn limited<T>(
    doing: &'static str,
    limit: Duration,
    call: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, LinkError> {
    match tokio::time::timeout(limit, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(LinkError::Api { doing, source: Box::new(error) }),
        Err(_) => Err(LinkError::TimedOut(doing)),
    }
}

impl Store for Link {
    type Error = LinkError;

    async fn store(&self, status: &CrmNodeStatus) -> Result<(), LinkError> {
        let parameters = PatchParams::apply(crm_api::AGENT).force();
        let patch = Patch::Apply(json!({
            "apiVersion": CrmNode::api_version(&()),
            "kind": CrmNode::kind(&()),
            "metadata": {"name": self.node},
            "status": status,
        }));
        limited("store the status", CALL_LIMIT, self.nodes.patch_status(&self.node, &parameters, &patch)).await?;
        Ok(())
    }

    async fn renew(&self, at: Timestamp, duration: Duration) -> Result<(), LinkError> {
        let name = crm_api::heartbeat_lease(&self.node);
        let lease = Lease {
            metadata: ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() },
            spec: Some(LeaseSpec {
                holder_identity: Some(self.node.clone()),
                lease_duration_seconds: i32::try_from(duration.as_secs()).ok(),
                renew_time: Some(MicroTime(at)),
                ..LeaseSpec::default()
            }),
        };
        let parameters = PatchParams::apply(crm_api::AGENT).force();
        limited("renew the lease", CALL_LIMIT, self.leases.patch(&name, &parameters, &Patch::Apply(&lease))).await?;
        Ok(())
    }
}
