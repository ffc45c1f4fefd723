//! Changes of settings at the site's own release.

use crm_api::change::{ChangePhase, CrmChangeSpec, Executor, StepPhase};
use crm_api::database::superoffice;
use crm_api::order::{Action, Outcome};
use crm_api::probe::{Answer, Probe};
use crm_api::site::{Attachments, FastCgi, FastCgiHandlers};

use super::fixture::Site;
use crate::intent::{Intent, Standing};

const SCRIPTS: &str = r"C:\SuperOffice\Customer Service\www\scripts";

fn handlers(missing: &[&str], without_options: &[&str]) -> (Probe, Answer) {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let probe = Probe::FastCgiHandlers { site: "SuperOffice Service".to_owned(), folder: SCRIPTS.to_owned() };
    let mapped = 8 - i32::try_from(missing.len()).unwrap();
    (probe, Answer::Handlers { programs: 8, mapped, missing: names(missing), without_options: names(without_options) })
}

fn store() -> Probe {
    Probe::NumberedFiles {
        path: r"C:\SuperOffice\Attachments".to_owned(),
        prefix: "folder".to_owned(),
        per_folder: 10_000,
    }
}

fn proposed(site: &Site) -> Box<CrmChangeSpec> {
    match site.plan().standing {
        Standing::Proposed { change, .. } => change,
        other => unreachable!("a plan: {other:?}"),
    }
}

fn kinds(change: &CrmChangeSpec) -> Vec<&str> {
    change.steps.iter().map(|step| step.id.split('@').next().unwrap()).collect()
}

fn console(change: &CrmChangeSpec) -> (Vec<String>, Vec<(String, String)>) {
    let step = change.steps.iter().find(|step| step.id.starts_with("run-upgrade-exe")).unwrap();
    let Executor::Agent { actions } = &step.executor else { unreachable!("an agent runs it") };
    let console = actions.iter().find_map(|action| match action {
        Action::RunConsole { arguments, answers, .. } => Some((arguments, answers)),
        _ => None,
    });
    let (arguments, answers) = console.unwrap();
    let answers = answers.iter().map(|answer| (answer.question.clone(), answer.answer.clone())).collect();
    (arguments.clone(), answers)
}

#[test]
fn lacking_handlers_are_repaired_by_the_vendors_own_means() {
    for (missing, without_options) in [(vec!["ajax.exe"], vec![]), (vec![], vec!["rms.exe"])] {
        let mut site = Site::at_rest();
        let (probe, answer) = handlers(&missing, &without_options);
        site.answer("contoso-cs", &probe, answer);
        let change = proposed(&site);
        assert_eq!(
            kinds(&change),
            [
                "preflight",
                "notice",
                "back-up-iis",
                "run-upgrade-exe",
                "start-service-pool",
                "flush-caches",
                "verify-site"
            ],
            "the row is as declared and stays"
        );
        assert_eq!(console(&change).0, ["-onlyFCGI", "-d", "crm.contoso.example"]);
        let name = missing.first().or(without_options.first()).unwrap();
        assert!(change.notices.iter().any(|notice| notice.contains(name)), "{:?}", change.notices);
        site.run_to("never");
        assert_eq!(site.status().phase, ChangePhase::Succeeded, "{:?}", site.status().waiting);
        site.turn();
        assert_eq!(site.plan().standing, Standing::Settled);
    }
}

#[test]
fn lacking_handlers_of_a_site_that_declares_nothing_are_reported_with_the_way_to_repair_them() {
    let mut site = Site::at_rest();
    site.spec().fast_cgi = None;
    let (probe, answer) = handlers(&["ajax.exe"], &["rms.exe"]);
    site.answer("contoso-cs", &probe, answer);
    site.turn();
    assert_eq!(site.plan().standing, Standing::Settled);
    let status = site.snapshot.site.status.clone().unwrap();
    assert_eq!(status.drift, "FastCgi");
    let finding = status.findings.iter().find(|finding| finding.check == "FastCgiHandlers").unwrap();
    for expected in ["ajax.exe", "rms.exe", "OPTIONS"] {
        assert!(finding.message.contains(expected), "{}", finding.message);
    }
    assert!(finding.remedy.contains("fastCgi: Enabled"), "{}", finding.remedy);
}

#[test]
fn a_flip_that_fails_after_its_row_was_set_takes_the_row_back() {
    let mut site = Site::at_rest();
    site.fact(superoffice::USE_EXTENSION, Some("exe"));
    site.turn();
    site.run_to("flush-caches@contoso-cs");
    assert_eq!(site.status().result("link-fastcgi").unwrap().old_value.as_deref(), Some("exe"));
    site.fact(superoffice::USE_EXTENSION, Some("fcgi"));
    site.spec().fast_cgi = Some(FastCgi::Disabled);
    let mut asked = None;
    for _ in 0..10 {
        for intent in site.turn().intents {
            if let Intent::RunTask { step, task, .. } = intent {
                asked = Some((step, task));
                site.fact(superoffice::USE_EXTENSION, Some("exe"));
            }
        }
        site.end_order(Outcome::Done);
        site.wait(1);
    }
    let (step, task) = asked.expect("the row is written back");
    assert_eq!(step, "link-fastcgi/undo");
    let expected = crm_api::change::Task::SetDatabaseSetting {
        setting: superoffice::USE_EXTENSION.to_owned(),
        value: "exe".to_owned(),
    };
    assert_eq!(task, expected);
    let change = site.snapshot.changes.first().unwrap().status.as_ref().unwrap();
    assert_eq!(change.result("link-fastcgi").unwrap().phase, StepPhase::Undone);
    assert!(change.phase.is_over(), "{:?}", change.waiting);
}

#[test]
fn attachments_are_moved_later_by_one_run_of_upgrade_exe_while_the_site_is_open() {
    let mut site = Site::at_rest();
    assert_eq!(site.plan().standing, Standing::Settled, "a debt is no change by itself");
    site.spec().super_office.as_mut().unwrap().attachments = Some(Attachments::WhileOpen);
    let change = proposed(&site);
    assert_eq!(
        kinds(&change),
        [
            "preflight",
            "notice",
            "back-up-iis",
            "list-attachments",
            "back-up-attachments",
            "run-upgrade-exe",
            "flush-caches",
            "verify-site"
        ]
    );
    let (arguments, answers) = console(&change);
    assert_eq!(arguments, ["-d", "crm.contoso.example"], "a whole run");
    let answer = |text: &str| answers.iter().find(|(question, _)| question.contains(text)).unwrap().1.clone();
    assert_eq!((answer("attachments"), answer("FastCGI")), ("yes".to_owned(), "yes".to_owned()), "as things stand");
    assert!(!change.schema_change);
    assert!(change.steps.iter().all(|step| step.felt == crm_api::change::Felt::No), "the site stays open");
    let run = change.steps.iter().find(|step| step.id == "run-upgrade-exe@contoso-cs").unwrap();
    assert_eq!(run.limit_minutes, 2880, "not ended at a limit of ours");
    site.run_to("never");
    assert_eq!(site.status().phase, ChangePhase::Succeeded, "{:?}", site.status().waiting);
    site.turn();
    assert_eq!(site.plan().standing, Standing::Settled);
}

#[test]
fn an_upgrade_meanwhile_answers_later_again() {
    for (wish, expected) in
        [(Attachments::WhileOpen, "no"), (Attachments::Deferred, "no"), (Attachments::DuringUpgrade, "yes")]
    {
        let mut site = Site::at_rest();
        site.spec().super_office.as_mut().unwrap().attachments = Some(wish);
        site.declare("8.0 SR6");
        let (_, answers) = console(&proposed(&site));
        let found = answers.iter().find(|(question, _)| question.contains("attachments")).unwrap();
        assert_eq!(found.1, expected, "{wish:?}");
    }
}

#[test]
fn attachments_that_are_lost_are_no_success() {
    let mut site = Site::at_rest();
    site.spec().super_office.as_mut().unwrap().attachments = Some(Attachments::WhileOpen);
    site.turn();
    site.run_to("run-upgrade-exe@contoso-cs");
    let store = store();
    site.answer("contoso-cs", &store, Answer::Numbered { files: 41_249, loose: 0, misplaced: 0 });
    site.end_order(Outcome::Done);
    site.wait(1);
    site.turn();
    let result = site.status().result("run-upgrade-exe@contoso-cs").unwrap();
    assert_ne!(result.phase, StepPhase::Verified, "{}", result.evidence);
    site.fact(superoffice::ATTACHMENTS, Some("41249"));
    site.wait(1);
    for _ in 0..3 {
        site.turn();
        site.end_order(Outcome::Done);
        site.wait(1);
    }
    let result = site.status().result("run-upgrade-exe@contoso-cs").unwrap();
    assert_eq!(result.phase, StepPhase::Verified, "one was deleted meanwhile: {}", result.evidence);
}

#[test]
fn attachments_are_moved_on_after_several_interruptions_and_not_for_ever() {
    let mut site = Site::at_rest();
    site.spec().super_office.as_mut().unwrap().attachments = Some(Attachments::WhileOpen);
    site.turn();
    site.run_to("run-upgrade-exe@contoso-cs");
    let store = store();
    for attempt in 1..=5 {
        let result = site.status().result("run-upgrade-exe@contoso-cs").unwrap();
        assert_eq!((result.phase, result.attempt), (StepPhase::Started, attempt), "{}", result.evidence);
        site.answer("contoso-cs", &store, Answer::Numbered { files: 41_250, loose: 21_250, misplaced: 0 });
        site.end_order(Outcome::Partial);
        site.turn();
        site.wait(1);
        site.turn();
    }
    let result = site.status().result("run-upgrade-exe@contoso-cs").unwrap();
    assert_eq!(result.phase, StepPhase::Failed, "whoever ends it again and again is asked: {}", result.evidence);
}

#[test]
fn the_store_is_copied_first_or_a_person_attests_a_backup_of_one_that_is_too_large() {
    let rows = [(None, true), (Some(1), true), (Some(0), false)];
    for (most, copied) in rows {
        let mut site = Site::at_rest();
        site.spec().super_office.as_mut().unwrap().attachments = Some(Attachments::WhileOpen);
        site.spec().backup.store_gibibytes_max = most;
        let change = proposed(&site);
        let step = change.steps.iter().find(|step| step.id == "back-up-attachments@contoso-cs").unwrap();
        let copies = matches!(&step.executor, Executor::Agent { actions }
            if matches!(actions.as_slice(), [Action::CopyStore { from, .. }] if from == r"C:\SuperOffice\Attachments"));
        assert_eq!((copies, matches!(step.executor, Executor::Attended { .. })), (copied, !copied), "{most:?}");
        assert!(change.steps.iter().all(|step| step.felt == crm_api::change::Felt::No), "the site stays open");
    }
}

#[test]
fn a_store_without_room_for_its_copy_is_refused_with_both_ways_out() {
    let mut site = Site::at_rest();
    site.spec().super_office.as_mut().unwrap().attachments = Some(Attachments::WhileOpen);
    let share = Probe::DiskFree { path: r"\\backup.contoso.example\crm".to_owned() };
    for (answer, blocks) in [
        (Answer::DiskFree { free_bytes: 1 << 40 }, false),
        (Answer::DiskFree { free_bytes: 1 << 20 }, true),
        (Answer::Unreadable { reason: "no access".to_owned() }, true),
    ] {
        site.answer("contoso-cs", &share, answer);
        let refused = match site.plan().standing {
            Standing::Refused { findings } => findings.iter().any(|finding| finding.check == "AttachmentsRoom"),
            _ => false,
        };
        assert_eq!(refused, blocks);
    }
}

/// So many of eight programs have a handler; the list of the others was cut to fit.
fn has_handlers(site: &mut Site, mapped: i32) {
    let (probe, _) = handlers(&[], &[]);
    let missing = vec!["ajax.exe".to_owned(), format!("(and {} more)", 7 - mapped)];
    site.answer("contoso-cs", &probe, Answer::Handlers { programs: 8, mapped, missing, without_options: Vec::new() });
}

#[test]
fn handlers_stay_where_fastcgi_is_disabled_and_go_where_that_is_declared() {
    let mut site = Site::at_rest();
    site.spec().fast_cgi = Some(FastCgi::Disabled);
    assert_eq!(kinds(&proposed(&site)), ["preflight", "notice", "link-fastcgi", "verify-site"]);
    site.spec().fast_cgi_handlers = Some(FastCgiHandlers::Keep);
    assert_eq!(kinds(&proposed(&site)), ["preflight", "notice", "link-fastcgi", "verify-site"]);
    site.spec().fast_cgi_handlers = Some(FastCgiHandlers::Remove);
    let change = proposed(&site);
    let expected =
        ["preflight", "notice", "back-up-iis", "link-fastcgi", "flush-caches", "remove-handlers", "verify-site"];
    assert_eq!(kinds(&change), expected, "the row first, then what makes Service read it, then the handlers");
    assert!(change.notices.iter().any(|notice| notice.contains("8 FastCGI handlers on contoso-cs are removed")));
    site.run_to("never");
    assert_eq!(site.status().phase, ChangePhase::Succeeded, "{:?}", site.status().waiting);
    site.turn();
    assert_eq!(site.plan().standing, Standing::Settled);
}

#[test]
fn a_site_without_fastcgi_removes_its_handlers_alone() {
    let mut site = Site::at_rest();
    site.spec().fast_cgi = Some(FastCgi::Disabled);
    site.fact(superoffice::USE_EXTENSION, Some("exe"));
    site.turn();
    assert_eq!(site.plan().standing, Standing::Settled);
    site.spec().fast_cgi_handlers = Some(FastCgiHandlers::Remove);
    let expected = ["preflight", "notice", "back-up-iis", "flush-caches", "remove-handlers", "verify-site"];
    assert_eq!(kinds(&proposed(&site)), expected, "Service may still have links of another day in its caches");
    has_handlers(&mut site, 0);
    assert_eq!(site.plan().standing, Standing::Settled, "nothing is left to remove");
}

#[test]
fn links_never_lead_to_handlers_again_whose_removal_has_failed() {
    let mut site = Site::at_rest();
    site.spec().fast_cgi = Some(FastCgi::Disabled);
    site.spec().fast_cgi_handlers = Some(FastCgiHandlers::Remove);
    site.run_to("remove-handlers@contoso-cs");
    assert_eq!(site.snapshot.database.as_ref().unwrap().value(superoffice::USE_EXTENSION), Some("exe"));
    for _ in 0..40 {
        site.end_order(Outcome::Partial);
        let written = site.turn().intents.into_iter().any(|intent| matches!(intent, Intent::RunTask { .. }));
        assert!(!written, "the row stays");
        site.wait(1);
    }
    let status = site.snapshot.changes[0].status.as_ref().unwrap();
    assert_eq!(status.phase, ChangePhase::Failed, "{:?}", status.waiting);
    assert_eq!(status.result("link-fastcgi").unwrap().phase, StepPhase::Verified);
}

#[test]
fn handlers_that_were_removed_and_are_there_again_are_drift() {
    let mut site = Site::at_rest();
    site.spec().fast_cgi = Some(FastCgi::Disabled);
    site.spec().fast_cgi_handlers = Some(FastCgiHandlers::Remove);
    site.run_to("never");
    assert_eq!(site.status().phase, ChangePhase::Succeeded, "{:?}", site.status().waiting);
    site.turn();
    let drift = |site: &Site| site.snapshot.site.status.clone().unwrap().drift;
    assert_eq!(drift(&site), "none");
    has_handlers(&mut site, 3);
    site.turn();
    let status = site.snapshot.site.status.clone().unwrap();
    assert_eq!(status.drift, "FastCgi");
    let finding = status.findings.iter().find(|finding| finding.check == "FastCgiHandlersStay").unwrap();
    assert!(finding.message.contains("3 programs"), "{}", finding.message);
}

#[test]
fn an_upgrade_of_a_site_that_removes_its_handlers_does_so_before_users_are_back() {
    let mut site = Site::at_rest();
    site.spec().fast_cgi = Some(FastCgi::Disabled);
    site.spec().fast_cgi_handlers = Some(FastCgiHandlers::Remove);
    site.declare("8.0 SR6");
    let change = proposed(&site);
    let place = |kind| kinds(&change).iter().position(|one| *one == kind);
    assert!(place("flush-caches") < place("remove-handlers"), "{:?}", kinds(&change));
    let step = change.steps.iter().find(|step| step.id == "remove-handlers@contoso-cs").unwrap();
    assert_eq!(step.undo, crm_api::change::Undo::Restore {}, "they come back with IIS");
}
