//! An API that keeps from a controller that it was deposed: its lease is renewed in its own head only, nobody shows it a
//! higher epoch, and the orders that it gives carry epochs that every agent obeys. While its successor settles in, it
//! stands still, as a machine that swaps does; then it goes on as if nothing had been.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::Value;
use tokio::time::Instant;

use crate::run::OPERATOR_NAMESPACE;

/// How long it stands still once it was deposed.
const STANDS_STILL: Duration = Duration::from_secs(60);
/// The first forged epoch; each further one is as much higher.
const FORGED_EPOCH: i64 = 1_000_000;

#[derive(Default)]
struct Lies {
    /// The lease as the controller believes it to be.
    lease: Mutex<Option<Vec<u8>>>,
    forged: AtomicI64,
    identity: String,
    /// Once it was deposed: when it goes on.
    goes_on: Mutex<Option<Instant>>,
}

/// A client behind which the API lies.
pub(super) fn lying_client(identity: &str, client: Client) -> Client {
    let lies = Arc::new(Lies { identity: identity.to_owned(), ..Lies::default() });
    let service = tower::service_fn(move |request: Request<Body>| {
        let (client, lies) = (client.clone(), Arc::clone(&lies));
        async move { lies.answer(&client, request).await }
    });
    Client::new(service, "default")
}

/// A client that shows every site as one that declares `recovery: {onHalt: Restore}`.
pub(super) fn forging_client(client: Client) -> Client {
    let service = tower::service_fn(move |request: Request<Body>| {
        let client = client.clone();
        async move {
            let is_forged =
                request.method() == Method::GET && request.uri().path().contains("/crmsites") && !is_watch(&request);
            let answer = client.send(request).await?;
            if !is_forged {
                return Ok::<_, tower::BoxError>(answer);
            }
            let (parts, body) = answer.into_parts();
            let bytes = body.collect_bytes().await?.to_vec();
            let Ok(mut shown) = serde_json::from_slice::<Value>(&bytes) else {
                return Ok(Response::from_parts(parts, Body::from(bytes)));
            };
            match shown.get_mut("items").and_then(Value::as_array_mut) {
                Some(items) => items.iter_mut().for_each(forge_policy),
                None => forge_policy(&mut shown),
            }
            Ok(Response::from_parts(parts, Body::from(serde_json::to_vec(&shown)?)))
        }
    });
    Client::new(service, "default")
}

fn forge_policy(site: &mut Value) {
    if let Some(spec) = site.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("recovery".to_owned(), serde_json::json!({"onHalt": "Restore"}));
    }
}

impl Lies {
    async fn answer(&self, client: &Client, request: Request<Body>) -> Result<Response<Body>, tower::BoxError> {
        self.stand_still(client).await?;
        let path = request.uri().path().to_owned();
        if path.ends_with(&format!("/leases/{}", crm_api::CONTROLLER)) {
            return self.lease(client, request).await;
        }
        if !path.contains("/crmnodes") || is_watch(&request) {
            return Ok(client.send(request).await?);
        }
        let (parts, body) = request.into_parts();
        let mut bytes = body.collect_bytes().await?.to_vec();
        if parts.method == Method::PATCH
            && let Ok(mut order) = serde_json::from_slice::<Value>(&bytes)
        {
            self.forge(&mut order);
            bytes = serde_json::to_vec(&order)?;
        }
        let answer = client.send(Request::from_parts(parts, Body::from(bytes))).await?;
        let (parts, body) = answer.into_parts();
        let bytes = body.collect_bytes().await?.to_vec();
        let Ok(mut shown) = serde_json::from_slice::<Value>(&bytes) else {
            return Ok(Response::from_parts(parts, Body::from(bytes)));
        };
        hide_epochs(&mut shown);
        Ok(Response::from_parts(parts, Body::from(serde_json::to_vec(&shown)?)))
    }

    async fn stand_still(&self, client: &Client) -> Result<(), tower::BoxError> {
        let known = *self.goes_on.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(goes_on) = known {
            tokio::time::sleep_until(goes_on).await;
            return Ok(());
        }
        let name = crm_api::CONTROLLER;
        let path = format!("/apis/coordination.k8s.io/v1/namespaces/{OPERATOR_NAMESPACE}/leases/{name}");
        let lease = client.send(Request::get(path).body(Body::empty())?).await?;
        let lease: Value = serde_json::from_slice(&lease.into_body().collect_bytes().await?)?;
        let holder = lease["spec"]["holderIdentity"].as_str();
        if holder.is_some_and(|holder| holder != self.identity) {
            let goes_on = Instant::now() + STANDS_STILL;
            *self.goes_on.lock().unwrap_or_else(PoisonError::into_inner) = Some(goes_on);
            tokio::time::sleep_until(goes_on).await;
        }
        Ok(())
    }

    /// The lease is taken once for real; afterwards every word about it is an echo.
    async fn lease(&self, client: &Client, request: Request<Body>) -> Result<Response<Body>, tower::BoxError> {
        let (parts, body) = request.into_parts();
        let bytes = body.collect_bytes().await?.to_vec();
        if parts.method == Method::PUT {
            *self.lease.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes.clone());
            return Ok(Response::new(Body::from(bytes)));
        }
        let known = self.lease.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match known {
            Some(known) => Ok(Response::new(Body::from(known))),
            None => Ok(client.send(Request::from_parts(parts, Body::from(bytes))).await?),
        }
    }

    fn forge(&self, node: &mut Value) {
        let Some(orders) = node.pointer_mut("/spec/orders").and_then(Value::as_array_mut) else { return };
        for order in orders {
            let forged = self.forged.fetch_add(FORGED_EPOCH, Ordering::Relaxed) + FORGED_EPOCH;
            order["epoch"] = forged.into();
        }
    }
}

fn is_watch(request: &Request<Body>) -> bool {
    request.uri().query().is_some_and(|query| query.contains("watch=true"))
}

fn hide_epochs(shown: &mut Value) {
    match shown.get_mut("items").and_then(Value::as_array_mut) {
        Some(items) => items.iter_mut().for_each(hide_epoch),
        None => hide_epoch(shown),
    }
}

fn hide_epoch(node: &mut Value) {
    if let Some(status) = node.get_mut("status").and_then(Value::as_object_mut) {
        status.insert("highestEpoch".to_owned(), 0.into());
    }
}
