//! The door of the API: the `tower::Service` that stands behind a `kube::Client`, and the way of one request through it.

use std::future::{Future, pending};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body::Frame;
use kube::client::Body;
use tower::{BoxError, Service};

use super::intercept::{Answered, Asked, Call, Intercept, Verdict};
use super::refusal::Refusal;
use super::request::{Outcome, Turn};
use super::upstream::{self, StreamBody};
use super::watch::WatchBody;
use super::{Cluster, lock, review, route};

/// The service behind one client.
#[derive(Debug)]
pub(crate) struct Door {
    cluster: Cluster,
    identity: Arc<str>,
}

impl Door {
    pub(crate) fn new(cluster: Cluster, identity: &str) -> Self {
        Self { cluster, identity: identity.into() }
    }
}

impl Service<Request<Body>> for Door {
    type Response = Response<AnswerBody>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(serve(self.cluster.clone(), Arc::clone(&self.identity), request))
    }
}

async fn serve(cluster: Cluster, identity: Arc<str>, request: Request<Body>) -> Result<Response<AnswerBody>, BoxError> {
    let (parts, body) = request.into_parts();
    let body = body.collect_bytes().await?;
    answer(&cluster, &identity, &parts, &body).await
}

/// Answers one request of `identity` that has been read to its end.
pub(super) async fn answer(
    cluster: &Cluster,
    identity: &Arc<str>,
    parts: &Parts,
    body: &[u8],
) -> Result<Response<AnswerBody>, BoxError> {
    if parts.method == http::Method::POST
        && cluster.inner.far.get().is_none()
        && let Some(review) = review::answer(parts.uri.path(), identity, body)
    {
        return respond(201, AnswerBody::whole(review));
    }
    let request = match route::read(&cluster.inner.kinds, parts, body) {
        Ok(request) => request,
        Err(refusal) => {
            let answer = AnswerBody::whole(refusal.to_json());
            refereed(cluster, identity, parts, body, refusal.code(), &answer);
            return respond(refusal.code(), answer);
        }
    };
    let call = Call {
        identity: Arc::clone(identity),
        verb: request.verb,
        kind: Arc::clone(&request.kind.kind),
        namespace: request.namespace.clone().unwrap_or_default(),
        name: request.name.clone().unwrap_or_default(),
        subresource: request.subresource.clone(),
        is_write: request.verb.is_write(),
        body: request.body.clone(),
    };
    if let Some(answer) = stopped(judge(cluster, |intercept| intercept.before(&call))).await {
        return answer;
    }
    let (code, answer) = match cluster.inner.far.get() {
        None => by_the_model(cluster, identity, parts, body, &request),
        Some(far) => upstream::forward(cluster, far, &as_sent(identity, parts, body), &request)?,
    };
    if let Some(answer) = stopped(judge(cluster, |intercept| intercept.after(&call, code))).await {
        return answer;
    }
    respond(code, answer)
}

fn by_the_model(
    cluster: &Cluster,
    identity: &Arc<str>,
    parts: &Parts,
    body: &[u8],
    request: &route::Request,
) -> (u16, AnswerBody) {
    let (code, answer) = match Turn::run(cluster, identity, request) {
        Ok(Outcome::Object(code, stored)) => (code, AnswerBody::whole(stored.json().clone())),
        Ok(Outcome::Json(json)) => (200, AnswerBody::whole(json)),
        Ok(Outcome::Watch(id)) => (200, AnswerBody::Watch(WatchBody::new(cluster.clone(), id, request))),
        Err(refusal) => (refusal.code(), AnswerBody::whole(refusal.to_json())),
    };
    refereed(cluster, identity, parts, body, code, &answer);
    (code, answer)
}

fn as_sent(identity: &Arc<str>, parts: &Parts, body: &[u8]) -> Asked {
    Asked { identity: Arc::clone(identity), parts: parts.clone(), body: Bytes::copy_from_slice(body) }
}

fn refereed(cluster: &Cluster, identity: &Arc<str>, parts: &Parts, body: &[u8], code: u16, answer: &AnswerBody) {
    let Some(referee) = cluster.inner.referee.get() else { return };
    let answered = match answer {
        AnswerBody::Whole(bytes) => Answered::Whole(code, bytes.as_deref().unwrap_or_default()),
        AnswerBody::Watch(watch) => Answered::Watch(watch.id()),
        AnswerBody::Stream(_) => return,
    };
    referee.answered(&as_sent(identity, parts, body), answered);
}

fn judge(cluster: &Cluster, ask: impl Fn(&dyn Intercept) -> Verdict) -> Verdict {
    let intercepts = lock(&cluster.inner.intercepts).clone();
    let verdicts = intercepts.iter().map(|intercept| ask(&**intercept));
    verdicts.into_iter().find(|verdict| *verdict != Verdict::Proceed).unwrap_or(Verdict::Proceed)
}

/// The answer of a request that does not go on.
async fn stopped(verdict: Verdict) -> Option<Result<Response<AnswerBody>, BoxError>> {
    match verdict {
        Verdict::Proceed => None,
        Verdict::Hang => pending().await,
        Verdict::LoseAnswer => {
            let error = io::Error::new(io::ErrorKind::ConnectionReset, "connection reset by peer");
            Some(Err(error.into()))
        }
        Verdict::Fail { code, reason, message } => {
            let refusal = Refusal::plain(code, &reason, &message);
            Some(respond(code, AnswerBody::whole(refusal.to_json())))
        }
    }
}

fn respond(code: u16, body: AnswerBody) -> Result<Response<AnswerBody>, BoxError> {
    let response = Response::builder().status(code).header(http::header::CONTENT_TYPE, "application/json");
    Ok(response.body(body)?)
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum AnswerBody {
    Whole(Option<Bytes>),
    Watch(WatchBody),
    /// A watch of the other server.
    Stream(StreamBody),
}

impl AnswerBody {
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes))
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Watch(watch) => watch.poll_line(context),
            Self::Stream(stream) => stream.poll_line(context),
        }
    }
}
