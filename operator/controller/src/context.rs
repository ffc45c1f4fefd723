//! What every round and task of one term works with.

use std::sync::Arc;

use crm_api::clock::Clock;
use crm_database::Connect;
use kube::Client;

use crate::leadership::Term;

/// The edges of the controller, and the right to write.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) connect: Arc<dyn Connect>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) term: Term,
    /// Name of this process, on the events that it publishes.
    pub(crate) identity: String,
}
