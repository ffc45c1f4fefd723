//! Report: composes the status of a node. Pure; whoever stores it is in `round.rs`.

use std::collections::BTreeMap;

use crm_api::Time;
use crm_api::node::CrmNodeStatus;
use crm_api::order::{FORMAT, OrderPhase, OrderResult, Outcome};
use crm_api::probe::{Answer, Observation};
use crm_plan::carry_out::{self, Wish, whole_seconds};
use jiff::Timestamp;

use crate::limits::fit;
use crate::round::About;
use crate::turn::Progress;

/// So far a report may go beyond the highest epoch that the object shows.
const EPOCH_LEAP: i64 = 1000;
/// Longest version that the API takes.
const VERSION_CHARS_MAX: usize = 32;

/// What one look at the machine brought.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    /// Object and generation of the spec that asked.
    pub(crate) of: (Option<String>, i64),
    /// When the look began: every answer is at least as new.
    pub(crate) at: Timestamp,
    /// Answers, sorted by id, each with the time since when it is so.
    pub(crate) observations: Vec<Observation>,
}

/// Puts answers beside those of before: an answer that did not change keeps its time.
pub(crate) fn observations(
    answers: BTreeMap<String, Answer>,
    before: &[Observation],
    at: Timestamp,
) -> Vec<Observation> {
    let before: BTreeMap<&str, &Observation> =
        before.iter().map(|observation| (observation.id.as_str(), observation)).collect();
    let since = |id: &str, answer: &Answer| -> Time {
        match before.get(id) {
            Some(earlier) if earlier.answer == *answer => earlier.since.clone(),
            Some(_) | None => whole_seconds(at),
        }
    };
    answers.into_iter().map(|(id, answer)| Observation { since: since(&id, &answer), id, answer }).collect()
}

/// The results of the orders.
pub(crate) fn results(wish: &Wish, progress: &Progress, now: Timestamp) -> Vec<OrderResult> {
    match progress {
        // Before the journal is read, what was reported stands.
        Progress::Unknown => wish.reported.clone(),
        Progress::Known(memory) => carry_out::results(wish, memory, now),
        Progress::Damaged { reason, at } => wish.orders.iter().map(|wanted| unknown(wanted, reason, *at)).collect(),
    }
}

fn unknown(wanted: &carry_out::Wanted, reason: &str, at: Timestamp) -> OrderResult {
    OrderResult {
        id: wanted.id().to_owned(),
        attempt: wanted.attempt(),
        epoch: wanted.epoch(),
        phase: OrderPhase::Ended,
        outcome: Some(Outcome::Unknown),
        message: carry_out::clip(reason),
        exit_code: None,
        started_at: whole_seconds(at),
        ended_at: Some(whole_seconds(at)),
        files: Vec::new(),
    }
}

/// Whether an order is under way, so that the agent looks often.
pub(crate) fn busy(wish: &Wish, progress: &Progress) -> bool {
    match progress {
        Progress::Unknown | Progress::Damaged { .. } => false,
        Progress::Known(memory) => carry_out::busy(wish, memory),
    }
}

/// Never less than was reported, and no further beyond what the object shows than a report may leap (`crm-operator-reports` in
/// `charts/plain/policies.yaml`): where the object was made anew, several reports climb to what the journal knows.
fn epoch_to_report(known: i64, wish: &Wish) -> i64 {
    known.clamp(wish.reported_epoch, wish.shown_epoch().saturating_add(EPOCH_LEAP))
}

/// The status: what was seen, and what became of the orders.
pub(crate) fn compose(
    about: &About,
    seen: &Seen,
    wish: &Wish,
    results: Vec<OrderResult>,
    progress: &Progress,
) -> CrmNodeStatus {
    let known = match progress {
        Progress::Known(memory) => memory.highest_epoch,
        Progress::Unknown | Progress::Damaged { .. } => 0,
    };
    fit(CrmNodeStatus {
        observed_generation: seen.of.1,
        agent_version: about.version.chars().take(VERSION_CHARS_MAX).collect(),
        order_format: FORMAT,
        highest_epoch: epoch_to_report(known, wish),
        observations: seen.observations.clone(),
        machine: about.me.machine.clone(),
        account: about.me.account.clone(),
        results,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epoch_of_a_journal_is_climbed_to_where_the_object_knows_none() {
        let mut wish = Wish::default();
        let mut reported = Vec::new();
        while wish.reported_epoch < 2500 {
            wish.reported_epoch = epoch_to_report(2500, &wish);
            reported.push(wish.reported_epoch);
        }
        assert_eq!(reported, [1000, 2000, 2500]);
        assert_eq!(epoch_to_report(0, &wish), 2500, "what was reported is never taken back");
    }
}
