//! Watches of the other server: read by whoever holds the connection, handed over line by line, and waited for, so that
//! whoever watches knows of a write when its writer does.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Sleep;

use super::{BROKEN, EXPIRED, Far, IN_TIME, LATE};
use crate::cluster::intercept::Change;
use crate::cluster::route::Request;
use crate::cluster::select::Selector;
use crate::cluster::store::key_of;
use crate::cluster::{Cluster, lock};

/// How long a watch lasts that names no time, in seconds.
const DEFAULT_TIMEOUT_SECS: u64 = 1_800;
/// How long a write waits for its line, in real time. What comes later is late by hours in simulated time, and the story
/// takes another course: so this is longer than a server on a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is handed over.
pub(super) enum Line {
    Whole(Bytes),
    End,
    Broken(io::Error),
}

/// Where the lines of one watch go. Dropped, it ends the watch in order.
pub struct Lines {
    sender: UnboundedSender<Line>,
    seen: Arc<Seen>,
    /// The beginning of a line whose end has not come yet.
    rest: Vec<u8>,
}

/// Which versions a watch has told of.
#[derive(Default)]
struct Seen {
    state: Mutex<SeenState>,
    told: Condvar,
}

#[derive(Default)]
struct SeenState {
    /// Version and whether it is gone, by `namespace/name`.
    objects: BTreeMap<String, (u64, bool)>,
    over: bool,
}

/// One open watch.
pub(super) struct OpenWatch {
    pub(super) identity: Arc<str>,
    kind_index: usize,
    selector: Selector,
    sender: UnboundedSender<Line>,
    seen: Arc<Seen>,
}

/// The same, before it has a number.
pub(super) struct Watch(OpenWatch);

/// The caller's side: the body of the answer.
pub(crate) struct StreamBody {
    cluster: Cluster,
    id: u64,
    lines: UnboundedReceiver<Line>,
    deadline: Pin<Box<Sleep>>,
    ended: bool,
}

impl Lines {
    /// Takes what came, whole lines or not.
    pub fn push(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let read = serde_json::from_slice::<Value>(&line).unwrap_or_default();
            let _ = self.sender.send(Line::Whole(line.into()));
            self.seen.tell(&read);
        }
    }

    /// The connection broke.
    pub fn broken(self, error: io::Error) {
        let _ = self.sender.send(Line::Broken(error));
    }

    /// Waits until nobody reads it any more.
    pub async fn closed(&self) {
        self.sender.closed().await;
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = self.sender.send(Line::End);
        self.seen.end();
    }
}

impl Seen {
    fn tell(&self, line: &Value) {
        let metadata = &line["object"]["metadata"];
        let (Some(name), Some(version)) = (metadata["name"].as_str(), version_of(metadata)) else { return };
        let key = key_of(metadata["namespace"].as_str(), name);
        lock(&self.state).objects.insert(key, (version, line["type"] == "DELETED"));
        self.told.notify_all();
    }

    fn end(&self) {
        lock(&self.state).over = true;
        self.told.notify_all();
    }

    /// Waits until all of these were told of at these versions or later, or the watch is over.
    fn has_told(&self, wanted: &[(String, Wanted)]) -> bool {
        let is_missing = |state: &mut SeenState| {
            let told = |(key, wanted): &(String, Wanted)| {
                state.objects.get(key).is_some_and(|(version, gone)| match wanted {
                    Wanted::At(least) => version >= least,
                    Wanted::GoneAfter(last) => *gone && version >= last,
                })
            };
            !state.over && !wanted.iter().all(told)
        };
        let waited = self.told.wait_timeout_while(lock(&self.state), PATIENCE, is_missing);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

/// What a watch shall tell of an object.
enum Wanted {
    /// This version, or a later one.
    At(u64),
    /// That it is gone, in this version or later.
    GoneAfter(u64),
}

fn version_of(metadata: &Value) -> Option<u64> {
    metadata["resourceVersion"].as_str()?.parse().ok()
}

impl OpenWatch {
    /// Breaks it as a network does.
    pub(super) fn break_off(&self) {
        let error = io::Error::new(io::ErrorKind::ConnectionReset, "connection reset by peer");
        let _ = self.sender.send(Line::Broken(error));
        self.seen.end();
    }

    fn fits(&self, object: Option<&Arc<Value>>) -> bool {
        object.is_some_and(|object| self.selector.fits(object))
    }
}

impl Watch {
    /// Both ends of a watch that a request is about to open. A selector that cannot be read is refused by the server.
    pub(super) fn new(identity: &Arc<str>, request: &Request) -> (Lines, UnboundedReceiver<Line>, Self) {
        let (sender, receiver) = unbounded_channel();
        let seen = Arc::new(Seen::default());
        let (kind, query) = (&request.kind, &request.query);
        let selector = Selector::read(kind, request.namespace.as_deref(), &query.label_selector, &query.field_selector);
        let watch = OpenWatch {
            identity: Arc::clone(identity),
            kind_index: kind.index,
            selector: selector.unwrap_or_default(),
            sender: sender.clone(),
            seen: Arc::clone(&seen),
        };
        (Lines { sender, seen, rest: Vec::new() }, receiver, Self(watch))
    }
}

impl Far {
    pub(super) fn enter(&self, watch: Watch) -> u64 {
        let mut opened = lock(&self.opened);
        opened.0 += 1;
        let id = opened.0;
        opened.1.insert(id, watch.0);
        id
    }

    /// Waits until a watch that was just opened has told what it begins with.
    pub(super) fn wait_for_beginning(&self, cluster: &Cluster, watch: &Watch, request: &Request) {
        let from = request.query.resource_version.parse().unwrap_or(0_u64);
        let wanted: Vec<(String, Wanted)> = {
            let state = cluster.state();
            let objects = state.objects_from(&request.kind, "");
            let new = objects.filter(|(_, stored)| stored.version > from && watch.0.selector.fits(&stored.value));
            new.map(|(key, stored)| (key.clone(), Wanted::At(stored.version))).collect()
        };
        if !wanted.is_empty() {
            self.one_more(if watch.0.seen.has_told(&wanted) { IN_TIME } else { LATE });
        }
    }

    /// Waits until every open watch that a write concerns has told of it.
    pub(super) fn wait_for_watches(&self, kind_index: usize, key: &str, version: u64, change: &Change) {
        let opened = lock(&self.opened);
        let concerned = opened.1.values().filter(|watch| {
            watch.kind_index == kind_index && (watch.fits(change.old.as_ref()) || watch.fits(change.new.as_ref()))
        });
        for watch in concerned {
            let wanted = if watch.fits(change.new.as_ref()) { Wanted::At(version) } else { Wanted::GoneAfter(version) };
            self.one_more(if watch.seen.has_told(&[(key.to_owned(), wanted)]) { IN_TIME } else { LATE });
        }
    }
}

impl StreamBody {
    pub(super) fn new(cluster: Cluster, id: u64, lines: UnboundedReceiver<Line>, timeout_secs: Option<u64>) -> Self {
        let timeout = Duration::from_secs(timeout_secs.unwrap_or(DEFAULT_TIMEOUT_SECS));
        Self { cluster, id, lines, deadline: Box::pin(tokio::time::sleep(timeout)), ended: false }
    }

    pub(crate) fn poll_line(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let line = match self.lines.poll_recv(context) {
            Poll::Ready(line) => line.unwrap_or(Line::End),
            Poll::Pending if self.deadline.as_mut().poll(context).is_ready() => Line::End,
            Poll::Pending => return Poll::Pending,
        };
        Poll::Ready(match line {
            Line::Whole(line) => Some(Ok(Frame::data(self.dated(line)))),
            Line::End => {
                self.ended = true;
                None
            }
            Line::Broken(error) => {
                self.ended = true;
                self.one_more(BROKEN);
                Some(Err(error))
            }
        })
    }

    fn one_more(&self, place: usize) {
        if let Some(far) = self.cluster.inner.far.get() {
            far.one_more(place);
        }
    }

    fn dated(&self, line: Bytes) -> Bytes {
        let (Some(far), Ok(mut read)) = (self.cluster.inner.far.get(), serde_json::from_slice::<Value>(&line)) else {
            return line;
        };
        if read["object"]["code"] == 410 {
            self.one_more(EXPIRED);
        }
        if let Some(object) = read.get_mut("object") {
            far.dates.set(object, (self.cluster.inner.clock)());
        }
        Bytes::from(format!("{read}\n"))
    }
}

impl Drop for StreamBody {
    fn drop(&mut self) {
        if let Some(far) = self.cluster.inner.far.get() {
            lock(&far.opened).1.remove(&self.id);
        }
    }
}

impl std::fmt::Debug for StreamBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamBody").field("id", &self.id).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").finish_non_exhaustive()
    }
}
