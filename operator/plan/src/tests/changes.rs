use crm_api::change::{ChangePhase, StepPhase};
use crm_api::database::{SCHEMA_MODIFIED_AT, Session, superoffice};
use crm_api::decision::Word;
use crm_api::order::{Action, Outcome};

use super::fixture::{NEW, Site};
use crate::intent::{Intent, Standing};

const DATABASE_STEP: &str = "upgrade-database@contoso-app";

fn bumped() -> Site {
    let mut site = Site::at_rest();
    site.declare("8.0 SR6");
    site.turn();
    site
}

fn at(step: &str) -> Site {
    let mut site = bumped();
    site.run_to(step);
    site
}

/// Lets everything that is asked of agents while backing out succeed.
fn settle(site: &mut Site) {
    for _ in 0..40 {
        site.turn();
        if site.status().phase.is_over() {
            return;
        }
        site.end_order(Outcome::Done);
        site.wait(1);
    }
}

#[test]
fn the_whole_change_ends_proven_at_the_goal() {
    let mut site = at("never");
    assert_eq!(site.status().phase, ChangePhase::Succeeded, "{:?}", site.status().waiting);
    site.turn();
    let verified = site.snapshot.site.status.clone().unwrap().verified.unwrap();
    assert_eq!(verified.version, "8.0 SR6");
    assert_eq!(site.plan().standing, Standing::Settled);
}

#[test]
fn nothing_that_users_feel_starts_before_approval_and_window() {
    let mut site = bumped();
    for _ in 0..20 {
        site.turn();
        site.end_order(Outcome::Done);
        site.wait(1);
    }
    assert_eq!(site.status().waiting.clone().unwrap().reason, "Approval");
    assert!(site.status().result("stop-scheduler@contoso-cs").is_none());
    site.say(Word::Approve, None);
    for _ in 0..5 {
        site.turn();
    }
    assert_eq!(site.status().waiting.clone().unwrap().reason, "Window");
    assert!(site.status().closed_at.is_none());
}

#[test]
fn an_approval_of_another_plan_says_nothing() {
    let mut site = at("notice");
    site.snapshot.decisions.clear();
    let mut site = bumped();
    site.say(Word::Approve, None);
    site.snapshot.decisions[0].spec.plan_hash = Some("abcdef".to_owned());
    for _ in 0..10 {
        site.turn();
        site.end_order(Outcome::Done);
        site.wait(1);
    }
    assert_eq!(site.status().waiting.clone().unwrap().reason, "Approval");
}

#[test]
fn the_record_comes_before_the_order() {
    let mut site = at("stop-scheduler@contoso-cs");
    site.node("contoso-cs").node.spec.orders.clear();
    let change = site.snapshot.changes.last_mut().unwrap();
    let status = change.status.as_mut().unwrap();
    status.steps.retain(|result| result.id != "stop-scheduler@contoso-cs");
    let intents = site.plan().intents;
    let record = intents.iter().position(|intent| matches!(intent, Intent::RecordChange { .. })).unwrap();
    let order = intents
        .iter()
        .position(|intent| matches!(intent, Intent::InstructNode { spec, .. } if !spec.orders.is_empty()))
        .unwrap();
    assert!(record < order);
}

#[test]
fn the_database_order_reads_the_backup_again() {
    let mut site = at(DATABASE_STEP);
    let orders = &site.node("contoso-app").node.spec.orders;
    assert!(matches!(orders[0].actions[0], Action::CheckFile { .. }));
    assert!(matches!(orders[0].actions.last(), Some(Action::RunInstaller { .. })));
}

#[test]
fn a_foreign_session_that_stays_is_named_and_everything_is_taken_back() {
    let mut site = at("stop-writers@contoso-cs");
    let session = Session {
        id: 61,
        host: "REPORTSRV".to_owned(),
        program: "Crystal Reports".to_owned(),
        login: "report".to_owned(),
    };
    site.snapshot.database.as_mut().unwrap().sessions = vec![session];
    site.help_on();
    site.turn();
    let waiting = site.status().waiting.clone().unwrap();
    assert!(
        waiting.message.contains("REPORTSRV") && waiting.message.contains("Crystal Reports"),
        "{}",
        waiting.message
    );
    assert!(waiting.deadline.is_some());
    site.wait(31);
    settle(&mut site);
    assert_eq!(site.status().phase, ChangePhase::Failed);
    for step in ["stop-writers@contoso-app", "freeze@contoso-cs", "stop-scheduler@contoso-cs"] {
        assert_eq!(site.status().result(step).unwrap().phase, StepPhase::Undone, "{step}");
    }
    assert!(site.status().opened_at.is_some());
}

#[test]
fn an_installer_without_effect_is_tried_once_more_and_then_everything_is_taken_back() {
    let mut site = at(DATABASE_STEP);
    site.end_order(Outcome::Absent);
    site.turn();
    assert_eq!(site.status().result(DATABASE_STEP).unwrap().attempt, 2);
    site.wait(1);
    site.end_order(Outcome::Absent);
    site.turn();
    assert!(site.status().backing_out.is_some());
    settle(&mut site);
    assert_eq!(site.status().phase, ChangePhase::Failed);
}

#[test]
fn a_half_done_schema_halts_until_a_person_has_looked() {
    let mut site = at(DATABASE_STEP);
    let now = site.now.to_string();
    site.fact(SCHEMA_MODIFIED_AT, Some(&now));
    site.end_order(Outcome::Absent);
    let plan = site.turn();
    let Standing::Halted { remedy, .. } = plan.standing else { unreachable!("{:?}", plan.standing) };
    assert!(remedy.contains("Retry") && remedy.contains("restore"), "{remedy}");
    site.wait(2);
    assert!(matches!(site.turn().standing, Standing::Halted { .. }), "nothing is repeated blindly");
    site.say(Word::Retry, Some(DATABASE_STEP));
    site.turn();
    let result = site.status().result(DATABASE_STEP).unwrap();
    assert_eq!((result.phase, result.attempt), (StepPhase::Started, 2));
}

#[test]
fn done_by_the_agent_is_not_verified_without_the_database() {
    let mut site = at(DATABASE_STEP);
    site.help_on();
    site.fact(superoffice::DATABASE_VERSION, Some("7.5.5885"));
    site.turn();
    assert_ne!(site.status().result(DATABASE_STEP).unwrap().phase, StepPhase::Verified);
}

#[test]
fn an_agent_that_is_silent_past_the_limit_makes_the_step_unknown_and_nothing_is_repeated() {
    let mut site = at(DATABASE_STEP);
    let attempt = site.status().result(DATABASE_STEP).unwrap().attempt;
    site.now = site.now.checked_add(jiff::SignedDuration::from_mins(241)).unwrap();
    let plan = site.turn();
    assert!(matches!(plan.standing, Standing::Halted { .. }));
    assert_eq!(site.status().result(DATABASE_STEP).unwrap().attempt, attempt);
}

#[test]
fn a_spec_edited_before_the_point_of_no_return_makes_way_for_another_plan() {
    let mut site = at("back-up-files@contoso-app");
    site.declare("7.5 SR2");
    settle(&mut site);
    assert_eq!(site.status().phase, ChangePhase::Superseded);
    site.turn();
    assert_eq!(site.plan().standing, Standing::Settled);
}

#[test]
fn a_spec_edited_after_the_point_of_no_return_halts_with_forward_or_restore() {
    let mut site = at("upgrade-web@contoso-app");
    site.declare("7.5 SR2");
    site.end_order(Outcome::Done);
    site.help_on();
    site.turn();
    site.wait(1);
    let Standing::Halted { remedy, .. } = site.turn().standing else { unreachable!("halted") };
    assert!(remedy.contains("put the spec back") && remedy.contains("restore"), "{remedy}");
    site.declare("8.0 SR6");
    site.run_to("never");
    assert_eq!(site.status().phase, ChangePhase::Succeeded);
}

#[test]
fn a_change_that_failed_is_not_begun_again_by_itself() {
    let mut site = at("back-up-files@contoso-app");
    let status = site.snapshot.changes.last_mut().unwrap().status.as_mut().unwrap();
    status.backing_out = Some("for this test".to_owned());
    settle(&mut site);
    site.forget();
    site.turn();
    assert!(matches!(site.plan().standing, Standing::Halted { .. }));
    assert_eq!(site.snapshot.changes.len(), 1);
    site.wait(1);
    site.say(Word::Retry, Some("prove-alone"));
    assert!(matches!(site.plan().standing, Standing::Proposed { .. }));
}

#[test]
fn a_back_out_that_nobody_carries_out_calls_a_person_and_goes_on_when_the_agent_answers() {
    let mut site = at("back-up-files@contoso-app");
    site.snapshot.changes.last_mut().unwrap().status.as_mut().unwrap().backing_out = Some("for this test".to_owned());
    for _ in 0..20 {
        site.turn();
        site.wait(1);
    }
    let Standing::Halted { reason, remedy, .. } = site.turn().standing else { unreachable!("{:?}", site.status()) };
    assert!(reason.contains("has not reported its end"), "{reason}");
    assert!(remedy.contains("by hand"), "{remedy}");
    settle(&mut site);
    assert_eq!(site.status().phase, ChangePhase::Failed, "{:?}", site.status().waiting);
    assert!(site.status().opened_at.is_some());
}

#[test]
fn editing_the_catalogue_in_mid_change_orders_nothing_else() {
    let mut site = at("upgrade-web@contoso-app");
    let before = site.plan().intents;
    for release in &mut site.snapshot.releases {
        release.spec.packages.iter_mut().for_each(|package| package.program = "Other.exe".to_owned());
    }
    assert_eq!(site.plan().intents, before);
}

#[test]
fn at_the_goal_every_part_shows_the_new_release() {
    let site = at("never");
    assert!(site.status().after.iter().all(|part| part.version.as_deref() == Some(NEW)));
}

#[test]
fn a_refused_try_after_a_partial_one_is_no_proof_that_nothing_happened() {
    let mut site = at(DATABASE_STEP);
    let now = site.now.to_string();
    site.fact(SCHEMA_MODIFIED_AT, Some(&now));
    site.end_order(Outcome::Partial);
    site.turn();
    site.wait(2);
    site.say(Word::Retry, Some(DATABASE_STEP));
    site.turn();
    site.refuse_order();
    let plan = site.turn();
    assert!(matches!(plan.standing, Standing::Halted { .. }), "{:?}", plan.standing);
    assert!(site.status().backing_out.is_none(), "old services must not meet a half-changed schema");
}

#[test]
fn a_further_try_has_to_pass_what_the_first_one_passed() {
    let mut site = at(DATABASE_STEP);
    site.end_order(Outcome::Absent);
    site.snapshot.database.as_mut().unwrap().sessions =
        vec![Session { id: 61, host: "PC".to_owned(), program: "Excel".to_owned(), login: "kari".to_owned() }];
    site.turn();
    assert_eq!(site.status().waiting.clone().unwrap().reason, "Sessions");
    let orders = &site.node("contoso-app").node.spec.orders;
    assert!(orders.iter().all(|order| order.attempt == 1), "no order of the second try is out");
}

#[test]
fn a_node_that_left_the_declaration_is_still_opened_again() {
    let mut site = at("back-up-files@contoso-app");
    for placed in &mut site.spec().components {
        placed.nodes = vec!["contoso-app".to_owned()];
    }
    settle(&mut site);
    assert_eq!(site.status().phase, ChangePhase::Superseded);
    assert_eq!(site.status().result("freeze@contoso-cs").unwrap().phase, StepPhase::Undone);
}

#[test]
fn a_backup_that_takes_too_long_does_not_keep_users_out() {
    let mut site = at("back-up-files@contoso-app");
    site.wait(181);
    site.turn();
    assert!(site.status().backing_out.is_some());
}

#[test]
fn a_deleted_record_does_not_bring_an_old_backup_folder_back() {
    let folder = |site: &Site| match site.plan().standing {
        Standing::Proposed { change, .. } => change
            .steps
            .iter()
            .find_map(|step| match &step.executor {
                crm_api::change::Executor::Controller { task: crm_api::change::Task::BackUpDatabase { folder } } => {
                    Some(folder.clone())
                }
                _ => None,
            })
            .unwrap(),
        other => unreachable!("{other:?}"),
    };
    let mut site = at("back-up-database");
    let used = site.snapshot.backups[0].spec.location.clone();
    site.snapshot.changes.clear();
    site.forget();
    assert_ne!(folder(&site), used);
}
