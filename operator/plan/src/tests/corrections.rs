//! Drift that is taken away by itself: when, by what, and when not.

use crm_api::change::{ChangePhase, CrmChangeSpec, Executor, Gate, Purpose, Undo};
use crm_api::database::superoffice::USE_EXTENSION;
use crm_api::order::{Action, Outcome};
use crm_api::probe::{Answer, Probe, RunState, StartType};
use crm_api::site::{DriftAction, DriftClass, DriftPolicy, WindowsSpec};

use super::fixture::Site;
use crate::intent::{Intent, Standing};

const CONFIG: &str = r"C:\SuperOffice\Customer Service\config";

fn correcting(class: DriftClass) -> Site {
    let mut site = Site::at_rest();
    site.spec().drift =
        vec![DriftPolicy { class, action: DriftAction::Correct, quiet_minutes: None, until: None, reason: None }];
    site
}

fn scheduler(site: &mut Site, state: RunState, start: StartType) {
    let probe = Probe::Service { name: "ejSchedule crm.contoso.example".to_owned() };
    site.answer("contoso-cs", &probe, Answer::Service { state, start });
}

fn frozen(site: &mut Site, set: bool) {
    let probe = Probe::FlagLine { path: CONFIG.to_owned(), line: "frozen".to_owned() };
    site.answer("contoso-cs", &probe, Answer::Flag { set });
}

fn at_work(site: &mut Site, program: &str) {
    let probe = Probe::Processes { folder: r"C:\SuperOffice\Customer Service\bin".to_owned() };
    site.answer("contoso-cs", &probe, Answer::Processes { running: vec![program.to_owned()] });
}

fn proposed(site: &Site) -> Option<Box<CrmChangeSpec>> {
    match site.plan().standing {
        Standing::Proposed { change, .. } => Some(change),
        _ => None,
    }
}

fn kinds(change: &CrmChangeSpec) -> Vec<&str> {
    change.steps.iter().map(|step| step.id.split('@').next().unwrap()).collect()
}

fn finding(site: &Site, check: &str) -> String {
    let status = site.snapshot.site.status.as_ref().unwrap();
    let found = status.findings.iter().find(|finding| finding.check == check);
    found.map(|finding| finding.message.clone()).unwrap_or_default()
}

#[test]
fn a_stopped_scheduler_is_started_at_once_and_nobody_is_asked() {
    let mut site = correcting(DriftClass::Scheduler);
    scheduler(&mut site, RunState::Stopped, StartType::Automatic);
    let change = proposed(&site).unwrap();
    assert_eq!((change.purpose, change.from.as_str(), change.to.as_str()), (Purpose::Correct, "7.5 SR2", "7.5 SR2"));
    assert_eq!(change.corrects, ["SchedulerStopped@contoso-cs"]);
    assert_eq!(kinds(&change), ["preflight", "notice", "start-scheduler", "verify-site"]);
    assert!(change.steps.iter().all(|step| step.gate.is_none()), "no window, no approval");
    assert!(change.steps.iter().all(|step| !step.why.is_empty()), "{:?}", change.steps);
    let verified = site.snapshot.site.status.as_ref().unwrap().verified.clone();
    site.turn();
    site.run_to("never");
    assert_eq!(site.status().phase, ChangePhase::Succeeded, "{:?}", site.status().waiting);
    assert_eq!(site.status().approved_by, None);
    site.turn();
    assert_eq!(site.plan().standing, Standing::Settled);
    let status = site.snapshot.site.status.as_ref().unwrap();
    assert_eq!(status.drift, "none");
    assert_eq!(status.verified, verified, "what was proven is what it was");
}

#[test]
fn a_correction_waits_for_an_approval_where_the_site_says_so() {
    let mut site = correcting(DriftClass::Scheduler);
    site.spec().approval.corrections = true;
    scheduler(&mut site, RunState::Stopped, StartType::Automatic);
    let change = proposed(&site).unwrap();
    assert_eq!(change.steps.iter().filter(|step| step.gate == Some(Gate::Approval)).count(), 1);
}

#[test]
fn without_the_policy_nothing_is_corrected() {
    let mut site = Site::at_rest();
    scheduler(&mut site, RunState::Stopped, StartType::Automatic);
    assert_eq!(site.plan().standing, Standing::Settled);
}

#[test]
fn what_somebody_may_have_done_on_purpose_is_left_and_said() {
    type Act = fn(&mut Site);
    let rows: [(&str, Act); 3] = [
        ("somebody wants it off", |site| scheduler(site, RunState::Stopped, StartType::Disabled)),
        ("upgrade.exe runs", |site| {
            scheduler(site, RunState::Stopped, StartType::Automatic);
            at_work(site, "upgrade.exe");
        }),
        ("there is no correction", |site| {
            site.spec().drift[0].class = DriftClass::Scheduler;
            scheduler(site, RunState::Stopped, StartType::Manual);
        }),
    ];
    for (why, act) in &rows[..2] {
        let mut site = correcting(DriftClass::Scheduler);
        act(&mut site);
        site.turn();
        assert_eq!(proposed(&site), None, "{why}");
        assert!(finding(&site, "SchedulerStopped").contains(why), "{}", finding(&site, "SchedulerStopped"));
    }
    let mut site = correcting(DriftClass::Scheduler);
    rows[2].1(&mut site);
    assert!(proposed(&site).is_some(), "a manual start type is no wish to have it off");
}

#[test]
fn the_same_correction_is_made_once_a_day_and_then_reported() {
    let mut site = correcting(DriftClass::Scheduler);
    scheduler(&mut site, RunState::Stopped, StartType::Automatic);
    site.turn();
    site.run_to("never");
    site.turn();
    scheduler(&mut site, RunState::Stopped, StartType::Automatic);
    site.turn();
    assert_eq!(proposed(&site), None);
    let text = finding(&site, "SchedulerStopped");
    assert!(text.contains("has come back: a person has to find the cause"), "{text}");
    site.wait(24 * 60);
    scheduler(&mut site, RunState::Stopped, StartType::Automatic);
    let again = proposed(&site).expect("a day later once more");
    assert_ne!(again.plan_hash, site.snapshot.changes[0].spec.plan_hash, "it is another change");
}

#[test]
fn a_correction_that_fails_is_taken_back_and_stands_in_nobodys_way() {
    let mut site = correcting(DriftClass::Scheduler);
    scheduler(&mut site, RunState::Stopped, StartType::Automatic);
    site.turn();
    site.run_to("start-scheduler@contoso-cs");
    for _ in 0..6 {
        site.end_order(Outcome::Absent);
        site.wait(1);
        site.turn();
    }
    assert_eq!(site.status().phase, ChangePhase::Failed, "{:?}", site.status().waiting);
    site.turn();
    assert!(finding(&site, "SchedulerStopped").contains("in vain"), "{}", finding(&site, "SchedulerStopped"));
    scheduler(&mut site, RunState::Running, StartType::Automatic);
    site.declare("8.0 SR6");
    assert_eq!(proposed(&site).map(|change| change.purpose), Some(Purpose::Upgrade));
}

#[test]
fn frozen_is_taken_away_inside_a_window_after_a_quiet_time() {
    let mut site = correcting(DriftClass::Frozen);
    site.spec().drift[0].quiet_minutes = Some(30);
    frozen(&mut site, true);
    site.turn();
    assert_eq!(site.plan().standing, Standing::Settled, "nobody is asked what to do about it");
    assert!(finding(&site, "FrozenLeftOn").contains("30 minutes with nobody at work"));
    site.wait(31);
    let change = proposed(&site).unwrap();
    assert_eq!(kinds(&change), ["preflight", "notice", "unfreeze", "verify-site"]);
    assert_eq!(change.steps[2].gate, Some(Gate::Window));
    at_work(&mut site, "upgrade.exe");
    assert_eq!(proposed(&site), None, "somebody is at work");
    site.spec().drift.clear();
    at_work(&mut site, "ejournalCron.exe");
    assert!(matches!(site.plan().standing, Standing::HalfDone { .. }), "without the policy a person chooses");
}

#[test]
fn a_correction_that_waits_for_its_window_ends_when_somebody_was_faster() {
    let mut site = correcting(DriftClass::Frozen);
    let late: WindowsSpec = serde_json::from_value(serde_json::json!({
        "timeZone": "Europe/Oslo", "allow": [{"days": ["Sun"], "start": "02:00", "durationMinutes": 120}]
    }))
    .unwrap();
    site.spec().windows = Some(late);
    frozen(&mut site, true);
    site.wait(61);
    for _ in 0..4 {
        site.turn();
    }
    assert_eq!(site.status().waiting.as_ref().map(|waiting| waiting.reason.as_str()), Some("Window"));
    let told = site.snapshot.site.status.clone().unwrap();
    let up_to_date = crm_api::condition::find(&told.conditions, crm_api::condition::Kind::UpToDate).unwrap();
    assert_eq!(up_to_date.status, "True", "the declaration waits for nothing: {}", up_to_date.message);
    frozen(&mut site, false);
    site.turn();
    site.turn();
    assert_eq!(site.status().phase, ChangePhase::Superseded);
    assert_eq!(site.plan().standing, Standing::Settled);
}

#[test]
fn a_wish_for_another_release_waits_until_frozen_was_taken_away() {
    let mut site = correcting(DriftClass::Frozen);
    frozen(&mut site, true);
    site.turn();
    site.declare("8.0 SR6");
    assert!(matches!(site.plan().standing, Standing::Refused { .. }), "{:?}", site.plan().standing);
    site.wait(61);
    assert_eq!(proposed(&site).map(|change| change.purpose), Some(Purpose::Correct));
}

#[test]
fn links_come_back_to_what_was_proven_only_where_every_program_has_its_handler() {
    let mut site = correcting(DriftClass::FastCgi);
    site.fact(USE_EXTENSION, Some("exe"));
    let change = proposed(&site).unwrap();
    let expected = ["preflight", "notice", "start-service-pool", "link-fastcgi", "verify-site"];
    assert_eq!(kinds(&change), expected, "a .fcgi request is answered before links end so");
    let handlers = Probe::FastCgiHandlers {
        site: "SuperOffice Service".to_owned(),
        folder: r"C:\SuperOffice\Customer Service\www\scripts".to_owned(),
    };
    let lacking =
        Answer::Handlers { programs: 8, mapped: 7, missing: vec!["ajax.exe".to_owned()], without_options: Vec::new() };
    site.answer("contoso-cs", &handlers, lacking);
    let change = proposed(&site).unwrap();
    assert_eq!(change.corrects, ["FastCgiHandlers@contoso-cs"], "the handlers come first");
    assert_eq!(
        kinds(&change),
        ["preflight", "notice", "back-up-iis", "run-upgrade-exe", "start-service-pool", "flush-caches", "verify-site"]
    );
    site.spec().fast_cgi = Some(crm_api::site::FastCgi::Disabled);
    assert_eq!(proposed(&site).map(|change| change.purpose), None, "links are as declared now, though not as proven");
}

#[test]
fn a_hung_scheduler_is_started_anew_inside_a_window() {
    let mut site = correcting(DriftClass::Scheduler);
    site.fact(crm_api::database::superoffice::SCHEDULER_HEARTBEAT, Some("2026-11-28T18:00:00Z"));
    let change = proposed(&site).unwrap();
    assert_eq!(kinds(&change), ["preflight", "notice", "restart-scheduler", "verify-site"]);
    assert_eq!(change.steps[2].gate, Some(Gate::Window));
}

#[test]
fn an_endpoint_of_an_older_release_is_written_anew_and_nothing_else_is_asked_or_run() {
    let mut site = super::drift::at_eight();
    // From 8.4 R04 upgrade.exe asks for keys where config has none: no run of it, no question.
    for release in &mut site.snapshot.releases {
        release.spec.super_office.as_mut().unwrap().asks_for_keys = true;
    }
    site.spec().drift = correcting(DriftClass::Endpoint).spec().drift.clone();
    let endpoint = Probe::ConfigValue { path: CONFIG.to_owned(), key: "nsEndPoint".to_owned() };
    let older = "http://contoso-app/sales/Remote/Services75".to_owned();
    site.answer("contoso-cs", &endpoint, Answer::Value { value: older.clone() });
    let change = proposed(&site).unwrap();
    assert_eq!(kinds(&change), ["preflight", "notice", "point-to-netserver", "flush-caches", "verify-site"]);
    assert!(change.steps.iter().all(|step| !step.why.is_empty()), "{:?}", change.steps);
    let step = &change.steps[2];
    assert_eq!(step.gate, Some(Gate::Window));
    let set = |value: &str| Action::SetConfigValue {
        path: CONFIG.to_owned(),
        key: "nsEndPoint".to_owned(),
        value: value.to_owned(),
    };
    let newer = "http://contoso-app/sales/Remote/Services82";
    let answers = Action::AwaitUrl { url: format!("{newer}/Contact.svc"), status: 200 };
    assert_eq!(step.executor, Executor::Agent { actions: vec![answers, set(newer)] }, "NetServer answers there first");
    assert_eq!(step.undo, Undo::Actions { actions: vec![set(&older)] });
    let flush = serde_json::to_string(&change.steps[3].evidence).unwrap();
    assert!(flush.contains("after the address of NetServer was written"), "{flush}");
    site.turn();
    site.run_to("never");
    assert_eq!(site.status().phase, ChangePhase::Succeeded, "{:?}", site.status().waiting);
}

#[test]
fn a_correction_is_told_by_words_of_its_own() {
    let mut site = correcting(DriftClass::Scheduler);
    scheduler(&mut site, RunState::Stopped, StartType::Automatic);
    let mut told = Vec::new();
    for _ in 0..12 {
        for intent in site.turn().intents {
            if let Intent::Announce(announcement) = intent {
                told.push(announcement.reason);
            }
        }
        site.help_on();
        site.wait(1);
    }
    for word in ["Drifted", "Correcting", "Corrected"] {
        assert!(told.contains(&word), "{word}: {told:?}");
    }
    assert!(!told.contains(&"Succeeded") && !told.contains(&"PlannedDowntime"), "{told:?}");
}
