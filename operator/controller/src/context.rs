//! What every round and task of one term works with.

use std::sync::{Arc, Mutex as Lock, MutexGuard, PoisonError};

use crm_api::clock::Clock;
use crm_api::pace::Pace;
use crm_database::Connect;
use kube::Client;
use tokio::sync::Mutex;

use crate::fleet::Fleet;
use crate::leadership::Term;
use crate::signs::Signs;
use crate::webhook::Post;

/// The edges of the controller, and the right to write.
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) connect: Arc<dyn Connect>,
    pub(crate) post: Arc<dyn Post>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) signs: Signs,
    pub(crate) pace: Pace,
    pub(crate) term: Term,
    /// Name of this process, on the events that it publishes.
    pub(crate) identity: String,
    /// The namespace that the operator itself lives in: a stop there stands over all sites.
    pub(crate) own_namespace: String,
    /// Held while a change's record takes claims; see `claims`.
    pub(crate) claims: Mutex<()>,
    /// What the watches of this term know of the whole fleet.
    pub(crate) fleet: Lock<Fleet>,
}

impl Context {
    /// The fleet; not to be held while anything is waited for.
    pub(crate) fn fleet(&self) -> MutexGuard<'_, Fleet> {
        self.fleet.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
