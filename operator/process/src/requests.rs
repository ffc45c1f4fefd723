//! Counts requests to the API server, by what they ask for and what came of them.

use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::{Method, Request, Response};
use tower::{Layer, Service};

/// Is told of each request that has an answer, or has none.
pub trait Counter: Send + Sync {
    /// What was asked (`get`, `list`, `watch`, `create`, `update`, `patch`, `delete`) and the status, `none` without one.
    fn count(&self, verb: &'static str, code: &str);
}

/// The layer around a client.
#[derive(Clone)]
pub struct Counted(Arc<dyn Counter>);

impl Counted {
    /// A layer that tells this counter.
    #[must_use]
    pub fn by(counter: Arc<dyn Counter>) -> Self {
        Self(counter)
    }
}

impl<S> Layer<S> for Counted {
    type Service = Counting<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Counting { inner, counter: Arc::clone(&self.0) }
    }
}

/// A client that counts.
#[derive(Clone)]
pub struct Counting<S> {
    inner: S,
    counter: Arc<dyn Counter>,
}

impl<S, B, R> Service<Request<B>> for Counting<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let verb = verb(request.method(), request.uri());
        let counter = Arc::clone(&self.counter);
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            match &answer {
                Ok(response) => counter.count(verb, response.status().as_str()),
                Err(_) => counter.count(verb, "none"),
            }
            answer
        })
    }
}

/// What a request asks for, in the words of Kubernetes' own rights.
fn verb(method: &Method, uri: &http::Uri) -> &'static str {
    let query = uri.query().unwrap_or_default();
    match *method {
        Method::GET if query.split('&').any(|part| part == "watch=true" || part == "watch=1") => "watch",
        Method::GET if is_collection(uri.path()) => "list",
        Method::GET => "get",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "other",
    }
}

/// Whether a path names a kind and no object of it.
fn is_collection(path: &str) -> bool {
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let head = match parts.first() {
        Some(&"api") => 2,
        Some(&"apis") => 3,
        _ => return false,
    };
    if parts.len() <= head {
        return false;
    }
    parts.drain(..head);
    if parts.first() == Some(&"namespaces") && parts.len() > 2 {
        parts.drain(..2);
    }
    parts.len() == 1
}

#[cfg(test)]
mod tests {
    use super::verb;
    use http::Method;

    #[test]
    fn requests_are_told_apart_as_rights_are() {
        let sites = "/apis/crm-operator.io/v1alpha1/namespaces/crm/crmsites";
        for (method, path, expected) in [
            (Method::GET, sites.to_owned(), "list"),
            (Method::GET, format!("{sites}?limit=200"), "list"),
            (Method::GET, format!("{sites}?watch=true&timeoutSeconds=290"), "watch"),
            (Method::GET, format!("{sites}/contoso"), "get"),
            (Method::PATCH, format!("{sites}/contoso/status"), "patch"),
            (Method::GET, "/apis/crm-operator.io/v1alpha1/crmsites".to_owned(), "list"),
            (Method::GET, "/apis/crm-operator.io/v1alpha1".to_owned(), "get"),
            (Method::GET, "/version".to_owned(), "get"),
            (Method::GET, "/api/v1/namespaces/crm".to_owned(), "get"),
            (Method::GET, "/api/v1/namespaces/crm/secrets/sql".to_owned(), "get"),
            (Method::POST, "/apis/events.k8s.io/v1/namespaces/crm/events".to_owned(), "create"),
            (Method::PUT, "/apis/coordination.k8s.io/v1/namespaces/crm/leases/l".to_owned(), "update"),
        ] {
            assert_eq!(verb(&method, &path.parse().unwrap()), expected, "{method} {path}");
        }
    }
}
