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
    let second = tokio::time::timeout(Duration::from_secs(67), controller("b", &client).run());
    let holder = |lease: &Mutex<Option<Value>>| {
        lease.lock().unwrap().as_ref().map(|lease| lease["spec"]["holderIdentity"].clone())
    };
    let look = async {
        tokio::time::sleep(Duration::from_secs(66)).await;
        assert_eq!(holder(&lease), Some(json!("a")));
        assert_eq!(epoch(&lease), "1");
    };
    let _ = tokio::join!(biased; first, second, look);
    let third = tokio::time::timeout(Duration::from_secs(30), controller("b", &client).run());
    assert!(third.await.is_err());
    assert_eq!(holder(&lease), Some(json!("b")));
    assert_eq!(epoch(&lease), "2");
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_is_told_to_end_gives_the_lease_back_and_the_next_one_leads_at_once() {
    let lease = Arc::new(Mutex::new(None));
    let (client, requests) = empty_cluster(Arc::clone(&lease));
    let field = |name: &str| lease.lock().unwrap().as_ref().map(|lease| lease["spec"][name].clone());
    let ended = controller("a", &client).run_until(tokio::time::sleep(Duration::from_secs(60)));
    assert!(tokio::time::timeout(Duration::from_secs(61), ended).await.is_ok(), "it ends within a second");
    assert_eq!(field("holderIdentity"), Some(Value::Null), "nobody holds it");
    assert_eq!(epoch(&lease), "1", "its epoch stays for the next one to go on from");
    let sent = requests.lock().unwrap().len();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(requests.lock().unwrap().len(), sent, "nothing of it lives on");

    let next = controller("b", &client).run();
    assert!(tokio::time::timeout(Duration::from_secs(1), next).await.is_err());
    assert_eq!(field("holderIdentity"), Some(json!("b")), "it does not wait for the end of the term");
    assert_eq!(epoch(&lease), "2");
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_is_told_to_end_leaves_the_lease_alone() {
    let lease = Arc::new(Mutex::new(None));
    let (client, requests) = empty_cluster(Arc::clone(&lease));
    let leader = tokio::spawn(controller("a", &client).run());
    tokio::time::sleep(Duration::from_secs(5)).await;
    controller("b", &client).run_until(tokio::time::sleep(Duration::from_secs(30))).await;
    let holder = lease.lock().unwrap().as_ref().map(|lease| lease["spec"]["holderIdentity"].clone());
    assert_eq!(holder, Some(json!("a")));
    let by_b = requests.lock().unwrap().iter().any(|(_, body)| body["spec"]["holderIdentity"] == json!("b"));
    assert!(!by_b);
    leader.abort();
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_somebody_has_taken_meanwhile_is_not_given_back() {
    let lease = Arc::new(Mutex::new(None));
    let (client, _requests) = empty_cluster(Arc::clone(&lease));
    let stolen = Arc::clone(&lease);
    let stop = async move {
        tokio::time::sleep(Duration::from_secs(61)).await;
        let mut lease = stolen.lock().unwrap();
        let lease: &mut Value = lease.as_mut().unwrap();
        lease["spec"]["holderIdentity"] = json!("thief");
        lease["metadata"]["resourceVersion"] = json!("1000");
    };
    controller("a", &client).run_until(stop).await;
    let holder = lease.lock().unwrap().as_ref().map(|lease| lease["spec"]["holderIdentity"].clone());
    assert_eq!(holder, Some(json!("thief")));
}

/// Writes down what the loop shows.
#[derive(Default)]
struct Diary(Mutex<Vec<String>>);

impl Watcher for Diary {
    fn saw(&self, sign: Sign<'_>) {
        self.0.lock().unwrap().push(format!("{sign:?}"));
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_looks_after_the_process_sees_leadership_watches_and_its_end() {
    let lease = Arc::new(Mutex::new(None));
    let (client, _requests) = empty_cluster(Arc::clone(&lease));
    let diary = Arc::new(Diary::default());
    let watched = controller("a", &client).watched_by(diary.clone());
    watched.run_until(tokio::time::sleep(Duration::from_secs(10))).await;
    let seen = diary.0.lock().unwrap().clone();
    assert_eq!(seen.first().map(String::as_str), Some("Leading { epoch: 1 }"));
    assert_eq!(seen.last().map(String::as_str), Some("Deposed"));
    assert!(seen.iter().filter(|sign| sign.starts_with("Leading")).count() >= 4, "each renewal: {seen:?}");
}

#[tokio::test(start_paused = true)]
async fn nobody_leads_under_an_epoch_that_is_not_higher_than_all_others() {
    let (client, requests) = server(|line, _| {
        if line.contains("watch=true") {
            return None;
        }
        if line.contains("/leases") {
            return Some(refusal(404, "NotFound"));
        }
        let node = json!({
            "apiVersion": "crm-operator.io/v1alpha1", "kind": "CrmNode", "metadata": {"name": "web1", "namespace": "crm"},
            "spec": {}, "status": {"highestEpoch": i64::MAX},
        });
        Some((200, json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": [node]})))
    });
    assert!(tokio::time::timeout(Duration::from_secs(60), controller("a", &client).run()).await.is_err());
    let lines = lines(&requests);
    assert!(lines.iter().any(|line| line.contains("/crmnodes")), "{lines:?}");
    assert!(lines.iter().all(|line| line.starts_with("GET ")), "{lines:?}");
}
