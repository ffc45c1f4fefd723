//! Drift at rest by class, and the site's policy about it.

use crm_api::Time;
use crm_api::condition::{self, Kind};
use crm_api::database::superoffice::{CGI_URL, MAINTENANCE_TO, SCHEDULER_HEARTBEAT, WWW_PATH};
use crm_api::probe::{Answer, Probe, RunState, StartType};
use crm_api::site::{Component, DriftAction, DriftClass, DriftPolicy, Finding, Severity};

use super::fixture::{NEW, OLD, Site, after, whole_catalogue};
use crate::drift::at_rest;
use crate::products::superoffice::drift::configuration::key_probes;
use crate::products::superoffice::layout::Layout;
use crate::view::View;

const CONFIG: &str = r"C:\SuperOffice\Customer Service\config";

fn found(site: &Site) -> Vec<Finding> {
    at_rest(&View::new(&site.snapshot, site.now))
}

fn only(site: &Site) -> Finding {
    let found = found(site);
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

pub(super) fn at_eight() -> Site {
    let mut site = Site::at_rest();
    site.declare("8.0 SR6");
    site.run_to("never");
    site.turn();
    site.turn();
    assert_eq!(site.snapshot.site.status.as_ref().unwrap().verified.as_ref().unwrap().version, "8.0 SR6");
    site.forget();
    for node in ["contoso-app", "contoso-cs"] {
        for observation in &mut site.node(node).node.status.as_mut().unwrap().observations {
            match &mut observation.answer {
                Answer::Program { version, .. } | Answer::Version { version } => NEW.clone_into(version),
                // The version in `SuperOffice.ini`.
                Answer::Value { value } if value == OLD => NEW.clone_into(value),
                _ => {}
            }
        }
    }
    site
}

fn stopped(site: &mut Site) {
    let probe = Probe::Service { name: "ejSchedule crm.contoso.example".to_owned() };
    let answer = Answer::Service { state: RunState::Stopped, start: StartType::Automatic };
    site.answer("contoso-cs", &probe, answer);
}

#[test]
fn a_site_as_proven_shows_nothing() {
    assert_eq!(found(&Site::at_rest()), Vec::new());
}

#[test]
fn a_scheduler_that_runs_and_does_nothing_is_found_by_its_heartbeat() {
    let mut site = Site::at_rest();
    site.fact(SCHEDULER_HEARTBEAT, Some("2026-11-28T18:25:00Z"));
    let finding = only(&site);
    assert_eq!((finding.check.as_str(), finding.class.as_deref()), ("SchedulerHeartbeat", Some("Scheduler")));
    assert_eq!(finding.node.as_deref(), Some("contoso-cs"));
    assert!(finding.message.contains("Sat 2026-11-28 19:25"), "in the site's own time: {}", finding.message);
    site.fact(SCHEDULER_HEARTBEAT, Some("2026-11-28T18:35:00Z"));
    assert_eq!(found(&site), Vec::new(), "a long job may take some minutes");
    site.fact(SCHEDULER_HEARTBEAT, Some("2026-11-28T18:25:00Z"));
    site.declare("8.0 SR6");
    site.turn();
    let ended = crm_api::change::CrmChangeStatus { ended_at: Some(Time::from(after(-5))), ..Default::default() };
    site.snapshot.changes.last_mut().unwrap().status = Some(ended);
    assert_eq!(found(&site), Vec::new(), "a change has just started it again");
    site.snapshot.changes.clear();
    stopped(&mut site);
    assert_eq!(only(&site).check, "SchedulerStopped", "one cause, one finding");
}

#[test]
fn maintenance_that_is_over_is_found_before_an_installer_refuses() {
    let mut site = Site::at_rest();
    site.fact(MAINTENANCE_TO, Some("2026-11-28"));
    assert_eq!(found(&site), Vec::new(), "today it is still paid");
    site.fact(MAINTENANCE_TO, Some("2026-11-27"));
    let finding = only(&site);
    assert_eq!(finding.class.as_deref(), Some("Licence"));
    assert!(finding.message.contains("2026-11-27") && finding.remedy.contains("renew"), "{finding:?}");
}

#[test]
fn an_endpoint_of_an_older_release_is_found_and_a_newer_one_is_not() {
    let mut site = at_eight();
    let probe = Probe::ConfigValue { path: CONFIG.to_owned(), key: "nsEndPoint".to_owned() };
    for (url, old) in [
        ("http://contoso-app/sales/Remote/Services75", true),
        ("http://contoso-app/sales/Remote/services80/", true),
        ("http://contoso-app/sales/Remote/Services82", false),
        ("http://contoso-app/sales/Remote/Services84", false),
        ("http://contoso-app/something/else", false),
    ] {
        site.answer("contoso-cs", &probe, Answer::Value { value: url.to_owned() });
        let classes: Vec<_> = found(&site).into_iter().filter_map(|finding| finding.class).collect();
        assert_eq!(classes.contains(&"Endpoint".to_owned()), old, "{url}: {classes:?}");
    }
}

#[test]
fn a_dot_net_framework_that_is_too_old_is_found_per_machine() {
    let mut site = at_eight();
    let Some(Answer::Machine(mut machine)) =
        site.node("contoso-app").node.status.as_ref().unwrap().answer(&Probe::Machine {}).cloned()
    else {
        unreachable!("every machine says what it is")
    };
    machine.dot_net = Some("4.0".to_owned());
    site.answer("contoso-app", &Probe::Machine {}, Answer::Machine(machine));
    let found: Vec<_> = found(&site).into_iter().filter(|finding| finding.class.as_deref() == Some("DotNet")).collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].node.as_deref(), Some("contoso-app"));
}

#[test]
fn ignored_drift_is_shown_for_the_record_until_the_date_and_reported_again_afterwards() {
    let mut site = Site::at_rest();
    stopped(&mut site);
    site.turn();
    let word = |site: &Site| site.snapshot.site.status.as_ref().unwrap().drift.clone();
    let ready = |site: &Site| {
        let status = site.snapshot.site.status.as_ref().unwrap();
        condition::find(&status.conditions, Kind::Ready).unwrap().status.clone()
    };
    assert_eq!((word(&site).as_str(), ready(&site).as_str()), ("Scheduler", "False"));
    let until = after(60);
    site.spec().drift = vec![DriftPolicy {
        class: DriftClass::Scheduler,
        action: DriftAction::Ignore,
        until: Some(Time::from(until)),
        reason: Some("mail moves to another server".to_owned()),
        quiet_minutes: None,
    }];
    site.turn();
    assert_eq!((word(&site).as_str(), ready(&site).as_str()), ("none", "True"));
    let finding = only(&site);
    assert_eq!(finding.severity, Severity::Info);
    assert!(finding.message.contains("ignored until Sat 2026-11-28 21:00 because mail moves"), "{}", finding.message);
    site.now = until;
    site.look();
    site.turn();
    assert_eq!((word(&site).as_str(), ready(&site).as_str()), ("Scheduler", "False"));
    assert!(only(&site).message.contains("it was ignored until"), "{}", only(&site).message);
    site.spec().drift[0].class = DriftClass::Licence;
    site.now = after(0);
    site.look();
    assert_eq!(only(&site).severity, Severity::Warn, "another class's policy");
}

#[test]
fn services_own_address_is_on_the_declared_host() {
    let rows = [
        (Some("http://crm.contoso.example/scripts"), false),
        (Some("https://CRM.contoso.example:8443/service/scripts"), false),
        (Some("http://old.contoso.example/scripts"), true),
        // A path alone names no host, and what was not read is no finding.
        (Some("/scripts"), false),
        (None, false),
    ];
    for (url, differs) in rows {
        let mut site = Site::at_rest();
        site.fact(CGI_URL, url);
        let found = found(&site);
        assert_eq!(found.iter().any(|finding| finding.check == "ServiceAddress"), differs, "{url:?}: {found:?}");
        assert!(found.iter().all(|finding| finding.class.as_deref() == Some("Address") && !finding.remedy.is_empty()));
    }
}

#[test]
fn the_path_of_services_pages_is_the_declared_one() {
    let rows = [
        (Some("/service"), Some("/service/"), false),
        (Some("/"), Some("/"), false),
        (Some("/service"), Some("/"), true),
        (Some("/"), Some("/service/"), true),
        (Some("/service"), None, false),
        (None, Some("/service/"), false),
    ];
    for (declared, seen, differs) in rows {
        let mut site = Site::at_rest();
        site.spec().super_office.as_mut().unwrap().service.application = declared.map(str::to_owned);
        site.fact(WWW_PATH, seen);
        let found = found(&site);
        assert_eq!(
            found.iter().any(|finding| finding.check == "ServicePath"),
            differs,
            "{declared:?} {seen:?}: {found:?}"
        );
    }
}

#[test]
fn symmetric_keys_that_differ_are_found_by_their_digests() {
    let digest = |text: &str| Answer::Digest { sha256: crate::hash::sha256(text) };
    let encrypted = Answer::Unreadable { reason: "the section is encrypted".to_owned() };
    let rows = [(digest("one"), false), (digest("another"), true), (encrypted, false), (Answer::Absent {}, false)];
    for (of_service, differs) in rows {
        let mut site = Site::at_rest();
        site.snapshot.releases = whole_catalogue();
        let answers: Vec<(String, Probe, Answer)> = {
            let view = View::new(&site.snapshot, site.now);
            let layout = Layout::of(&view).unwrap();
            let of = |component, node: &str, answer: &Answer| {
                let probes = key_probes(&view, &layout, component).into_iter();
                probes.map(|probe| (node.to_owned(), probe, answer.clone())).collect::<Vec<_>>()
            };
            let web = of(Component::Web, "contoso-app", &digest("one"));
            web.into_iter().chain(of(Component::Service, "contoso-cs", &of_service)).collect()
        };
        for (node, probe, answer) in answers {
            site.answer(&node, &probe, answer);
        }
        let found = found(&site);
        assert_eq!(found.iter().any(|finding| finding.check == "SymmetricKeysEqual"), differs, "{of_service:?}");
        if let Some(finding) = found.iter().find(|finding| finding.check == "SymmetricKeysEqual") {
            assert_eq!(finding.class.as_deref(), Some("Keys"));
            assert!(finding.message.contains("Service on contoso-cs"), "{}", finding.message);
            assert!(!finding.message.contains(&crate::hash::sha256("one")[..12]), "no digest is shown to people");
        }
    }
}

#[test]
fn keys_are_asked_for_only_where_a_release_has_them() {
    let asked = |version: &str| {
        let mut site = Site::at_rest();
        site.snapshot.releases = whole_catalogue();
        site.declare(version);
        let probes = crate::products::of(site.snapshot.site.spec.product).probes(&View::new(&site.snapshot, site.now));
        let of_keys = |probe: &&Probe| matches!(probe, Probe::SecretDigest { .. });
        probes.values().flatten().filter(of_keys).count()
    };
    assert_eq!((asked("8.0 SR6"), asked("8.5 R17")), (0, 4));
}

#[test]
fn drift_says_since_when_and_what_the_policy_is() {
    let mut site = Site::at_rest();
    stopped(&mut site);
    site.turn();
    let seen = site.now;
    site.wait(30);
    site.turn();
    let finding = site.snapshot.site.status.as_ref().unwrap().findings[0].clone();
    assert_eq!(finding.since.map(|since| since.0), Some(seen));
    assert_eq!(finding.policy.as_deref(), Some("Report"));
}
