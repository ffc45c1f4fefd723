//! Holds, stops and overrides: what they keep from beginning, what they let through, and what status says of them.

use crm_api::Time;
use crm_api::change::ChangePhase;
use crm_api::condition::{self, Kind};
use crm_api::decision::Word;
use crm_api::order::Outcome;

use super::fixture::{Site, after};

const FIRST_FELT: &str = "stop-scheduler@contoso-cs";

/// A bumped site whose plan is approved and waits for Saturday 22:00.
fn approved() -> Site {
    let mut site = Site::at_rest();
    site.declare("8.0 SR6");
    for _ in 0..30 {
        site.turn();
        if waits_for(&site) == "Approval" {
            site.say(Word::Approve, None);
        }
        if waits_for(&site) == "Window" {
            return site;
        }
        site.end_order(Outcome::Done);
    }
    unreachable!("it never waited for the window: {}", waits_for(&site))
}

fn waits_for(site: &Site) -> String {
    let status = site.snapshot.changes.last().and_then(|change| change.status.as_ref());
    status.and_then(|status| status.waiting.as_ref()).map(|waiting| waiting.reason.clone()).unwrap_or_default()
}

fn until_ten(site: &mut Site) {
    site.now = after(2 * 60);
    site.look();
    site.turn();
}

fn condition(site: &Site, kind: Kind) -> Option<(String, String)> {
    let status = site.snapshot.site.status.as_ref()?;
    let found = condition::find(&status.conditions, kind)?;
    Some((found.reason.clone(), found.message.clone()))
}

#[test]
fn a_hold_keeps_the_change_out_until_somebody_resumes() {
    let mut site = approved();
    site.say(Word::Hold, None);
    until_ten(&mut site);
    assert_eq!(waits_for(&site), "Hold");
    assert!(site.status().result(FIRST_FELT).is_none(), "users feel nothing");
    let held = site.snapshot.site.status.clone().unwrap().hold.unwrap();
    assert_eq!((held.user.as_str(), held.reason.as_str()), ("Astrid", "seen"));
    assert!(condition(&site, Kind::Held).unwrap().1.contains("Astrid"));
    assert_eq!(condition(&site, Kind::UpToDate).unwrap().0, "Held");
    site.wait(1);
    site.say(Word::Resume, None);
    site.turn();
    assert!(site.status().result(FIRST_FELT).is_some());
    assert_eq!(condition(&site, Kind::Held), None, "the condition is there only while it applies");
}

#[test]
fn a_hold_may_end_by_itself() {
    let mut site = approved();
    site.say(Word::Hold, None);
    let until = after(3 * 60);
    site.snapshot.decisions.last_mut().unwrap().spec.expires_at = Some(Time::from(until));
    until_ten(&mut site);
    assert_eq!(waits_for(&site), "Hold");
    assert!(site.plan().wake_at.is_some_and(|at| at <= until));
    site.now = until;
    site.look();
    site.turn();
    assert!(site.status().result(FIRST_FELT).is_some());
}

#[test]
fn a_hold_before_the_point_of_no_return_is_waited_for_and_then_everything_is_taken_back() {
    let mut site = approved();
    until_ten(&mut site);
    site.run_to("verify-backup");
    site.say(Word::Hold, None);
    for _ in 0..6 {
        site.turn();
        site.help_on();
        site.wait(1);
    }
    assert_eq!(waits_for(&site), "Hold");
    assert!(site.status().waiting.as_ref().unwrap().deadline.is_some(), "users are out");
    assert!(site.status().point_of_no_return_at.is_none());
    for _ in 0..60 {
        site.wait(1);
        site.turn();
        site.end_order(Outcome::Done);
    }
    assert_eq!(site.status().phase, ChangePhase::Failed);
    assert!(site.status().opened_at.is_some());
}

#[test]
fn a_stop_halts_between_two_steps_and_status_shows_that_the_site_is_closed() {
    let mut site = approved();
    until_ten(&mut site);
    site.run_to("stop-writers@contoso-app");
    site.say(Word::Stop, None);
    site.snapshot.decisions.last_mut().unwrap().spec.site = None;
    let begun = site.status().steps.len();
    for _ in 0..60 {
        site.help_on();
        site.turn();
        site.wait(1);
    }
    assert_eq!(site.status().steps.len(), begun, "the step that was begun ended, and no other began");
    assert!(site.status().steps.iter().all(|result| result.ended_at.is_some()));
    assert!(site.status().backing_out.is_none(), "an hour later nothing has moved by itself");
    assert_eq!(waits_for(&site), "Stop");
    let (reason, message) = condition(&site, Kind::Stopped).unwrap();
    assert_eq!(reason, "LeftClosed");
    assert!(message.contains("users are out since Sat 2026-11-28 22:01"), "{message}");
    assert_eq!(condition(&site, Kind::UpToDate).unwrap().0, "Stopped");
    site.snapshot.decisions.pop();
    site.turn();
    assert!(site.status().steps.len() > begun, "the end of the stop lets it go on");
    assert_eq!(condition(&site, Kind::Stopped), None);
}

#[test]
fn a_stop_keeps_a_back_out_from_beginning_too() {
    let mut site = approved();
    until_ten(&mut site);
    site.run_to("freeze@contoso-cs");
    site.say(Word::Stop, None);
    site.declare("7.5 SR2");
    for _ in 0..5 {
        site.turn();
        site.end_order(Outcome::Done);
        site.wait(1);
    }
    assert!(site.status().backing_out.is_some());
    assert!(site.status().steps.iter().all(|result| result.evidence != "taken back"));
    site.snapshot.decisions.pop();
    for _ in 0..20 {
        site.turn();
        site.end_order(Outcome::Done);
        site.wait(1);
    }
    assert_eq!(site.status().phase, ChangePhase::Superseded);
}

#[test]
fn a_stop_at_a_site_at_rest_says_that_users_can_work() {
    let mut site = Site::at_rest();
    site.say_of("aaaaaa", Word::Stop);
    site.turn();
    assert_eq!(condition(&site, Kind::Stopped).unwrap().0, "LeftOpen");
    site.declare("8.0 SR6");
    for _ in 0..5 {
        site.turn();
    }
    assert!(site.status().steps.is_empty(), "not even packages are fetched");
}

#[test]
fn an_override_opens_the_gate_for_one_plan_until_it_expires() {
    let mut site = approved();
    site.say(Word::Override, None);
    let word = site.snapshot.decisions.last_mut().unwrap();
    word.spec.expires_at = Some(Time::from(after(10)));
    let plan = word.spec.plan_hash.replace("aaaaaa".to_owned());
    site.turn();
    assert_eq!(waits_for(&site), "Window", "it is about another plan");
    site.snapshot.decisions.last_mut().unwrap().spec.plan_hash = plan;
    site.turn();
    assert!(site.status().result(FIRST_FELT).is_some(), "20:00 is outside the windows");
    assert!(site.status().overridden_by.as_ref().unwrap().contains("Astrid"));
    // It has expired when the point of no return comes; whoever let the change begin has let all of it.
    site.run_to("upgrade-database@contoso-app");
    assert!(site.status().backing_out.is_none());
}

#[test]
fn an_override_that_has_expired_opens_nothing() {
    let mut site = approved();
    site.say(Word::Override, None);
    site.snapshot.decisions.last_mut().unwrap().spec.expires_at = Some(Time::from(after(10)));
    site.now = after(10);
    site.look();
    site.turn();
    assert_eq!(waits_for(&site), "Window");
}

#[test]
fn a_hold_is_stronger_than_an_override() {
    let mut site = approved();
    site.say(Word::Override, None);
    site.snapshot.decisions.last_mut().unwrap().spec.expires_at = Some(Time::from(after(10)));
    site.say(Word::Hold, None);
    site.turn();
    assert_eq!(waits_for(&site), "Hold");
}
