//! Between two hops: where one approval covers the path and the window has room for both, users stay out.

use crm_api::change::{ChangePhase, CrmChange, StepPhase};
use crm_api::decision::Word;
use crm_api::probe::{Answer, Probe};
use crm_api::site::{ApprovalScope, ReverseProxy, TextMoveChoice};
use jiff::SignedDuration;

use super::fixture::{Site, whole_catalogue};
use crate::intent::{Intent, Standing};

/// A site at 7.1 SR2 that is to go to 8.0 SR6 over 7.5 SR2, with a window of so many minutes.
fn two_hops(scope: ApprovalScope, minutes: i32) -> Site {
    let mut site = Site::at_rest();
    site.snapshot.releases = whole_catalogue();
    site.snapshot.site.status = None;
    site.spec().version = "7.1 SR2".to_owned();
    site.spec().approval.scope = scope;
    for window in &mut site.spec().windows.as_mut().unwrap().allow {
        window.duration_minutes = minutes;
    }
    let block = site.spec().super_office.as_mut().unwrap();
    block.text_move = Some(TextMoveChoice::Skipped);
    block.reverse_proxy = Some(ReverseProxy::External);
    site.move_to("7.1.4816");
    site.turn();
    assert_eq!(site.plan().standing, Standing::Settled);
    site.declare("8.0 SR6");
    site.turn();
    let path = site.snapshot.changes.last().unwrap().spec.path_hash.clone();
    site.say_of(&path, Word::Approve);
    site
}

fn phase(change: &CrmChange) -> ChangePhase {
    change.status.as_ref().map(|status| status.phase).unwrap_or_default()
}

/// Rounds until the first hop is over.
fn first_hop_over(site: &mut Site) {
    for _ in 0..400 {
        site.turn();
        if phase(&site.snapshot.changes[0]).is_over() {
            return;
        }
        site.help_on();
        site.wait(1);
    }
    unreachable!("{:?}", site.snapshot.changes[0].status);
}

fn begun(change: &CrmChange, kind: &str) -> bool {
    let steps = change.status.iter().flat_map(|status| &status.steps);
    steps.into_iter().any(|result| result.id.starts_with(kind))
}

#[test]
fn the_site_stays_closed_and_is_backed_up_again_where_the_next_hop_fits_into_the_window() {
    let mut site = two_hops(ApprovalScope::Path, 720);
    first_hop_over(&mut site);
    let [first, second] = site.snapshot.changes.as_slice() else { unreachable!("two changes") };
    let (was, is) = (first.status.as_ref().unwrap(), second.status.as_ref().unwrap());
    assert_eq!(was.phase, ChangePhase::Succeeded);
    assert_eq!((was.opened_at.as_ref(), &was.handed_over_to), (None, &second.metadata.name));
    assert!(!begun(first, "unfreeze") && !begun(first, "start-scheduler"));
    assert_eq!(second.spec.takes_over, first.metadata.name);
    assert_eq!((&is.closed_at, &is.claims_held), (&was.closed_at, &second.spec.claims));
    assert!(was.claims_held.is_empty());
    assert!(site.snapshot.site.metadata.finalizers.is_some(), "a closed site cannot vanish");
    assert_eq!(site.snapshot.site.status.clone().unwrap().verified.unwrap().version, "7.5 SR2");
    site.run_to("no step is called so");
    let second = site.snapshot.changes.last().unwrap();
    let is = second.status.as_ref().unwrap();
    assert_eq!((is.phase, second.spec.to.as_str()), (ChangePhase::Succeeded, "8.0 SR6"), "{is:?}");
    assert!(is.opened_at.is_some() && begun(second, "back-up-database") && begun(second, "unfreeze"));
    assert_eq!(site.snapshot.backups.len(), 2);
}

#[test]
fn users_come_back_between_two_hops_where_anything_speaks_against_staying_closed() {
    let opens = |scope, minutes, speaks: fn(&mut Site)| {
        let mut site = two_hops(scope, minutes);
        site.run_to("flush-caches@contoso-cs");
        speaks(&mut site);
        first_hop_over(&mut site);
        let first = &site.snapshot.changes[0];
        assert_eq!(phase(first), ChangePhase::Succeeded);
        first.status.as_ref().unwrap().opened_at.is_some() && begun(first, "unfreeze")
    };
    assert!(!opens(ApprovalScope::Path, 720, |_| {}), "nothing speaks against it");
    assert!(opens(ApprovalScope::Hop, 720, |_| {}), "the next hop has an approval of its own");
    let shorter = |site: &mut Site| {
        for window in &mut site.spec().windows.as_mut().unwrap().allow {
            window.duration_minutes = 120;
        }
    };
    assert!(opens(ApprovalScope::Path, 720, shorter), "the window has no room for both");
    assert!(opens(ApprovalScope::Path, 720, |site| site.say(Word::Hold, None)), "somebody holds the site");
    let more = |site: &mut Site| {
        let steps = &mut site.snapshot.changes[0].spec.steps;
        let last = steps.last().cloned().unwrap();
        steps.push(crm_api::change::Step { id: "something-else".to_owned(), ..last });
    };
    assert!(opens(ApprovalScope::Path, 720, more), "something is left that the next hop does not do");
    let no_dot_net = |site: &mut Site| site.machine("contoso-app", |machine| machine.dot_net = Some("4.0".to_owned()));
    assert!(opens(ApprovalScope::Path, 720, no_dot_net), "the next hop lacks something");
}

#[test]
fn the_next_hops_packages_lie_there_before_users_are_out() {
    let site = two_hops(ApprovalScope::Path, 720);
    let fetched = |site: &Site| {
        let steps = site.snapshot.changes[0].spec.steps.iter().filter(|step| step.id.starts_with("fetch-media"));
        serde_json::to_string(&steps.collect::<Vec<_>>()).unwrap()
    };
    assert!(fetched(&site).contains("7.5.5885") && fetched(&site).contains("8.0.6465"));
    let alone = two_hops(ApprovalScope::Hop, 720);
    assert!(!fetched(&alone).contains("8.0.6465"), "it may be another night");
}

#[test]
fn a_next_hop_that_cannot_begin_opens_the_site_at_the_stop() {
    let mut site = two_hops(ApprovalScope::Path, 720);
    first_hop_over(&mut site);
    site.machine("contoso-app", |machine| machine.dot_net = Some("4.0".to_owned()));
    for _ in 0..120 {
        site.turn();
        let status = site.snapshot.changes[1].status.clone().unwrap_or_default();
        if status.phase.is_over() {
            break;
        }
        let asked = site.snapshot.nodes.iter().any(|view| !view.node.spec.orders.is_empty());
        if asked || status.step.as_deref().is_some_and(|step| step.starts_with("fetch") || step == "preflight") {
            site.help_on();
        }
        site.wait(1);
        site.machine("contoso-app", |machine| machine.dot_net = Some("4.0".to_owned()));
    }
    let second = &site.snapshot.changes[1];
    let status = second.status.as_ref().unwrap();
    assert_eq!(status.phase, ChangePhase::Superseded, "{:?} {:?}", status.step, status.waiting);
    let reason = status.backing_out.as_deref().unwrap();
    assert!(reason.contains(".NET"), "{reason}");
    // None of these was begun by this hop: it found them done.
    for step in ["stop-writers@contoso-app", "freeze@contoso-cs", "stop-scheduler@contoso-cs"] {
        assert_eq!(status.result(step).map(|result| result.phase), Some(StepPhase::Undone), "{step}");
    }
    assert!(status.opened_at.is_some());
    let frozen =
        Probe::FlagLine { path: r"C:\SuperOffice\Customer Service\config".to_owned(), line: "frozen".to_owned() };
    let answer = site.node("contoso-cs").node.status.as_ref().unwrap().answer(&frozen).cloned();
    assert_eq!(answer, Some(Answer::Flag { set: false }));
}

#[test]
fn a_crash_after_any_write_of_the_hand_over_leaves_one_next_hop_that_has_all_it_needs() {
    // The round that creates the next hop, and the one that ends the first: each cut off after so many writes.
    for (creates, written) in [(true, 0), (true, 1), (true, 2), (false, 0), (false, 1), (false, 2), (false, 3)] {
        let mut site = two_hops(ApprovalScope::Path, 720);
        site.run_to("flush-caches@contoso-cs");
        let is_it = |intent: &Intent| match intent {
            Intent::CreateChange { .. } => creates,
            Intent::RecordChange { status, .. } => !creates && status.handed_over_to.is_some(),
            _ => false,
        };
        let intents = (0..40).find_map(|_| {
            let intents = site.plan().intents;
            if intents.iter().any(is_it) {
                return Some(intents);
            }
            site.turn();
            site.help_on();
            site.wait(1);
            None
        });
        for intent in intents.expect("it is handed over").into_iter().take(written) {
            site.carry_out(intent);
        }
        site.wait(1);
        first_hop_over(&mut site);
        let [first, second] = site.snapshot.changes.as_slice() else { unreachable!("two changes") };
        let (was, is) = (first.status.as_ref().unwrap(), second.status.as_ref().unwrap());
        assert_eq!((was.phase, &was.handed_over_to), (ChangePhase::Succeeded, &second.metadata.name), "{written}");
        assert_eq!((&is.closed_at, &is.claims_held), (&was.closed_at, &second.spec.claims), "{written}");
    }
}

#[test]
fn users_do_not_wait_for_a_next_hop_that_is_never_created() {
    let mut site = two_hops(ApprovalScope::Path, 720);
    site.run_to("flush-caches@contoso-cs");
    let mut refused = None;
    for _ in 0..40 {
        site.turn();
        // The API takes no new object.
        site.snapshot.changes.truncate(1);
        let status = site.status().clone();
        if status.waiting.as_ref().is_some_and(|waiting| waiting.reason == "HandOver") {
            refused.get_or_insert(site.now);
        }
        if begun(&site.snapshot.changes[0], "unfreeze") {
            let waited = site.now.duration_since(refused.unwrap());
            assert!(waited <= SignedDuration::from_mins(6), "{waited}");
            return;
        }
        site.help_on();
        site.wait(1);
    }
    unreachable!("{:?}", site.status());
}
