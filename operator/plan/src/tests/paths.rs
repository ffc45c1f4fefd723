//! Several hops: all are looked at before the first one starts, each is a change of its own.

use crm_api::change::{ChangePhase, Executor};
use crm_api::database::{SQL_SERVER_VERSION, superoffice};
use crm_api::evidence::{Expectation, Expected, Source};
use crm_api::order::Action;
use crm_api::probe::{Answer, Probe, RunState};
use crm_api::site::{Component, Finding, ReverseProxy, Severity, TextMoveChoice};

use super::fixture::{Site, whole_catalogue};
use crate::intent::Standing;

/// A site at rest at another release.
pub(super) fn at(number: &str) -> Site {
    let mut site = Site::at_rest();
    site.snapshot.releases = whole_catalogue();
    site.snapshot.site.status = None;
    let version = site.snapshot.releases.iter().find(|release| release.spec.number == number).unwrap();
    site.spec().version = version.spec.version.clone();
    let block = site.spec().super_office.as_mut().unwrap();
    block.text_move = Some(TextMoveChoice::Skipped);
    // Web and Service are on two servers.
    block.reverse_proxy = Some(ReverseProxy::External);
    site.move_to(number);
    site.turn();
    assert_eq!(site.plan().standing, Standing::Settled);
    site
}

pub(super) fn blocking(site: &Site) -> Vec<Finding> {
    match site.plan().standing {
        Standing::Refused { findings } => {
            findings.into_iter().filter(|finding| finding.severity == Severity::Block).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn the_path_is_shown_before_anything_starts_and_each_hop_is_a_change() {
    let mut site = at("7.1.4816");
    site.declare("8.0 SR6");
    let Standing::Proposed { change, .. } = site.plan().standing else { unreachable!("a plan") };
    assert_eq!((change.from.as_str(), change.to.as_str()), ("7.1 SR2", "7.5 SR2"));
    site.turn();
    let plan = site.snapshot.site.status.clone().unwrap().plan.unwrap();
    assert_eq!(plan.then.len(), 1);
    let later = &plan.then[0];
    assert_eq!((later.from.as_str(), later.to.as_str()), ("7.5 SR2", "8.0 SR6"));
    assert!(later.minutes > 60 && later.attended == 2 && later.steps > 20, "{later:?}");
    let text = crate::explain::explain(&site.snapshot, &site.plan(), site.now, 100);
    assert!(text.contains("under way"), "{text}");
}

#[test]
fn what_a_later_hop_lacks_blocks_the_first() {
    let mut site = at("7.1.4816");
    site.declare("8.0 SR6");
    // 7.5 demands no .NET Framework and no version of SQL Server, 8.0 does.
    site.machine("contoso-app", |machine| machine.dot_net = Some("4.0".to_owned()));
    site.fact(SQL_SERVER_VERSION, Some("9.0.1399"));
    let found = blocking(&site);
    let checks: Vec<&str> = found.iter().map(|finding| finding.check.as_str()).collect();
    assert_eq!(checks, ["SqlServerVersion", "DotNet"]);
    assert!(found.iter().all(|finding| finding.message.starts_with("a later hop, to 8.0 SR6: ")), "{found:?}");
    site.declare("7.5 SR2");
    assert!(blocking(&site).is_empty(), "without the later hop nothing is missing");
}

#[test]
fn the_full_stack_is_demanded_from_8_0_on() {
    let mut site = at("7.5.5885");
    site.declare("8.0 SR6");
    site.spec().components.retain(|placed| placed.name != Component::Web);
    site.turn();
    let found = blocking(&site);
    assert!(found.iter().any(|finding| finding.check == "FullStack" && finding.message.contains("Web")), "{found:?}");
    site.declare("7.5 SR2");
    site.turn();
    assert!(blocking(&site).is_empty(), "7.5 runs without Web");
}

#[test]
fn two_hosts_are_refused_from_8_1_on_with_the_three_ways() {
    let mut site = at("8.0.6465");
    site.spec().super_office.as_mut().unwrap().web.host_name = Some("sales.contoso.example".to_owned());
    site.turn();
    assert_eq!(site.plan().standing, Standing::Settled, "8.0 works on two hosts");
    ask(&mut site, "8.5 R17");
    let found = blocking(&site);
    let finding = found.iter().find(|finding| finding.check == "OneDomain").unwrap();
    for way in ["move Web to crm.contoso.example", "move Service to sales.contoso.example", "both to a new host"] {
        assert!(finding.remedy.contains(way), "{}", finding.remedy);
    }
    site.spec().super_office.as_mut().unwrap().web.host_name = Some("crm.contoso.example".to_owned());
    assert!(!blocking(&site).iter().any(|finding| finding.check == "OneDomain"), "one host, said twice");
}

/// Passing, failing, unknown: a row each.
#[test]
fn https_and_webview2_are_facts_of_the_service_node() {
    let https = Probe::Url { url: "https://crm.contoso.example/".to_owned() };
    let web_view = Probe::Program { name: "Microsoft Edge WebView2 Runtime".to_owned() };
    for (check, probe, before) in [("Https", https, "10.2.1"), ("WebView2", web_view, "10.5.4")] {
        let mut site = at("8.5 R17");
        site.declare(before);
        assert!(!blocking(&site).iter().any(|finding| finding.check == check), "{before} does not need {check}");
        site.declare("11.13");
        let found = |site: &Site| blocking(site).into_iter().find(|finding| finding.check == check);
        assert!(matches!(site.plan().standing, Standing::Observing { .. }), "{check}: not asked yet");
        site.turn();
        assert!(found(&site).is_none(), "{check}: there");
        let mut answers = vec![Answer::Absent {}, Answer::Unreadable { reason: "access denied".to_owned() }];
        if check == "Https" {
            answers.extend([0, 503].map(|status| Answer::Url { status }));
        }
        for answer in answers {
            site.answer("contoso-cs", &probe, answer);
            assert!(found(&site).is_some_and(|finding| !finding.remedy.is_empty()), "{check}");
        }
    }
}

#[test]
fn long_texts_are_moved_to_7_5_unless_a_person_sets_the_variable() {
    let mut site = at("7.1.4816");
    site.declare("7.5 SR2");
    let database = |site: &Site| {
        let Standing::Proposed { change, .. } = site.plan().standing else { unreachable!("a plan") };
        change.steps.into_iter().find(|step| step.id.starts_with("upgrade-database")).unwrap()
    };
    let skipped = database(&site);
    site.spec().super_office.as_mut().unwrap().text_move = None;
    let found = blocking(&site);
    assert!(found.iter().any(|finding| finding.check == "Window"), "six hours are not enough: {found:?}");
    for window in &mut site.spec().windows.as_mut().unwrap().allow {
        window.duration_minutes = 900;
    }
    let moved = database(&site);
    assert_eq!(moved.minutes - skipped.minutes, 240);
    let Executor::Attended { instructions } = &skipped.executor else { unreachable!("a person sets it") };
    assert!(instructions.iter().any(|sentence| sentence.contains("set NOCLOBUPDATE=TRUE")), "{instructions:?}");
    let mut site = at("7.5.5543");
    site.spec().super_office.as_mut().unwrap().text_move = None;
    site.declare("7.5 SR2");
    assert_eq!(database(&site).minutes, skipped.minutes, "inside 7.5 they were moved before");
}

#[test]
fn what_a_release_no_longer_has_stands_in_front_of_the_approval() {
    let site = at("10.2.1");
    let view = crate::view::View::new(&site.snapshot, site.now);
    let find = |version: &str| view.catalogue.find(version).unwrap();
    let hop = crate::products::Hop {
        ..crate::products::Hop::between(crm_api::change::Purpose::Upgrade, find("10.2.1"), find("11.13"))
    };
    let notices = crate::products::of(site.snapshot.site.spec.product).notices(&view, &hop).join(" ");
    for gone in ["Pagebuilder", "Win Admin", "Web Reporter"] {
        assert!(notices.contains(gone), "{notices}");
    }
    assert!(!notices.contains("Pocket"), "that was gone before: {notices}");
}

/// The first hop is done, and nothing of the second has begun.
fn at_the_stop() -> Site {
    let mut site = at("7.1.4816");
    site.declare("8.0 SR6");
    site.run_to("no step is called so");
    assert_eq!(site.status().phase, ChangePhase::Succeeded);
    site.forget();
    site.move_to("7.5.5885");
    site
}

#[test]
fn the_second_hop_is_a_change_of_its_own_with_its_own_backup() {
    let mut site = at_the_stop();
    for _ in 0..4 {
        site.turn();
    }
    let [first, second] = site.snapshot.changes.as_slice() else { unreachable!("two changes") };
    assert_eq!((second.spec.from.as_str(), second.spec.to.as_str()), ("7.5 SR2", "8.0 SR6"));
    assert_ne!(first.spec.plan_hash, second.spec.plan_hash);
    let folders: Vec<_> = [first, second].iter().map(|change| crate::round::backup_folder(change)).collect();
    assert!(folders[0].is_some() && folders[0] != folders[1], "{folders:?}");
    assert!(site.snapshot.site.status.clone().unwrap().plan.unwrap().then.is_empty(), "it is the last hop");
}

#[test]
fn an_edit_between_two_hops_is_what_counts() {
    let mut site = at_the_stop();
    site.declare("7.5 SR2");
    for _ in 0..4 {
        site.turn();
    }
    assert_eq!(site.plan().standing, Standing::Settled, "the site may stay at the stop");
    assert_eq!(site.snapshot.changes.len(), 1);
}

#[test]
fn from_8_1_on_netserver_itself_and_the_database_say_where_they_are() {
    let step = |wish: &str, id: &str| {
        let mut site = at("8.0.6465");
        site.machine("contoso-app", |machine| machine.dot_net = Some("4.8".to_owned()));
        site.machine("contoso-cs", |machine| machine.dot_net = Some("4.8".to_owned()));
        ask(&mut site, wish);
        let standing = site.plan().standing;
        let Standing::Proposed { change, .. } = standing else { unreachable!("a plan: {standing:?}") };
        change.steps.into_iter().find(|step| step.id == id).unwrap()
    };
    let reach = step("8.5 R17", "reach-netserver@contoso-cs");
    let says = crm_api::evidence::Expectation {
        source: Source::Node {
            node: "contoso-cs".to_owned(),
            probe: Probe::JsonValue {
                url: "http://contoso-app/sales/api".to_owned(),
                key: "NetServerVersion".to_owned(),
            },
        },
        expected: Expected::Version { is: "8.5 R17".to_owned() },
    };
    assert_eq!(reach.evidence, [says]);
    let database = step("8.5 R17", "upgrade-database@contoso-app");
    let described = |all: &[crm_api::evidence::Expectation], expected: &Expected| {
        let fact = Source::Database { fact: superoffice::DATABASE_MODEL.to_owned() };
        all.iter().any(|one| one.source == fact && one.expected == *expected)
    };
    assert!(described(&database.evidence, &Expected::Present {}));
    assert!(described(&database.absent_when, &Expected::Absent {}), "8.0 has none");
}

#[test]
fn what_a_later_hop_lacks_is_looked_at_again_when_the_window_opens() {
    let mut site = at("7.1.4816");
    site.declare("8.0 SR6");
    let reason = |site: &Site| {
        let change = site.snapshot.changes.last().and_then(|change| change.status.clone());
        change.and_then(|status| status.waiting).map(|waiting| waiting.reason)
    };
    for _ in 0..100 {
        site.turn();
        if reason(&site).as_deref() == Some("Window") {
            break;
        }
        site.help_on();
        site.wait(1);
    }
    assert_eq!(reason(&site).as_deref(), Some("Window"), "all was well when the plan was made");
    // 7.5 needs no .NET Framework, 8.0 does, and somebody has taken it away.
    site.machine("contoso-cs", |machine| machine.dot_net = Some("4.0".to_owned()));
    site.now = "2026-11-28T21:00:00Z".parse().unwrap();
    site.look();
    site.turn();
    let waiting = site.status().waiting.clone().unwrap();
    assert_eq!(waiting.reason, "Preflight", "{}", waiting.message);
    assert!(waiting.message.contains("a later hop, to 8.0 SR6: .NET Framework is 4.0"), "{}", waiting.message);
    assert!(site.status().closed_at.is_none(), "nobody is out");
    site.machine("contoso-cs", |machine| machine.dot_net = Some("4.5.1".to_owned()));
    site.look();
    site.turn();
    assert_ne!(reason(&site).as_deref(), Some("Preflight"), "it goes on by itself");
}

/// Declares a version; agents answer what it makes worth knowing, and no change is made yet.
/// Declares a version and has every agent answer what that makes worth knowing, before anything is proposed.
pub(super) fn ask(site: &mut Site, version: &str) {
    site.declare(version);
    for intent in site.plan().intents {
        if let crate::intent::Intent::InstructNode { node, spec } = intent {
            site.node(&node).node.spec = *spec;
        }
    }
    site.look();
}

/// A site at 8.5 R17 on servers that 11 supports, with the file of arguments declared.
pub(super) fn ready_for_11() -> (Site, Probe) {
    let mut site = at("8.5 R17");
    let path = r"C:\ProgramData\CrmSetup\CRMSetupUpgrade.txt".to_owned();
    site.spec().super_office.as_mut().unwrap().argument_file = Some(path.clone());
    for node in ["contoso-app", "contoso-cs"] {
        site.machine(node, |machine| {
            (machine.windows, machine.dot_net) = ("Windows Server 2019".to_owned(), Some("4.8".to_owned()));
        });
    }
    site.fact(SQL_SERVER_VERSION, Some("15.0.4430"));
    site.turn();
    let probe = Probe::Word { path, word: "CRM7".to_owned() };
    (site, probe)
}

/// Passing, failing, unknown: a row each.
#[test]
fn crm_setup_takes_only_a_file_that_names_this_database() {
    let (mut site, probe) = ready_for_11();
    let found = |site: &Site| blocking(site).into_iter().find(|finding| finding.check == "ArgumentFile");
    ask(&mut site, "11.13");
    let standing = site.plan().standing;
    let Standing::Proposed { change, .. } = &standing else { unreachable!("a plan: {standing:?}") };
    let step = change.steps.iter().find(|step| step.id == "upgrade-database@contoso-app").unwrap();
    let Executor::Agent { actions } = &step.executor else { unreachable!("the agent runs it") };
    let Action::RunInstaller { program, arguments } = &actions[1] else { unreachable!("{actions:?}") };
    assert_eq!(program, r"C:\Program Files\SuperOffice\CrmSetup\CrmSetup.exe");
    assert_eq!(arguments[..2], ["upgrade-existing", "--arg-file"]);
    assert!(arguments[2].ends_with("CRMSetupUpgrade.txt"));
    let local = |all: &[crm_api::evidence::Expectation]| {
        all.iter().any(|one| matches!(&one.source, Source::Node { probe: Probe::FileVersion { .. }, .. }))
    };
    assert!(!local(&step.evidence) && !local(&step.absent_when), "the tool's own version proves nothing");
    for answer in
        [Answer::Flag { set: false }, Answer::Absent {}, Answer::Unreadable { reason: "access denied".to_owned() }]
    {
        site.answer("contoso-app", &probe, answer);
        assert!(found(&site).is_some_and(|finding| !finding.remedy.is_empty()));
    }
    site.spec().super_office.as_mut().unwrap().argument_file = None;
    assert!(found(&site).is_some(), "none is declared");
}

#[test]
fn crm_setup_that_was_copied_shows_the_release_that_it_brings() {
    let (mut site, _) = ready_for_11();
    ask(&mut site, "11.13");
    site.run_to("no step is called so");
    let (change, status) = (&site.snapshot.changes[0], site.status());
    assert_eq!(change.spec.to, "11.13");
    assert_eq!(status.phase, ChangePhase::Succeeded, "{:?} {:?}", status.step, status.conditions);
}

#[test]
fn people_are_sent_to_web_for_their_login_before_service_is_opened() {
    let mut site = at("8.0.6465");
    for node in ["contoso-app", "contoso-cs"] {
        site.machine(node, |machine| machine.dot_net = Some("4.8".to_owned()));
    }
    ask(&mut site, "8.5 R17");
    let Standing::Proposed { change, .. } = site.plan().standing else { unreachable!("a plan") };
    let place = |id: &str| change.steps.iter().position(|step| step.id == id).unwrap();
    assert!(place("start-netserver@contoso-app") < place("set-base-url@contoso-app"));
    assert!(place("set-base-url@contoso-app") < place("start-service-pool@contoso-cs"));
}

#[test]
fn a_person_types_the_keys_where_service_has_none_and_no_order_carries_them() {
    let step = |holds_key: bool, kind: &str| {
        let mut site = at("8.0.6465");
        for node in ["contoso-app", "contoso-cs"] {
            site.machine(node, |machine| machine.dot_net = Some("4.8".to_owned()));
        }
        let config = r"C:\SuperOffice\Customer Service\config".to_owned();
        let key = Probe::Word { path: config, word: "SymmetricKey".to_owned() };
        site.answer("contoso-cs", &key, Answer::Flag { set: holds_key });
        ask(&mut site, "8.5 R17");
        let standing = site.plan().standing;
        let Standing::Proposed { change, .. } = standing else { unreachable!("a plan: {standing:?}") };
        change.steps.into_iter().find(|step| step.id == format!("{kind}@contoso-cs")).unwrap()
    };
    let Executor::Attended { instructions } = step(false, "run-upgrade-exe").executor else { unreachable!("a person") };
    assert!(instructions.iter().any(|sentence| sentence.contains("SymmetricSecret")), "{instructions:?}");
    assert!(
        instructions.iter().any(|sentence| sentence.contains("answer \"SuperOffice Service\"")),
        "{instructions:?}"
    );
    let Executor::Agent { actions } = step(false, "stop-scheduler").executor else { unreachable!("the agent") };
    let start = crm_api::probe::StartType::Manual;
    assert!(actions.iter().any(|action| matches!(action, Action::SetServiceStart { start: is, .. } if *is == start)));
    let evidence = step(false, "run-upgrade-exe").evidence;
    let gone = Probe::Processes { folder: r"C:\SuperOffice\Customer Service\bin".to_owned() };
    let is_gone = |expected: &Expectation| {
        matches!(&expected.source, Source::Node { probe, .. } if *probe == gone)
            && expected.expected == Expected::NoneRunning {}
    };
    assert!(evidence.iter().any(is_gone), "what a person started may still be at work: {evidence:?}");
    let stopped = Expected::State { is: RunState::Stopped };
    assert!(evidence.iter().any(|one| one.expected == stopped), "the scheduler is quiet until the site is verified");
    assert!(instructions.iter().any(|sentence| sentence.contains("stop the Windows service")), "{instructions:?}");
    assert!(matches!(step(true, "run-upgrade-exe").executor, Executor::Agent { .. }), "it does not ask");
}
