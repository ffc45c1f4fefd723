//! Whether the evidence of a step holds, and whether it is certain that nothing of the step has happened.

use crm_api::change::{Step, StepResult};
use crm_api::decision::Word;
use crm_api::evidence::{Expectation, Expected, Source};
use jiff::Timestamp;

use super::Run;
use crate::evidence::{Verdict, judge, judge_database, say};

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
        for expectation in expectations {
            match self.judge_one(expectation, step, result, since, trusted_node) {
                Verdict::Holds(text) => held.push(text),
                Verdict::Fails(text) => failed.push(format!("{text}{}", wanted(&expectation.expected))),
                Verdict::Unknown(text) => unknown.push(text),
            }
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
                let fact = format!("{}{elsewhere}", say(probe, answer));
                let verdict = judge(&expectation.expected, answer);
                if trusted_node == Some(node.as_str()) || self.view.confirmed_since(node, since) {
                    verdict.saying(fact)
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
        Expected::Text { is } | Expected::OnlyName { is } => format!(", expected {is}"),
        Expected::State { is } => format!(", expected {is:?}"),
        Expected::Status { is } => format!(", expected HTTP {is}"),
        Expected::LaterThanStart { step } => format!(", expected after the start of {step}"),
        Expected::EarlierThanStart { step } => format!(", expected before the start of {step}"),
        Expected::Present {}
        | Expected::Absent {}
        | Expected::Flag { .. }
        | Expected::NoneRunning {}
        | Expected::AllMapped {}
        | Expected::Sha256 { .. } => String::new(),
    }
}
