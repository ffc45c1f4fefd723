//! The Kubernetes API of the sandbox: a model of the API server behind a real [`kube::Client`], in process.
//!
//! It serves what our own code asks of Kubernetes, as Kubernetes' documentation describes it: get, list, watch,
//! create, replace, merge patch, server-side apply, the status subresource, delete with finalizers, collection by owner,
//! and custom resources with structural schemas and CEL rules. Each file says what it models and what it leaves out.
//! There is no network, no thread, no wall clock and no randomness: the same calls give the same bytes. `wire` adds what
//! other clients ask for, first of all kubectl: discovery, OpenAPI, tables; who listens for them is no part of the model.
//!
//! Left out altogether: authorisation (a fault can play it; whoever asks is told that everything is allowed), admission
//! webhooks and policies, partial metadata, JSON patch, strategic merge patch but for built-in kinds that have no lists to
//! merge, conversion between versions, quotas, and everything that a controller-manager does but the collection of what
//! an owner leaves behind.
//!
//! In the place of the model another API server can answer (`upstream`): then the model only keeps what that one stores.
//!
//! How one request goes: `route` reads it, `intercept` may stop it, `request` and its neighbours carry it out under one
//! lock, the observers hear of what was stored, and only then the answer goes back.

mod apply;
mod built_in;
mod cel;
mod delete;
mod fields;
mod granular;
mod intercept;
mod kinds;
mod labels;
mod lists;
mod merge;
mod meta;
mod ownership;
mod path;
mod read;
mod refusal;
mod request;
mod review;
mod route;
mod schema;
mod select;
mod serve;
mod set_back;
mod shape;
mod store;
#[cfg(test)]
mod tests;
mod typed;
mod upstream;
mod validate;
mod watch;
pub(crate) mod wire;
mod write;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::Value;

pub(crate) use built_in::base64;
pub use intercept::{Answered, Asked, Call, Change, Intercept, Observer, Referee, Verb, Verdict};
pub use kinds::{Kinds, KindsError};
pub use schema::SchemaError;
pub use set_back::Backup;
pub use upstream::{Lines, Opened, Upstream, Waits};

use store::State;
use upstream::Far;

/// What the namespaces are called that nobody has to make.
const NAMESPACES_OF_EVERY_CLUSTER: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// The clock of the simulated world.
pub type Clock = Arc<dyn Fn() -> jiff::Timestamp + Send + Sync>;

/// One simulated cluster; clones are the same cluster.
#[derive(Clone)]
pub struct Cluster {
    inner: Arc<Inner>,
}

struct Inner {
    kinds: Arc<Kinds>,
    clock: Clock,
    state: Mutex<State>,
    intercepts: Mutex<Vec<Arc<dyn Intercept>>>,
    observers: Mutex<Vec<Observer>>,
    referee: OnceLock<Arc<dyn Referee>>,
    far: OnceLock<Far>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").finish_non_exhaustive()
    }
}

impl Cluster {
    /// An empty cluster, except for the namespaces that every cluster has.
    #[must_use]
    pub fn new(clock: Clock, kinds: Arc<Kinds>) -> Self {
        let state = State::new(kinds.all().len());
        let inner = Inner {
            kinds,
            clock,
            state: Mutex::new(state),
            intercepts: Mutex::default(),
            observers: Mutex::default(),
            referee: OnceLock::new(),
            far: OnceLock::new(),
        };
        let cluster = Self { inner: Arc::new(inner) };
        for name in NAMESPACES_OF_EVERY_CLUSTER {
            cluster.add_namespace(name);
        }
        cluster
    }

    /// Adds a namespace, if it is not there yet.
    pub fn add_namespace(&self, name: &str) {
        request::add_namespace(self, name);
    }

    /// A client whose requests carry `identity`. Needs a tokio runtime around it, as every `kube::Client` does.
    #[must_use]
    pub fn client(&self, identity: &str) -> kube::Client {
        kube::Client::new(serve::Door::new(self.clone(), identity), "default")
    }

    /// Adds a seam for faults. Several are asked in turn; the first that does not say [`Verdict::Proceed`] decides.
    pub fn intercept(&self, intercept: Arc<dyn Intercept>) {
        lock(&self.inner.intercepts).push(intercept);
    }

    /// Adds an observer of all stored writes from now on. It is called outside the cluster's lock and may read it
    /// (an observer that keeps a clone of the cluster keeps it alive for ever).
    pub fn observe(&self, observer: Observer) {
        lock(&self.inner.observers).push(observer);
    }

    /// Has every exchange from now on heard by a referee. The first one stays.
    pub fn referee(&self, referee: Arc<dyn Referee>) {
        let _ = self.inner.referee.set(referee);
    }

    /// Has every request from now on answered by another server. The first one stays.
    pub fn answered_by(&self, upstream: Arc<dyn Upstream>) {
        let _ = self.inner.far.set(Far::new(upstream));
    }

    /// How well what the other server tells its watches has kept up with what it stored; nothing where there is none.
    #[must_use]
    pub fn waits(&self) -> Waits {
        self.inner.far.get().map(Far::waits).unwrap_or_default()
    }

    /// Looks at everything that the other server has stored: it may have done something by itself.
    ///
    /// # Errors
    /// Where it does not answer.
    pub fn look_again(&self) -> std::io::Result<()> {
        self.inner.far.get().map_or(Ok(()), |far| upstream::look_at_all(self, far))
    }

    /// One object, without `metadata.managedFields`; `namespace` is empty for cluster-scoped kinds.
    #[must_use]
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let kind = self.inner.kinds.named(kind)?;
        let key = store::key_of(kind.namespaced.then_some(namespace), name);
        self.state().get(kind, &key).map(|stored| Arc::clone(&stored.value))
    }

    /// All objects of a kind in all namespaces, by namespace and name.
    #[must_use]
    pub fn list(&self, kind: &str) -> Vec<Arc<Value>> {
        let Some(kind) = self.inner.kinds.named(kind) else {
            return Vec::new();
        };
        self.state().objects_from(kind, "").map(|(_, stored)| Arc::clone(&stored.value)).collect()
    }

    /// Every object of the cluster, by kind (in the order of [`Kinds`]), namespace and name.
    #[must_use]
    pub fn objects(&self) -> Vec<Arc<Value>> {
        self.inner.kinds.all().iter().flat_map(|kind| self.list(&kind.kind)).collect()
    }

    /// The last resourceVersion that was given out.
    #[must_use]
    pub fn resource_version(&self) -> u64 {
        self.state().version
    }

    /// Forgets the history up to a version: older watches and continued lists get 410 Expired.
    pub fn compact(&self, resource_version: u64) {
        self.state().compact(resource_version);
    }

    /// Ends all open watches, as a restart of the API server does.
    pub fn break_watches(&self) {
        self.break_watches_of("");
    }

    /// Ends the open watches of those whose identity begins so.
    pub fn break_watches_of(&self, identity: &str) {
        self.state().watchers.values_mut().filter(|watcher| watcher.is_of(identity)).for_each(watch::Watcher::end);
        if let Some(far) = self.inner.far.get() {
            far.break_watches(identity);
        }
    }

    /// Holds back what the open and coming watches of one identity would be told: its caches fall behind.
    pub fn hold_watches(&self, identity: &str) {
        self.state().held.insert(identity.to_owned());
    }

    /// Tells those watches everything that was held back.
    pub fn release_watches(&self, identity: &str) {
        let mut state = self.state();
        state.held.remove(identity);
        state.watchers.values_mut().for_each(watch::Watcher::wake);
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.inner.state)
    }
}

/// A panic in a test must not hide behind a poisoned lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
