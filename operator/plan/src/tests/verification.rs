//! How far a backup is verified before the schema changes: as the site declares, and by whom.

use crm_api::change::{ChangePhase, CrmChangeSpec, Executor, Task};
use crm_api::site::{RestoreTest, Verification};

use super::fixture::Site;
use crate::intent::Standing;
use crate::snapshot::TaskFailed;

fn declaring(verification: Verification, restore_test: Option<RestoreTest>) -> Site {
    let mut site = Site::at_rest();
    site.spec().backup.verification = verification;
    site.spec().backup.restore_test = restore_test;
    site.declare("8.0 SR6");
    site
}

fn proposed(site: &Site) -> Box<CrmChangeSpec> {
    match site.plan().standing {
        Standing::Proposed { change, .. } => change,
        other => unreachable!("a plan: {other:?}"),
    }
}

fn place(change: &CrmChangeSpec, id: &str) -> Option<usize> {
    change.steps.iter().position(|step| step.id == id)
}

#[test]
fn each_tier_is_reached_recorded_and_demanded() {
    let rows = [
        (Verification::FileExists, None, "SQL Server"),
        (Verification::Checksums, None, "SQL Server"),
        (Verification::RestoreVerifyOnly, None, "SQL Server"),
        (Verification::RestoredAndChecked, None, "SQL Server"),
        (Verification::RestoredAndChecked, Some(RestoreTest::OnServer), "SQL Server"),
        (Verification::RestoredAndChecked, Some(RestoreTest::Attested), "Astrid"),
    ];
    for (tier, test, by) in rows {
        let mut site = declaring(tier, test);
        site.turn();
        site.run_to("never");
        assert_eq!(site.status().phase, ChangePhase::Succeeded, "{tier:?}: {:?}", site.status().waiting);
        let set = site.snapshot.backups[0].status.clone().unwrap();
        assert_eq!(set.verification, Some(tier));
        assert!(set.verified_by.as_deref().unwrap().contains(by), "{:?}", set.verified_by);
        assert_eq!(set.conditions[0].reason, tier.name());
        site.turn();
        let shown = site.snapshot.site.status.as_ref().unwrap().backup.clone().unwrap();
        assert_eq!((shown.verification, shown.verified_by), (Some(tier), set.verified_by));
    }
}

#[test]
fn nobody_waits_closed_for_a_restore_test_that_nobody_makes() {
    let mut site = declaring(Verification::RestoredAndChecked, Some(RestoreTest::Attested));
    site.turn();
    site.run_to("test-restore");
    let limit =
        i64::from(site.snapshot.changes[0].spec.steps.iter().find(|s| s.id == "test-restore").unwrap().limit_minutes);
    site.wait(limit - 5);
    site.turn();
    assert_eq!(site.status().phase, ChangePhase::Changing);
    for _ in 0..20 {
        site.wait(1);
        site.turn();
        site.end_order(crm_api::order::Outcome::Done);
    }
    let status = site.status();
    assert_eq!(status.phase, ChangePhase::Failed, "{:?}", status.waiting);
    assert!(status.backing_out.as_ref().unwrap().contains("nobody came"), "{:?}", status.backing_out);
    assert!(status.opened_at.is_some());
}

#[test]
fn a_restore_test_comes_between_the_record_and_the_verdict_and_never_touches_the_database() {
    let change = proposed(&declaring(Verification::RestoredAndChecked, None));
    let places: Vec<Option<usize>> = ["record-backup@contoso-app", "test-restore", "verify-backup"]
        .map(|id| place(&change, id))
        .into_iter()
        .chain([change.steps.iter().position(|step| step.id.starts_with("upgrade-database"))])
        .collect();
    assert!(places.is_sorted() && places.iter().all(Option::is_some), "{places:?}");
    let test = &change.steps[place(&change, "test-restore").unwrap()];
    let Executor::Controller { task: Task::TestRestore { scratch, path } } = &test.executor else {
        unreachable!("{:?}", test.executor)
    };
    assert!(scratch.starts_with("CRM7-test-") && path.ends_with("CRM7.bak"), "{scratch} {path}");
    assert!(!test.why.is_empty() && !test.rules.is_empty());
    assert_eq!(place(&proposed(&declaring(Verification::RestoreVerifyOnly, None)), "test-restore"), None);
}

#[test]
fn a_copy_with_a_fault_is_taken_back_before_the_schema_changes_and_its_set_is_never_verified() {
    let mut site = declaring(Verification::RestoredAndChecked, None);
    site.turn();
    site.run_to("test-restore");
    for _ in 0..20 {
        for task in site.snapshot.tasks.iter_mut().filter(|task| task.step == "test-restore") {
            task.result = Some(Err(TaskFailed { message: "DBCC CHECKDB: 8939".to_owned(), without_effect: true }));
        }
        site.turn();
        site.end_order(crm_api::order::Outcome::Done);
        site.wait(1);
    }
    let status = site.status();
    assert_eq!(status.phase, ChangePhase::Failed, "{:?}", status.waiting);
    assert!(status.backing_out.as_ref().unwrap().contains("8939"), "{:?}", status.backing_out);
    assert!(status.point_of_no_return_at.is_none());
    let set = site.snapshot.backups[0].status.clone().unwrap_or_default();
    assert!(set.conditions.is_empty() && set.verification.is_none(), "{set:?}");
    assert_eq!(site.snapshot.site.status.as_ref().unwrap().backup, None, "nothing is offered");
}
