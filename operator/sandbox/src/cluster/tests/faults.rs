//! The seams: faults before and after a request, and observers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kube::api::PostParams;
use serde_json::json;

use super::super::{Call, Intercept, Verdict};
use super::{apply, gadget, merge, refusal, world};

/// Says its verdict once a write of this verb comes by.
struct Fault {
    verb: &'static str,
    before: Verdict,
    after: Verdict,
    seen: Mutex<Vec<String>>,
}

impl Fault {
    fn new(verb: &'static str, before: Verdict, after: Verdict) -> Arc<Self> {
        Arc::new(Self { verb, before, after, seen: Mutex::default() })
    }
}

impl Intercept for Fault {
    fn before(&self, call: &Call) -> Verdict {
        let body = call.body.as_ref().map(|body| body["spec"].to_string()).unwrap_or_default();
        let line = format!("{} {} {} {}/{} {body}", call.identity, call.verb, call.kind, call.namespace, call.name);
        self.seen.lock().unwrap().push(line);
        if call.verb.as_str() == self.verb { self.before.clone() } else { Verdict::Proceed }
    }

    fn after(&self, call: &Call, status: u16) -> Verdict {
        self.seen.lock().unwrap().push(status.to_string());
        if call.verb.as_str() == self.verb { self.after.clone() } else { Verdict::Proceed }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_can_hang_before_or_after_its_effect() {
    for (before, after, happened) in [(Verdict::Hang, Verdict::Proceed, false), (Verdict::Proceed, Verdict::Hang, true)]
    {
        let world = world();
        world.cluster.intercept(Fault::new("create", before, after));
        let request = world.create("a", json!({"size": 1}));
        assert!(tokio::time::timeout(Duration::from_secs(3_600), request).await.is_err());
        assert_eq!(world.cluster.get("Gadget", "crm", "a").is_some(), happened);
    }
}

#[tokio::test]
async fn an_answer_can_be_lost_before_or_after_the_effect() {
    for (before, after, happened) in
        [(Verdict::LoseAnswer, Verdict::Proceed, false), (Verdict::Proceed, Verdict::LoseAnswer, true)]
    {
        let world = world();
        world.cluster.intercept(Fault::new("create", before, after));
        let result = world.create("a", json!({"size": 1})).await;
        assert!(matches!(result, Err(kube::Error::Service(_))), "{result:?}");
        assert_eq!(world.cluster.get("Gadget", "crm", "a").is_some(), happened);
        assert!(world.gadgets().list(&Default::default()).await.is_ok());
    }
}

#[tokio::test]
async fn a_request_can_be_refused_and_is_seen_with_its_caller() {
    let world = world();
    let fail = Verdict::Fail { code: 429, reason: "TooManyRequests".to_owned(), message: "slow down".to_owned() };
    let fault = Fault::new("apply", fail, Verdict::Proceed);
    world.cluster.intercept(fault.clone());
    let refused = refusal(apply(&world.gadgets_as("ann"), "m", "a", json!({"spec": {"size": 1}})).await);
    assert_eq!(
        (refused.code, refused.reason.as_str(), refused.message.as_str()),
        (429, "TooManyRequests", "slow down")
    );
    assert!(world.gadgets_as("bob").get("a").await.is_err());
    assert_eq!(*fault.seen.lock().unwrap(), ["ann apply Gadget crm/a {\"size\":1}", "bob get Gadget crm/a ", "404"]);
}

#[tokio::test]
async fn observers_hear_of_each_stored_write() {
    let world = world();
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let (lines, cluster) = (Arc::clone(&told), world.cluster.clone());
    world.cluster.observe(Arc::new(move |change| {
        let size = |value: &Option<Arc<serde_json::Value>>| {
            value.as_ref().map_or("none".to_owned(), |value| value["spec"]["size"].to_string())
        };
        let stored = cluster.list("Gadget").len();
        let line = format!(
            "{} {} {} {} -> {}, {stored} stored",
            change.identity,
            change.verb,
            change.kind,
            size(&change.old),
            size(&change.new)
        );
        lines.lock().unwrap().push(line);
    }));
    let api = world.gadgets_as("ann");
    api.create(&PostParams::default(), &gadget("a", json!({"size": 1}))).await.unwrap();
    merge(&api, "a", json!({"spec": {"size": 1}})).await.unwrap();
    merge(&api, "a", json!({"spec": {"size": 2}})).await.unwrap();
    api.delete("a", &Default::default()).await.unwrap();
    let expected = [
        "ann create Gadget none -> 1, 1 stored",
        "ann patch Gadget 1 -> 2, 1 stored",
        "ann delete Gadget 2 -> none, 0 stored",
    ];
    assert_eq!(*told.lock().unwrap(), expected);
}
