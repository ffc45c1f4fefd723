//! Who leads, under which epoch, and when another one takes over.

use super::*;

/// An empty cluster with one Lease, and watches that stay silent.
fn empty_cluster(lease: Arc<Mutex<Option<Value>>>) -> (Client, Requests) {
    server(move |line, body| {
        if line.contains("watch=true") {
            return None;
        }
        if !line.contains("/leases") {
            return Some((
                200,
                json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": []}),
            ));
        }
        let mut lease = lease.lock().unwrap();
        let stored = lease.as_ref().map(|lease| lease["metadata"]["resourceVersion"].clone());
        if line.starts_with("GET") {
            return Some(lease.clone().map_or(refusal(404, "NotFound"), |lease| (200, lease)));
        }
        if line.starts_with("PUT") && stored.as_ref() != Some(&body["metadata"]["resourceVersion"]) {
            return Some(refusal(409, "Conflict"));
        }
        if line.starts_with("POST") && stored.is_some() {
            return Some(refusal(409, "AlreadyExists"));
        }
        let mut new = body.clone();
        let version = stored.and_then(|stored| stored.as_str()?.parse::<u64>().ok()).unwrap_or(0);
        new["metadata"]["resourceVersion"] = json!((version + 1).to_string());
        *lease = Some(new.clone());
        Some((200, new))
    })
}

fn controller(identity: &str, client: &Client) -> Controller {
    Controller::new(
        Config::new(identity, "crm-operator"),
        client.clone(),
        Arc::new(NoDatabase),
        Arc::new(NoReceiver),
        Arc::new(Start),
    )
}

fn epoch(lease: &Mutex<Option<Value>>) -> String {
    let lease = lease.lock().unwrap();
    let text = lease.as_ref().map(|lease| lease["metadata"]["annotations"]["crm-operator.io/epoch"].clone());
    text.and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn every_life_of_a_controller_leads_under_an_epoch_of_its_own() {
    let lease = Arc::new(Mutex::new(None));
    let (client, requests) = empty_cluster(Arc::clone(&lease));
    for life in ["1", "2", "3"] {
        let run = controller("a", &client).run();
        assert!(tokio::time::timeout(Duration::from_secs(60), run).await.is_err());
        assert_eq!(epoch(&lease), life);
    }
    let before = requests.lock().unwrap().len();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(requests.lock().unwrap().len(), before, "a dropped controller sends nothing more");
}

#[tokio::test(start_paused = true)]
async fn a_second_controller_takes_over_only_after_the_first_was_silent_for_long_enough() {
    let lease = Arc::new(Mutex::new(None));
    let (client, _requests) = empty_cluster(Arc::clone(&lease));
    let first = tokio::time::timeout(Duration::from_secs(60), controller("a", &client).run());
    let second = tokio::time::timeout(Duration::from_secs(70), controller("b", &client).run());
    let holder = |lease: &Mutex<Option<Value>>| {
        lease.lock().unwrap().as_ref().map(|lease| lease["spec"]["holderIdentity"].clone())
    };
    let look = async {
        tokio::time::sleep(Duration::from_secs(69)).await;
        assert_eq!(holder(&lease), Some(json!("a")));
        assert_eq!(epoch(&lease), "1");
    };
    let _ = tokio::join!(biased; first, second, look);
    let third = tokio::time::timeout(Duration::from_secs(30), controller("b", &client).run());
    assert!(third.await.is_err());
    assert_eq!(holder(&lease), Some(json!("b")));
    assert_eq!(epoch(&lease), "2");
}
