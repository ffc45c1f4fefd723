//! Watches: from a version on, or with the present objects first, until their time is up.
//!
//! Modelled: ADDED, MODIFIED and DELETED as the selector sees them (an object that leaves the selection is DELETED),
//! an ERROR event with 410 Expired for a forgotten version (the real server opens the stream first, too), a BOOKMARK
//! before the stream ends, `timeoutSeconds` through tokio's clock. Left out: bookmarks in between, and streaming lists
//! (`sendInitialEvents` is refused as by a server without that feature).

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use serde_json::json;
use tokio::time::Sleep;

use super::Cluster;
use super::intercept::Verb;
use super::kinds::Kind;
use super::refusal::{Cause, Refusal};
use super::route::Request;
use super::select::Selector;
use super::store::{Event, State, Stored};

/// How long a watch lasts that names no time (the lower end of the real server's random choice).
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1_800);

/// The server's side of one open watch.
#[derive(Debug)]
pub(crate) struct Watcher {
    pub(crate) kind_index: usize,
    identity: Arc<str>,
    selector: Selector,
    /// It is told of later versions only, also where the cluster was set back behind it since.
    from: u64,
    lines: VecDeque<Bytes>,
    waker: Option<Waker>,
    /// No more lines will come.
    ended: bool,
    /// It ends as a broken connection does.
    broken: bool,
}

/// The client's side: the body of the answer.
#[derive(Debug)]
pub(crate) struct WatchBody {
    cluster: Cluster,
    id: u64,
    deadline: Pin<Box<Sleep>>,
    /// The kind of object that bookmarks show; none when the client wants no bookmarks.
    bookmarks: Option<Arc<Kind>>,
    ended: bool,
}

impl Watcher {
    /// Takes an event to the client if its selector lets it see it.
    pub(crate) fn offer(&mut self, event: &Event) {
        if !self.ended
            && event.version > self.from
            && let Some(line) = line_for(&self.selector, event)
        {
            self.lines.push_back(line);
            self.wake();
        }
    }

    /// Whether its caller is called so at the beginning.
    pub(crate) fn is_of(&self, identity: &str) -> bool {
        self.identity.starts_with(identity)
    }

    /// Ends the stream after what is already under way.
    pub(crate) fn end(&mut self) {
        self.ended = true;
        self.wake();
    }

    /// Ends it with its connection.
    pub(crate) fn break_off(&mut self) {
        self.broken = true;
        self.end();
    }

    pub(crate) fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// Opens a watch and gives its number.
pub(crate) fn open(state: &mut State, identity: &Arc<str>, request: &Request) -> Result<u64, Refusal> {
    debug_assert_eq!(request.verb, Verb::Watch);
    let (kind, query) = (&request.kind, &request.query);
    if query.send_initial_events {
        let detail = "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled";
        return Err(Refusal::invalid(kind, "", vec![Cause::forbidden("sendInitialEvents".to_owned(), detail)]));
    }
    let selector = Selector::read(kind, request.namespace.as_deref(), &query.label_selector, &query.field_selector)?;
    let mut watcher = Watcher {
        kind_index: kind.index,
        identity: Arc::clone(identity),
        selector,
        from: read_version(&query.resource_version)?,
        lines: VecDeque::new(),
        waker: None,
        ended: false,
        broken: false,
    };
    let from = watcher.from;
    if from == 0 {
        let objects = state.objects_from(kind, "").filter(|(_, object)| watcher.selector.fits(&object.value));
        watcher.lines = objects.map(|(_, object)| line("ADDED", object.json())).collect();
    } else if from < state.compacted {
        let message = format!("too old resource version: {from} ({})", state.compacted + 1);
        watcher.lines.push_back(line("ERROR", &Refusal::expired(&message).to_json()));
        watcher.ended = true;
    } else {
        watcher.lines = state.events_after(kind, from).filter_map(|event| line_for(&watcher.selector, event)).collect();
    }
    state.watchers_opened += 1;
    state.watchers.insert(state.watchers_opened, watcher);
    Ok(state.watchers_opened)
}

/// Reads a `resourceVersion` parameter; nothing means 0.
pub(crate) fn read_version(text: &str) -> Result<u64, Refusal> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| {
        let message = format!("Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax");
        Refusal::bad_request(&message)
    })
}

impl WatchBody {
    /// The body of an opened watch; its time begins now.
    pub(crate) fn new(cluster: Cluster, id: u64, request: &Request) -> Self {
        let timeout = request.query.timeout_secs.map_or(DEFAULT_TIMEOUT, Duration::from_secs);
        Self {
            cluster,
            id,
            deadline: Box::pin(tokio::time::sleep(timeout)),
            bookmarks: request.query.bookmarks.then(|| Arc::clone(&request.kind)),
            ended: false,
        }
    }

    /// The number of the watch.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn poll_line(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let version = {
            let mut state = self.cluster.state();
            let State { version, held, watchers, .. } = &mut *state;
            let Some(watcher) = watchers.get_mut(&self.id) else {
                return Poll::Ready(None);
            };
            let is_held = !held.is_empty() && held.contains(&*watcher.identity);
            if !is_held && let Some(line) = watcher.lines.pop_front() {
                if let Some(referee) = self.cluster.inner.referee.get() {
                    referee.told(self.id, &line);
                }
                return Poll::Ready(Some(Ok(Frame::data(line))));
            }
            if watcher.ended {
                self.ended = true;
                let error = || io::Error::new(io::ErrorKind::ConnectionReset, "connection reset by peer");
                return Poll::Ready(watcher.broken.then(|| Err(error())));
            }
            watcher.waker = Some(context.waker().clone());
            *version
        };
        if self.deadline.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.ended = true;
        let bookmark = self.bookmarks.take().map(|kind| {
            let object = json!({
                "kind": &*kind.kind, "apiVersion": kind.api_version,
                "metadata": {"resourceVersion": version.to_string(), "creationTimestamp": null},
            });
            Ok(Frame::data(line("BOOKMARK", object.to_string().as_bytes())))
        });
        Poll::Ready(bookmark)
    }
}

impl Drop for WatchBody {
    fn drop(&mut self) {
        self.cluster.state().watchers.remove(&self.id);
        if let Some(referee) = self.cluster.inner.referee.get() {
            referee.closed(self.id);
        }
    }
}

/// What a watch with this selector shows of an event.
fn line_for(selector: &Selector, event: &Event) -> Option<Bytes> {
    let fitted = event.old.as_ref().filter(|old| selector.fits(&old.value));
    let fits = !event.gone && selector.fits(&event.now.value);
    match (fitted, fits) {
        (None, true) => Some(line("ADDED", event.now.json())),
        (Some(_), true) => Some(line("MODIFIED", event.now.json())),
        (Some(_), false) if event.gone => Some(line("DELETED", event.now.json())),
        (Some(old), false) => Some(line("DELETED", Stored::at_version(old, event.version).json())),
        (None, false) => None,
    }
}

fn line(event_type: &str, object: &[u8]) -> Bytes {
    let mut line = Vec::with_capacity(object.len() + 40);
    line.extend_from_slice(b"{\"type\":\"");
    line.extend_from_slice(event_type.as_bytes());
    line.extend_from_slice(b"\",\"object\":");
    line.extend_from_slice(object);
    line.extend_from_slice(b"}\n");
    Bytes::from(line)
}
