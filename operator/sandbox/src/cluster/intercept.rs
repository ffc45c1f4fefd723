//! The seams of the simulated world: faults before and after each request, observers of each stored write, and a referee
//! who compares each answer with that of another server.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// One object.
    Get,
    /// Objects of one kind.
    List,
    /// A stream of changes.
    Watch,
    /// A new object.
    Create,
    /// A whole object in place of the stored one.
    Update,
    /// A merge patch.
    Patch,
    /// A server-side apply.
    Apply,
    /// Removal of one object.
    Delete,
    /// Removal of all objects that a selector fits.
    DeleteCollection,
}

impl Verb {
    /// The verb in lower case, as audit logs name it, except that `apply` is told apart from `patch`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Apply => "apply",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        }
    }

    /// Whether such a request can change anything.
    #[must_use]
    pub fn is_write(self) -> bool {
        match self {
            Self::Get | Self::List | Self::Watch => false,
            Self::Create | Self::Update | Self::Patch | Self::Apply | Self::Delete | Self::DeleteCollection => true,
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One request, as the seams see it.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who asks: the name given to [`super::Cluster::client`].
    pub identity: Arc<str>,
    /// What is asked.
    pub verb: Verb,
    /// Kind of the object.
    pub kind: Arc<str>,
    /// Namespace of the request; empty for cluster-scoped kinds and for requests across namespaces.
    pub namespace: String,
    /// Name in the URL; empty for lists, watches and creates.
    pub name: String,
    /// `status`, or empty.
    pub subresource: String,
    /// Whether the request can change anything.
    pub is_write: bool,
    /// The body of a write, as sent.
    pub body: Option<Arc<Value>>,
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Proceed,
    /// Its future never resolves; for a caller that is being killed.
    Hang,
    /// The caller sees a broken connection. Before the request: nothing has happened; after it: it has.
    LoseAnswer,
    /// The caller gets this refusal. After a request it hides an effect that has happened, as a proxy's 504 would.
    Fail {
        /// HTTP status code.
        code: u16,
        /// `reason` of the `Status`, as `TooManyRequests`.
        reason: String,
        /// Its message.
        message: String,
    },
}

/// A seam for faults, crashes and admission.
pub trait Intercept: Send + Sync {
    /// Called before the request has any effect.
    fn before(&self, call: &Call) -> Verdict;
    /// Called when the request has had its effect, with the HTTP status that its answer will have.
    fn after(&self, call: &Call, status: u16) -> Verdict;
}

/// One stored write. Both versions are without `metadata.managedFields`.
#[derive(Clone, Debug)]
pub struct Change {
    /// Who wrote; the garbage collector has a name of its own.
    pub identity: Arc<str>,
    /// The verb that led to it.
    pub verb: Verb,
    /// Kind of the object.
    pub kind: Arc<str>,
    /// `status`, or empty.
    pub subresource: String,
    /// The version before; none for a new object.
    pub old: Option<Arc<Value>>,
    /// The version after; none for a removed object.
    pub new: Option<Arc<Value>>,
}

/// A function that is told of each stored write, in order, before the writer gets its answer.
pub type Observer = Arc<dyn Fn(&Change) + Send + Sync>;

/// What a client sent, as it was sent.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Who asks: the name given to [`super::Cluster::client`].
    pub identity: Arc<str>,
    /// Method, URI and headers.
    pub parts: http::request::Parts,
    /// The body.
    pub body: Bytes,
}

/// What the model answered.
#[derive(Clone, Copy, Debug)]
pub enum Answered<'a> {
    /// A whole answer: the HTTP status and the JSON of the body.
    Whole(u16, &'a [u8]),
    /// A watch was opened; its lines come under this number.
    Watch(u64),
}

/// Somebody who holds the model to account: hears every exchange, in order, before the client gets its answer, and may
/// ask another server the same.
pub trait Referee: Send + Sync {
    /// A request was carried out or refused. Requests that a fault keeps from the server are not heard of.
    fn answered(&self, asked: &Asked, answer: Answered<'_>);
    /// A client has read one line of a watch.
    fn told(&self, watch: u64, line: &[u8]);
    /// Nobody reads a watch any more.
    fn closed(&self, watch: u64);
}
