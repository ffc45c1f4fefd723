//! How an order is judged: by `doneWhen` and `absentWhen`, never by an exit code.

use std::collections::BTreeMap;

use crm_api::evidence::LocalExpectation;
use crm_api::order::{Order, Outcome};
use crm_api::probe::{Answer, Probe};

use super::memory::{Note, Record};
use super::rules::{self, Way};
use super::words::{self, Message};
use super::{Facts, Look, Next};
use crate::evidence::{Verdict, judge, say};

/// How an order stands by its own expectations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) outcome: Outcome,
    /// The facts that decided it, in words.
    pub(super) because: String,
}

/// So many facts are quoted in a message at most.
const QUOTED_FACTS_MAX: usize = 4;

/// Judges an order by the facts, or says which facts it takes.
pub(super) fn look(order: &Order, facts: &Facts) -> Result<Seen, Look> {
    let mut probes: Vec<Probe> =
        order.done_when.iter().chain(&order.absent_when).map(|expectation| expectation.probe.clone()).collect();
    probes.sort();
    probes.dedup();
    match &facts.answers {
        None if !probes.is_empty() => Err(Look::Evidence(probes)),
        None => Ok(judge_order(order, &BTreeMap::new())),
        Some(answers) => Ok(judge_order(order, answers)),
    }
}

/// Done if all of `doneWhen` holds; else absent if all of `absentWhen` holds; else unknown if anything cannot be told;
/// else partial. An empty list proves nothing.
fn judge_order(order: &Order, answers: &BTreeMap<String, Answer>) -> Seen {
    let done = judge_all(&order.done_when, answers);
    let absent = judge_all(&order.absent_when, answers);
    if !done.is_empty() && done.iter().all(|(_, verdict)| verdict.holds()) {
        return Seen { outcome: Outcome::Done, because: quote(&done, |verdict| verdict.holds()) };
    }
    if !absent.is_empty() && absent.iter().all(|(_, verdict)| verdict.holds()) {
        return Seen { outcome: Outcome::Absent, because: quote(&absent, |verdict| verdict.holds()) };
    }
    let unknown = |verdict: &Verdict| matches!(verdict, Verdict::Unknown(_));
    if done.iter().chain(&absent).any(|(_, verdict)| unknown(verdict)) {
        let all: Vec<_> = done.into_iter().chain(absent).collect();
        return Seen { outcome: Outcome::Unknown, because: quote(&all, unknown) };
    }
    let failing = if done.is_empty() { &absent } else { &done };
    Seen { outcome: Outcome::Partial, because: quote(failing, |verdict| !verdict.holds()) }
}

fn judge_all(expectations: &[LocalExpectation], answers: &BTreeMap<String, Answer>) -> Vec<(String, Verdict)> {
    expectations
        .iter()
        .map(|expectation| {
            let answer = answers.get(&expectation.probe.id());
            (say(&expectation.probe, answer), judge(&expectation.expected, answer))
        })
        .collect()
}

fn quote(verdicts: &[(String, Verdict)], which: impl Fn(&Verdict) -> bool) -> String {
    let chosen: Vec<_> = verdicts.iter().filter(|(_, verdict)| which(verdict)).collect();
    let mut texts: Vec<String> = chosen.iter().take(QUOTED_FACTS_MAX).map(|(fact, _)| fact.clone()).collect();
    if chosen.len() > QUOTED_FACTS_MAX {
        texts.push(format!("and {} more", chosen.len() - QUOTED_FACTS_MAX));
    }
    texts.join(", ")
}

/// Said of a program that was over before anybody looked again.
pub(super) const END_NOT_SEEN: &str = "its end was not seen";

/// Ends an attempt before all of its actions are done.
pub(super) fn end(record: &Record, facts: &Facts, reason: &str) -> Next {
    end_with(record, facts, reason, None, "")
}

/// Ends an attempt, all actions of which are done.
pub(super) fn end_of_actions(record: &Record, facts: &Facts) -> Next {
    let seen = match look(&record.order, facts) {
        Ok(seen) => seen,
        Err(look) => return Next::Look(look),
    };
    let unseen = record.programs_ended > 0 && record.exit_code.is_none();
    if !record.order.done_when.is_empty() || unseen {
        return end_with(record, facts, if unseen { END_NOT_SEEN } else { "" }, None, "");
    }
    // Nothing is expected beyond the actions: simple ones were each seen done, a program was not.
    let (outcome, because) = if record.programs_ended == 0 {
        (Outcome::Done, "every action is done".to_owned())
    } else if seen.outcome == Outcome::Absent {
        (Outcome::Absent, seen.because)
    } else {
        (Outcome::Unknown, "the order does not say how its result is recognised".to_owned())
    };
    ended(outcome, Message::new().part(&because))
}

/// Ends an attempt as `doneWhen` and `absentWhen` say, with what is known beyond them.
pub(super) fn end_with(record: &Record, facts: &Facts, reason: &str, exit_code: Option<i32>, output: &str) -> Next {
    let seen = match look(&record.order, facts) {
        Ok(seen) => seen,
        Err(look) => return Next::Look(look),
    };
    let mut outcome = with_journal(record, seen.outcome);
    if record.failure.is_some() && outcome == Outcome::Done {
        outcome = Outcome::Partial;
    }
    let mut message = Message::new().part(reason);
    if let Some(line) = &record.failure {
        message = message.part(&format!("the output means failure: \"{line}\""));
    }
    if let Some(question) = &record.question {
        message = message.part(&format!("unexpected question: \"{question}\""));
    }
    match exit_code {
        Some(0) | None => {}
        Some(code) => message = message.part(&format!("exit code {code}")),
    }
    message = message.part(&seen.because);
    let addresses = words::addresses(output);
    if outcome != Outcome::Done && !addresses.is_empty() {
        message = message.part(&format!("it names {}", addresses.join(", ")));
    }
    ended(outcome, message.output(output))
}

/// Where the order does not say what absent is, the journal may: nothing was begun that leaves a trace.
fn with_journal(record: &Record, outcome: Outcome) -> Outcome {
    if outcome != Outcome::Partial || !record.order.absent_when.is_empty() {
        return outcome;
    }
    if record.maybe_started() {
        return if record.order.done_when.is_empty() { Outcome::Unknown } else { Outcome::Partial };
    }
    let before = record.order.actions.iter().take(record.action);
    let in_hand = record.order.actions.get(record.action);
    let no_trace = |action| rules::way(action) != Way::Make;
    if before.map(rules::way).all(|way| matches!(way, Way::Await | Way::Inspect)) && in_hand.is_none_or(no_trace) {
        Outcome::Absent
    } else {
        Outcome::Partial
    }
}

fn ended(outcome: Outcome, message: Message) -> Next {
    Next::Note(vec![Note::Ended { outcome, message: message.text() }])
}
