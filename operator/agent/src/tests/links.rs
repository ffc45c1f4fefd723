//! How soon an agent comes back to its API server.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crm_api::pace::Pace;
use kube::Client;
use kube::client::Body;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::link::Link;

/// Seconds between the watches that are asked for within this time; the server refuses each at once, or never answers.
async fn pauses(answers: bool, within: Duration) -> Vec<u64> {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let service = tower::service_fn(move |_: http::Request<Body>| {
        log.lock().unwrap().push(Instant::now());
        async move {
            if !answers {
                std::future::pending::<()>().await;
            }
            let body =
                serde_json::json!({"kind": "Status", "status": "Failure", "code": 500, "reason": "x", "message": "x"});
            let body = Body::from(serde_json::to_vec(&body).unwrap());
            Ok::<_, Infallible>(http::Response::builder().status(500).body(body).unwrap())
        }
    });
    let link = Link::new(Client::new(service, "crm"), "crm", "web1");
    let (spec, _) = watch::channel(None);
    let following = tokio::time::timeout(within, async { link.follow(&spec, &Pace::default()).await });
    assert!(following.await.is_err());
    let asked = asked.lock().unwrap().clone();
    asked.windows(2).map(|pair| pair[1].duration_since(pair[0]).as_secs()).collect()
}

#[tokio::test(start_paused = true)]
async fn who_is_refused_comes_back_more_and_more_slowly() {
    assert_eq!(pauses(true, Duration::from_secs(100)).await, [5, 10, 20, 30, 30]);
}

/// A wait of 30 seconds for the answer, and one of five before it is asked again.
#[tokio::test(start_paused = true)]
async fn what_lasted_for_long_before_it_broke_counts_as_the_first_failure() {
    assert_eq!(pauses(false, Duration::from_secs(150)).await, [35, 35, 35, 35]);
}
