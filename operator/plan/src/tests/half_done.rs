//! Sites that other hands left half done.

use crm_api::change::{ChangePhase, Gate, Purpose, Undo};
use crm_api::condition::{self, Kind};
use crm_api::database::superoffice;
use crm_api::decision::Word;
use crm_api::probe::{Answer, Probe, RunState, StartType};
use crm_api::site::Component;

use super::fixture::{NEW, OLD, Site};
use crate::half_done::Found;
use crate::intent::{Intent, Standing};

const TWO_WEBS: [(Component, &[&str]); 3] = [
    (Component::CrmServer, &["contoso-app"]),
    (Component::Web, &["contoso-app", "contoso-web2"]),
    (Component::Service, &["contoso-cs"]),
];

fn found(site: &Site) -> Found {
    match site.plan().standing {
        Standing::HalfDone { found } => *found,
        other => unreachable!("{other:?}"),
    }
}

/// Everything is new but Web on the second server.
fn one_web_is_old() -> Site {
    let mut site = Site::with_placement(&TWO_WEBS);
    site.move_to(NEW);
    web_shows(&mut site, OLD);
    site.declare("8.0 SR6");
    site
}

fn web_shows(site: &mut Site, number: &str) {
    let program = Answer::Program { version: number.to_owned(), location: String::new() };
    site.answer("contoso-web2", &Probe::Program { name: "SuperOffice Web".to_owned() }, program);
    let library = Probe::FileVersion { path: r"C:\SuperOffice\SuperOffice Web\bin\SoCore.dll".to_owned() };
    site.answer("contoso-web2", &library, Answer::Version { version: number.to_owned() });
}

fn upgrade_exe_was_not_run() -> Site {
    let mut site = Site::at_rest();
    site.move_to(NEW);
    site.fact(superoffice::SERVICE_VERSION, Some(OLD));
    site.declare("8.0 SR6");
    site
}

fn frozen() -> Probe {
    Probe::FlagLine { path: r"C:\SuperOffice\Customer Service\config".to_owned(), line: "frozen".to_owned() }
}

fn ids(plan: &crm_api::change::CrmChangeSpec) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

#[test]
fn it_is_named_with_both_ways_out_and_nothing_is_ordered_or_created() {
    let mut site = one_web_is_old();
    for _ in 0..3 {
        let plan = site.turn();
        let acts = |intent: &Intent| match intent {
            Intent::CreateChange { .. } | Intent::RunTask { .. } | Intent::CreateBackup { .. } => true,
            Intent::InstructNode { spec, .. } => !spec.orders.is_empty(),
            _ => false,
        };
        assert!(!plan.intents.iter().any(acts), "{:?}", plan.intents);
        site.wait(30);
    }
    let status = site.snapshot.site.status.clone().unwrap();
    let half_done = status.half_done.unwrap();
    assert_eq!(half_done.reason, "ComponentsBehind");
    assert!(half_done.message.contains("Web@contoso-web2 is at 7.5 SR2"), "{}", half_done.message);
    let forward = half_done.forward.unwrap();
    assert_eq!((forward.purpose, forward.to.as_str()), (Purpose::Forward, "8.0 SR6"));
    assert!(half_done.remedy.contains("word Forward") && half_done.remedy.contains(&forward.hash[..6]));
    assert!(half_done.remedy.contains("no verified backup set of 7.5 SR2"), "{}", half_done.remedy);
    let condition = condition::find(&status.conditions, Kind::HalfDone).unwrap();
    assert_eq!((condition.status.as_str(), condition.reason.as_str()), ("True", "ComponentsBehind"));
    assert!(!condition::is_true(&status.conditions, Kind::UpToDate));
    assert!(!condition::is_true(&status.conditions, Kind::Ready));
}

#[test]
fn forward_stops_what_is_old_first_holds_no_schema_step_and_repeats_nothing() {
    let plan = found(&one_web_is_old()).forward.unwrap();
    let ids = ids(&plan);
    assert_eq!(ids[0], "stop-old@contoso-web2");
    assert!(!ids.iter().any(|id| id.starts_with("upgrade-database") || id.starts_with("run-upgrade-exe")), "{ids:?}");
    let upgrades: Vec<_> = ids.iter().filter(|id| id.starts_with("upgrade-")).collect();
    assert_eq!(upgrades, [&"upgrade-web@contoso-web2"]);
    let place = |kind: &str| ids.iter().position(|id| id.split('@').next() == Some(kind)).unwrap();
    let order = ["preflight", "notice", "freeze", "stop-writers", "prove-alone", "back-up-database", "verify-backup"];
    assert!(order.windows(2).all(|pair| place(pair[0]) < place(pair[1])), "{ids:?}");
    assert!(place("verify-backup") < place("upgrade-web"));
    let gate = plan.steps.iter().find(|step| step.gate == Some(Gate::PointOfNoReturn)).unwrap();
    assert_eq!(gate.id, "upgrade-web@contoso-web2");
    let old = plan.steps.iter().find(|step| step.id == "stop-writers@contoso-web2").unwrap();
    assert_eq!(old.undo, Undo::Nothing {}, "an old program is not started again on a new database");
}

#[test]
fn service_files_without_upgrade_exe_are_named_and_finished_by_upgrade_exe_alone() {
    let found = found(&upgrade_exe_was_not_run());
    assert_eq!(found.reason(), "UpgradeExeNotRun");
    let plan = found.forward.unwrap();
    assert!(!ids(&plan).iter().any(|id| id.starts_with("upgrade-")), "no installer runs again");
    assert!(ids(&plan).contains(&"run-upgrade-exe@contoso-cs"));
    let gate = plan.steps.iter().find(|step| step.gate == Some(Gate::PointOfNoReturn)).unwrap();
    assert_eq!(gate.id, "start-netserver@contoso-app", "from there on somebody is on the database again");
}

#[test]
fn frozen_with_nobody_at_work_is_half_done_and_with_somebody_it_is_not() {
    let mut site = Site::at_rest();
    site.answer("contoso-cs", &frozen(), Answer::Flag { set: true });
    let found = found(&site);
    assert_eq!(found.reason(), "FrozenLeftOn");
    let plan = found.forward.unwrap();
    assert!(ids(&plan).contains(&"unfreeze@contoso-cs"));
    assert!(!plan.schema_change && plan.steps.iter().all(|step| step.gate != Some(Gate::Window)));
    let bin = Probe::Processes { folder: r"C:\SuperOffice\Customer Service\bin".to_owned() };
    site.answer("contoso-cs", &bin, Answer::Processes { running: vec!["upgrade.exe".to_owned()] });
    assert!(!matches!(site.plan().standing, Standing::HalfDone { .. }));
}

#[test]
fn a_second_scheduler_is_stopped_for_good_where_no_service_is_declared() {
    let mut site = Site::at_rest();
    let scheduler = Probe::Service { name: "ejSchedule crm.contoso.example".to_owned() };
    let runs = Answer::Service { state: RunState::Running, start: StartType::Automatic };
    site.answer("contoso-app", &scheduler, runs);
    let found = found(&site);
    assert_eq!((found.reason(), found.left[0].node.as_deref()), ("SchedulerTwice", Some("contoso-app")));
    assert!(ids(&found.forward.unwrap()).contains(&"stop-second-scheduler@contoso-app"));
}

#[test]
fn on_a_persons_word_the_site_is_finished_and_proven_at_the_release_of_its_furthest_part() {
    for mut site in [one_web_is_old(), upgrade_exe_was_not_run()] {
        let hash = found(&site).forward.unwrap().plan_hash;
        site.say_of(&hash, Word::Forward);
        site.run_to("never");
        assert_eq!(site.status().phase, ChangePhase::Succeeded, "{:?}", site.status().waiting);
        assert!(
            site.status().approved_by.as_ref().unwrap().contains("Astrid"),
            "whoever chose has agreed to this plan"
        );
        assert!(site.snapshot.backups[0].spec.mixed, "what stood there half done is kept, and offered to nobody");
        site.turn();
        assert_eq!(site.plan().standing, Standing::Settled);
        assert_eq!(site.snapshot.site.status.clone().unwrap().verified.unwrap().version, "8.0 SR6");
    }
}

#[test]
fn a_word_about_another_plan_and_a_word_of_another_kind_begin_nothing() {
    let mut site = one_web_is_old();
    let hash = found(&site).forward.unwrap().plan_hash;
    site.say_of("abcdef012345", Word::Forward);
    site.say_of(&hash, Word::Approve);
    site.say_of(&hash, Word::Restore);
    site.turn();
    assert!(site.snapshot.changes.is_empty());
}

#[test]
fn what_cannot_be_told_apart_has_no_forward_plan() {
    let mut site = Site::at_rest();
    site.move_to(NEW);
    site.fact(superoffice::SERVER_SETUP_VERSION, Some(OLD));
    assert!(found(&site).forward.unwrap_err().contains("half changed itself"));
    let mut site = one_web_is_old();
    web_shows(&mut site, "7.0.4003");
    assert!(found(&site).forward.unwrap_err().contains("not one hop"));
    let mut site = Site::at_rest();
    let ini = Probe::IniValue {
        path: r"C:\Program Files\SuperOffice\SuperOffice Server\SuperOffice.ini".to_owned(),
        section: "ServerSetup installation".to_owned(),
        key: "Version".to_owned(),
    };
    let old = site.node("contoso-app").node.status.as_ref().unwrap().answer(&ini).cloned().unwrap();
    site.move_to(NEW);
    let program = Answer::Program { version: OLD.to_owned(), location: String::new() };
    site.answer("contoso-app", &Probe::Program { name: "SuperOffice Server".to_owned() }, program);
    site.answer("contoso-app", &ini, old);
    let why = found(&site).forward.unwrap_err();
    assert_eq!(why.split(' ').next(), Some("ServerBehind"), "its setup works on the schema: {why}");
    assert!(why.contains("by hand"), "{why}");
}

#[test]
fn the_facts_decide_whether_something_is_taken_back_and_not_the_agents_word() {
    let mut site = Site::at_rest();
    site.declare("8.0 SR6");
    site.turn();
    site.run_to("back-up-files@contoso-app");
    site.declare("7.5 SR2");
    let word_only = |site: &mut Site| {
        site.turn();
        site.end_order(crm_api::order::Outcome::Done);
        site.answer("contoso-cs", &frozen(), Answer::Flag { set: true });
        site.wait(1);
    };
    for _ in 0..12 {
        word_only(&mut site);
    }
    let freeze = site.status().result("freeze@contoso-cs").cloned().unwrap();
    assert_ne!(freeze.phase, crm_api::change::StepPhase::Undone, "the line still stands there");
    for _ in 0..60 {
        word_only(&mut site);
    }
    let Standing::Halted { reason, .. } = site.plan().standing else { unreachable!("{:?}", site.status()) };
    assert!(reason.contains("cannot be taken back") && reason.contains("`frozen` set"), "{reason}");
}
