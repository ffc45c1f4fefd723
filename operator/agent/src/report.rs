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

/// The status: what was seen, and what became of the orders.
pub(crate) fn compose(
    about: &About,
    seen: &Seen,
    wish: &Wish,
    results: Vec<OrderResult>,
    progress: &Progress,
) -> CrmNodeStatus {
    let highest_epoch = match progress {
        Progress::Known(memory) => memory.highest_epoch.max(wish.reported_epoch),
        Progress::Unknown | Progress::Damaged { .. } => wish.reported_epoch,
    };
    fit(CrmNodeStatus {
        observed_generation: seen.of.1,
        agent_version: about.version.chars().take(VERSION_CHARS_MAX).collect(),
        order_format: FORMAT,
        highest_epoch,
        observations: seen.observations.clone(),
        machine: about.me.machine.clone(),
        account: about.me.account.clone(),
        results,
    })
}
