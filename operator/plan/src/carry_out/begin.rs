//! What may begin, and what is refused.

use crm_api::order::{FORMAT, Order, OrderPhase, OrderResult, Outcome};
use jiff::Timestamp;

use super::memory::{Memory, Note};
use super::program::{self, Start};
use super::rules;
use super::standing;
use super::{ASK_AGAIN_SECS, Decision, Facts, Look, Next, Wanted, Wish};

/// The first attempt of the list that is neither over nor refused.
pub(super) fn begin(wish: &Wish, memory: &Memory, facts: &Facts, now: Timestamp) -> Decision {
    for wanted in &wish.orders {
        if settled(wanted, memory) {
            continue;
        }
        let of = Some((wanted.id().to_owned(), wanted.attempt()));
        let nothing = Facts::default();
        let facts = if facts.of == of { facts } else { &nothing };
        let next = match wanted {
            Wanted::Unreadable { id, attempt, epoch, reason } => Next::Note(vec![Note::Refused {
                id: id.clone(),
                attempt: *attempt,
                epoch: *epoch,
                reason: format!("not an order that this agent understands: {reason}"),
            }]),
            Wanted::Order(order) => begin_order(order, wish, memory, facts, now),
        };
        return Decision { of, next };
    }
    Decision { of: None, next: Next::Rest }
}

/// Whether nothing is left to decide about an entry of the list.
pub(super) fn settled(wanted: &Wanted, memory: &Memory) -> bool {
    memory.refusal(wanted.id(), wanted.attempt()).is_some()
        || memory
            .record(wanted.id())
            .is_some_and(|record| record.order.attempt == wanted.attempt() && record.end.is_some())
}

fn begin_order(order: &Order, wish: &Wish, memory: &Memory, facts: &Facts, now: Timestamp) -> Next {
    if let Some(reason) = refuse(order, memory) {
        return refused(order, reason);
    }
    let journalled = memory.record(&order.id);
    let reported = wish.reported.iter().find(|result| result.id == order.id);
    let known = journalled.map_or(0, |record| record.order.attempt);
    let unknown = reported.filter(|result| result.attempt > known);
    if let Some(next) = unknown.and_then(|result| recover(order, result)) {
        return next;
    }
    if order.start_before.0 < now {
        return refused(order, format!("not started before {}", order.start_before.0));
    }
    if order.actions.iter().any(rules::needs_elevation) {
        match &facts.elevated {
            None => return Next::Look(Look::Elevated),
            Some(Err(_)) => {
                return Next::Wait { secs: ASK_AGAIN_SECS };
            }
            Some(Ok(false)) => {
                let action = order.actions.iter().find(|action| rules::needs_elevation(action));
                let action = action.map(rules::describe_action).unwrap_or_default();
                return refused(order, format!("the agent has no administrator rights, needed to {action}"));
            }
            Some(Ok(true)) => {}
        }
    }
    let ever_started = journalled.is_some_and(|record| record.ever_started)
        || unknown.is_some() && order.actions.iter().any(|action| rules::program_of(action).is_some());
    first_judgement(order, ever_started && !order.granted, facts)
}

/// An order that was never begun is refused for these reasons; one that was begun goes on.
fn refuse(order: &Order, memory: &Memory) -> Option<String> {
    if order.format > FORMAT {
        return Some(format!("format {} of the order language; this agent understands {FORMAT}", order.format));
    }
    if order.epoch < memory.highest_epoch {
        return Some(format!("epoch {} is over; epoch {} has begun", order.epoch, memory.highest_epoch));
    }
    let attempt = memory.record(&order.id).map_or(0, |record| record.order.attempt);
    if order.withdrawn && attempt < order.attempt {
        return Some("withdrawn before it was begun".to_owned());
    }
    (attempt > order.attempt).then(|| format!("attempt {} came before; attempt {attempt} was begun", order.attempt))
}

fn refused(order: &Order, reason: String) -> Next {
    Next::Note(vec![Note::Refused { id: order.id.clone(), attempt: order.attempt, epoch: order.epoch, reason }])
}

/// The status knows more than the journal: the machine was set back, or the journal was lost.
fn recover(order: &Order, result: &OrderResult) -> Option<Next> {
    if result.attempt < order.attempt {
        return None;
    }
    if result.attempt > order.attempt {
        let reason = format!("attempt {} came before; attempt {} was reported", order.attempt, result.attempt);
        return Some(refused(order, reason));
    }
    if result.phase == OrderPhase::Refused {
        return Some(refused(order, result.message.clone()));
    }
    Some(Next::Note(vec![Note::Recovered { order: Box::new(order.clone()), result: Box::new(result.clone()) }]))
}

/// Done already, not to be started, or begun. What is over before it begins is journalled in one write.
fn first_judgement(order: &Order, ever_started: bool, facts: &Facts) -> Next {
    let seen = match standing::look(order, facts) {
        Ok(seen) => seen,
        Err(look) => return Next::Look(look),
    };
    let begun = Note::Begun { order: Box::new(order.clone()), ever_started };
    if seen.outcome == Outcome::Done && order.may_skip {
        let message = format!("already so: {}", seen.because);
        return Next::Note(vec![begun, Note::Ended { outcome: Outcome::Done, message: super::clip(&message) }]);
    }
    let Some(first) = order.actions.iter().find_map(rules::program_of) else {
        return Next::Note(vec![begun]);
    };
    match program::may_start(order, &first, ever_started, &seen) {
        Start::Yes => Next::Note(vec![begun]),
        Start::No(outcome, reason) => {
            Next::Note(vec![begun, Note::Ended { outcome, message: super::clip(&format!("not started: {reason}")) }])
        }
    }
}
