//! What is reported: one result for each order of the list.

use crm_api::order::{OrderPhase, OrderResult};
use jiff::{SignedDuration, Timestamp};

use super::begin::settled;
use super::memory::{Memory, Record, Refusal};
use super::{Wish, clip, rules};

/// A node's status holds so many results at most (the API's own limit): one for each order, and that of an order which left
/// the list while it was in hand.
const RESULTS_MAX: usize = 9;

/// The results of the orders in the list, in list order, then that of an order which left the list while it is carried
/// out. A time limit that has passed shows here. What was reported stands until this agent knows more: where its journal was
/// set back or lost, nothing that was once said is taken back.
#[must_use]
pub fn results(wish: &Wish, memory: &Memory, now: Timestamp) -> Vec<OrderResult> {
    let mut results: Vec<OrderResult> = Vec::new();
    for wanted in &wish.orders {
        let result = match memory.refusal(wanted.id(), wanted.attempt()) {
            Some(refusal) => Some(of_refusal(refusal)),
            None => memory.record(wanted.id()).map(|record| of_record(record, now)),
        };
        let reported = wish.reported.iter().find(|result| result.id == wanted.id());
        let result = match (result, reported) {
            (Some(result), Some(reported)) if reported.attempt > result.attempt => Some(reported.clone()),
            (Some(result), _) => Some(result),
            (None, reported) => reported.cloned(),
        };
        if let Some(result) = result.filter(|result| results.iter().all(|other| other.id != result.id)) {
            results.push(result);
        }
    }
    if let Some(record) = memory.in_hand()
        && results.iter().all(|result| result.id != record.order.id)
    {
        results.truncate(RESULTS_MAX - 1);
        results.push(of_record(record, now));
    }
    results.truncate(RESULTS_MAX);
    results
}

/// Whether an order is being carried out or waits for its turn.
#[must_use]
pub fn busy(wish: &Wish, memory: &Memory) -> bool {
    memory.in_hand().is_some() || wish.orders.iter().any(|wanted| !settled(wanted, memory))
}

fn of_refusal(refusal: &Refusal) -> OrderResult {
    OrderResult {
        id: refusal.id.clone(),
        attempt: refusal.attempt,
        epoch: refusal.epoch,
        phase: OrderPhase::Refused,
        outcome: None,
        message: clip(&refusal.reason),
        exit_code: None,
        started_at: refusal.at.clone(),
        ended_at: None,
        files: Vec::new(),
    }
}

fn of_record(record: &Record, now: Timestamp) -> OrderResult {
    let limit = SignedDuration::from_secs(i64::from(record.order.time_limit_seconds.max(0)));
    let overdue = record.started_at.0.checked_add(limit).is_ok_and(|last| last < now);
    let (phase, message) = match &record.end {
        Some(end) => (OrderPhase::Ended, end.message.clone()),
        None if overdue => (OrderPhase::Overdue, progress(record)),
        None => (OrderPhase::Running, progress(record)),
    };
    OrderResult {
        id: record.order.id.clone(),
        attempt: record.order.attempt,
        epoch: record.order.epoch,
        phase,
        outcome: record.end.as_ref().map(|end| end.outcome),
        message,
        exit_code: record.exit_code,
        started_at: record.started_at.clone(),
        ended_at: record.end.as_ref().map(|end| end.at.clone()),
        files: record.files.clone(),
    }
}

/// Where a running order is: changes with its actions, not with time.
fn progress(record: &Record) -> String {
    let count = record.order.actions.len();
    match record.order.actions.get(record.action) {
        Some(action) => clip(&format!("action {} of {count}: {}", record.action + 1, rules::describe_action(action))),
        None => format!("all {count} actions are done; looking at the result"),
    }
}
