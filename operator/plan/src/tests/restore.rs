use crm_api::change::{ChangePhase, Purpose};
use crm_api::condition::{self, Kind};
use crm_api::database::{SCHEMA_MODIFIED_AT, superoffice};
use crm_api::decision::Word;
use crm_api::order::Outcome;
use crm_api::site::{OnHalt, RecoverySpec};

use super::fixture::{OLD, Site};
use crate::intent::Standing;

const DATABASE_STEP: &str = "upgrade-database@contoso-app";

/// A site whose schema is half changed.
fn half_changed(policy: Option<OnHalt>) -> Site {
    let mut site = Site::at_rest();
    site.spec().recovery = policy.map(|on_halt| RecoverySpec { on_halt });
    site.declare("8.0 SR6");
    site.turn();
    site.run_to(DATABASE_STEP);
    let now = site.now.to_string();
    site.fact(SCHEMA_MODIFIED_AT, Some(&now));
    site.end_order(Outcome::Partial);
    site
}

fn last_purpose(site: &Site) -> Purpose {
    site.snapshot.changes.last().unwrap().spec.purpose
}

/// Says `Restore` about the offered plan.
fn decide(site: &mut Site) {
    let offer = site.snapshot.site.status.clone().unwrap().restore.unwrap();
    site.say(Word::Restore, None);
    site.snapshot.decisions.last_mut().unwrap().spec.plan_hash = Some(offer.plan_hash);
}

#[test]
fn a_halt_behind_the_point_of_no_return_shows_the_way_back_with_its_cost_and_touches_nothing() {
    let mut site = half_changed(None);
    site.turn();
    site.wait(30);
    let plan = site.turn();
    let Standing::Halted { restore: Some(restore), remedy, .. } = plan.standing else { unreachable!("{plan:?}") };
    let offer = site.snapshot.site.status.clone().unwrap().restore.unwrap();
    assert_eq!(offer.plan_hash, restore.plan_hash);
    assert!(remedy.contains(&restore.plan_hash[..6]), "{remedy}");
    assert_eq!((offer.release.as_str(), restore.to_number.as_str()), ("7.5 SR2", OLD));
    assert!(offer.minutes > 30 && offer.cost.contains("no work of users is lost"), "{}", offer.cost);
    assert_eq!(site.snapshot.changes.len(), 1, "nobody has decided");
}

#[test]
fn a_word_about_another_plan_restores_nothing() {
    let mut site = half_changed(None);
    site.turn();
    site.say(Word::Restore, None);
    site.turn();
    site.turn();
    assert_eq!(site.snapshot.changes.len(), 1);
}

#[test]
fn on_a_persons_word_everything_comes_back_and_the_declaration_waits_for_another_word() {
    let mut site = half_changed(None);
    site.turn();
    decide(&mut site);
    site.turn();
    assert_eq!(last_purpose(&site), Purpose::Restore);
    site.run_to("never");
    assert_eq!(site.status().phase, ChangePhase::Succeeded, "{:?}", site.status().waiting);
    for _ in 0..3 {
        site.fact(superoffice::DATABASE_VERSION, Some(OLD));
        site.turn();
        site.wait(1);
    }
    let upgrade = site.snapshot.changes[0].status.clone().unwrap();
    assert_eq!(upgrade.phase, ChangePhase::Failed);
    assert_eq!(upgrade.restored_by, site.snapshot.changes[1].metadata.name);
    assert!(upgrade.opened_at.is_some() && upgrade.claims_held.is_empty());
    let status = site.snapshot.site.status.clone().unwrap();
    let up_to_date = condition::find(&status.conditions, Kind::UpToDate).unwrap();
    assert_eq!(up_to_date.reason, "RestoredAwaitingDecision", "{}", up_to_date.message);
    assert_eq!(status.verified.unwrap().version, "7.5 SR2");
    assert!(site.snapshot.site.metadata.finalizers.is_none(), "the site may vanish again");
    site.wait(1);
    site.say(Word::Retry, Some("verify-site"));
    site.turn();
    assert_eq!((site.snapshot.changes.len(), last_purpose(&site)), (3, Purpose::Upgrade));
}

#[test]
fn a_declared_policy_restores_by_itself_once() {
    let mut site = half_changed(Some(OnHalt::Restore));
    site.turn();
    site.turn();
    assert_eq!(last_purpose(&site), Purpose::Restore);
    let mut site = half_changed(Some(OnHalt::Halt));
    site.turn();
    site.turn();
    assert_eq!(last_purpose(&site), Purpose::Upgrade);
}

#[test]
fn a_set_that_is_not_verified_or_of_another_release_is_never_offered() {
    let halted = |spoil: fn(&mut crm_api::CrmBackup)| {
        let mut site = half_changed(None);
        spoil(&mut site.snapshot.backups[0]);
        let plan = site.turn();
        let Standing::Halted { restore, remedy, .. } = plan.standing else { unreachable!("{plan:?}") };
        assert!(restore.is_none());
        remedy
    };
    assert!(halted(|set| set.status.as_mut().unwrap().conditions.clear()).contains("never verified"));
    assert!(halted(|set| set.spec.release = "8.0 SR6".to_owned()).contains("never across releases"));
    assert!(halted(|set| set.spec.database = "CRM8".to_owned()).contains("of database CRM8"));
    assert!(halted(|set| set.status.as_mut().unwrap().files.clear()).contains("has no"));
}

#[test]
fn a_restore_begins_with_the_proof_of_its_set_and_closes_before_it_overwrites() {
    let mut site = half_changed(None);
    let plan = site.turn();
    let Standing::Halted { restore: Some(restore), .. } = plan.standing else { unreachable!("{plan:?}") };
    let place = |kind: &str| restore.steps.iter().position(|step| step.id.split('@').next() == Some(kind)).unwrap();
    let order =
        ["check-set", "notice", "prove-alone", "restore-database", "restore-files", "verify-versions", "unfreeze"];
    assert!(order.windows(2).all(|pair| place(pair[0]) < place(pair[1])), "{:?}", restore.steps);
    assert!(place("see-nothing-runs") < place("notice"));
    assert!(place("restore-files") < place("start-netserver"), "only programs of its release meet the database");
}
