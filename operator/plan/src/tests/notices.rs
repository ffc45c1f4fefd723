//! What people are told, when, and how often; and that nothing waits for whoever receives it.

use crm_api::condition::{Kind, find};
use crm_api::decision::Word;
use crm_api::notice::{Delivery, NoticeEvent, NoticesSpec, ToldNotice, WebhookSpec};
use crm_api::order::Outcome;
use crm_api::site::SecretRef;

use super::fixture::{Site, after};
use crate::intent::{Intent, Plan};

/// The site of the main example at 20:00, its window two hours away, with people who want to be told.
fn told_site(minutes_before: &[i32], webhook: bool) -> Site {
    let mut site = Site::at_rest();
    site.spec().notices = Some(NoticesSpec {
        recipients: vec!["crm-users@contoso.example".to_owned()],
        minutes_before: minutes_before.to_vec(),
        webhook: webhook.then(|| WebhookSpec { url_ref: SecretRef { name: "contoso-notices".to_owned() } }),
    });
    site.declare("8.0 SR6");
    site
}

/// Rounds with help until the change waits for its window.
fn to_window(site: &mut Site) {
    for _ in 0..60 {
        site.turn();
        let waiting = site.snapshot.changes.last().and_then(|change| change.status.as_ref()?.waiting.clone());
        match waiting.as_ref().map(|waiting| waiting.reason.as_str()) {
            Some("Window") => return,
            Some("Approval") => site.say(Word::Approve, None),
            _ => site.end_order(Outcome::Done),
        }
    }
    unreachable!("the window was never waited for")
}

fn events(site: &Site) -> Vec<NoticeEvent> {
    site.status().told.iter().map(|told| told.event).collect()
}

fn posts(plan: &Plan) -> Vec<(String, i32, String)> {
    let post = |intent: &Intent| match intent {
        Intent::DeliverNotice { attempt, secret, notice, .. } => Some((notice.id.clone(), *attempt, secret.clone())),
        _ => None,
    };
    plan.intents.iter().filter_map(post).collect()
}

/// The receiver takes everything that is posted, or says why not.
fn answer(site: &mut Site, result: Result<(), &str>) {
    for delivery in &mut site.snapshot.deliveries {
        delivery.result.get_or_insert(result.map_err(str::to_owned));
    }
}

fn only(site: &Site) -> ToldNotice {
    assert_eq!(site.status().told.len(), 1);
    site.status().told[0].clone()
}

#[test]
fn people_are_told_beforehand_once_each_and_when_they_are_out_and_back() {
    let mut site = told_site(&[1440, 60, 15], false);
    to_window(&mut site);
    let planned = only(&site);
    assert_eq!((planned.event, planned.delivery), (NoticeEvent::Planned, Delivery::NotPosted));
    assert_eq!(planned.closes_at.unwrap().0, after(120), "when the window opens");
    assert!(planned.opens_at.unwrap().0 > after(200));
    assert!(
        planned.message.contains("users are out meanwhile (from Sat 2026-11-28 22:00, for about 1 h"),
        "{}",
        planned.message
    );

    site.now = after(59);
    site.look();
    site.turn();
    assert_eq!(events(&site), [NoticeEvent::Planned], "a day before was over when the change was approved");
    for minute in [60, 61, 104, 105, 106] {
        site.now = after(minute);
        site.look();
        site.turn();
    }
    assert_eq!(events(&site), [NoticeEvent::Planned, NoticeEvent::Reminder, NoticeEvent::Reminder]);
    assert_eq!(site.status().told[1].minutes_before, Some(60));
    assert!(
        site.status().told[1].message.contains("in 1 h, until about Sat 2026-11-28"),
        "{}",
        site.status().told[1].message
    );

    site.run_to("nothing of this name");
    assert_eq!(events(&site)[3..], [NoticeEvent::UsersOut, NoticeEvent::UsersBack]);
    let numbers: Vec<i32> = site.status().told.iter().map(|told| told.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
}

#[test]
fn a_reminder_that_came_too_late_is_left_out_and_the_next_one_is_not() {
    let mut site = told_site(&[60, 15], false);
    to_window(&mut site);
    // Nobody was there to remind an hour before: a quarter of an hour before, only that is said.
    site.now = after(106);
    site.look();
    site.turn();
    assert_eq!(events(&site), [NoticeEvent::Planned, NoticeEvent::Reminder]);
    assert_eq!(site.status().told[1].minutes_before, Some(15));
}

#[test]
fn nobody_is_reminded_of_what_is_held_and_what_was_announced_is_called_off() {
    let mut site = told_site(&[60], false);
    to_window(&mut site);
    site.say(Word::Hold, None);
    site.now = after(61);
    site.look();
    site.turn();
    assert_eq!(events(&site), [NoticeEvent::Planned]);
    site.declare("8.0 SR5");
    site.turn();
    assert_eq!(events(&site), [NoticeEvent::Planned, NoticeEvent::CalledOff]);
}

#[test]
fn a_notice_is_posted_after_its_record_and_until_it_was_taken() {
    let mut site = told_site(&[], true);
    to_window(&mut site);
    let told = only(&site);
    let plan = site.plan();
    let posted = posts(&plan);
    assert_eq!(posted.len(), 1);
    let change = site.snapshot.changes[0].metadata.name.clone().unwrap();
    assert_eq!(posted[0], (format!("crm/{change}/1"), 1, "contoso-notices".to_owned()));
    assert_eq!(told.delivery, Delivery::Pending);

    answer(&mut site, Err("the receiver answered with status 503"));
    let plan = site.turn();
    assert!(posts(&plan).is_empty(), "not at once");
    let told = only(&site);
    assert_eq!((told.tries, told.delivery), (1, Delivery::Pending));
    let conditions = site.snapshot.site.status.clone().unwrap().conditions;
    let shown = find(&conditions, Kind::NoticesDelivered).unwrap();
    assert_eq!((shown.status.as_str(), shown.reason.as_str()), ("False", "Retrying"));
    assert!(shown.message.contains("status 503") && shown.message.contains("does not wait"), "{}", shown.message);
    let is_waiting = site.status().waiting.as_ref().is_some_and(|waiting| waiting.reason == "Window");
    assert!(is_waiting, "the change goes its way");

    site.wait(1);
    assert_eq!(posts(&site.turn())[0].1, 2);
    // Whoever posted it died before it was written down: the same notice is posted again, under the same id.
    site.snapshot.deliveries.clear();
    assert_eq!(posts(&site.turn())[0], (format!("crm/{change}/1"), 2, "contoso-notices".to_owned()));
    answer(&mut site, Ok(()));
    site.turn();
    assert_eq!(only(&site).delivery, Delivery::Delivered);
    assert!(posts(&site.turn()).is_empty());
    let conditions = site.snapshot.site.status.clone().unwrap().conditions;
    assert!(find(&conditions, Kind::NoticesDelivered).is_none());
}

#[test]
fn what_nobody_takes_is_given_up_after_a_day_and_after_the_end_of_the_change_too() {
    let mut site = told_site(&[], true);
    site.run_to("nothing of this name");
    assert!(site.status().phase.is_over());
    let back = site.status().told.last().unwrap().clone();
    assert_eq!((back.event, back.delivery), (NoticeEvent::UsersBack, Delivery::Pending));
    let id = format!("/{}", back.number);
    let posted = posts(&site.turn());
    assert!(posted.iter().any(|(posted, _, _)| posted.ends_with(&id)), "{posted:?}");
    let mut tries = 0;
    for _ in 0..200 {
        answer(&mut site, Err("no answer"));
        site.turn();
        tries = tries.max(site.status().told.last().unwrap().tries);
        site.wait(15);
    }
    assert_eq!(site.status().told.last().unwrap().delivery, Delivery::GivenUp);
    assert!((30..=50).contains(&tries), "with waits that grow to half an hour: {tries}");
    assert!(posts(&site.turn()).is_empty());
    let conditions = site.snapshot.site.status.clone().unwrap().conditions;
    assert_eq!(find(&conditions, Kind::NoticesDelivered).unwrap().reason, "GivenUp");
}

#[test]
fn what_people_read_and_whom_it_is_told_is_no_part_of_a_plan() {
    use crm_api::change::{Executor, Task};

    let mut site = told_site(&[60], true);
    to_window(&mut site);
    let pinned = site.snapshot.changes[0].spec.clone();
    let mut reworded = pinned.clone();
    for step in &mut reworded.steps {
        if let Executor::Controller { task: Task::Notify { message } } = &mut step.executor {
            *message = "in 5 minutes, for 10 minutes".to_owned();
        }
    }
    assert_ne!(reworded, pinned);
    let hash = |change, earlier| crate::hash::plan_hash(change, &[], earlier);
    assert_eq!(hash(&reworded, 0), hash(&pinned, 0));
    assert_ne!(hash(&pinned, 1), hash(&pinned, 0), "another try is another plan");
    site.spec().notices = None;
    site.turn();
    assert_eq!(site.status().backing_out, None, "the same plan stands");
}
