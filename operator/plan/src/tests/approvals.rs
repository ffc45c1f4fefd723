//! Who has to agree, to what, how long that stands; and what is told beforehand about the end.

use crm_api::change::ChangePhase;
use crm_api::decision::Word;
use crm_api::order::Outcome;
use crm_api::site::ApprovalScope;

use super::fixture::{Site, after};
use crate::hash::short;

fn bumped(change: impl FnOnce(&mut Site)) -> Site {
    let mut site = Site::at_rest();
    change(&mut site);
    site.declare("8.0 SR6");
    to_gate(&mut site);
    site
}

/// Rounds until the open change waits for approval or window.
fn to_gate(site: &mut Site) {
    for _ in 0..30 {
        site.turn();
        if ["Approval", "Window"].contains(&waits_for(site).as_str()) {
            return;
        }
        site.end_order(Outcome::Done);
    }
    unreachable!("no gate was reached")
}

fn waits_for(site: &Site) -> String {
    let status = site.snapshot.changes.last().and_then(|change| change.status.as_ref());
    status.and_then(|status| status.waiting.as_ref()).map(|waiting| waiting.reason.clone()).unwrap_or_default()
}

fn ended_by(site: &Site) -> String {
    site.status().waiting.clone().unwrap().ended_by
}

#[test]
fn four_eyes_are_two_people() {
    let mut site = bumped(|site| site.spec().approval.four_eyes = true);
    assert!(ended_by(&site).starts_with("two approvers"), "{}", ended_by(&site));
    site.say(Word::Approve, None);
    site.say(Word::Approve, None);
    site.turn();
    assert_eq!(waits_for(&site), "Approval", "the same person twice is one person");
    assert!(ended_by(&site).contains("a second approver (Astrid has approved)"), "{}", ended_by(&site));
    site.say(Word::Approve, None);
    site.snapshot.decisions.last_mut().unwrap().spec.user = "Bjarne".to_owned();
    to_gate(&mut site);
    assert_eq!(waits_for(&site), "Window");
    let by = site.status().approved_by.clone().unwrap();
    assert!(by.contains("Astrid") && by.contains("Bjarne"), "{by}");
}

#[test]
fn an_approval_that_is_too_old_when_the_window_opens_is_asked_for_again() {
    let mut site = bumped(|site| site.spec().approval.expires_after_hours = Some(1));
    site.say(Word::Approve, None);
    to_gate(&mut site);
    assert_eq!(waits_for(&site), "Window");
    site.now = after(2 * 60);
    site.look();
    site.turn();
    assert_eq!(waits_for(&site), "Approval");
    assert!(site.status().closed_at.is_none());
    site.say(Word::Approve, None);
    site.turn();
    assert_eq!(site.status().phase, ChangePhase::Changing);
    // Once it has begun it is not asked again.
    site.now = after(4 * 60);
    site.look();
    site.turn();
    assert_ne!(waits_for(&site), "Approval");
}

#[test]
fn one_approval_of_the_path_covers_its_hops_until_the_path_is_another() {
    let mut site = bumped(|site| site.spec().approval.scope = ApprovalScope::Path);
    let change = site.snapshot.changes.last().unwrap().spec.clone();
    assert_eq!(change.path, ["7.5 SR2", "8.0 SR6"]);
    assert!(
        ended_by(&site).contains(&format!("{}... for the whole path", short(&change.path_hash))),
        "{}",
        ended_by(&site)
    );
    let path = change.path_hash.clone();
    site.say_of(&path, Word::Approve);
    to_gate(&mut site);
    assert_eq!(waits_for(&site), "Window");
    assert_eq!(site.snapshot.site.status.as_ref().unwrap().plan.as_ref().unwrap().path_hash, path);
    // Somebody puts other packages into a release on the path: the word was about another path.
    let mut edited = bumped(|site| {
        site.spec().approval.scope = ApprovalScope::Path;
        let release = site.snapshot.releases.iter_mut().find(|release| release.spec.version == "8.0 SR6").unwrap();
        release.spec.packages[0].minutes += 1;
    });
    edited.say_of(&path, Word::Approve);
    edited.turn();
    assert_eq!(waits_for(&edited), "Approval");
}

#[test]
fn the_word_about_a_path_says_nothing_where_each_hop_is_approved() {
    let mut site = bumped(|_| ());
    let path = site.snapshot.changes.last().unwrap().spec.path_hash.clone();
    site.say_of(&path, Word::Approve);
    site.turn();
    assert_eq!(waits_for(&site), "Approval");
}

#[test]
fn the_second_hop_belongs_to_the_path_that_was_shown_before_the_first() {
    let mut site = bumped(|_| ());
    let mut first = site.snapshot.changes.last().unwrap().clone();
    first.spec.path = vec!["7.1 SR2".to_owned(), "7.5 SR2".to_owned(), "8.0 SR6".to_owned()];
    first.spec.to = "7.5 SR2".to_owned();
    first.status.as_mut().unwrap().phase = ChangePhase::Succeeded;
    let long = first.spec.path.clone();
    site.snapshot.changes = vec![first.clone()];
    site.turn();
    let second = site.snapshot.changes.last().unwrap().spec.clone();
    assert_eq!((second.from.as_str(), &second.path), ("7.5 SR2", &long));
    // The rest of the path was another one then: it begins anew.
    first.spec.path[2] = "8.0 SR5".to_owned();
    site.snapshot.changes = vec![first];
    site.turn();
    assert_eq!(site.snapshot.changes.last().unwrap().spec.path, ["7.5 SR2", "8.0 SR6"]);
}

#[test]
fn status_says_when_it_ends_and_until_when_a_restore_would_fit() {
    let mut site = bumped(|_| ());
    let plan = |site: &Site| site.snapshot.site.status.as_ref().unwrap().plan.clone().unwrap();
    let before = plan(&site);
    assert!(before.restore_minutes > 0);
    // The window is Saturday 22:00 to Sunday 04:00.
    let ends = after(2 * 60 + i64::from(before.minutes));
    let fits = after(8 * 60 - i64::from(before.restore_minutes));
    let local = |at| crate::windows::local(site.snapshot.site.spec.windows.as_ref(), at);
    assert_eq!(before.ends_about.as_deref(), Some(local(ends).as_str()));
    assert_eq!(before.restore_fits_before.as_deref(), Some(local(fits).as_str()));
    site.wait(7);
    site.turn();
    assert_eq!(plan(&site), before, "the time of the look changes nothing");
    site.say(Word::Approve, None);
    site.now = after(2 * 60);
    site.look();
    site.run_to("freeze@contoso-cs");
    assert_eq!(plan(&site).restore_fits_before, before.restore_fits_before);
    assert!(plan(&site).ends_about.is_some());
}
