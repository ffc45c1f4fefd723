//! Components that a site does not have yet: who demands them, what they need, and how they come.

mod beside_others;
mod first_service;

use crm_api::change::{CrmChangeSpec, Executor, Felt, Gate};
use crm_api::database::superoffice;
use crm_api::evidence::{Expectation, Expected, Source};
use crm_api::probe::{Answer, Probe, RunState};
use crm_api::site::{Component, FastCgi, Finding, PartState, Placement, ServiceSetup};

use super::fixture::{Site, whole_catalogue};
use crate::intent::Standing;

const CS: &str = "contoso-cs";

/// CRM Server and Web at 7.5 SR2, adopted; no Service, neither on a node nor in the database.
fn without_service() -> Site {
    let mut site =
        Site::with_placement(&[(Component::CrmServer, &["contoso-app"]), (Component::Web, &["contoso-app"])]);
    for fact in [
        superoffice::SERVICE_VERSION,
        superoffice::SERVICE_INSTALLED_AT,
        superoffice::ATTACHMENT_PATH,
        superoffice::USE_EXTENSION,
        superoffice::SCHEDULER_HEARTBEAT,
    ] {
        site.fact(fact, None);
    }
    site.turn();
    assert_eq!(site.plan().standing, Standing::Settled, "what a site does not declare is not missed");
    site
}

fn place(site: &mut Site, name: Component, node: &str) {
    match site.spec().components.iter_mut().find(|placed| placed.name == name) {
        Some(placed) => placed.nodes.push(node.to_owned()),
        None => site.spec().components.push(Placement { name, nodes: vec![node.to_owned()] }),
    }
}

fn setup() -> ServiceSetup {
    ServiceSetup {
        net_server: "http://contoso-app/sales".to_owned(),
        smtp_host: "mail.contoso.example".to_owned(),
        smtp_port: 25,
        mailbox: "support@contoso.example".to_owned(),
        address: "192.0.2.20".to_owned(),
        relay_to: None,
        odbc_dsn: "CRM7".to_owned(),
    }
}

/// The same site with 8.0 SR6 and a Service declared, as one edit does it.
fn with_new_service() -> Site {
    let mut site = without_service();
    place(&mut site, Component::Service, CS);
    site.spec().super_office.as_mut().unwrap().service.setup = Some(setup());
    site.declare("8.0 SR6");
    site.add_bare_node(CS);
    site
}

/// The plan, each step of which says why it stands where it stands.
fn proposed(site: &Site) -> CrmChangeSpec {
    let change = match (site.snapshot.changes.last(), site.plan().standing) {
        (Some(change), _) => change.spec.clone(),
        (None, Standing::Proposed { change, .. }) => *change,
        (None, other) => unreachable!("expected a plan: {other:?}"),
    };
    for step in &change.steps {
        assert!(!step.why.is_empty(), "{} says no reason", step.id);
    }
    change
}

fn findings(site: &Site) -> Vec<Finding> {
    match site.plan().standing {
        Standing::Refused { findings } => findings,
        _ => Vec::new(),
    }
}

fn ids(change: &CrmChangeSpec) -> Vec<&str> {
    change.steps.iter().map(|step| step.id.as_str()).collect()
}

fn found(site: &Site, check: &str) -> Finding {
    let finding = findings(site).into_iter().find(|finding| finding.check == check);
    let finding = finding.unwrap_or_else(|| unreachable!("{check} found nothing: {:?}", site.plan().standing));
    assert!(!finding.remedy.is_empty());
    finding
}

#[test]
fn a_full_stack_is_demanded_with_the_component_to_add() {
    let mut site = without_service();
    site.declare("8.0 SR6");
    let finding = found(&site, "FullStack");
    assert!(finding.remedy.contains("{name: Service"), "{}", finding.remedy);
    site.snapshot.releases.iter_mut().for_each(|release| {
        release.spec.super_office.as_mut().unwrap().full_stack = false;
    });
    assert!(findings(&site).is_empty(), "releases say by data whether they demand it");
}

#[test]
fn a_missing_service_is_installed_and_set_up_once() {
    let site = with_new_service();
    let change = proposed(&site);
    assert_eq!(change.installs, ["Service@contoso-cs", "ServiceData"]);
    assert_eq!(change.fast_cgi, Some(FastCgi::Enabled), "as declared");
    let ids = ids(&change);
    let place = |id: &str| ids.iter().position(|other| *other == id).unwrap_or_else(|| unreachable!("{id}: {ids:?}"));
    for (before, after) in [
        ("prove-mailbox@contoso-cs", "notice"),
        ("upgrade-web@contoso-app", "install-service@contoso-cs"),
        ("reach-netserver@contoso-cs", "set-up-service@contoso-cs"),
        ("install-service@contoso-cs", "set-up-service@contoso-cs"),
        ("set-up-service@contoso-cs", "run-upgrade-exe@contoso-cs"),
        ("start-service-pool@contoso-cs", "first-mailbox@contoso-cs"),
        ("first-mailbox@contoso-cs", "verify-versions"),
        ("verify-versions", "start-scheduler@contoso-cs"),
    ] {
        assert!(place(before) < place(after), "{before} before {after}: {ids:?}");
    }
    for absent in
        ["freeze@contoso-cs", "stop-scheduler@contoso-cs", "unfreeze@contoso-cs", "upgrade-service@contoso-cs"]
    {
        assert!(!ids.contains(&absent), "{absent}: there is no Service yet");
    }
    let step = |id: &str| &change.steps[place(id)];
    assert_eq!(step("stop-writers@contoso-app").gate, Some(Gate::Window));
    assert_eq!(step("stop-writers@contoso-app").felt, Felt::Closes);
    assert!(change.steps.iter().any(|step| step.felt == Felt::Opens));
    let set_up = step("set-up-service@contoso-cs");
    assert!(matches!(set_up.executor, Executor::Attended { .. }), "it asks for passwords");
    assert_eq!(set_up.attempts_max, 1);
    assert!(!set_up.absent_when.is_empty());
    let Executor::Agent { actions } = &step("run-upgrade-exe@contoso-cs").executor else { unreachable!() };
    assert!(format!("{actions:?}").contains("-onlyFCGI"), "a Service that was set up needs its handlers only");
}

#[test]
fn such_a_change_ends_at_a_whole_site() {
    let mut site = with_new_service();
    site.run_to("never");
    let verified = site.snapshot.site.status.clone().unwrap().verified.unwrap();
    assert_eq!(verified.version, "8.0 SR6", "{:?}", site.status());
    assert!(verified.components.iter().any(|placed| placed.name == Component::Service && placed.nodes == [CS]));
    site.turn();
    assert_eq!(site.plan().standing, Standing::Settled);
}

#[test]
fn absent_parts_do_not_count_for_one_release() {
    let site = with_new_service();
    let parts =
        crate::products::of(site.snapshot.site.spec.product).parts(&crate::view::View::new(&site.snapshot, site.now));
    let absent: Vec<&str> =
        parts.iter().filter(|part| part.state == PartState::Absent).map(|part| part.part.as_str()).collect();
    assert_eq!(absent, ["Service", "ServiceData"]);
}

#[test]
fn a_service_is_never_set_up_a_second_time() {
    let mut site = with_new_service();
    site.snapshot.changes.clear();
    site.fact(superoffice::SERVICE_VERSION, Some("7.5.5885"));
    assert!(found(&site, "NewService").remedy.contains("ejTermSetup must not run"));
}

#[test]
fn a_new_service_without_its_setup_is_refused() {
    let mut site = with_new_service();
    site.snapshot.changes.clear();
    site.spec().super_office.as_mut().unwrap().service.setup = None;
    assert!(found(&site, "NewService").remedy.contains("smtpHost"));
}

#[test]
fn a_release_that_does_not_say_how_cannot_install() {
    let mut site = with_new_service();
    site.snapshot.changes.clear();
    for package in site.snapshot.releases.iter_mut().flat_map(|release| &mut release.spec.packages) {
        package.install = None;
    }
    assert!(found(&site, "Packages").message.contains("does not say how Service is installed"));
}

/// Every source of Web on the node shows nothing.
fn remove_web(site: &mut Site) {
    site.answer("contoso-app", &Probe::Program { name: "SuperOffice Web".to_owned() }, Answer::Absent {});
    let library = r"C:\SuperOffice\SuperOffice Web\bin\SoCore.dll".to_owned();
    site.answer("contoso-app", &Probe::FileVersion { path: library }, Answer::Absent {});
}

#[test]
fn what_was_proven_and_is_gone_is_no_wish_for_an_installation() {
    let mut site = Site::at_rest();
    remove_web(&mut site);
    site.declare("8.0 SR6");
    let finding = found(&site, "OneRelease");
    assert!(finding.message.contains("not installed any more"), "{}", finding.message);
}

#[test]
fn a_web_node_is_added_at_the_release_of_the_site_and_nobody_is_out() {
    let mut site = Site::at_rest();
    site.spec()
        .components
        .iter_mut()
        .find(|placed| placed.name == Component::Web)
        .unwrap()
        .nodes
        .push("web2".to_owned());
    bring_packages(&mut site);
    site.add_bare_node("web2");
    let change = proposed(&site);
    assert_eq!((change.from.as_str(), change.to.as_str()), ("7.5 SR2", "7.5 SR2"));
    assert!(ids(&change).contains(&"install-web@web2"), "{:?}", ids(&change));
    assert!(change.steps.iter().all(|step| step.felt == Felt::No), "nothing that serves is touched");
    assert!(!change.schema_change);
    assert!(!ids(&change).iter().any(|id| id.ends_with("@contoso-app")), "{:?}", ids(&change));
    site.run_to("never");
    let verified = site.snapshot.site.status.clone().unwrap().verified.unwrap();
    assert!(verified.components.iter().any(|placed| placed.nodes.contains(&"web2".to_owned())));
}

#[test]
fn a_site_without_service_is_proven_by_web_at_work() {
    let mut site = without_service();
    site.spec().components.iter_mut().find(|placed| placed.name == Component::Web).unwrap().nodes.push("web2".into());
    bring_packages(&mut site);
    site.add_bare_node("web2");
    let change = proposed(&site);
    let proof = &change.steps.iter().find(|step| step.id == "verify-site").unwrap().evidence;
    let running = Expected::State { is: RunState::Running };
    for node in ["contoso-app", "web2"] {
        let of = |one: &&Expectation| matches!(&one.source, Source::Node { node: on, probe: Probe::Pool { .. } } if on == node);
        assert!(proof.iter().any(|one| of(&one) && one.expected == running), "{node}: {proof:?}");
    }
}

#[test]
fn what_a_new_server_needs_is_looked_at_where_the_release_stays() {
    let with = |name: &'static str| {
        let mut site = Site::at_rest();
        let web = site.spec().components.iter_mut().find(|placed| placed.name == Component::Web).unwrap();
        web.nodes.push("web2".to_owned());
        bring_packages(&mut site);
        site.add_bare_node("web2");
        site.snapshot.changes.clear();
        site.machine(name, |machine| machine.features.clear());
        site
    };
    let finding = found(&with("web2"), "IisFeatures");
    assert_eq!(finding.node.as_deref(), Some("web2"));
    assert!(findings(&with("contoso-app")).is_empty(), "what serves already is not touched");
}

#[test]
fn upgrade_exe_runs_on_an_added_service_node_and_ej_term_setup_does_not() {
    let mut site = Site::at_rest();
    let service = site.spec().components.iter_mut().find(|placed| placed.name == Component::Service).unwrap();
    service.nodes.push("cs2".to_owned());
    bring_packages(&mut site);
    site.spec().super_office.as_mut().unwrap().service.setup = Some(setup());
    site.add_bare_node("cs2");
    let change = proposed(&site);
    assert!(ids(&change).contains(&"run-upgrade-exe@cs2"), "{:?}", ids(&change));
    assert!(!ids(&change).contains(&"set-up-service@cs2"));
    assert!(!ids(&change).contains(&"run-upgrade-exe@contoso-cs"));
}

fn bring_packages(site: &mut Site) {
    let packages = site.snapshot.releases.iter().find(|release| release.spec.version == "8.0 SR6").unwrap();
    let packages = packages.spec.packages.clone();
    let own = site.snapshot.releases.iter_mut().find(|release| release.spec.version == "7.5 SR2").unwrap();
    own.spec.packages = packages;
}

/// CRM Server alone, with Web and Service declared together with 8.0.
#[test]
fn without_web_and_service_nothing_is_frozen_and_the_session_list_is_the_proof() {
    let mut site = Site::with_placement(&[(Component::CrmServer, &["contoso-app"])]);
    for fact in [superoffice::SERVICE_VERSION, superoffice::ATTACHMENT_PATH, superoffice::USE_EXTENSION] {
        site.fact(fact, None);
    }
    site.turn();
    place(&mut site, Component::Web, "contoso-web");
    place(&mut site, Component::Service, CS);
    site.spec().super_office.as_mut().unwrap().service.setup = Some(setup());
    site.declare("8.0 SR6");
    site.add_bare_node("contoso-web");
    site.add_bare_node(CS);
    let change = proposed(&site);
    let place = |id: &str| ids(&change).iter().position(|other| *other == id).unwrap();
    let alone = &change.steps[place("prove-alone")];
    assert_eq!((alone.gate, alone.felt), (Some(Gate::Window), Felt::Closes));
    for kind in ["stop-scheduler", "freeze", "unfreeze", "stop-writers", "upgrade-web", "upgrade-service"] {
        assert!(!ids(&change).iter().any(|id| id.starts_with(&format!("{kind}@"))), "{kind}");
    }
    for (before, after) in [
        ("prove-alone", "back-up-database"),
        ("upgrade-database@contoso-app", "install-web@contoso-web"),
        ("install-web@contoso-web", "install-service@contoso-cs"),
        ("install-service@contoso-cs", "set-up-service@contoso-cs"),
        ("set-up-service@contoso-cs", "verify-versions"),
        ("verify-versions", "start-scheduler@contoso-cs"),
    ] {
        assert!(place(before) < place(after), "{before} before {after}: {:?}", ids(&change));
    }
    site.run_to("never");
    assert_eq!(site.snapshot.site.status.clone().unwrap().verified.unwrap().version, "8.0 SR6", "{:?}", site.status());
}

#[test]
fn what_is_missing_is_installed_in_the_first_hop_that_demands_it_and_upgraded_afterwards() {
    let mut site = Site::with_placement(&[(Component::CrmServer, &["contoso-app"]), (Component::Service, &[CS])]);
    site.snapshot.releases = whole_catalogue();
    site.snapshot.site.status = None;
    site.spec().version = "7.1 SR2".to_owned();
    site.spec().super_office.as_mut().unwrap().text_move = Some(crm_api::site::TextMoveChoice::Skipped);
    site.move_to("7.1.4816");
    site.turn();
    site.turn();
    place(&mut site, Component::Web, "contoso-web");
    site.declare("8.0 SR6");
    site.add_bare_node("contoso-web");
    let first = proposed(&site);
    assert_eq!((first.from.as_str(), first.to.as_str(), first.installs.len()), ("7.1 SR2", "7.5 SR2", 0));
    site.run_to("never");
    site.turn();
    site.turn();
    let second = proposed(&site);
    assert_eq!((second.from.as_str(), second.to.as_str()), ("7.5 SR2", "8.0 SR6"), "{:?}", site.plan().standing);
    assert_eq!(second.installs, ["Web@contoso-web"]);
    site.run_to("never");
    site.turn();
    assert_eq!(site.plan().standing, Standing::Settled);
    for node in ["contoso-app", "contoso-web", CS] {
        site.machine(node, |machine| {
            machine.dot_net = Some("4.8".to_owned());
            machine.windows = "Windows Server 2016".to_owned();
        });
    }
    site.fact(crm_api::database::SQL_SERVER_VERSION, Some("13.0.5000"));
    site.spec().super_office.as_mut().unwrap().reverse_proxy = Some(crm_api::site::ReverseProxy::IisArr);
    site.declare("8.5 R17");
    site.turn();
    site.turn();
    let third = proposed(&site);
    assert!(third.installs.is_empty() && ids(&third).contains(&"upgrade-web@contoso-web"), "{:?}", ids(&third));
}

#[test]
fn adoption_alone_plans_no_step_and_what_is_left_out_is_as_observed() {
    let mut site = Site::at_rest();
    site.snapshot.site.status = None;
    site.spec().fast_cgi = None;
    let block = site.spec().super_office.as_mut().unwrap();
    (block.net_server, block.attachments) = (None, None);
    site.fact(superoffice::USE_EXTENSION, Some("exe"));
    let plan = site.turn();
    assert_eq!(plan.standing, Standing::Settled);
    assert!(site.snapshot.changes.is_empty());
    let verified = site.snapshot.site.status.clone().unwrap().verified.unwrap();
    assert_eq!((verified.version.as_str(), verified.fast_cgi), ("7.5 SR2", Some(FastCgi::Disabled)));
    site.declare("8.0 SR6");
    assert_eq!(proposed(&site).fast_cgi, Some(FastCgi::Disabled), "what was observed stays");
}
