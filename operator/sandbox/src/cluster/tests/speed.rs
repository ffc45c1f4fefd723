//! How long a run's requests take inside the cluster, without the client in front of it. The bound is far above the
//! usual time (about 20 microseconds a request), so that only a change of order is noticed.

use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::{Value, json};
use tower::Service as _;

use super::super::serve::Door;
use super::world;

/// About what one simulated run asks for.
const REQUESTS: u32 = 3_000;

fn request(method: &str, path: &str, body: Option<Value>) -> http::Request<Body> {
    let request = http::Request::builder()
        .method(method)
        .uri(format!("/apis/example.org/v1/namespaces/crm/gadgets{path}"))
        .header("content-type", "application/apply-patch+yaml");
    let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
    request.body(Body::from(body)).unwrap()
}

fn gadget(name: &str, key: &str, part: Value) -> Option<Value> {
    let mut gadget = json!({"apiVersion": "example.org/v1", "kind": "Gadget", "metadata": {"name": name}});
    gadget[key] = part;
    Some(gadget)
}

#[tokio::test]
async fn three_thousand_requests_take_a_moment() {
    let world = world();
    let mut requests = Vec::new();
    for round in 0..REQUESTS / 6 {
        let name = format!("g{}", round % 10);
        let parts = json!([{"name": "x", "note": "some text"}, {"name": "y"}, {"name": "z"}]);
        let spec = json!({"size": 1 + round % 40, "limit": 50, "owner": "me", "parts": parts});
        let spec = gadget(&name, "spec", spec);
        requests.push(request("PATCH", &format!("/{name}?fieldManager=ann"), spec));
        requests.push(request("GET", &format!("/{name}"), None));
        requests.push(request("GET", "", None));
        requests.push(request("GET", &format!("/{name}"), None));
        for seen in [round, round + 1] {
            let status = gadget(&name, "status", json!({"phase": "Good", "seen": seen}));
            requests.push(request("PATCH", &format!("/{name}/status?fieldManager=agent"), status));
        }
    }
    let mut door = Door::new(world.cluster.clone(), "tester");
    let begin = Instant::now();
    let mut bytes = 0;
    for request in requests {
        let answer = door.call(request).await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
        bytes += answer.into_body().collect().await.unwrap().to_bytes().len();
    }
    let elapsed = begin.elapsed();
    assert!(elapsed < Duration::from_secs(2), "{elapsed:?} for {bytes} bytes");
    if std::env::var_os("SPEED").is_some() {
        panic!("{elapsed:?} for {bytes} bytes");
    }
}
