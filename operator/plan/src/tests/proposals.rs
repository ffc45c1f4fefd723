use crm_api::change::Executor;
use crm_api::database::superoffice;
use crm_api::order::Action;
use crm_api::probe::{Answer, Probe, RunState, StartType};
use crm_api::site::{FastCgi, Finding};

use super::fixture::{NEW, Site, after, fast_cgi};
use crate::intent::{Intent, Standing};

fn refusal(site: &Site) -> Finding {
    match site.plan().standing {
        Standing::Refused { findings } => findings.into_iter().next().unwrap(),
        other => unreachable!("expected a refusal: {other:?}"),
    }
}

fn refused(change: impl FnOnce(&mut Site)) -> Finding {
    let mut site = Site::at_rest();
    change(&mut site);
    let finding = refusal(&site);
    assert!(!finding.remedy.is_empty());
    assert!(!site.plan().intents.iter().any(|intent| matches!(intent, Intent::CreateChange { .. })));
    finding
}

#[test]
fn adopting_a_running_site_plans_no_step() {
    let mut site = Site::at_rest();
    assert_eq!(site.plan().standing, Standing::Settled);
    let verified = site.snapshot.site.status.clone().unwrap().verified.unwrap();
    assert_eq!((verified.version.as_str(), verified.fast_cgi), ("7.5 SR2", Some(FastCgi::Enabled)));
    site.spec().fast_cgi = None;
    assert_eq!(site.plan().standing, Standing::Settled, "a field left out means as observed");
}

#[test]
fn nothing_to_do_writes_nothing() {
    let mut site = Site::at_rest();
    site.turn();
    assert_eq!(site.plan().intents, []);
}

#[test]
fn a_version_bump_becomes_one_change() {
    let mut site = Site::at_rest();
    site.declare("8.0 SR6");
    let Standing::Proposed { change, .. } = site.plan().standing else { unreachable!("a plan") };
    assert_eq!((change.from.as_str(), change.to.as_str()), ("7.5 SR2", "8.0 SR6"));
    let ids: Vec<&str> = change.steps.iter().map(|step| step.id.as_str()).collect();
    let place = |id: &str| ids.iter().position(|other| *other == id).unwrap();
    assert!(place("verify-backup") < place("upgrade-database@contoso-app"));
    assert!(place("upgrade-database@contoso-app") < place("upgrade-web@contoso-app"));
    assert!(place("run-upgrade-exe@contoso-cs") < place("unfreeze@contoso-cs"));
    site.turn();
    assert_eq!(site.snapshot.changes.len(), 1);
}

#[test]
fn downgrades_unlisted_edges_and_unknown_versions_are_refused_with_a_remedy() {
    let finding = refused(|site| site.declare("7.5 SR1"));
    assert!(finding.message.contains("older"), "{}", finding.message);
    let finding = refused(|site| site.declare("8.0 SR66"));
    assert!(finding.remedy.contains("8.0 SR6"), "{}", finding.remedy);
    let finding = refused(|site| {
        site.declare("8.0 SR6");
        for release in &mut site.snapshot.releases {
            release.spec.from_since = None;
        }
    });
    assert!(finding.message.contains("lists no way"), "{}", finding.message);
}

#[test]
fn a_release_without_packages_cannot_be_reached() {
    let finding = refused(|site| site.declare("8.0 SR5"));
    assert_eq!(finding.check, "Packages");
}

#[test]
fn parts_that_disagree_are_named_and_nothing_is_planned() {
    let finding = refused(|site| {
        site.declare("8.0 SR6");
        let path = r"C:\SuperOffice\SuperOffice Web\bin\SoCore.dll".to_owned();
        site.answer("contoso-app", &Probe::FileVersion { path }, Answer::Version { version: NEW.to_owned() });
    });
    assert_eq!(finding.class.as_deref(), Some("Version"));
    assert!(finding.message.contains("Web@contoso-app"), "{}", finding.message);
}

#[test]
fn a_component_replaced_by_hand_is_version_drift() {
    let mut site = Site::at_rest();
    let path = r"C:\SuperOffice\SuperOffice Web\bin\SoCore.dll".to_owned();
    site.answer("contoso-app", &Probe::FileVersion { path }, Answer::Version { version: NEW.to_owned() });
    let name = "SuperOffice Web".to_owned();
    let listed = Answer::Program { version: NEW.to_owned(), location: String::new() };
    site.answer("contoso-app", &Probe::Program { name }, listed);
    site.turn();
    assert_eq!(site.snapshot.site.status.as_ref().unwrap().drift, "Version");
}

#[test]
fn silent_agents_and_unreadable_databases_stop_every_plan() {
    let mut site = Site::at_rest();
    site.declare("8.0 SR6");
    site.now = after(60);
    assert!(matches!(site.plan().standing, Standing::Observing { missing } if missing.len() == 2));
    site.look();
    site.snapshot.database = Err("login failed".to_owned());
    assert!(matches!(site.plan().standing, Standing::Observing { missing } if missing[0].contains("login failed")));
}

#[test]
fn a_sign_of_life_from_the_future_is_none() {
    let mut site = Site::at_rest();
    site.declare("8.0 SR6");
    site.look();
    let now = site.now;
    for (minutes, heard) in [(4, true), (6, false), (60 * 24 * 365, false)] {
        site.node("contoso-cs").heartbeat = Some(now + jiff::SignedDuration::from_mins(minutes));
        let silent =
            matches!(site.plan().standing, Standing::Observing { missing } if missing[0].contains("contoso-cs"));
        assert_ne!(silent, heard, "{minutes} min ahead");
        assert_eq!(crate::view::View::new(&site.snapshot, now).confirmed_since("contoso-cs", now), heard);
    }
}

#[test]
fn frozen_and_a_stopped_scheduler_at_rest_are_drift() {
    let mut site = Site::at_rest();
    let config =
        Probe::FlagLine { path: r"C:\SuperOffice\Customer Service\config".to_owned(), line: "frozen".to_owned() };
    site.answer("contoso-cs", &config, Answer::Flag { set: true });
    let scheduler = Probe::Service { name: "ejSchedule crm.contoso.example".to_owned() };
    let stopped = Answer::Service { state: RunState::Stopped, start: StartType::Automatic };
    site.answer("contoso-cs", &scheduler, stopped);
    site.fact(superoffice::USE_EXTENSION, Some("exe"));
    site.spec().fast_cgi = None;
    site.turn();
    let status = site.snapshot.site.status.clone().unwrap();
    assert_eq!(status.drift, "FastCgi,Frozen,Scheduler");
    let ready = crm_api::condition::find(&status.conditions, crm_api::condition::Kind::Ready).unwrap();
    assert_eq!((ready.status.as_str(), ready.reason.as_str()), ("False", "Degraded"));
}

#[test]
fn the_fast_cgi_flag_is_a_change_of_its_own_either_way() {
    let mut site = Site::at_rest();
    site.spec().fast_cgi = Some(FastCgi::Disabled);
    let Standing::Proposed { change, .. } = site.plan().standing else { unreachable!("a plan") };
    let kinds: Vec<&str> = change.steps.iter().map(|step| step.id.split('@').next().unwrap()).collect();
    assert_eq!(kinds, ["preflight", "notice", "link-fastcgi", "verify-site"], "only the row changes; handlers stay");
    site.run_to("never");
    assert_eq!(fast_cgi(&site), Some(FastCgi::Disabled));
    site.turn();
    site.turn();
    assert_eq!(site.plan().standing, Standing::Settled);
    site.spec().fast_cgi = Some(FastCgi::Enabled);
    let Standing::Proposed { change, .. } = site.plan().standing else { unreachable!("a plan") };
    let kinds: Vec<&str> = change.steps.iter().map(|step| step.id.split('@').next().unwrap()).collect();
    assert_eq!(
        kinds,
        [
            "preflight",
            "notice",
            "back-up-iis",
            "run-upgrade-exe",
            "start-service-pool",
            "link-fastcgi",
            "flush-caches",
            "verify-site"
        ]
    );
}

#[test]
fn the_hash_covers_media_and_steps_but_no_reasons_or_estimates() {
    let hash = |change: &dyn Fn(&mut Site)| {
        let mut site = Site::at_rest();
        site.declare("8.0 SR6");
        change(&mut site);
        match site.plan().standing {
            Standing::Proposed { change, .. } => change.plan_hash,
            other => unreachable!("{other:?}"),
        }
    };
    let package = |change: &dyn Fn(&mut crm_api::release::Package)| {
        hash(&|site: &mut Site| {
            for release in &mut site.snapshot.releases {
                release.spec.packages.iter_mut().for_each(change);
            }
        })
    };
    let plain = hash(&|_| {});
    assert_eq!(plain, hash(&|_| {}));
    assert_ne!(plain, package(&|package| package.sha256 = "a".repeat(64)));
    assert_eq!(plain, hash(&|site| site.spec().windows = None), "when it may happen is not what happens");
}

#[test]
fn an_agent_that_does_not_understand_our_orders_is_named_and_nothing_is_begun() {
    let finding = refused(|site| {
        site.declare("8.0 SR6");
        let status = site.node("contoso-cs").node.status.as_mut().unwrap();
        (status.agent_version, status.order_format) = ("0.0.9".to_owned(), crm_api::order::FORMAT - 1);
    });
    assert_eq!((finding.check.as_str(), finding.node.as_deref()), ("AgentFormat", Some("contoso-cs")));
    let format = crm_api::order::FORMAT;
    let said = format!(
        "the agent of contoso-cs (0.0.9) understands orders up to format {}, and they are written in format {format}",
        format - 1
    );
    assert_eq!(finding.message, said);
    let mut newer = Site::at_rest();
    newer.node("contoso-cs").node.status.as_mut().unwrap().order_format = format + 1;
    assert_eq!(newer.plan().standing, Standing::Settled, "a newer agent understands older orders");
}

#[test]
fn two_sites_on_one_database_are_both_refused_even_at_rest_and_no_window_is_passed() {
    let finding = refused(|site| site.snapshot.same_database = vec!["other/fabrikam".to_owned()]);
    assert_eq!(finding.check, "OneSite");
    assert!(finding.message.starts_with("spec.database: CRM7 on sql1.contoso.example"), "{}", finding.message);
    let mut site = Site::at_rest();
    site.declare("8.0 SR6");
    site.turn();
    site.turn();
    site.snapshot.same_database = vec!["other/fabrikam".to_owned()];
    let waits = |site: &Site| site.status().waiting.clone().is_some_and(|waiting| waiting.reason == "Preflight");
    for _ in 0..100 {
        if waits(&site) {
            break;
        }
        site.help_on();
        site.wait(1);
        site.turn();
    }
    let waiting = site.status().waiting.clone().unwrap();
    assert!(waiting.message.contains("other/fabrikam"), "{}: {}", waiting.reason, waiting.message);
    assert!(site.status().closed_at.is_none());
}

#[test]
fn upgrade_exe_may_start_the_scheduler_and_no_boot_does() {
    let mut site = Site::at_rest();
    site.declare("8.0 SR6");
    let Standing::Proposed { change, .. } = site.plan().standing else { unreachable!("a plan") };
    let step = change.steps.iter().find(|step| step.id == "run-upgrade-exe@contoso-cs").unwrap();
    let Executor::Agent { actions } = &step.executor else { unreachable!("the agent runs it") };
    let starts = |action: &Action| match action {
        Action::SetServiceStart { start, .. } => Some(*start),
        _ => None,
    };
    let place = actions.iter().position(|action| matches!(action, Action::RunConsole { .. })).unwrap();
    assert_eq!(starts(&actions[place - 1]), Some(StartType::Manual), "it fails where it cannot start it");
    assert_eq!(starts(&actions[place + 1]), Some(StartType::Disabled), "nothing runs before the site is verified");
    assert!(matches!(actions[place + 2], Action::StopService { .. }));
}
