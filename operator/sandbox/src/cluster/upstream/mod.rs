//! Another API server in the place of the model: every request that no fault keeps back goes on to it, and its answers and
//! its watches are what the callers meet. Simulated time stands still until an answer is there.
//!
//! What the model stores is then a mirror of what that server has stored (`mirror`), kept for those who look at a run:
//! nothing is validated or decided by it. Watches are streams of that server (`lines`). Two things are not as it sends
//! them: an object was created when the simulated clock says so (`dates`), and a watch ends when its time is up by that
//! clock.

mod dates;
mod lines;
mod mirror;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde_json::Value;

use super::intercept::{Asked, Verb};
use super::route::Request;
use super::serve::AnswerBody;
use super::{Cluster, lock};
use dates::Dates;
pub use lines::Lines;
pub(crate) use lines::StreamBody;
use lines::{OpenWatch, Watch};
use mirror::Doubt;
pub(super) use mirror::look_at_all;

/// An API server that answers in the model's place.
pub trait Upstream: Send + Sync {
    /// A run is about to begin: nothing of an earlier one may be left.
    fn begins(&self);
    /// Asks, and gives the HTTP status and the body of the answer. Whoever asks stands still meanwhile.
    ///
    /// # Errors
    /// Where there is no answer. What was asked may have happened all the same.
    fn ask(&self, asked: &Asked) -> io::Result<(u16, Bytes)>;
    /// Opens a watch whose lines, from now on, are pushed into `lines`.
    ///
    /// # Errors
    /// Where there is no answer.
    fn watch(&self, asked: &Asked, lines: Lines) -> io::Result<Opened>;
}

/// What became of a watch.
#[derive(Debug)]
pub enum Opened {
    /// It is open.
    Watching,
    /// It was refused, with this HTTP status and body.
    Refused(u16, Bytes),
}

/// How often a write was followed by a wait that was too short for one of the watches that it concerns, and by how many
/// it was not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    /// Writes and openings of watches after which every line was there in time.
    pub in_time: u32,
    /// The others: their lines came later in simulated time.
    pub late: u32,
    /// Requests that had an answer.
    pub answered: u32,
    /// Requests that had none.
    pub lost: u32,
    /// Watches that were told that the version to go on from is forgotten.
    pub expired: u32,
    /// Watches that broke.
    pub broken: u32,
}

/// What is known of the other server.
pub(crate) struct Far {
    server: Arc<dyn Upstream>,
    /// Numbers of watches, and the open ones.
    opened: Mutex<(u64, BTreeMap<u64, OpenWatch>)>,
    dates: Dates,
    /// Writes without an answer.
    doubts: Mutex<Option<Vec<Doubt>>>,
    counts: [AtomicU32; 6],
}

/// Places in `Far::counts`.
const IN_TIME: usize = 0;
const LATE: usize = 1;
const ANSWERED: usize = 2;
const LOST: usize = 3;
const EXPIRED: usize = 4;
const BROKEN: usize = 5;

impl Far {
    pub(super) fn new(server: Arc<dyn Upstream>) -> Self {
        let (opened, doubts, counts) = (Mutex::default(), Mutex::default(), Default::default());
        Self { server, opened, dates: Dates::default(), doubts, counts }
    }

    pub(super) fn waits(&self) -> Waits {
        let places = [IN_TIME, LATE, ANSWERED, LOST, EXPIRED, BROKEN];
        let [in_time, late, answered, lost, expired, broken] = places.map(|place| self.count(place));
        Waits { in_time, late, answered, lost, expired, broken }
    }

    fn count(&self, place: usize) -> u32 {
        self.counts.get(place).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    fn one_more(&self, place: usize) {
        if let Some(count) = self.counts.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Breaks open watches: those of identities that begin so.
    pub(super) fn break_watches(&self, of: &str) {
        let opened = lock(&self.opened);
        opened.1.values().filter(|watch| watch.identity.starts_with(of)).for_each(OpenWatch::break_off);
    }

    fn ask(&self, asked: &Asked) -> io::Result<(u16, Bytes)> {
        let answer = self.server.ask(asked);
        self.one_more(if answer.is_ok() { ANSWERED } else { LOST });
        answer
    }
}

/// Has a request answered by the other server.
///
/// # Errors
/// Where there is no answer: the caller sees a broken connection.
pub(super) fn forward(cluster: &Cluster, far: &Far, asked: &Asked, request: &Request) -> io::Result<(u16, AnswerBody)> {
    mirror::settle_doubts(cluster, far)?;
    if request.verb == Verb::Watch {
        return open(cluster, far, asked, request);
    }
    let answer = far.ask(asked);
    let (code, body) = match answer {
        Ok(answer) => answer,
        Err(error) => {
            mirror::doubt(cluster, far, &asked.identity, request);
            return Err(error);
        }
    };
    let now = (cluster.inner.clock)();
    let mut value = serde_json::from_slice::<Value>(&body).unwrap_or_default();
    far.dates.set(&mut value, now);
    if request.verb.is_write() && (200..300).contains(&code) && !request.query.dry_run {
        mirror::keep(cluster, far, &asked.identity, request, &value)?;
    }
    let body = if value.is_null() { body } else { Bytes::from(value.to_string()) };
    Ok((code, AnswerBody::whole(body)))
}

fn open(cluster: &Cluster, far: &Far, asked: &Asked, request: &Request) -> io::Result<(u16, AnswerBody)> {
    let (lines, receiver, watch) = Watch::new(&asked.identity, request);
    let opened = far.server.watch(asked, lines);
    far.one_more(if opened.is_ok() { ANSWERED } else { LOST });
    match opened {
        Ok(Opened::Refused(code, body)) => Ok((code, AnswerBody::whole(body))),
        Ok(Opened::Watching) => {
            far.wait_for_beginning(cluster, &watch, request);
            let id = far.enter(watch);
            let body = StreamBody::new(cluster.clone(), id, receiver, request.query.timeout_secs);
            Ok((200, AnswerBody::Stream(body)))
        }
        Err(error) => {
            mirror::doubt(cluster, far, &asked.identity, request);
            Err(error)
        }
    }
}
