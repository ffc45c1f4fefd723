//! The NetServer that Service works through: one of its own is kept or merged, and Web works through none that is remote.

use crm_api::change::{ChangePhase, CrmChangeSpec, Executor, Undo};
use crm_api::database::SCHEMA_MODIFIED_AT;
use crm_api::evidence::Expected;
use crm_api::order::{Action, Outcome};
use crm_api::probe::{Answer, Probe, RunState};
use crm_api::site::{Component, Finding, NetServerMode, PartState};

use super::fixture::{OLD, Site, whole_catalogue};
use crate::drift::at_rest;
use crate::intent::Standing;
use crate::view::View;

const NS: &str = "contoso-ns";
const CS: &str = "contoso-cs";
const POOL: &str = "SuperOfficeNetServer";
const OWN_ADDRESS: &str = "http://contoso-ns/SuperOfficeNetServer/Remote/Services75";

fn endpoint() -> Probe {
    Probe::ConfigValue { path: r"C:\SuperOffice\Customer Service\config".to_owned(), key: "nsEndPoint".to_owned() }
}

fn library() -> Probe {
    Probe::FileVersion { path: r"C:\SuperOffice\SuperOfficeNetServer\bin\SoCore.dll".to_owned() }
}

/// Service on a node works through the NetServer of its own on another one.
pub(super) fn uses_own_net_server(site: &mut Site, service: &str, carrier: &str) {
    let value = format!("http://{carrier}/SuperOfficeNetServer/Remote/Services75");
    site.answer(service, &endpoint(), Answer::Value { value });
}

/// CRM Server, Web and Service at 7.5 SR2, adopted, and a NetServer for Service on a server of its own.
fn with_own() -> Site {
    let mut site = Site::with_placement(&[
        (Component::CrmServer, &["contoso-app"]),
        (Component::Web, &["contoso-app"]),
        (Component::NetServer, &[NS]),
        (Component::Service, &[CS]),
    ]);
    site.spec().super_office.as_mut().unwrap().net_server = None;
    uses_own_net_server(&mut site, CS, NS);
    site.turn();
    assert_eq!(site.plan().standing, Standing::Settled);
    site
}

fn merging() -> Site {
    let mut site = with_own();
    let block = site.spec().super_office.as_mut().unwrap();
    block.net_server = Some(NetServerMode::Shared);
    block.net_server_address = Some("http://contoso-app/sales/".to_owned());
    site.declare("8.0 SR6");
    site
}

fn proposed(site: &Site) -> CrmChangeSpec {
    match site.plan().standing {
        Standing::Proposed { change, .. } => *change,
        other => unreachable!("expected a plan: {other:?}"),
    }
}

fn place(change: &CrmChangeSpec, id: &str) -> usize {
    let found = change.steps.iter().position(|step| step.id == id);
    found.unwrap_or_else(|| unreachable!("{id}: {:?}", change.steps.iter().map(|step| &step.id).collect::<Vec<_>>()))
}

fn actions<'a>(change: &'a CrmChangeSpec, id: &str) -> &'a [Action] {
    match &change.steps[place(change, id)].executor {
        Executor::Agent { actions } => actions,
        other => unreachable!("{other:?}"),
    }
}

fn in_order(change: &CrmChangeSpec, order: &[(&str, &str)]) {
    for (before, after) in order {
        assert!(place(change, before) < place(change, after), "{before} before {after}");
    }
}

#[test]
fn left_out_it_is_kept_as_observed_and_upgraded_before_service() {
    let mut site = with_own();
    site.declare("8.0 SR6");
    let change = proposed(&site);
    in_order(
        &change,
        &[
            ("stop-writers@contoso-ns", "prove-alone"),
            ("back-up-files@contoso-ns", "verify-backup"),
            ("upgrade-database@contoso-app", "upgrade-netserver@contoso-ns"),
            ("upgrade-netserver@contoso-ns", "start-netserver@contoso-ns"),
            ("upgrade-netserver@contoso-ns", "upgrade-service@contoso-cs"),
            ("start-netserver@contoso-ns", "reach-netserver@contoso-cs"),
            ("reach-netserver@contoso-cs", "run-upgrade-exe@contoso-cs"),
        ],
    );
    let reach = format!("{:?}", actions(&change, "reach-netserver@contoso-cs"));
    assert!(reach.contains("http://contoso-ns/SuperOfficeNetServer/Remote/Services82/Contact.svc"), "{reach}");
    let backup = actions(&change, "back-up-files@contoso-ns");
    assert!(backup.iter().any(|action| matches!(action, Action::CopyTree { from, .. } if from.ends_with(POOL))));
    assert!(backup.iter().any(|action| matches!(action, Action::ExportIis { .. })));
    assert!(!change.steps.iter().any(|step| step.id.starts_with("point-to") || step.id.starts_with("remove-")));
    site.run_to("never");
    site.turn();
    assert_eq!(site.plan().standing, Standing::Settled, "{:?}", site.status());
    let verified = site.snapshot.site.status.clone().unwrap().verified.unwrap();
    assert!(verified.components.iter().any(|placed| placed.name == Component::NetServer && placed.nodes == [NS]));
}

#[test]
fn its_entry_in_the_list_of_programs_counts_where_it_is_declared() {
    let mut site = with_own();
    site.spec().super_office.as_mut().unwrap().own_net_server.program = Some("SuperOffice NetServer".to_owned());
    site.turn();
    site.turn();
    let program = Probe::Program { name: "SuperOffice NetServer".to_owned() };
    site.answer(NS, &program, Answer::Program { version: "7.1.4816".to_owned(), location: String::new() });
    let view = View::new(&site.snapshot, site.now);
    let parts = crate::products::of(site.snapshot.site.spec.product).parts(&view);
    let part = parts.iter().find(|part| part.part == "NetServer").unwrap();
    assert_eq!(part.state, PartState::Inconsistent, "two sources that differ are a finding");
}

#[test]
fn declared_shared_service_moves_to_the_one_inside_web_once_that_one_answers() {
    let site = merging();
    let change = proposed(&site);
    in_order(
        &change,
        &[
            ("stop-writers@contoso-ns", "prove-alone"),
            ("upgrade-web@contoso-app", "start-netserver@contoso-app"),
            ("start-netserver@contoso-app", "reach-netserver@contoso-cs"),
            ("reach-netserver@contoso-cs", "point-to-netserver@contoso-cs"),
            ("point-to-netserver@contoso-cs", "run-upgrade-exe@contoso-cs"),
            ("verify-site", "remove-netserver@contoso-ns"),
        ],
    );
    let reach = format!("{:?}", actions(&change, "reach-netserver@contoso-cs"));
    assert!(reach.contains("\"http://contoso-app/sales/Remote/Services82/Contact.svc\""), "{reach}");
    let point = actions(&change, "point-to-netserver@contoso-cs");
    let [Action::SetConfigValue { key, value, .. }] = point else { unreachable!("{point:?}") };
    assert_eq!((key.as_str(), value.as_str()), ("nsEndPoint", "http://contoso-app/sales/Remote/Services82"));
    assert!(matches!(change.steps[place(&change, "point-to-netserver@contoso-cs")].undo, Undo::Restore {}));
    assert!(change.notices.iter().any(|notice| notice.contains(NS)), "{:?}", change.notices);
    assert!(change.components.iter().all(|placed| placed.name != Component::NetServer), "it is none of the goal");
}

#[test]
fn an_old_net_server_is_never_started_on_the_new_database_and_is_gone_at_the_end() {
    let change = proposed(&merging());
    let starts = |action: &Action| matches!(action, Action::StartPool { name } if name == POOL);
    for step in &change.steps {
        if let Executor::Agent { actions } = &step.executor {
            assert!(!actions.iter().any(starts), "{}", step.id);
        }
        let Undo::Actions { actions } = &step.undo else { continue };
        assert_eq!(actions.iter().any(starts), step.id == "stop-writers@contoso-ns", "before the schema changes");
    }
    assert!(!change.steps.iter().any(|step| step.id.starts_with("upgrade-netserver")));
    let remove = &change.steps[place(&change, "remove-netserver@contoso-ns")];
    assert!(matches!(remove.executor, Executor::Attended { .. }));
    assert!(remove.evidence.len() > 1 && remove.evidence.iter().all(|one| one.expected == Expected::Absent {}));
}

#[test]
fn a_merge_ends_at_a_site_without_it() {
    let mut site = merging();
    site.run_to("never");
    assert_eq!(site.status().phase, ChangePhase::Succeeded, "{:?}", site.status());
    assert!(site.status().findings.iter().any(|text| text.contains("out of spec.components")), "{:?}", site.status());
    site.turn();
    site.turn();
    assert_eq!(site.plan().standing, Standing::Settled);
    let verified = site.snapshot.site.status.clone().unwrap().verified.unwrap();
    assert!(verified.change.is_some() && verified.components.iter().all(|placed| placed.name != Component::NetServer));
    assert!(
        at_rest(&View::new(&site.snapshot, site.now)).iter().all(|found| found.class.as_deref() != Some("NetServer"))
    );
}

#[test]
fn a_merge_that_is_to_come_with_the_next_version_is_pending_and_no_drift() {
    let mut site = merging();
    let differs = |site: &Site| {
        let found = at_rest(&View::new(&site.snapshot, site.now));
        found.iter().any(|found| found.check == "NetServerNotAsDeclared")
    };
    assert!(!differs(&site), "the declared version brings it");
    site.declare("7.5 SR2");
    assert!(differs(&site), "nothing that is declared brings it");
}

#[test]
fn what_has_served_and_is_still_there_is_drift() {
    let mut site = merging();
    site.run_to("never");
    site.answer(NS, &library(), Answer::Version { version: OLD.to_owned() });
    let found = at_rest(&View::new(&site.snapshot, site.now));
    let left = found.iter().find(|found| found.check == "NetServerLeft").unwrap();
    assert!(left.node.as_deref() == Some(NS) && left.remedy.contains("uninstall"), "{left:?}");
    uses_own_net_server(&mut site, CS, NS);
    let found = at_rest(&View::new(&site.snapshot, site.now));
    assert!(found.iter().any(|found| found.check == "NetServerNotAsDeclared" && found.node.as_deref() == Some(CS)));
}

#[test]
fn a_restore_of_a_halted_merge_brings_it_back_and_starts_it() {
    let mut site = merging();
    site.turn();
    site.run_to("upgrade-database@contoso-app");
    let now = site.now.to_string();
    site.fact(SCHEMA_MODIFIED_AT, Some(&now));
    site.end_order(Outcome::Partial);
    site.turn();
    site.wait(30);
    let plan = site.turn();
    let Standing::Halted { restore: Some(back), .. } = plan.standing else { unreachable!("{plan:?}") };
    let files = format!("{:?}", actions(&back, "restore-files@contoso-ns"));
    assert!(files.contains(r"C:\\SuperOffice\\SuperOfficeNetServer"), "{files}");
    assert!(actions(&back, "start-netserver@contoso-ns").contains(&Action::StartPool { name: POOL.to_owned() }));
}

fn findings(site: &Site) -> Vec<Finding> {
    match site.plan().standing {
        Standing::Refused { findings } | Standing::Proposed { findings, .. } => findings,
        other => unreachable!("{other:?}"),
    }
}

/// The check finds nothing as things stand, something when it fails, and something when it cannot tell.
fn check(name: &str, site: &dyn Fn() -> Site, fails: &dyn Fn(&mut Site), unknown: &dyn Fn(&mut Site)) {
    let found = |change: &dyn Fn(&mut Site)| {
        let mut site = site();
        change(&mut site);
        let all = findings(&site);
        all.into_iter().filter(|finding| finding.check == name).collect::<Vec<_>>()
    };
    assert_eq!(found(&|_| {}), Vec::new(), "{name}");
    for (case, change) in [("failing", fails), ("unknown", unknown)] {
        let found = found(change);
        assert!(!found.is_empty(), "{name}: {case} was not found");
        assert!(found.iter().all(|finding| !finding.remedy.is_empty()), "{name}: {case} has no remedy");
    }
}

fn unreadable() -> Answer {
    Answer::Unreadable { reason: "access denied".to_owned() }
}

fn mode() -> Probe {
    Probe::XmlValue {
        path: r"C:\SuperOffice\SuperOffice Web\web.config".to_owned(),
        section: "SuperOffice/Services".to_owned(),
        key: "DefaultMode".to_owned(),
    }
}

#[test]
fn the_net_server_of_service_is_one_of_the_site_over_http() {
    let at_seven = || {
        let mut site = with_own();
        site.declare("8.0 SR6");
        site
    };
    let answer = |value: &'static str| {
        move |site: &mut Site| site.answer(CS, &endpoint(), Answer::Value { value: value.to_owned() })
    };
    let blind = |site: &mut Site| site.answer(CS, &endpoint(), unreadable());
    check("ServiceNetServer", &at_seven, &answer("http://partner/soap/Remote/Services75"), &blind);
    let https = answer("https://contoso-ns/SuperOfficeNetServer/Remote/Services75");
    check("NetServerOverHttp", &at_seven, &https, &blind);
    let mut moved = merging();
    https(&mut moved);
    assert!(
        findings(&moved).iter().all(|found| found.check != "NetServerOverHttp"),
        "it moves to one that speaks HTTP"
    );
}

#[test]
fn a_merge_needs_an_address_and_a_web_that_runs_net_server_itself() {
    let no_address = |site: &mut Site| site.spec().super_office.as_mut().unwrap().net_server_address = None;
    let remote = |site: &mut Site| site.answer("contoso-app", &mode(), Answer::Value { value: "Remote".to_owned() });
    let blind = |site: &mut Site| site.answer("contoso-app", &mode(), unreadable());
    check("NetServerMerge", &merging, &no_address, &blind);
    check("NetServerMerge", &merging, &remote, &|site| site.answer("contoso-app", &mode(), Answer::Absent {}));
}

#[test]
fn a_remote_net_server_behind_web_is_allowed_until_a_release_drops_it() {
    let at = |to: &'static str| {
        move || {
            let mut site = Site::at_rest();
            site.snapshot.releases = whole_catalogue();
            site.snapshot.site.status = None;
            site.spec().version = "8.5 R17".to_owned();
            site.move_to("8.5 R17");
            site.turn();
            site.declare(to);
            site.turn();
            site
        }
    };
    let remote = |site: &mut Site| site.answer("contoso-app", &mode(), Answer::Value { value: "Switch".to_owned() });
    let blind = |site: &mut Site| site.answer("contoso-app", &mode(), unreadable());
    check("RemoteNetServer", &at("10.1.6"), &remote, &blind);
    let mut before = at("9.2 R12")();
    remote(&mut before);
    assert!(findings(&before).iter().all(|found| found.check != "RemoteNetServer"), "9.2 still has it");
}

#[test]
fn applications_of_one_name_are_told_apart_by_their_host() {
    let mut site = with_own();
    site.spec().super_office.as_mut().unwrap().own_net_server.application = Some("/sales".to_owned());
    let used = |site: &Site| {
        let view = View::new(&site.snapshot, site.now);
        let layout = crate::products::superoffice::layout::Layout::of(&view).unwrap();
        crate::products::superoffice::net_server::used(&view, &layout, CS)
    };
    for (address, mode) in [
        ("http://contoso-ns.contoso.example:8080/Sales/Remote/Services75", Some(NetServerMode::Own)),
        ("http://contoso-app/sales/Remote/Services75", Some(NetServerMode::Shared)),
        ("http://localhost/sales/Remote/Services75", Some(NetServerMode::Shared)),
        ("http://contoso-ns/other/Remote/Services75", None),
        ("no address", None),
    ] {
        site.answer(CS, &endpoint(), Answer::Value { value: address.to_owned() });
        assert_eq!(used(&site), mode, "{address}");
    }
}

#[test]
fn a_net_server_that_is_missing_is_installed_and_reached() {
    let mut site = with_own();
    site.snapshot.site.status = None;
    site.answer(NS, &library(), Answer::Absent {});
    site.answer(NS, &Probe::Pool { name: POOL.to_owned() }, Answer::Absent {});
    site.answer(CS, &endpoint(), Answer::Value { value: OWN_ADDRESS.to_owned() });
    site.declare("8.0 SR6");
    let change = proposed(&site);
    in_order(
        &change,
        &[
            ("upgrade-database@contoso-app", "install-netserver@contoso-ns"),
            ("install-netserver@contoso-ns", "start-netserver@contoso-ns"),
            ("start-netserver@contoso-ns", "reach-netserver@contoso-cs"),
        ],
    );
    let running = Expected::State { is: RunState::Running };
    assert!(
        change.steps[place(&change, "start-netserver@contoso-ns")].evidence.iter().any(|one| one.expected == running)
    );
}
