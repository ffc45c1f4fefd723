//! Whether the evidence of a step holds, and whether it is certain that nothing of the step has happened.

use crm_api::change::{Step, StepResult};
use crm_api::decision::Word;
use crm_api::evidence::{Expectation, Expected, Source};
use crm_api::probe::{Answer, Probe};
use jiff::Timestamp;

use super::Run;
use crate::evidence::{Verdict, describe, judge, judge_database, say};

/// How the record of a try begins that has touched what it must leave alone.
const TOUCHED: &str = "what must be left alone was touched";

/// What the evidence of a step says as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// Everything holds.
    Holds(String),
    /// Something does not.
    Fails(String),
    /// Something cannot be told yet.
    Unknown(String),
}

impl Run<'_> {
    /// Judges the evidence of a step. Facts of `trusted_node` were reported together with the order's result; those of
    /// other nodes must have been confirmed since `since`.
    pub(super) fn prove(
        &self,
        step: &Step,
        result: &StepResult,
        since: Timestamp,
        trusted_node: Option<&str>,
    ) -> Proof {
        self.combine(&step.evidence, step, result, since, trusted_node)
    }

    /// Judges whether nothing of a step has happened. Without a way to tell it is not certain.
    pub(super) fn is_absent(&self, step: &Step, result: &StepResult, since: Timestamp, trusted: Option<&str>) -> bool {
        !step.absent_when.is_empty()
            && matches!(self.combine(&step.absent_when, step, result, since, trusted), Proof::Holds(_))
    }

    fn combine(
        &self,
        expectations: &[Expectation],
        step: &Step,
        result: &StepResult,
        since: Timestamp,
        trusted_node: Option<&str>,
    ) -> Proof {
        let (mut held, mut failed, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
        let mut same = 0_usize;
        for expectation in expectations {
            match self.judge_one(expectation, step, result, since, trusted_node) {
                Verdict::Holds(_) if expectation.expected == Expected::SameAsAtStart {} => same += 1,
                Verdict::Holds(text) => held.push(text),
                Verdict::Fails(text) => failed.push(format!("{text}{}", wanted(&expectation.expected))),
                Verdict::Unknown(text) => unknown.push(text),
            }
        }
        if same > 0 {
            held.push(format!("{same} facts of other instances as before{}", self.touched_before(step, result)));
        }
        if !failed.is_empty() {
            Proof::Fails(failed.join("; "))
        } else if !unknown.is_empty() {
            Proof::Unknown(unknown.join("; "))
        } else {
            Proof::Holds(held.join(", "))
        }
    }

    fn judge_one(
        &self,
        expectation: &Expectation,
        step: &Step,
        result: &StepResult,
        since: Timestamp,
        trusted_node: Option<&str>,
    ) -> Verdict {
        match &expectation.source {
            Source::Node { node, probe } => {
                let answer = self.view.answer(node, probe);
                let elsewhere = if step.node.as_ref() == Some(node) { String::new() } else { format!(" on {node}") };
                let fact = match expectation.expected {
                    // Which one it is tells its place, not what is seen there.
                    Expected::SameAsAtStart {} => format!("{}{elsewhere}", probe.id()),
                    _ => format!("{}{elsewhere}", say(probe, answer)),
                };
                let verdict = match judge(&expectation.expected, answer) {
                    _ if expectation.expected == Expected::SameAsAtStart {} => self.same_since(node, probe, result),
                    Verdict::Holds(_) => self.none_lost(&expectation.expected, answer),
                    other => other,
                };
                if trusted_node == Some(node.as_str()) || self.view.confirmed_since(node, since) {
                    let more = if verdict.text().is_empty() { String::new() } else { format!("; {}", verdict.text()) };
                    verdict.saying(format!("{fact}{more}"))
                } else {
                    Verdict::Unknown(format!("{fact} (not confirmed yet)"))
                }
            }
            Source::Database { fact } => self.judge_fact(fact, &expectation.expected, step, result),
            Source::Attestation { statement } => {
                match self.decision(Word::Attest, &step.id, result.attempt_started_at.0) {
                    Some(decision) => Verdict::Holds(format!("attested by {decision}")),
                    None => Verdict::Unknown(format!("nobody has attested: {statement}")),
                }
            }
        }
    }

    /// Whether an answer is the same since before this try of the step began.
    fn same_since(&self, node: &str, probe: &Probe, result: &StepResult) -> Verdict {
        match self.view.observation(node, probe) {
            None => Verdict::Unknown("never asked".to_owned()),
            Some(seen) if matches!(seen.answer, Answer::Unreadable { .. }) => Verdict::Unknown("unreadable".to_owned()),
            // Agents report whole seconds.
            Some(seen) if seen.since.0.as_second() < result.attempt_started_at.0.as_second() => {
                Verdict::Holds("as before".to_owned())
            }
            Some(seen) => Verdict::Fails(format!("not as it was when the step began: {}", describe(&seen.answer))),
        }
    }

    /// What is no longer as it was when a step began, though the step must leave it alone; nothing as long as a program of
    /// the step may still be at work.
    pub(super) fn touched(&self, step: &Step, result: &StepResult) -> Option<String> {
        let on_node = |expectation: &Expectation| match &expectation.source {
            Source::Node { node, probe } => Some((node.clone(), probe.clone())),
            Source::Database { .. } | Source::Attestation { .. } => None,
        };
        let of = |wanted: Expected| step.evidence.iter().filter(move |one| one.expected == wanted).filter_map(on_node);
        let runs = |(node, probe): &(String, Probe)| matches!(self.view.answer(node, probe), Some(Answer::Processes { running }) if !running.is_empty());
        if of(Expected::NoneRunning {}).any(|one| runs(&one)) {
            return None;
        }
        let changed =
            of(Expected::SameAsAtStart {}).filter_map(|(node, probe)| match self.same_since(&node, &probe, result) {
                Verdict::Fails(text) => Some(format!("{} on {node}, {text}", probe.id())),
                Verdict::Holds(_) | Verdict::Unknown(_) => None,
            });
        let changed: Vec<String> = changed.collect();
        (!changed.is_empty()).then(|| format!("{TOUCHED}: {}", changed.join("; ")))
    }

    /// What a further try is compared with is what the one before it has left: the words say so.
    fn touched_before(&self, step: &Step, result: &StepResult) -> &'static str {
        let harm = format!("{}: {TOUCHED}", step.id);
        match result.attempt > 1 && self.out.status.findings.iter().any(|finding| finding.starts_with(&harm)) {
            true => " this try; an earlier try touched them, and whether that was put right is not known",
            false => "",
        }
    }

    /// A try has touched what it must leave alone: nothing follows by itself, and the record keeps it.
    pub(super) fn harmed(&mut self, step: &Step, why: String) -> super::Flow {
        self.out.status.findings.push(super::clip(format!("{}: {why}", step.id)));
        self.failed(step, crm_api::order::Outcome::Partial, why)
    }

    /// Files that lie where they belong are compared with the number that the database knows: people may add and delete
    /// some while they are moved.
    fn none_lost(&self, expected: &Expected, answer: Option<&Answer>) -> Verdict {
        let (Expected::AllFiled { known, missing_before }, Some(Answer::Numbered { files, .. })) = (expected, answer)
        else {
            return Verdict::Holds(String::new());
        };
        let Some(known) = self.view.fact(known).and_then(|value| value.parse::<i64>().ok()) else {
            return Verdict::Unknown("the database does not say how many there are".to_owned());
        };
        let text = format!("the database knows {known}");
        if files.saturating_add(*missing_before) >= known { Verdict::Holds(text) } else { Verdict::Fails(text) }
    }

    fn judge_fact(&self, name: &str, expected: &Expected, step: &Step, result: &StepResult) -> Verdict {
        let Some(database) = self.view.database() else {
            return Verdict::Unknown("the database cannot be read".to_owned());
        };
        let start_of = |id: &str| {
            if id == step.id {
                return Some(result.started_at.0);
            }
            self.out.status.result(id).map(|other| other.started_at.0)
        };
        let fact = database.facts.iter().find(|fact| fact.name == name);
        let source = fact.map_or(name, |fact| fact.source.as_str());
        let value = fact.and_then(|fact| fact.value.as_deref());
        judge_database(expected, value, start_of).saying(format!("{source} {}", value.unwrap_or("not there")))
    }
}

fn wanted(expected: &Expected) -> String {
    match expected {
        Expected::Text { is } | Expected::Version { is } | Expected::OnlyName { is } => format!(", expected {is}"),
        Expected::State { is } => format!(", expected {is:?}"),
        Expected::Status { is } => format!(", expected HTTP {is}"),
        Expected::LaterThanStart { step } => format!(", expected after the start of {step}"),
        Expected::EarlierThanStart { step } => format!(", expected before the start of {step}"),
        Expected::AllFiled { missing_before: 0, .. } => ", expected all of them in their folders".to_owned(),
        Expected::AllFiled { missing_before, .. } => {
            format!(", expected all of them in their folders but for {missing_before} that were missing before")
        }
        Expected::Present {}
        | Expected::Absent {}
        | Expected::Flag { .. }
        | Expected::NoneRunning {}
        | Expected::AllMapped {}
        | Expected::NoneMapped {}
        | Expected::SameAsAtStart {}
        | Expected::Sha256 { .. } => String::new(),
    }
}
