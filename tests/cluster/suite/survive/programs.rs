//! The shipping program as processes of its own, two of them, as in an installation with two replicas: one is killed as
//! `kill -9` does, and one is told to end.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::identities::kubeconfig_of;
use crate::server::{Server, documents};

const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/crm-operator/leases/crm-operator";
const SITE: &str = "/apis/crm-operator.io/v1alpha1/namespaces/crm/crmsites/contoso";

/// A `crm-operator` that ends with this.
struct Program(Child);

impl Program {
    fn start(kubeconfig: &str, identity: &str) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let flags = ["--kubeconfig", kubeconfig, "--namespace", "crm-operator", "--identity", identity];
        let mut command = Command::new(env!("CARGO_BIN_EXE_crm-operator-under-test"));
        command.args(flags).args(["--listen", &free.to_string()]);
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // One that has ended by itself is not there any more.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits for what the server shows of an object.
#[track_caller]
fn until(server: &Server, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..1_200 {
        let object = server.plain("GET", path, Value::Null).body;
        if is_so(&object) {
            return object;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("never so: {}", server.plain("GET", path, Value::Null).body)
}

fn is_led_by(lease: &Value, identity: &str) -> bool {
    lease["spec"]["holderIdentity"] == identity
}

fn epoch(lease: &Value) -> u64 {
    lease["metadata"]["annotations"]["crm-operator.io/epoch"].as_str().unwrap_or_default().parse().unwrap()
}

#[test]
fn a_program_that_is_killed_is_succeeded_and_one_that_is_told_to_end_gives_its_lease_back() {
    let _alone = crate::server::alone();
    let server = Server::empty();
    server.with_policies();
    server.plain("DELETE", LEASE, Value::Null);
    let story =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/superoffice/server-web-service-7.5-to-8.0.yaml");
    let story = documents(&std::fs::read_to_string(story).unwrap());
    let site = story.into_iter().find(|document| document["kind"] == "CrmSite").unwrap();
    server.expect(201..=201, "POST", SITE.trim_end_matches("/contoso"), &site);
    let folder = tempfile::tempdir().unwrap();
    let token = server.token("crm-operator", "crm-operator", &json!({"expirationSeconds": 3_600}));
    let kubeconfig = kubeconfig_of(&token, folder.path());

    let mut first = Program::start(&kubeconfig, "first");
    let before = until(&server, LEASE, |lease| is_led_by(lease, "first"));
    let mut second = Program::start(&kubeconfig, "second");
    until(&server, SITE, |site| site["status"]["observedGeneration"] == 1);

    first.0.kill().unwrap();
    let killed = Instant::now();
    let after = until(&server, LEASE, |lease| is_led_by(lease, "second"));
    assert!(epoch(&after) > epoch(&before), "{after}");
    // Its own work shows that it leads: a declaration is looked at that nobody else can have seen.
    server.expect(200..=200, "PATCH", SITE, &json!({"spec": {"version": "8.0 SR6"}}));
    until(&server, SITE, |site| site["status"]["observedGeneration"] == 2);
    println!(
        "leader killed with SIGKILL -> its successor has looked at a new declaration: {:.1} s",
        killed.elapsed().as_secs_f64()
    );

    let told = Command::new("kill").arg(second.0.id().to_string()).status().unwrap();
    assert!(told.success());
    assert_eq!(second.0.wait().unwrap().code(), Some(0));
    let given_back = until(&server, LEASE, |lease| lease["spec"]["holderIdentity"].as_str().is_none_or(str::is_empty));
    assert_eq!(epoch(&given_back), epoch(&after), "its epoch stays for the next one to go on from");
}
