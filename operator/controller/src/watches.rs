//! Which watches there are. Part of observe; `fleet` keeps what they show. Events that are late, doubled or reordered cost a round
//! at most, and one that is lost is made up for by the next round at rest.

use crm_api::pace::Pace;
use crm_api::{CrmChange, CrmDecision, CrmNode, CrmRelease, CrmSite};
use futures::TryStreamExt as _;
use kube::api::{ApiResource, WatchParams};
use kube::core::WatchEvent;
use kube::{Api, Client, ResourceExt as _};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::call::{CallError, call, list};
use crate::limits::{BACKOFF_MAX, BACKOFF_MIN, WATCH_SECONDS, WATCH_SILENCE};
use crate::signs::{Sign, Signs};
use crate::sketch::Sketch;

/// A kind that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Watched {
    Site,
    Node,
    Change,
    Decision,
    Release,
}

const WATCHED: [Watched; 5] = [Watched::Site, Watched::Node, Watched::Change, Watched::Decision, Watched::Release];

/// Names of the kinds that are watched.
#[cfg(feature = "program")]
pub(crate) fn kinds() -> impl Iterator<Item = &'static str> {
    WATCHED.into_iter().map(Watched::kind)
}

impl Watched {
    /// Name of the kind.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Site => "CrmSite",
            Self::Node => "CrmNode",
            Self::Change => "CrmChange",
            Self::Decision => "CrmDecision",
            Self::Release => "CrmRelease",
        }
    }

    fn resource(self) -> ApiResource {
        match self {
            Self::Site => ApiResource::erase::<CrmSite>(&()),
            Self::Node => ApiResource::erase::<CrmNode>(&()),
            Self::Change => ApiResource::erase::<CrmChange>(&()),
            Self::Decision => ApiResource::erase::<CrmDecision>(&()),
            Self::Release => ApiResource::erase::<CrmRelease>(&()),
        }
    }
}

/// What a watch saw.
#[derive(Debug)]
pub(crate) enum Sight {
    /// All that there is; what is not in it is gone.
    All(Vec<Sketch>),
    /// One object, new or changed.
    One(Sketch),
    /// One object that is gone.
    Gone(Sketch),
}

/// Starts all watches. They end when the set is dropped, or when nobody listens any more.
pub(crate) fn start(
    client: &Client,
    sights: &mpsc::Sender<(Watched, Sight)>,
    signs: &Signs,
    pace: &Pace,
) -> JoinSet<()> {
    let mut watches = JoinSet::new();
    for kind in WATCHED {
        let api: Api<Sketch> = Api::all_with(client.clone(), &kind.resource());
        let ears = Ears { kind, sights: sights.clone(), signs: signs.clone() };
        watches.spawn(watch(ears, api, pace.clone()));
    }
    watches
}

/// How a watch ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The server ended it in order: go on from the last version.
    Resume,
    /// The last version is forgotten: list again.
    Expired,
    /// Nobody listens.
    Deaf,
}

/// Who is told of what a watch sees.
struct Ears {
    kind: Watched,
    sights: mpsc::Sender<(Watched, Sight)>,
    signs: Signs,
}

/// Lists and watches one kind for ever; not in a hurry when that ends as soon as it has begun.
async fn watch(ears: Ears, api: Api<Sketch>, pace: Pace) {
    let kind = ears.kind;
    let mut failures = 0_u32;
    let mut version = None;
    loop {
        let begun = Instant::now();
        match listen(&ears, &api, &mut version).await {
            Ok(End::Deaf) => return,
            Ok(End::Resume | End::Expired) if begun.elapsed() >= BACKOFF_MIN => {
                failures = 0;
                continue;
            }
            Ok(end) => tracing::debug!(?kind, ?end, "watch ended at once"),
            Err(error) => {
                ears.signs.show(Sign::WatchFailed { kind: kind.kind() });
                tracing::warn!(?kind, %error, failures, "watch failed");
            }
        }
        // One that has lived for long was good, however it ended: breaks that are hours apart are not failures in a row.
        failures = if begun.elapsed() >= BACKOFF_MAX { 1 } else { failures.saturating_add(1) };
        tokio::time::sleep(pace.after(failures, BACKOFF_MIN, BACKOFF_MAX)).await;
    }
}

/// One watch, after a list where no version is known to go on from.
async fn listen(ears: &Ears, api: &Api<Sketch>, version: &mut Option<String>) -> Result<End, CallError> {
    let from = if let Some(from) = version.clone() {
        from
    } else {
        let (objects, from) = list("list for a watch", api, "").await?;
        if ears.sights.send((ears.kind, Sight::All(objects))).await.is_err() {
            return Ok(End::Deaf);
        }
        version.insert(from).clone()
    };
    let params = WatchParams { bookmarks: true, ..WatchParams::default() }.timeout(WATCH_SECONDS);
    let ended = follow(ears, api, &params, &from, version).await;
    match ended {
        Err(error) if error.is_gone() => {
            *version = None;
            Ok(End::Expired)
        }
        // A server that was away may have come back with an older state. It would take our version for one of the future,
        // and tell nothing until its own have come there.
        Err(error) => {
            *version = None;
            Err(error)
        }
        Ok(end) => Ok(end),
    }
}

async fn follow(
    ears: &Ears,
    api: &Api<Sketch>,
    params: &WatchParams,
    from: &str,
    version: &mut Option<String>,
) -> Result<End, CallError> {
    let what = "watch";
    let stream = call(what, api.watch(params, from)).await?;
    ears.signs.show(Sign::Watching { kind: ears.kind.kind() });
    let mut stream = std::pin::pin!(stream);
    loop {
        let next = tokio::time::timeout(WATCH_SILENCE, stream.try_next()).await;
        let event = match next {
            Err(_) => return Err(CallError::Lost { what }),
            Ok(Err(source)) => return Err(CallError::Failed { what, source: Box::new(source) }),
            Ok(Ok(None)) => return Ok(End::Resume),
            Ok(Ok(Some(event))) => event,
        };
        let sight = match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                *version = object.resource_version();
                Sight::One(object)
            }
            WatchEvent::Deleted(object) => {
                *version = object.resource_version();
                Sight::Gone(object)
            }
            WatchEvent::Bookmark(bookmark) => {
                *version = Some(bookmark.metadata.resource_version);
                continue;
            }
            WatchEvent::Error(status) => {
                return Err(CallError::Failed { what, source: Box::new(kube::Error::Api(status)) });
            }
        };
        if ears.sights.send((ears.kind, sight)).await.is_err() {
            return Ok(End::Deaf);
        }
    }
}
