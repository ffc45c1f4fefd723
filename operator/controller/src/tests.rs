//! The controller against a scripted API server: what is sent, in which order, and what is not.

mod leadership;
mod looks;
mod notices;

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crm_api::change::CrmChangeStatus;
use crm_api::clock::Clock;
use crm_api::node::CrmNodeSpec;
use crm_api::pace::Pace;
use crm_api::site::CrmSiteStatus;
use crm_api::{CrmChange, CrmNode, CrmSite};
use crm_database::{Connect, Credentials, DatabaseError, SqlServer, Target};
use crm_plan::snapshot::NodeView;
use crm_plan::{Announcement, Intent, Snapshot};
use futures::future::BoxFuture;
use jiff::Timestamp;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

use crate::apply::{Applied, ApplyError, apply};
use crate::connection::{Open as _, SiteDatabase};
use crate::context::Context;
use crate::leadership::Term;
use crate::queue::SiteKey;
use crate::signs::{Sign, Signs, Watcher};
use crate::webhook::{Address, Post, PostError};
use crate::{Config, Controller};

/// Every request that came: `METHOD /path` and the body.
type Requests = Arc<Mutex<Vec<(String, Value)>>>;

/// An API server that answers each request by a function of method, path and body: `None` never answers.
fn server(answer: impl Fn(&str, &Value) -> Option<(u16, Value)> + Send + Sync + 'static) -> (Client, Requests) {
    let requests = Requests::default();
    let log = Arc::clone(&requests);
    let answer = Arc::new(answer);
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
        async move {
            let line = format!("{} {}", request.method(), request.uri());
            let bytes = request.into_body().collect_bytes().await.unwrap();
            let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
            let answered = answer(&line, &body);
            log.lock().unwrap().push((line, body));
            let Some((status, body)) = answered else { return std::future::pending().await };
            let body = Body::from(serde_json::to_vec(&body).unwrap());
            Ok::<_, Infallible>(http::Response::builder().status(status).body(body).unwrap())
        }
    });
    (Client::new(service, "default"), requests)
}

fn refusal(code: u16, reason: &str) -> (u16, Value) {
    (code, json!({"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": reason}))
}

/// Gives what was sent back under the next version.
fn echo(body: &Value) -> (u16, Value) {
    let mut object = body.clone();
    object["metadata"]["resourceVersion"] = json!("8");
    (200, object)
}

fn lines(requests: &Requests) -> Vec<String> {
    let short = |line: &String| line.split('?').next().unwrap_or_default().to_owned();
    requests.lock().unwrap().iter().map(|(line, _)| short(line)).collect()
}

struct NoDatabase;

impl Connect for NoDatabase {
    fn connect(&self, target: Target, _: Credentials) -> BoxFuture<'_, Result<Arc<dyn SqlServer>, DatabaseError>> {
        let refused = DatabaseError::Lost { server: target.server, message: "no network".into() };
        Box::pin(std::future::ready(Err(refused)))
    }
}

struct NoReceiver;

impl Post for NoReceiver {
    fn post(&self, _: Address, _: Vec<u8>) -> BoxFuture<'_, Result<u16, PostError>> {
        Box::pin(std::future::ready(Err(PostError("no network".into()))))
    }
}

struct Start;

impl Clock for Start {
    fn now(&self) -> Timestamp {
        "2024-05-04T20:00:00.123Z".parse().unwrap()
    }
}

fn context(client: Client, term: Term) -> Context {
    Context {
        own_namespace: "crm-operator".to_owned(),
        client,
        connect: Arc::new(NoDatabase),
        post: Arc::new(NoReceiver),
        clock: Arc::new(Start),
        signs: Signs::default(),
        pace: Pace::default(),
        term,
        identity: "controller-0".into(),
        claims: tokio::sync::Mutex::new(()),
        fleet: std::sync::Mutex::new(crate::fleet::Fleet::new("crm-operator")),
    }
}

fn leading() -> Term {
    Term::for_test(3, Duration::from_secs(600))
}

fn site() -> CrmSite {
    serde_json::from_value(json!({
        "metadata": {"name": "contoso", "namespace": "crm", "uid": "u", "resourceVersion": "5"},
        "spec": {
            "product": "SuperOffice", "version": "8.0", "components": [],
            "database": {"server": "sql1", "name": "CRM7", "credentialsRef": {"name": "sql"}},
            "media": {"location": r"\\files\media"}, "backup": {"location": r"\\backup\crm"},
        },
    }))
    .unwrap()
}

fn change() -> CrmChange {
    serde_json::from_value(json!({
        "metadata": {"name": "contoso-1", "namespace": "crm", "uid": "c", "resourceVersion": "6"},
        "spec": {"site": "contoso", "siteUid": "u", "purpose": "Upgrade", "from": "7.5", "to": "8.0", "fromNumber": "7.5.5885", "toNumber": "8.0.6465", "planHash": "4f1c09",
            "specDigest": "d", "schemaChange": true, "claims": ["sql1"], "steps": []},
    }))
    .unwrap()
}

fn snapshot() -> Snapshot {
    let node: CrmNode = serde_json::from_value(json!({
        "metadata": {"name": "app", "namespace": "crm", "resourceVersion": "7"}, "spec": {},
    }))
    .unwrap();
    Snapshot {
        site: site(),
        nodes: vec![NodeView { node, heartbeat: None }],
        releases: Vec::new(),
        changes: vec![change()],
        backups: Vec::new(),
        decisions: Vec::new(),
        database: Err("not read".into()),
        foreign_claims: Vec::new(),
        same_database: Vec::new(),
        tasks: Vec::new(),
        deliveries: Vec::new(),
        epoch: 3,
    }
}

fn record(claims: &[&str]) -> Intent {
    let claims_held = claims.iter().map(|&claim| claim.to_owned()).collect();
    let status = CrmChangeStatus { claims_held, ..CrmChangeStatus::default() };
    Intent::RecordChange { name: "contoso-1".into(), status: Box::new(status) }
}

fn instruct() -> Intent {
    let spec = CrmNodeSpec {
        asked: vec![crm_api::node::Asked { site: "contoso".into(), attentive: true, ..Default::default() }],
        ..CrmNodeSpec::default()
    };
    Intent::InstructNode { node: "app".into(), spec: Box::new(spec) }
}

async fn applied(context: &Context, intents: &[Intent]) -> Applied {
    apply(context, &SiteKey::new("crm", "contoso"), &snapshot(), intents).await
}

#[tokio::test(start_paused = true)]
async fn an_order_follows_its_record_and_both_depend_on_what_was_read() {
    let (client, requests) = server(|_, body| Some(echo(body)));
    let applied = applied(&context(client, leading()), &[Intent::HoldSite, record(&[]), instruct()]).await;
    assert!(applied.stopped.is_none(), "{:?}", applied.stopped);
    let base = "/apis/crm-operator.io/v1alpha1/namespaces/crm";
    let expected = [
        format!("PATCH {base}/crmsites/contoso"),
        format!("PATCH {base}/crmchanges/contoso-1/status"),
        format!("PATCH {base}/crmnodes/app"),
    ];
    assert_eq!(lines(&requests), expected);
    let versions: Vec<Value> = {
        let requests = requests.lock().unwrap();
        requests.iter().map(|(_, body)| body["metadata"]["resourceVersion"].clone()).collect()
    };
    assert_eq!(versions, ["5", "6", "7"]);
}

#[tokio::test(start_paused = true)]
async fn after_a_conflict_nothing_more_is_written() {
    let (client, requests) = server(|_, _| Some(refusal(409, "Conflict")));
    let applied = applied(&context(client, leading()), &[record(&[]), instruct()]).await;
    assert!(matches!(applied.stopped, Some(ApplyError::Call(error)) if error.is_conflict()));
    assert_eq!(requests.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_ends_the_round_in_time() {
    let (client, requests) = server(|_, _| None);
    let before = tokio::time::Instant::now();
    let applied = applied(&context(client, leading()), &[record(&[]), instruct()]).await;
    assert!(matches!(applied.stopped, Some(ApplyError::Call(_))));
    assert_eq!(before.elapsed(), Duration::from_secs(30));
    assert_eq!(requests.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_lead_writes_nothing() {
    let (client, requests) = server(|_, body| Some(echo(body)));
    let word = Announcement { reason: "Halted", message: "stop".into(), warning: true, change: None };
    let intents = [Intent::Announce(word), record(&[])];
    let applied = applied(&context(client, Term::for_test(3, Duration::ZERO)), &intents).await;
    assert!(matches!(applied.stopped, Some(ApplyError::NotLeader)));
    assert!(requests.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_equal_is_not_written_even_if_its_times_are_more_precise_than_what_is_stored() {
    let (client, requests) = server(|_, body| Some(echo(body)));
    let mut snapshot = snapshot();
    let at = |text: &str| crm_api::Time::from(text.parse::<Timestamp>().unwrap());
    let status = |time: &str| {
        let database = crm_api::database::DatabaseFacts {
            read_at: at(time),
            facts: Vec::new(),
            sessions: Vec::new(),
            backups_running: Vec::new(),
        };
        CrmSiteStatus { database: Some(database), ..CrmSiteStatus::default() }
    };
    snapshot.site.status = Some(status("2024-05-04T20:00:00Z"));
    let intents = [Intent::RecordSite { status: Box::new(status("2024-05-04T20:00:00.7Z")) }];
    let applied = apply(&context(client, leading()), &SiteKey::new("crm", "contoso"), &snapshot, &intents).await;
    assert!(applied.stopped.is_none() && applied.writes == 0);
    assert!(requests.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_does_not_serve_is_named_with_its_remedy_and_nothing_of_its_content() {
    let open = async |answer: (u16, Value)| {
        let (client, _) = server(move |_, _| Some(answer.clone()));
        let (context, site) = (context(client, leading()), site());
        match (SiteDatabase { context: &context, site: &site }).open().await {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        }
    };
    let secret = |data: Value| (200, json!({"apiVersion": "v1", "kind": "Secret", "metadata": {}, "data": data}));
    let missing = open(refusal(404, "NotFound")).await;
    assert_eq!(missing, "Secret crm/sql does not exist: create it with the keys username, password and servers");
    let half = open(secret(json!({"username": "c2E=", "servers": "c3FsMQ=="}))).await;
    assert_eq!(half, "Secret crm/sql has no key password: add it");
    let forbidden = open(refusal(403, "Forbidden")).await;
    assert!(forbidden.contains("grant"), "{forbidden}");
    let torn = open(secret(json!({"username": "c2E=", "password": "hunter2!", "servers": "c3FsMQ=="}))).await;
    assert!(!torn.is_empty() && !torn.contains("hunter2"), "{torn}");
    // A site can be declared by who may not read the Secret: its login goes to no other server than it is for.
    let elsewhere =
        open(secret(json!({"username": "c2E=", "password": "aHVudGVyMg==", "servers": "c3FsMiBzcWwz"}))).await;
    assert!(elsewhere.starts_with("key servers of Secret crm/sql does not name sql1"), "{elsewhere}");
    assert!(!elsewhere.contains("sql2"), "{elsewhere}");
    let whole = open(secret(json!({"username": "c2E=", "password": "aHVudGVyMg==", "servers": "c3FsMiBTUUwx"}))).await;
    assert_eq!(whole, "no answer from SQL Server sql1: no network");
}
