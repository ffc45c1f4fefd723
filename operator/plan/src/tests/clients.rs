//! Windows clients: published and rolled out where they are kept, named where they are not.

use crm_api::change::{ChangePhase, CrmChangeSpec, Executor, Gate, Step, Task};
use crm_api::condition::{Kind, find};
use crm_api::database::Session;
use crm_api::decision::Word;
use crm_api::evidence::Source;
use crm_api::probe::{Answer, Probe};
use crm_api::site::{Finding, WindowsClients};

use super::fixture::{NEW, Site, whole_catalogue};
use crate::intent::Standing;
use crate::products::superoffice::clients::{REMOVED, ROLLED_OUT};

const TRANSFORM: &str = r"C:\Program Files\SuperOffice\SuperOffice Server\Client\SuperOffice.mst";

fn session(login: &str) -> Session {
    Session {
        id: 61,
        host: format!("PC-{}", login.to_uppercase()),
        program: "SuperOffice CRM".to_owned(),
        login: login.to_owned(),
    }
}

fn connect(site: &mut Site, logins: &[&str]) {
    site.snapshot.database.as_mut().unwrap().sessions = logins.iter().map(|login| session(login)).collect();
}

fn declare(site: &mut Site, clients: Option<WindowsClients>) {
    site.spec().super_office.as_mut().unwrap().windows_clients = clients;
}

/// The plan of a site that goes to 8.0 SR6, with its share on the server.
fn planned(clients: Option<WindowsClients>, connected: &[&str]) -> (Site, CrmChangeSpec) {
    let mut site = Site::at_rest();
    declare(&mut site, clients);
    connect(&mut site, connected);
    site.declare("8.0 SR6");
    let file = Answer::File { size_bytes: 1, sha256: "0".repeat(64) };
    site.answer("contoso-app", &Probe::FileHash { path: TRANSFORM.to_owned() }, file);
    let Standing::Proposed { change, .. } = site.plan().standing else { unreachable!("a plan") };
    (site, *change)
}

fn place(change: &CrmChangeSpec, kind: &str) -> Option<usize> {
    change.steps.iter().position(|step| step.id.split('@').next() == Some(kind))
}

fn publish(change: &CrmChangeSpec) -> Option<&Step> {
    place(change, "publish-clients").map(|place| &change.steps[place])
}

#[test]
fn kept_clients_are_published_after_the_database_and_before_the_site_opens() {
    let (_, change) = planned(Some(WindowsClients::Kept), &[]);
    let at = |kind| place(&change, kind).unwrap();
    assert!(at("upgrade-database") < at("publish-clients") && at("publish-clients") < at("unfreeze"));
    let step = publish(&change).unwrap();
    assert_eq!((step.id.as_str(), step.gate, step.destructive), ("publish-clients@contoso-app", None::<Gate>, false));
    assert!(step.rules.iter().any(|rule| rule.contains("rule 11")), "{:?}", step.rules);
    assert_eq!(
        step.evidence.len(),
        3,
        "the installer shows its version, the transform is there, a person vouches for it"
    );
    assert!(
        change.notices.iter().any(|notice| notice.starts_with("Windows clients stay in use")),
        "{:?}",
        change.notices
    );
}

#[test]
fn where_no_share_is_seen_a_person_vouches_for_all_of_it() {
    let mut site = Site::at_rest();
    declare(&mut site, Some(WindowsClients::Kept));
    site.declare("8.0 SR6");
    let Standing::Proposed { change, .. } = site.plan().standing else { unreachable!("a plan") };
    let step = publish(&change).unwrap();
    assert!(matches!(step.evidence.as_slice(), [only] if matches!(only.source, Source::Attestation { .. })));
}

#[test]
fn clients_that_nobody_declares_are_kept_where_one_is_connected() {
    assert!(publish(&planned(None, &[]).1).is_none());
    let (_, change) = planned(None, &["kari"]);
    assert!(publish(&change).is_some());
    assert!(
        change
            .notices
            .iter()
            .any(|notice| notice.contains("not declared, but connected now: SuperOffice CRM on PC-KARI (login kari)"))
    );
}

#[test]
fn clients_that_are_not_kept_are_named_to_the_approver_and_told() {
    let (site, change) = planned(Some(WindowsClients::NotKept), &["kari", "per"]);
    assert!(publish(&change).is_none());
    let named = "SuperOffice CRM on PC-KARI (login kari), SuperOffice CRM on PC-PER (login per)";
    assert!(change.notices.iter().any(|notice| notice.contains(named)), "{:?}", change.notices);
    let told = change.steps.iter().find_map(|step| match &step.executor {
        Executor::Controller { task: Task::Notify { message } } => Some(message.clone()),
        _ => None,
    });
    assert!(told.unwrap().contains(named));
    let view = crate::view::View::new(&site.snapshot, site.now);
    assert!(crate::drift::at_rest(&view).is_empty(), "until the upgrade they are at home");
}

#[test]
fn of_many_clients_a_few_are_named_and_the_rest_is_counted() {
    let logins = ["a", "b", "c", "d", "e", "f", "g"];
    let (_, change) = planned(Some(WindowsClients::NotKept), &logins);
    assert!(change.notices.iter().any(|notice| notice.contains("PC-E (login e), 2 more")), "{:?}", change.notices);
}

fn debt(site: &Site, kind: Kind) -> Option<String> {
    let conditions = site.snapshot.site.status.clone().unwrap().conditions;
    find(&conditions, kind).filter(|found| found.status == "False").map(|found| found.message.clone())
}

#[test]
fn the_roll_out_is_a_debt_of_an_open_site_until_somebody_attests_a_number() {
    let (mut site, _) = planned(Some(WindowsClients::Kept), &[]);
    site.run_to("never");
    assert_eq!(site.status().phase, ChangePhase::Succeeded);
    site.turn();
    site.turn();
    let message = debt(&site, ROLLED_OUT).unwrap();
    assert!(message.contains("attest the step windows-clients of plan"), "{message}");
    site.say(Word::Attest, Some("windows-clients"));
    site.snapshot.decisions.last_mut().unwrap().spec.reason = Some("all of them".to_owned());
    site.turn();
    assert!(debt(&site, ROLLED_OUT).unwrap().contains("Astrid named no number"));
    site.say(Word::Attest, Some("windows-clients"));
    site.snapshot.decisions.last_mut().unwrap().spec.reason = Some("42 clients are at 8.0 SR6".to_owned());
    site.turn();
    assert_eq!(debt(&site, ROLLED_OUT), None);
}

fn connected(site: &Site) -> Option<Finding> {
    let view = crate::view::View::new(&site.snapshot, site.now);
    crate::drift::at_rest(&view).into_iter().find(|finding| finding.check == "WindowsClientsConnected")
}

#[test]
fn a_client_that_is_not_kept_and_connects_afterwards_is_drift_with_host_and_person() {
    let (mut site, _) = planned(Some(WindowsClients::NotKept), &[]);
    site.run_to("never");
    site.turn();
    assert_eq!(connected(&site), None);
    connect(&mut site, &["per"]);
    let finding = connected(&site).unwrap();
    assert_eq!(finding.class.as_deref(), Some("WindowsClients"));
    assert!(finding.message.contains("on PC-PER (login per)") && !finding.remedy.is_empty(), "{}", finding.message);
    declare(&mut site, Some(WindowsClients::Kept));
    assert_eq!(connected(&site), None, "kept clients are at home");
}

#[test]
fn with_a_release_that_has_none_for_people_clients_are_uninstalled_and_nobody_waits_for_it() {
    let mut site = Site::at_rest();
    site.snapshot.releases = whole_catalogue();
    site.snapshot.site.status = None;
    site.spec().version = "8.5 R17".to_owned();
    site.move_to("8.5 R17");
    site.machine("contoso-app", new_machine);
    site.machine("contoso-cs", new_machine);
    site.fact(crm_api::database::SQL_SERVER_VERSION, Some("15.0.1"));
    declare(&mut site, Some(WindowsClients::Kept));
    site.turn();
    site.declare("10.5.4");
    site.turn();
    site.turn();
    site.turn();
    let change = site.snapshot.changes.last().unwrap().spec.clone();
    assert!(publish(&change).is_none(), "10 has a client for administrators only");
    let notice = change.notices.iter().find(|notice| notice.contains("no Windows client for people")).unwrap();
    assert!(notice.contains("once Web serves; administrators get SuperOffice10.exe"), "{notice}");
    site.snapshot.changes.last_mut().unwrap().status.as_mut().unwrap().phase = ChangePhase::Succeeded;
    site.turn();
    assert!(debt(&site, REMOVED).is_some());
    site.say_of(&change.plan_hash, Word::Attest);
    let word = &mut site.snapshot.decisions.last_mut().unwrap().spec;
    (word.step, word.reason) = (Some("windows-clients".to_owned()), Some("42 are gone".to_owned()));
    site.turn();
    assert_eq!(debt(&site, REMOVED), None);
}

fn new_machine(machine: &mut crm_api::probe::Machine) {
    machine.windows = "Windows Server 2019".to_owned();
    machine.iis = Some("10.0".to_owned());
    machine.dot_net = Some("4.8".to_owned());
}

#[test]
fn the_share_that_was_published_shows_the_new_release_before_the_step_is_over() {
    let (mut site, _) = planned(Some(WindowsClients::Kept), &[]);
    site.run_to("publish-clients@contoso-app");
    site.say(Word::Attest, Some("publish-clients@contoso-app"));
    site.wait(1);
    site.turn();
    assert!(
        site.status().waiting.clone().unwrap().message.contains("SuperOffice8.exe"),
        "the old installer is still there"
    );
    let setup = TRANSFORM.replace("SuperOffice.mst", "SuperOffice8.exe");
    site.answer("contoso-app", &Probe::FileVersion { path: setup }, Answer::Version { version: NEW.to_owned() });
    site.wait(1);
    site.turn();
    assert!(site.status().is_verified("publish-clients@contoso-app"));
}
