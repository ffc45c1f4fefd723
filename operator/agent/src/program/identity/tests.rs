//! An identity against a scripted API server: what is asked for, what is kept, and what is said.

use std::convert::Infallible;
use std::sync::Mutex;

use kube::client::Body;

use super::super::credential::tests::{at, token};
use super::*;

/// Every request that came.
type Requests = Arc<Mutex<Vec<String>>>;

/// Simulated time, as the paused clock of the runtime has it.
struct Paused {
    began: Instant,
}

impl Clock for Paused {
    fn now(&self) -> Timestamp {
        at(0) + SignedDuration::try_from(self.began.elapsed()).unwrap()
    }
}

fn identity(folder: &Path) -> Identity {
    Identity {
        folder: folder.to_owned(),
        node: "web1".to_owned(),
        life: Duration::from_secs(24 * 3600),
        clock: Arc::new(Paused { began: Instant::now() }),
        vitals: Arc::new(Vitals::new("0")),
    }
}

/// An API server that answers by a function of `METHOD /path`.
fn server(answer: impl Fn(&str) -> (u16, Value) + Send + Sync + 'static) -> (Client, Requests) {
    let requests = Requests::default();
    let (log, answer) = (Arc::clone(&requests), Arc::new(answer));
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let line = format!("{} {}", request.method(), request.uri().path());
        let (status, body) = answer(&line);
        log.lock().unwrap().push(line);
        let body = Body::from(serde_json::to_vec(&body).unwrap());
        std::future::ready(Ok::<_, Infallible>(http::Response::builder().status(status).body(body).unwrap()))
    });
    (Client::new(service, "crm"), requests)
}

fn refusal(code: u16) -> (u16, Value) {
    (code, json!({"kind": "Status", "status": "Failure", "code": code, "reason": "x", "message": "x"}))
}

fn given(token: &str) -> (tempfile::TempDir, ClusterFlags) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("web1.kubeconfig");
    let content = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "c", "user": {"token": token}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c", "namespace": "crm"}}],
    });
    std::fs::write(&file, content.to_string()).unwrap();
    (folder, ClusterFlags { kubeconfig: Some(file), context: None, start_patience: Duration::from_secs(1) })
}

/// Keeps a token as an exchange would.
async fn keeping(identity: &Identity, token: &str) {
    let config = Config::new("http://127.0.0.1:1".parse().unwrap());
    identity.write_way(&config, "crm").unwrap();
    identity.write_token(token).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_kept_token_is_used_without_the_file_that_it_came_from() {
    let folder = tempfile::tempdir().unwrap();
    let identity = identity(folder.path());
    keeping(&identity, &token("u", at(-60), at(60), None)).await;
    let gone = ClusterFlags {
        kubeconfig: Some("/nowhere/web1.kubeconfig".into()),
        context: None,
        start_patience: Duration::from_secs(1),
    };
    let access = identity.begin(&gone).await.unwrap();
    assert_eq!(access.own.unwrap().uid, "u");
    assert_eq!(access.config.default_namespace, "crm");
    assert_eq!(access.config.auth_info.token_file.as_deref(), identity.token_file().to_str());
    #[cfg(unix)]
    for file in [identity.token_file(), identity.way_file()] {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
    // A file that cannot be exchanged at the moment is no reason to stand still either.
    crm_process::start::choose_cryptography();
    let (_folder, newer) = given(&token("u", at(-1), at(14), None));
    assert_eq!(identity.begin(&newer).await.unwrap().own.unwrap().uid, "u");
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_is_good_wherever_its_folder_lies() {
    let folder = tempfile::tempdir().unwrap();
    let before = folder.path().join("before");
    std::fs::create_dir(&before).unwrap();
    keeping(&identity(&before), &token("u", at(-60), at(60), None)).await;
    let after = folder.path().join("after");
    std::fs::rename(&before, &after).unwrap();
    assert_eq!(identity(&after).kept().await.unwrap().own.unwrap().uid, "u");
}

/// Something between may answer for the API server.
#[tokio::test(start_paused = true)]
async fn an_answer_without_a_token_leaves_the_kept_one_alone() {
    let folder = tempfile::tempdir().unwrap();
    let identity = identity(folder.path());
    let kept = token("u", at(-60), at(60), None);
    keeping(&identity, &kept).await;
    let (client, requests) = server(|_| {
        (
            200,
            json!({"metadata": {}, "spec": {"audiences": []}, "status": {"token": "", "expirationTimestamp": at(60)}}),
        )
    });
    let renewing = identity.renew(&client, Claims::read(&kept).unwrap());
    assert!(tokio::time::timeout(Duration::from_secs(600), renewing).await.is_err());
    assert!(requests.lock().unwrap().len() > 1, "it asks again");
    assert_eq!(std::fs::read_to_string(identity.token_file()).unwrap().trim(), kept);
}

#[tokio::test(start_paused = true)]
async fn a_bootstrap_file_that_could_not_be_ended_is_ended_when_the_agent_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let identity = identity(folder.path());
    identity.write(&identity.unspent_file(), "uid of the first").unwrap();
    let (client, requests) = server(|_| refusal(503));
    identity.spend(&client, "crm").await;
    assert!(identity.unspent_file().exists(), "it is tried again");
    // 409: another one stands there by now, of a later file that is not ours to end.
    for code in [404, 409] {
        identity.write(&identity.unspent_file(), "uid of the first").unwrap();
        let (client, _) = server(move |_| refusal(code));
        identity.spend(&client, "crm").await;
        assert!(!identity.unspent_file().exists(), "{code}");
    }
    identity.spend(&client, "crm").await;
    assert_eq!(*requests.lock().unwrap(), ["DELETE /api/v1/namespaces/crm/secrets/crm-node-web1-bootstrap"]);
}

#[tokio::test(start_paused = true)]
async fn what_has_ended_is_said_with_its_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let identity = identity(folder.path());
    let (_folder, flags) = given(&token("u", at(-60), at(-45), None));
    let failure = identity.begin(&flags).await.err().unwrap();
    let said = failure.to_string();
    assert!(failure.code() == 3 && said.contains("has ended") && said.contains("node enroll web1"), "{said}");
    keeping(&identity, &token("u", at(-60), at(0), None)).await;
    let none = ClusterFlags { kubeconfig: Some("/nowhere".into()), ..flags };
    let said = identity.begin(&none).await.err().unwrap().to_string();
    assert!(said.contains("identity.token has ended") && said.contains("node enroll web1 -n crm --renew"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn another_nodes_identity_is_refused_and_somebody_elses_credential_is_used_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity { node: "web2".to_owned(), ..identity(folder.path()) };
    let (_folder, flags) = given(&token("u", at(0), at(15), None));
    let failure = identity.begin(&flags).await.err().unwrap();
    assert!(failure.code() == 2 && failure.to_string().contains("crm-node-web1"), "{failure}");
    let (_folder, flags) = given("a token of somebody");
    assert!(identity.begin(&flags).await.unwrap().own.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_in_time_through_an_outage_and_an_agent_that_never_ends() {
    let folder = tempfile::tempdir().unwrap();
    let identity = identity(folder.path());
    keeping(&identity, &token("u", at(0), at(1000), None)).await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (log, clock) = (Arc::clone(&asked), Arc::clone(&identity.clock));
    let (client, requests) = server(move |line| {
        if line.ends_with("/configmaps/kube-root-ca.crt") {
            return refusal(404);
        }
        let now = clock.now();
        log.lock().unwrap().push(now);
        // Away from before the first renewal until long after it.
        if now < at(900) {
            return refusal(503);
        }
        let status = json!({"token": token("u", now, now + SignedDuration::from_mins(1000), None), "expirationTimestamp": now.to_string()});
        (201, json!({"spec": {"audiences": []}, "status": status}))
    });
    let own = identity.kept().await.unwrap().own.unwrap();
    let time = Duration::from_secs(60 * 2000);
    assert!(tokio::time::timeout(time, identity.keep(&client, own)).await.is_err(), "it goes on for ever");
    let asked = asked.lock().unwrap();
    assert!(asked[0] >= at(400) && asked[0] <= at(506), "{}", asked[0]);
    let renewed: Vec<Timestamp> = asked.iter().copied().filter(|then| *then >= at(900)).collect();
    assert!(renewed[0] <= at(915), "the outage is found to be over in time: {}", renewed[0]);
    assert!((2..=4).contains(&renewed.len()), "and renewing goes on: {renewed:?}");
    let kept = Claims::read(&std::fs::read_to_string(identity.token_file()).unwrap()).unwrap();
    assert!(kept.expires > at(2000), "{}", kept.expires);
    let lines = requests.lock().unwrap();
    assert!(
        lines
            .iter()
            .all(|line| line.ends_with("/serviceaccounts/crm-node-web1/token") || line.contains("/configmaps/")),
        "{lines:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn another_authority_of_the_cluster_is_kept_and_ends_the_client_that_does_not_know_it() {
    let pem = |name: &str| format!("-----BEGIN CERTIFICATE-----\n{name}\n-----END CERTIFICATE-----\n");
    let published = pem("T0xE") + &pem("TkVX");
    let folder = tempfile::tempdir().unwrap();
    let identity = identity(folder.path());
    identity.write_token(&token("u", at(0), at(1000), None)).unwrap();
    let mut config = Config::new("https://127.0.0.1:1".parse().unwrap());
    config.root_cert = Some(vec![b"OLD".to_vec()]);
    identity.write_way(&config, "crm").unwrap();
    let own = Claims::read(&token("u", at(0), at(1000), None)).unwrap();
    let body = json!({"data": {"ca.crt": published}});
    let (client, _) = server(move |_| (200, body.clone()));
    tokio::time::timeout(Duration::from_secs(60), identity.keep(&client, own.clone())).await.expect("it is told");
    let trusted = identity.kept().await.unwrap().config.root_cert.unwrap();
    assert_eq!(trusted, [b"OLD".to_vec(), b"NEW".to_vec()]);
    // The next one finds nothing new.
    assert_eq!(identity.follow(&client, "crm").await, Ok(false));
}
