//! A server from its enrolment to its end: the real command writes an identity, the real program lives by it.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use clap::Parser as _;
use crm_agent::program::{Flags, operate};
use crm_process::exit::Failure;
use kubectl_crm::{Exit, Screen, Streams};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::server::Server;
use crate::stage::{NODES, SITES, message, order};

const NODE: &str = "contoso-app";

/// A cluster with the plain manifests and a site that names [`NODE`].
fn cluster() -> Server {
    let server = Server::empty();
    server.with_policies();
    // An earlier story may have left it enrolled.
    let (exit, said) = node(&["revoke", NODE]);
    assert!(exit == Exit::Good || said.contains("is not enrolled"), "{said}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/superoffice/server-web-service-7.5-to-8.0.yaml");
    let all = crate::server::documents(&std::fs::read_to_string(path).unwrap());
    let site = all.iter().find(|document| document["kind"] == "CrmSite").unwrap();
    server.expect(201..=201, "POST", SITES, site);
    server
}

/// Runs `kubectl crm node ...` as an administrator, and gives how it ended and what it said.
fn node(words: &[&str]) -> (Exit, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut streams =
        Streams { input: &mut std::io::empty(), out: &mut out, err: &mut err, screen: Screen::Pipe, attended: false };
    let words = ["kubectl-crm", "node"].iter().chain(words).map(OsString::from);
    let exit = kubectl_crm::run(words.chain(["-n", "crm"].map(OsString::from)), &mut streams);
    (exit, String::from_utf8_lossy(&out).into_owned() + &String::from_utf8_lossy(&err))
}

fn enroll(file: &Path, more: &[&str]) -> (Exit, String) {
    let file = file.to_string_lossy().into_owned();
    node(&[&["enroll", NODE, "--file", &file], more].concat())
}

/// A running `crm-agent`. Dropped, it is gone as by a power cut.
struct Running {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Option<Result<(), Failure>>>>,
    listen: SocketAddr,
}

impl Running {
    fn start(file: &Path, data: &Path, machine: &str) -> Self {
        let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let flags = Flags::parse_from([
            "crm-agent",
            "--node",
            NODE,
            "--namespace",
            "crm",
            "--kubeconfig",
            &text(file),
            "--data",
            &text(data),
            "--machine-id",
            machine,
            "--listen",
            &listen.to_string(),
        ]);
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            let ended = runtime.block_on(async {
                tokio::select! { _ = stopped => None, ended = operate(&flags) => Some(ended) }
            });
            runtime.shutdown_background();
            ended
        });
        Self { stop: Some(stop), thread: Some(thread), listen }
    }

    /// Waits until it has ended by itself, and gives what it said.
    fn said(mut self) -> String {
        let ended = self.thread.take().unwrap().join().unwrap();
        ended.expect("it was not stopped").expect_err("it has a reason").to_string()
    }

    /// Asks its endpoint until the answer has this in it.
    fn until_ready_says(&self, text: &str) {
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(self.listen)?;
            stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        for _ in 0..600 {
            if ask().is_ok_and(|answer| answer.contains(text)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("it never said {text}: {:?}", ask());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It may have ended by itself: what it said then is asked for by `said`.
            let _ = thread.join();
        }
    }
}

/// The node's status, once it is as it should be.
#[track_caller]
fn status_when(server: &Server, is_so: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..600 {
        let status = server.plain("GET", &format!("{NODES}/{NODE}"), Value::Null).body["status"].clone();
        if is_so(&status) {
            return status;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the status is never so: {}", server.plain("GET", &format!("{NODES}/{NODE}"), Value::Null).body)
}

fn token_in(file: &Path) -> String {
    let kubeconfig: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    kubeconfig["users"][0]["user"]["token"].as_str().unwrap().to_owned()
}

/// Enrols a server and has its agent report once: every right of a node is used.
pub(crate) fn live_once() {
    let server = cluster();
    let folder = tempfile::tempdir().unwrap();
    let (file, data) = (folder.path().join("bootstrap"), folder.path().join("data"));
    assert_eq!(enroll(&file, &[]).0, Exit::Good);
    let agent = Running::start(&file, &data, "first");
    agent.until_ready_says("200 OK");
    drop(agent);
    assert_eq!(node(&["revoke", NODE]).0, Exit::Good);
    drop(server);
}

#[test]
fn an_agent_exchanges_its_file_once_and_lives_on_by_a_token_of_its_own() {
    let _alone = crate::server::alone();
    let server = cluster();
    let folder = tempfile::tempdir().unwrap();
    let (file, data) = (folder.path().join("bootstrap"), folder.path().join("data"));
    let (exit, said) = enroll(&file, &[]);
    assert!(exit == Exit::Good && said.contains("and once"), "{said}");
    let agent = Running::start(&file, &data, "first");
    agent.until_ready_says("200 OK");
    let status = status_when(&server, |status| status["machine"].is_string());
    // What was brought opens nothing any more, to nobody.
    let secret = format!("/api/v1/namespaces/crm/secrets/crm-node-{NODE}-bootstrap");
    server.expect(404..=404, "GET", &secret, &Value::Null);
    let spent = token_in(&file);
    server.until(401, || server.as_bearer(&spent, "GET", "/version", &Value::Null));
    let thief = Running::start(&file, &folder.path().join("elsewhere"), "another");
    let said = thief.said();
    assert!(
        said.contains("does not take the bootstrap file: it is good once") && said.contains("node revoke"),
        "{said}"
    );
    // Nobody but its owner reads what it keeps.
    #[cfg(unix)]
    for name in ["identity.token", "identity.kubeconfig"] {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    // It starts again without the file, and is the same machine.
    drop(agent);
    std::fs::remove_file(&file).unwrap();
    let agent = Running::start(&file, &data, "first");
    agent.until_ready_says("200 OK");
    let again = status_when(&server, |_| true);
    assert_eq!((&again["machine"], &again["account"]), (&status["machine"], &status["account"]));
    drop(agent);
    // Revoked, its token opens nothing either, and it says what to do.
    let (exit, said) = node(&["revoke", NODE, "-o", "json"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert!(
        exit == Exit::Good && said["node"] == NODE && said["removed"].as_array().is_some_and(|all| all.len() >= 3),
        "{said}"
    );
    let kept = std::fs::read_to_string(data.join("identity.token")).unwrap();
    server.until(401, || server.as_bearer(&kept, "GET", "/version", &Value::Null));
    let said = Running::start(&file, &data, "first").said();
    assert!(said.contains("does not know this identity") && said.contains("node enroll"), "{said}");
}

#[test]
fn a_copy_of_a_server_does_nothing_and_its_node_stays_as_it_is() {
    let _alone = crate::server::alone();
    let server = cluster();
    let folder = tempfile::tempdir().unwrap();
    let (file, data) = (folder.path().join("bootstrap"), folder.path().join("data"));
    assert_eq!(enroll(&file, &[]).0, Exit::Good);
    let agent = Running::start(&file, &data, "first");
    agent.until_ready_says("200 OK");
    drop(agent);
    // The disk is copied, the identity with it.
    let copied = folder.path().join("copied");
    std::fs::create_dir(&copied).unwrap();
    for name in ["identity.token", "identity.kubeconfig"] {
        std::fs::copy(data.join(name), copied.join(name)).unwrap();
    }
    let before = status_when(&server, |status| status["machine"].is_string());
    let recorded = folder.path().join("recorded");
    std::fs::write(&recorded, "x").unwrap();
    let mut asked = order("c/record", 1, 5);
    asked["actions"] = json!([{"recordFile": {"path": recorded}}]);
    let controller = server.token("crm-operator", "crm-operator", &json!({}));
    let body = json!({"spec": {"orders": [asked]}});
    let given = server.as_bearer(&controller, "PATCH", &format!("{NODES}/{NODE}"), &body);
    assert_eq!(given.code, 200, "{}", message(&given));
    let copy = Running::start(&file, &copied, "a copy");
    copy.until_ready_says("looks like a copy");
    drop(copy);
    assert!(!copied.join("journal.json").exists(), "it has begun something");
    assert_eq!(status_when(&server, |_| true), before);
    // The first machine carries out what the copy did not.
    let agent = Running::start(&file, &data, "first");
    let done = status_when(&server, |status| status["results"][0]["phase"] == "Ended");
    assert_eq!((&done["machine"], &done["results"][0]["outcome"]), (&before["machine"], &json!("Done")), "{done}");
    drop(agent);
    // Where the copy is to go on in its place, it is enrolled anew.
    assert_eq!(node(&["revoke", NODE]).0, Exit::Good);
    assert_eq!(enroll(&folder.path().join("anew"), &[]).0, Exit::Good);
    let copy = Running::start(&folder.path().join("anew"), &copied, "a copy");
    let moved = status_when(&server, |status| status["machine"] != before["machine"]);
    assert_ne!(moved["account"], before["account"]);
    drop(copy);
}

#[test]
fn a_server_is_enrolled_once_for_a_site_that_names_it_and_nothing_is_made_for_a_file_that_cannot_be() {
    let _alone = crate::server::alone();
    let server = cluster();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bootstrap");
    let account = format!("/api/v1/namespaces/crm/serviceaccounts/crm-node-{NODE}");
    for (words, because) in [
        (vec!["enroll", "unheard-of", "--file", "/nowhere/file"], "names the server unheard-of"),
        (vec!["enroll", NODE, "--file", "/nowhere/file"], "--file /nowhere/file"),
        (vec!["enroll", NODE, "--renew"], "was never enrolled"),
        (vec!["revoke", NODE], "is not enrolled"),
    ] {
        let (exit, said) = node(&words);
        assert!(exit != Exit::Good && said.contains(because), "{words:?}: {said}");
    }
    // The file is opened first: nobody holds an identity that was not written down.
    server.expect(404..=404, "GET", &account, &Value::Null);
    assert_eq!(enroll(&file, &[]).0, Exit::Good);
    server.expect(200..=200, "GET", &account, &Value::Null);
    let (exit, said) = enroll(&folder.path().join("second"), &[]);
    assert!(exit != Exit::Good && said.contains("is enrolled already"), "{said}");
    assert!(!folder.path().join("second").exists());
    // A new file ends the first one, which nobody has used.
    let first = token_in(&file);
    assert_eq!(enroll(&folder.path().join("third"), &["--renew"]).0, Exit::Good);
    server.until(401, || server.as_bearer(&first, "GET", "/version", &Value::Null));
    let third = token_in(&folder.path().join("third"));
    assert_eq!(server.as_bearer(&third, "GET", "/version", &Value::Null).code, 200);
    assert_eq!(node(&["revoke", NODE]).0, Exit::Good);
    server.until(401, || server.as_bearer(&third, "GET", "/version", &Value::Null));
}
