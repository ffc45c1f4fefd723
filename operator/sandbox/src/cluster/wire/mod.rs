//! The API as it lies on the wire, for clients that are not ours: `kubectl` asks for discovery, OpenAPI and tables before
//! and beside the objects.
//!
//! - [`documents`]: version, health, discovery and OpenAPI, which are the same for every caller.
//! - [`view`]: the forms in which objects are shown: as they are, as tables, or as the older kind of Event.
//!
//! Left out: the aggregated form of discovery, OpenAPI v2, metadata without content, gzip and CBOR (clients fall
//! back to what there is), and protobuf but for what `kubectl create` sends ([`protobuf`]). Ages in tables and the header `Date` are of the simulated clock.

mod core_event;
mod discovery;
mod documents;
mod json_path;
mod openapi;
mod protobuf;
mod table;
mod view;

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, Uri, header};
use http_body::Frame;
use jiff::fmt::rfc2822::DateTimePrinter;
use tower::BoxError;

use super::refusal::Refusal;
use super::serve::{self, AnswerBody};
use super::{Cluster, review};
pub(super) use table::{Column, columns_of_definition};
use view::View;

/// Watches are ended by whoever holds the connection, in that one's own time; this is for ever.
const WATCH_SECS: &str = "timeoutSeconds=315360000";

/// The body of an answer on the wire.
#[derive(Debug)]
pub(crate) struct WireBody {
    body: AnswerBody,
    view: View,
    succeeded: bool,
}

impl WireBody {
    fn plain(body: AnswerBody) -> Self {
        Self { body, view: View::AsIs, succeeded: true }
    }

    /// Whether it goes on for as long as somebody reads it.
    pub(crate) fn is_watch(&self) -> bool {
        matches!(self.body, AnswerBody::Watch(_) | AnswerBody::Stream(_))
    }
}

impl http_body::Body for WireBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let is_watch = self.is_watch();
        let frame = Pin::new(&mut self.body).poll_frame(context);
        frame.map(|frame| {
            let data = frame?.map(|frame| frame.into_data().unwrap_or_default());
            Some(data.map(|data| {
                Frame::data(match (is_watch, self.succeeded) {
                    (true, _) => self.view.line(data),
                    (false, true) => self.view.whole(data),
                    (false, false) => data,
                })
            }))
        })
    }
}

/// Answers one request of `identity`; the header `Date` tells the simulated time.
///
/// # Errors
/// Where a fault of the run makes the connection break.
pub(crate) async fn answer(
    cluster: &Cluster,
    identity: &Arc<str>,
    parts: Parts,
    body: &Bytes,
) -> Result<Response<WireBody>, BoxError> {
    let mut response = answer_undated(cluster, identity, parts, body).await?;
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&(cluster.inner.clock)());
    if let Some(date) = date.ok().and_then(|date| HeaderValue::try_from(date).ok()) {
        response.headers_mut().insert(header::DATE, date);
    }
    Ok(response)
}

async fn answer_undated(
    cluster: &Cluster,
    identity: &Arc<str>,
    mut parts: Parts,
    body: &Bytes,
) -> Result<Response<WireBody>, BoxError> {
    if parts.method == Method::GET
        && let Some(document) = documents::at(&cluster.inner.kinds, parts.uri.path())
    {
        return Ok(whole(document.content_type, Bytes::from(document.text)));
    }
    let view = match View::read(cluster, &parts) {
        Ok(view) => view,
        Err(refusal) => return Ok(refused(&refusal)),
    };
    parts.uri = rewritten(&parts.uri, &view);
    let path = parts.uri.path();
    let (is_question, is_of_rights) = (review::is_asked_at(path), review::is_of_rights(path));
    let body = match is_protobuf(&parts).then(|| protobuf::object(body)).transpose() {
        // Whatever is asked, the answer is the same.
        Err(_) if is_question => Cow::Borrowed(&body[..]),
        Err(refusal) => return Ok(refused(&refusal)),
        Ok(Some(object)) => Cow::Owned(object.to_string().into_bytes()),
        Ok(None) => Cow::Borrowed(&body[..]),
    };
    let response = serve::answer(cluster, identity, &parts, &body).await?;
    let succeeded = response.status().is_success();
    let mut response = response.map(|body| WireBody { body, view, succeeded });
    if is_of_rights {
        let warning = HeaderValue::try_from(format!("299 - \"{}\"", review::REASON));
        warning.into_iter().for_each(|warning| drop(response.headers_mut().insert(header::WARNING, warning)));
    }
    Ok(response)
}

/// An answer that no request came through to.
pub(crate) fn refused(refusal: &Refusal) -> Response<WireBody> {
    let mut response = whole("application/json", refusal.to_json());
    *response.status_mut() = StatusCode::from_u16(refusal.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

/// Nobody who is known.
pub(crate) fn unauthorized() -> Response<WireBody> {
    refused(&Refusal::plain(401, "Unauthorized", "Unauthorized"))
}

/// A body that cannot be read.
pub(crate) fn unreadable(message: &str) -> Response<WireBody> {
    refused(&Refusal::bad_request(message))
}

/// Somebody wants to act as somebody else.
pub(crate) fn no_impersonation() -> Response<WireBody> {
    let message =
        "the sandbox lets nobody act as somebody else (--as); use a context of the kubeconfig, each has a user";
    refused(&Refusal::plain(403, "Forbidden", message))
}

fn whole(content_type: &'static str, bytes: Bytes) -> Response<WireBody> {
    let mut response = Response::new(WireBody::plain(AnswerBody::whole(bytes)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn is_protobuf(parts: &Parts) -> bool {
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|content_type| content_type.starts_with("application/vnd.kubernetes.protobuf"))
}

/// The request as the model of the API understands it.
fn rewritten(uri: &Uri, view: &View) -> Uri {
    let (path, query) = (view.path(uri.path()), uri.query().unwrap_or_default());
    let is_watch = query.split('&').any(|pair| matches!(pair, "watch=true" | "watch=1"));
    let kept = query.split('&').filter(|pair| !pair.is_empty());
    let kept = kept.filter(|pair| !is_watch || !pair.starts_with("timeoutSeconds="));
    let mut pairs: Vec<String> = kept.map(|pair| view.query_pair(pair)).collect();
    if is_watch {
        pairs.push(WATCH_SECS.to_owned());
    }
    let text = if pairs.is_empty() { path } else { format!("{path}?{}", pairs.join("&")) };
    text.parse().unwrap_or_else(|_| uri.clone())
}
