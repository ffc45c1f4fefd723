//! One request at work: what it has in hand while the cluster is locked for it.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::intercept::Verb;
use super::kinds::{Kind, Kinds, Origin};
use super::ownership::Writer;
use super::refusal::Refusal;
use super::route::Request;
use super::store::{Cause, State, Stored, key_of};
use super::{Cluster, lock, watch};

/// A request that was carried out.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// One object, with the HTTP code.
    Object(u16, Arc<Stored>),
    /// Any other JSON.
    Json(Bytes),
    /// A watch that is now open.
    Watch(u64),
}

/// One request at work.
pub(crate) struct Turn<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) kinds: &'a Kinds,
    pub(crate) identity: &'a Arc<str>,
    pub(crate) request: &'a Request,
    /// RFC 3339, in whole seconds.
    pub(crate) now: String,
}

impl<'a> Turn<'a> {
    /// Carries a request out and tells the observers what was stored.
    pub(crate) fn run(cluster: &Cluster, identity: &'a Arc<str>, request: &'a Request) -> Result<Outcome, Refusal> {
        let now = now(cluster);
        let (outcome, changes) = {
            let mut state = cluster.state();
            let mut turn = Turn { state: &mut state, kinds: &cluster.inner.kinds, identity, request, now };
            let outcome = turn.carry_out();
            (outcome, std::mem::take(&mut state.changes))
        };
        if !changes.is_empty() {
            let observers = lock(&cluster.inner.observers).clone();
            for change in &changes {
                observers.iter().for_each(|observer| observer(change));
            }
        }
        outcome
    }

    pub(crate) fn kind(&self) -> Arc<Kind> {
        Arc::clone(&self.request.kind)
    }

    pub(crate) fn name(&self) -> &'a str {
        self.request.name.as_deref().unwrap_or_default()
    }

    pub(crate) fn key(&self) -> String {
        key_of(self.request.namespace.as_deref(), self.name())
    }

    pub(crate) fn cause(&self) -> Cause<'a> {
        Cause { identity: self.identity, verb: self.request.verb, subresource: &self.request.subresource }
    }

    /// The stored object that the request names.
    pub(crate) fn find(&self) -> Result<Arc<Stored>, Refusal> {
        let found = self.state.get(&self.request.kind, &self.key()).cloned();
        found.ok_or_else(|| Refusal::not_found(&self.request.kind, self.name()))
    }

    /// Who owns what this request writes: the named field manager, or the first word of the user agent.
    pub(crate) fn writer(&self) -> Writer<'_> {
        let agent = self.request.user_agent.split('/').next().unwrap_or_default();
        let name = match (self.request.query.field_manager.as_str(), agent) {
            ("", "") => "unknown",
            ("", agent) => agent,
            (manager, _) => manager,
        };
        Writer { name, subresource: &self.request.subresource, now: &self.now }
    }

    /// The body, which must be an object of the kind of the URL. Built-in kinds may leave out apiVersion and kind, as
    /// typed clients do.
    pub(crate) fn body(&self) -> Result<Cow<'a, Value>, Refusal> {
        let Some(body) = self.request.body.as_deref().filter(|body| body.is_object()) else {
            return Err(Refusal::bad_request("the body of the request must be a JSON object"));
        };
        let kind = &self.request.kind;
        let text = |field: &str| body.get(field).and_then(Value::as_str).unwrap_or_default();
        let (api_version, name, wanted) = (text("apiVersion"), text("kind"), kind.api_version.as_str());
        if api_version == wanted && *name == *kind.kind {
            return Ok(Cow::Borrowed(body));
        }
        let message = if api_version.is_empty() && name.is_empty() && kind.origin == Origin::BuiltIn {
            let mut body = body.clone();
            body["apiVersion"] = wanted.into();
            body["kind"] = (*kind.kind).into();
            return Ok(Cow::Owned(body));
        } else if api_version.is_empty() || name.is_empty() {
            "Object 'Kind' is missing".to_owned()
        } else if api_version == wanted {
            format!("the kind in the data ({name}) does not match the expected kind ({})", kind.kind)
        } else {
            format!("the API version in the data ({api_version}) does not match the expected API version ({wanted})")
        };
        Err(Refusal::bad_request(&message))
    }

    fn carry_out(&mut self) -> Result<Outcome, Refusal> {
        match self.request.verb {
            Verb::Get => self.get(),
            Verb::List => self.list(),
            Verb::Watch => watch::open(self.state, self.identity, self.request).map(Outcome::Watch),
            Verb::Create => self.create(),
            Verb::Update => self.replace(),
            Verb::Patch => self.patch(),
            Verb::Apply => self.apply(),
            Verb::Delete => self.delete(),
            Verb::DeleteCollection => self.delete_collection(),
        }
    }
}

/// Stores a namespace without a request.
pub(crate) fn add_namespace(cluster: &Cluster, name: &str) {
    let Some(kind) = cluster.inner.kinds.named("Namespace") else {
        return;
    };
    let identity: Arc<str> = "system:apiserver".into();
    let request = Request {
        verb: Verb::Create,
        kind: Arc::clone(kind),
        namespace: None,
        name: None,
        subresource: String::new(),
        query: super::route::Query::default(),
        user_agent: String::new(),
        body: Some(Arc::new(json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
        }))),
    };
    // The only refusal is that it exists already.
    let _ = Turn::run(cluster, &identity, &request);
}

fn now(cluster: &Cluster) -> String {
    let now = (cluster.inner.clock)();
    jiff::Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}
