//! The record of a step: begun, tried again, verified, or failed for good.

use crm_api::change::{Executor, Felt, Step, StepPhase, StepResult, Undo};
use crm_api::decision::Word;
use crm_api::order::Outcome;

use super::{Flow, Run, clip, orders};
use crate::hash::begun;

impl Run<'_> {
    /// Records that a step is begun, if everything before it is passed. What it does follows in the same round, after
    /// the record.
    pub(super) fn begin(&mut self, step: &Step) -> Flow {
        if step.after.iter().any(|before| !self.out.status.is_verified(before)) {
            let message = format!("{} waits for steps that are not verified", step.id);
            self.halt(message, "report this: it is a fault of the operator".to_owned());
            return Flow::Wait;
        }
        if self.pass_stop() == Flow::Wait
            || self.refuse_edited() == Flow::Wait
            || self.pass_gate(step) == Flow::Wait
            || self.pass_facts(step) == Flow::Wait
        {
            return Flow::Wait;
        }
        let now = crm_api::Time::from(self.view.now);
        if matches!(step.undo, Undo::Restore {}) && self.out.status.point_of_no_return_at.is_none() {
            self.out.status.point_of_no_return_at = Some(now.clone());
        }
        if step.felt == Felt::Closes && self.out.status.closed_at.is_none() {
            self.out.status.closed_at = Some(now);
        }
        self.record_begun(step);
        if let Executor::Attended { instructions } = &step.executor {
            let node = step.node.as_deref().unwrap_or("the site");
            let message = format!("{}: a person is needed at {node}: {}", step.id, instructions.join(" "));
            self.announce("PersonNeeded", message, true);
        }
        Flow::GoOn
    }

    pub(super) fn record_begun(&mut self, step: &Step) {
        let now = crm_api::Time::from(self.view.now);
        self.out.status.steps.push(StepResult {
            id: step.id.clone(),
            phase: StepPhase::Started,
            attempt: 1,
            started_at: now.clone(),
            attempt_started_at: now,
            ended_at: None,
            outcome: None,
            evidence: String::new(),
            old_value: None,
            files: Vec::new(),
            granted_by: None,
            attended_by: None,
        });
    }

    pub(super) fn change_result(&mut self, step: &str, change: impl FnOnce(&mut StepResult)) {
        if let Some(result) = self.out.status.steps.iter_mut().find(|result| result.id == step) {
            change(result);
        }
    }

    pub(super) fn verified(&mut self, step: &Step, evidence: String) -> Flow {
        let now = crm_api::Time::from(self.view.now);
        self.change_result(&step.id, |result| {
            result.phase = StepPhase::Verified;
            result.outcome = Some(Outcome::Done);
            result.ended_at = Some(now.clone());
            result.evidence = evidence.chars().take(1024).collect();
        });
        if step.felt == Felt::Opens {
            self.out.status.opened_at = Some(now);
        }
        Flow::GoOn
    }

    /// A try is over without proof. Whether another one follows by itself depends on what is certain: nothing happened,
    /// or the vendor calls a second run harmless.
    pub(super) fn not_proven(&mut self, step: &Step, outcome: Outcome, why: String) -> Flow {
        let Some(result) = self.out.status.result(&step.id).cloned() else { return Flow::Wait };
        let again = match outcome {
            Outcome::Absent => true,
            Outcome::Partial => orders::is_repeatable(step),
            Outcome::Done | Outcome::Unknown => false,
        };
        if again && result.attempt < step.attempts_max {
            if self.pass_stop() == Flow::Wait {
                return Flow::Wait;
            }
            self.out.status.findings.push(clip(format!("{}: try {} brought nothing: {why}", step.id, result.attempt)));
            let message = format!("{}: try {} brought nothing ({why}); it is tried again", step.id, result.attempt);
            self.announce("TriedAgain", message, true);
            return self.next_attempt(step, None);
        }
        self.failed(step, outcome, why)
    }

    /// A try is over without proof, and no other one follows by itself.
    pub(super) fn failed(&mut self, step: &Step, outcome: Outcome, why: String) -> Flow {
        let now = crm_api::Time::from(self.view.now);
        self.change_result(&step.id, |result| {
            result.phase = StepPhase::Failed;
            result.outcome = Some(outcome);
            result.ended_at = Some(now);
            result.evidence = why.chars().take(1024).collect();
        });
        self.announce("StepFailed", format!("{}: {why}", step.id), true);
        Flow::GoOn
    }

    pub(super) fn next_attempt(&mut self, step: &Step, granted_by: Option<String>) -> Flow {
        let now = crm_api::Time::from(self.view.now);
        self.change_result(&step.id, |result| {
            result.phase = StepPhase::Started;
            result.attempt = result.attempt.saturating_add(1);
            result.attempt_started_at = now;
            result.ended_at = None;
            result.outcome = None;
            result.granted_by = granted_by;
        });
        Flow::GoOn
    }

    /// A step has failed for good. Before the first effect on schema or programs everything is taken back; after it a
    /// person decides.
    pub(super) fn after_failure(&mut self, step: &Step, result: &StepResult) -> Flow {
        if self.pass_stop() == Flow::Wait {
            return Flow::Wait;
        }
        let failed_at = result.ended_at.as_ref().map_or(self.view.now, |at| at.0);
        // One word allows one try: times are in whole seconds, so the name decides whether it was used up.
        let retry = self.decision(Word::Retry, &step.id, failed_at);
        if retry.is_some() && retry != result.granted_by {
            return self.next_attempt(step, retry);
        }
        let without_effect = result.outcome == Some(Outcome::Absent);
        let nothing_else = !self.change.spec.steps.iter().any(|other| {
            other.id != step.id && matches!(other.undo, Undo::Restore {}) && self.out.status.result(&other.id).is_some()
        });
        if nothing_else && (without_effect || !matches!(step.undo, Undo::Restore {})) {
            self.out.status.point_of_no_return_at = None;
        }
        if self.out.status.point_of_no_return_at.is_none() && !self.is_open_again() {
            return self.start_back_out(format!("{} failed: {}", step.id, result.evidence));
        }
        let outcome = result.outcome.unwrap_or(Outcome::Unknown);
        let when = match self.out.status.point_of_no_return_at {
            Some(_) => "after the point of no return",
            None => "when users were back",
        };
        self.halt(format!("{} ended {outcome:?} {when}: {}", step.id, result.evidence), self.way_out(step));
        Flow::Wait
    }

    pub(super) fn way_out(&self, step: &Step) -> String {
        let node = step.node.as_deref().unwrap_or("the database");
        format!(
            "look at {node}; forward: mend the cause, then create a CrmDecision with word Retry, step {} and planHash {}",
            step.id,
            begun(&self.change.spec.plan_hash)
        )
    }
}
