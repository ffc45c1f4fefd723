//! The real kubectl at the real API server, where a site of the sandbox is at rest and operator and agents are at work: the
//! same is expected as at the sandbox's own API. Its machines, SQL Server and people are simulated, its API is not.

use std::path::Path;

use crm_sandbox::file::ScenarioFile;
use crm_sandbox::home::Speed;
use crm_sandbox::run::{Options, Sandbox};
use crm_tests::kubectl::reading::{self, Place};
use crm_tests::kubectl::terminal::Terminal;
use crm_tests::kubectl::{change, writing};

use crate::real::RealApi;
use crate::server::Server;

const AT_REST: Place<'_> = Place { namespace: "crm", site: "contoso", version: "7.5 SR2", node: "contoso-app" };
/// Five simulated minutes in a second: the night of the upgrade passes within one.
const SPEED: &str = "300";
const GOAL: &str = "8.0 SR6";

/// A terminal of somebody who works in one namespace: its kubeconfig is a copy of the one that others use.
fn terminal(folder: &Path) -> Terminal {
    let kubeconfig = folder.join("kubeconfig");
    std::fs::copy(std::env::var_os("KUBECONFIG").unwrap(), &kubeconfig).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_crm-under-test"));
    let terminal = Terminal::with_plugin(&kubeconfig, folder.join("home"), program);
    terminal.run(&["config", "set-context", "--current", "--namespace", AT_REST.namespace]);
    terminal
}

#[test]
fn kubectl_meets_the_same_at_a_real_api_server_as_at_the_sandbox() {
    let _alone = crate::server::alone();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/superoffice/server-web-service-7.5-to-8.0.yaml");
    let sandbox = Sandbox::new(ScenarioFile::read(&file).unwrap()).unwrap().on(RealApi::on(Server::empty()));
    let (leave, until) = tokio::sync::oneshot::channel();
    let speed: Speed = SPEED.parse().unwrap();
    let played = std::thread::spawn(move || {
        sandbox.live(&Options::default(), speed, until, &mut |_| {}).map_err(|error| error.to_string())
    });
    let folder = tempfile::tempdir().unwrap();
    let terminal = terminal(folder.path());
    terminal.run(&["wait", "--for=create", "crmsite/contoso", "--timeout=120s"]);
    terminal.run(&["wait", "--for=jsonpath={.status.verified.version}=7.5 SR2", "crmsite/contoso", "--timeout=500s"]);

    reading::the_server_says_what_it_is(&terminal);
    reading::objects_are_listed_in_the_columns_of_their_definitions(&terminal, &AT_REST);
    reading::every_field_is_explained(&terminal);
    reading::what_happened_is_told(&terminal, &AT_REST);
    reading::an_administrator_may_do_everything(&terminal, &AT_REST);
    change::the_plugin_finds_the_same_cluster(&terminal, &AT_REST);

    writing::what_is_applied_is_merged(&terminal);
    writing::the_server_applies_and_knows_who_owns_what(&terminal);
    writing::single_fields_are_changed(&terminal);
    writing::what_is_deleted_is_gone(&terminal);
    writing::secrets_and_namespaces_are_made(&terminal);
    terminal.run(&["delete", "namespace", "tried", "--wait=false"]);

    change::one_patched_line_is_all_it_takes(&terminal, &AT_REST, GOAL);
    change::the_plugin_finds_the_same_cluster(&terminal, &Place { version: GOAL, ..AT_REST });
    drop(leave);
    assert_eq!(played.join().unwrap(), Ok(None), "no invariant is broken");
}
