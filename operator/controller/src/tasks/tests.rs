//! What is known of tasks that run beside the rounds.

use super::{Entry, KnownTask, Subject, TaskKey, Tasks, deliveries_of, settled, states_of, untouched};
use crate::queue::SiteKey;
use crm_api::CrmChange;
use crm_plan::snapshot::TaskDone;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

fn key(attempt: i32) -> TaskKey {
    let subject = Subject::Step("back-up-database".into());
    TaskKey { namespace: "crm".into(), change: "contoso-1".into(), subject, attempt }
}

fn change(attempt: i32, phase: &str) -> CrmChange {
    let at = "2024-05-04T20:00:00Z";
    serde_json::from_value(json!({
        "metadata": {"name": "contoso-1", "namespace": "crm"},
        "spec": {"site": "contoso", "siteUid": "u", "purpose": "Upgrade", "from": "7.5", "to": "8.0", "fromNumber": "7.5.5885", "toNumber": "8.0.6465", "planHash": "4f1c09",
            "specDigest": "d", "schemaChange": true, "steps": []},
        "status": {"phase": "Changing", "steps": [{"id": "back-up-database", "phase": phase, "attempt": attempt,
            "startedAt": at, "attemptStartedAt": at}]},
    }))
    .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_known_task_is_not_started_again_until_the_record_has_gone_past_it() {
    let site = SiteKey::new("crm", "contoso");
    let runs = Arc::new(AtomicU32::new(0));
    let mut tasks = Tasks::default();
    let start = |tasks: &mut Tasks, attempt| {
        let runs = Arc::clone(&runs);
        tasks.start_with(key(attempt), site.clone(), async move {
            runs.fetch_add(1, Ordering::Relaxed);
            Ok(TaskDone::default())
        });
    };
    start(&mut tasks, 1);
    start(&mut tasks, 1);
    assert_eq!(tasks.next_ended().await, Some(site.clone()));
    start(&mut tasks, 1);
    assert_eq!(tasks.next_ended().await, None);
    assert_eq!(runs.load(Ordering::Relaxed), 1);

    let known = tasks.of(&site);
    assert!(settled(&known, &[change(1, "Started")]).is_empty(), "the record still needs the result");
    assert_eq!(states_of(&known, Some(&change(1, "Started"))).len(), 1);
    let done = settled(&known, &[change(1, "Verified")]);
    assert_eq!(done, [key(1)]);
    assert_eq!(settled(&known, &[change(2, "Started")]), [key(1)]);
    tasks.forget(&done);
    assert!(tasks.of(&site).is_empty());
    start(&mut tasks, 2);
    tasks.next_ended().await;
    assert_eq!(runs.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_still_runs_is_not_forgotten() {
    let site = SiteKey::new("crm", "contoso");
    let mut tasks = Tasks::default();
    tasks.start_with(key(1), site.clone(), std::future::pending());
    tasks.forget(&[key(1)]);
    assert_eq!(tasks.of(&site).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_breaks_ends_with_an_uncertain_result() {
    let site = SiteKey::new("crm", "contoso");
    let mut tasks = Tasks::default();
    tasks.start_with(key(1), site.clone(), async { panic!("a defect") });
    assert_eq!(tasks.next_ended().await, Some(site.clone()));
    let result = tasks.of(&site).remove(0).result;
    assert!(matches!(result, Some(Err(failed)) if !failed.without_effect));
}

#[test]
fn a_try_to_post_a_notice_is_known_until_its_record_counts_it_even_where_the_change_is_over() {
    let subject = Subject::Notice(2);
    let key = TaskKey { namespace: "crm".into(), change: "contoso-1".into(), subject, attempt: 1 };
    let known = [KnownTask { key: key.clone(), result: Some(Err(untouched("503".into()))) }];
    assert_eq!(deliveries_of(&known)[0].result, Some(Err("503".to_owned())));
    assert!(states_of(&known, Some(&change(1, "Started"))).is_empty(), "it is no step");
    let told = |tries: i32, delivery: &str| {
        let mut change = change(1, "Verified");
        let status = change.status.as_mut().unwrap();
        status.phase = crm_api::change::ChangePhase::Succeeded;
        status.told = vec![
            serde_json::from_value(json!({
                "number": 2, "event": "UsersBack", "at": "2024-05-04T20:00:00Z", "message": "back",
                "delivery": delivery, "tries": tries,
            }))
            .unwrap(),
        ];
        change
    };
    assert!(settled(&known, &[told(0, "Pending")]).is_empty(), "the record still needs the result");
    assert_eq!(settled(&known, &[told(1, "Pending")]), std::slice::from_ref(&key));
    assert_eq!(settled(&known, &[told(0, "GivenUp")]), std::slice::from_ref(&key));
    assert_eq!(settled(&known, &[change(1, "Started")]), [key], "nobody asks for it any more");
}

#[test]
fn a_result_of_a_change_that_is_gone_is_settled() {
    let mut tasks = Tasks::default();
    let site = SiteKey::new("crm", "contoso");
    tasks.known.insert(key(1), Entry { site: site.clone(), result: Some(Err(untouched("no".into()))) });
    assert_eq!(settled(&tasks.of(&site), &[]), [key(1)]);
}
