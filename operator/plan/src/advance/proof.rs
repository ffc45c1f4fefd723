//! Whether the evidence of a step holds, and whether it is certain that nothing of the step has happened.

use crm_api::change::{Step, StepResult};
use crm_api::decision::Word;
use crm_api::evidence::{Expectation, Expected, Source};
use jiff::Timestamp;

use super::Run;
use crate::evidence::{Verdict, judge, judge_database};

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
            let (name, verdict) = self.judge_one(expectation, step, result, since, trusted_node);
            match verdict {
                Verdict::Holds(text) => held.push(format!("{name}: {text}")),
                Verdict::Fails(text) => failed.push(format!("{name}: {text}{}", wanted(&expectation.expected))),
                Verdict::Unknown(text) => unknown.push(format!("{name}: {text}")),
            }
        }
        if !failed.is_empty() {
            Proof::Fails(failed.join("; "))
        } else if !unknown.is_empty() {
            Proof::Unknown(unknown.join("; "))
        } else {
            Proof::Holds(held.join("; "))
        }
    }

    fn judge_one(
        &self,
        expectation: &Expectation,
        step: &Step,
        result: &StepResult,
        since: Timestamp,
        trusted_node: Option<&str>,
    ) -> (String, Verdict) {
        match &expectation.source {
            Source::Node { node, probe } => {
                let name = format!("{node} {}", probe.id());
                let verdict = judge(&expectation.expected, self.view.answer(node, probe));
                if trusted_node == Some(node.as_str()) || self.view.confirmed_since(node, since) {
                    (name, verdict)
                } else {
                    (name, Verdict::Unknown(format!("{} (not confirmed yet)", verdict.text())))
                }
            }
            Source::Database { fact } => {
                let start_of = |id: &str| {
                    if id == step.id {
                        return Some(result.started_at.0);
                    }
                    self.out.status.result(id).map(|other| other.started_at.0)
                };
                let verdict = if self.view.database().is_some() {
                    judge_database(&expectation.expected, self.view.fact(fact), start_of)
                } else {
                    Verdict::Unknown("the database cannot be read".to_owned())
                };
                (format!("database {fact}"), verdict)
            }
            Source::Attestation { statement } => {
                let verdict = match self.decision(Word::Attest, &step.id, result.attempt_started_at.0) {
                    Some(decision) => Verdict::Holds(format!("attested by {decision}")),
                    None => Verdict::Unknown(statement.clone()),
                };
                ("a person".to_owned(), verdict)
            }
        }
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
