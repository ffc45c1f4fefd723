//! The mirror: what the other server has stored, as far as its answers tell. Observers hear of each write before its
//! writer gets the answer, as they do of the model's own.
//!
//! Where an answer was lost, nobody knows what was stored, and a server that was away may have come back with another
//! state. So the next request is preceded by a look at everything. The same is to be asked for where the server is known
//! to have done something by itself ([`Cluster::look_again`]).

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use serde_json::Value;

use super::Far;
use crate::cluster::intercept::{Asked, Change, Verb};
use crate::cluster::kinds::Kind;
use crate::cluster::route::Request;
use crate::cluster::store::{Cause, key_of};
use crate::cluster::{Cluster, NAMESPACES_OF_EVERY_CLUSTER, lock};

/// Who looks at everything. The server takes whoever has no name of ours for an administrator.
const MIRROR: &str = "mirror";
/// Who wrote what no caller of ours is known to have written.
const SERVER: &str = "system:apiserver";

/// A write without an answer.
pub(super) struct Doubt {
    identity: Arc<str>,
    kind: Arc<str>,
    /// Name in the URL or in the body.
    name: String,
    verb: Verb,
    subresource: String,
}

/// Remembers that the mirror may differ from now on.
pub(super) fn doubt(_: &Cluster, far: &Far, identity: &Arc<str>, request: &Request) {
    let mut doubts = lock(&far.doubts);
    let doubts = doubts.get_or_insert_default();
    if request.verb.is_write() {
        let body = request.body.as_ref().and_then(|body| body["metadata"]["name"].as_str().map(str::to_owned));
        doubts.push(Doubt {
            identity: Arc::clone(identity),
            kind: Arc::clone(&request.kind.kind),
            name: request.name.clone().or(body).unwrap_or_default(),
            verb: request.verb,
            subresource: request.subresource.clone(),
        });
    }
}

/// Looks at everything, if anything is in doubt.
///
/// # Errors
/// While the server does not answer.
pub(super) fn settle_doubts(cluster: &Cluster, far: &Far) -> io::Result<()> {
    if lock(&far.doubts).is_none() {
        return Ok(());
    }
    look_at_all(cluster, far)
}

/// Takes over what the server has stored by now.
///
/// # Errors
/// Where the server does not answer.
pub(in crate::cluster) fn look_at_all(cluster: &Cluster, far: &Far) -> io::Result<()> {
    let kinds = Arc::clone(&cluster.inner.kinds);
    let mut all = Vec::new();
    for kind in kinds.all().iter().filter(|kind| &*kind.kind != "Namespace") {
        all.push((kind, list(far, kind)?));
    }
    let doubts = lock(&far.doubts).take().unwrap_or_default();
    for (kind, mut found) in all {
        found.values_mut().for_each(|object| far.dates.set(object, (cluster.inner.clock)()));
        let known: Vec<String> = cluster.state().objects_from(kind, "").map(|(key, _)| key.clone()).collect();
        let gone = known.into_iter().filter(|key| !found.contains_key(key)).map(|key| (key, None));
        let gone: Vec<_> = gone.collect();
        for (key, now) in gone.into_iter().chain(found.into_iter().map(|(key, now)| (key, Some(now)))) {
            let name = key.rsplit('/').next().unwrap_or_default();
            let by = doubts.iter().find(|doubt| doubt.kind == kind.kind && doubt.name == name);
            let unknown: Arc<str> = SERVER.into();
            let cause = match by {
                Some(doubt) => Cause { identity: &doubt.identity, verb: doubt.verb, subresource: &doubt.subresource },
                None => Cause { identity: &unknown, verb: Verb::Update, subresource: "" },
            };
            let _ = take_over(cluster, kind, &key, now, cause);
        }
    }
    Ok(())
}

fn list(far: &Far, kind: &Kind) -> io::Result<BTreeMap<String, Value>> {
    let root = if kind.group.is_empty() { "/api" } else { "/apis" };
    let uri = format!("{root}/{}/{}", kind.api_version, kind.plural);
    let (parts, ()) = http::Request::get(uri).body(()).map_err(io::Error::other)?.into_parts();
    let (code, body) = far.ask(&Asked { identity: MIRROR.into(), parts, body: bytes::Bytes::new() })?;
    // A kind that is not served has no objects.
    let list = if code == 404 { Value::Null } else { serde_json::from_slice(&body).unwrap_or_default() };
    if code != 404 && code != 200 {
        return Err(io::Error::other(format!("the list of {} is answered with {code}", kind.plural)));
    }
    let items = list["items"].as_array().into_iter().flatten();
    Ok(items
        .filter_map(|item| {
            let (namespace, name) = (item["metadata"]["namespace"].as_str(), item["metadata"]["name"].as_str()?);
            let is_ours = namespace.is_none_or(|namespace| !NAMESPACES_OF_EVERY_CLUSTER.contains(&namespace));
            let mut item = item.clone();
            // Lists leave these out.
            item["apiVersion"] = Value::String(kind.api_version.clone());
            item["kind"] = Value::String(kind.kind.to_string());
            is_ours.then(|| (key_of(namespace, name), item))
        })
        .collect())
}

/// Keeps what a write was answered with, and waits for those who watch.
///
/// # Errors
/// Where one has to look at everything and the server does not answer.
pub(super) fn keep(
    cluster: &Cluster,
    far: &Far,
    identity: &Arc<str>,
    request: &Request,
    answer: &Value,
) -> io::Result<()> {
    if request.verb == Verb::DeleteCollection {
        return look_at_all(cluster, far);
    }
    let metadata = &answer["metadata"];
    let is_object = answer["kind"] != "Status";
    let name = metadata["name"].as_str().or(request.name.as_deref()).unwrap_or_default();
    let namespace = if request.kind.namespaced { request.namespace.as_deref() } else { None };
    let is_held = metadata["finalizers"].as_array().is_some_and(|finalizers| !finalizers.is_empty());
    let is_going = request.verb == Verb::Delete || !metadata["deletionTimestamp"].is_null();
    let now = (is_object && (is_held || !is_going)).then(|| answer.clone());
    let key = key_of(namespace, name);
    let cause = Cause { identity, verb: request.verb, subresource: &request.subresource };
    if let Some((version, change)) = take_over(cluster, &request.kind, &key, now, cause) {
        far.wait_for_watches(request.kind.index, &key, version, &change);
    }
    Ok(())
}

/// Stores what the server has, or that it has nothing, and tells the observers. Nothing where it was known.
fn take_over(cluster: &Cluster, kind: &Kind, key: &str, now: Option<Value>, cause: Cause<'_>) -> Option<(u64, Change)> {
    let (version, changes) = {
        let mut state = cluster.state();
        let version = state.take_over(kind, key, now, cause)?;
        (version, std::mem::take(&mut state.changes))
    };
    let observers = lock(&cluster.inner.observers).clone();
    for change in &changes {
        observers.iter().for_each(|observer| observer(change));
    }
    changes.into_iter().next().map(|change| (version, change))
}
