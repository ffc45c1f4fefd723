//! Taking everything back: what was begun is undone in reverse order, until the site is open as it was. The backup set
//! is kept.

use crm_api::change::{ChangePhase, Executor, Step, StepPhase, StepResult, Task, Undo};
use crm_api::decision::Word;
use crm_api::order::{Action, OrderPhase, Outcome};
use crm_api::probe::Probe;
use jiff::Timestamp;

use super::hand_over::{is_taking_over, shuts};
use super::judge::EVIDENCE_WITHIN;
use super::{Flow, LOOK_AGAIN, LOOK_AGAIN_SOON, Run, SUPERSEDED};
use crate::carry_out::{ActionStanding, Question, question_of, standing_by_answer};
use crate::evidence::say;
use crate::hash::begun;
use crate::intent::Intent;

/// Tries to take a step back before a person is asked.
const UNDO_TRIES_MAX: i32 = 3;

impl Run<'_> {
    pub(super) fn back_out(&mut self) {
        let change = self.change;
        for step in change.spec.steps.iter().rev() {
            let Some(result) = self.result_to_undo(step) else { continue };
            if result.phase == StepPhase::Undone || !matches!(step.undo, Undo::Actions { .. } | Undo::Setting {}) {
                continue;
            }
            self.out.status.step = Some(step.id.clone());
            if result.phase != StepPhase::Undoing && self.pass_stop() == Flow::Wait {
                return;
            }
            if self.take_back(step, &result) == Flow::Wait {
                return;
            }
        }
        let reason = self.out.status.backing_out.clone().unwrap_or_default();
        let superseded = reason.starts_with(SUPERSEDED);
        let now = crm_api::Time::from(self.view.now);
        self.end(if superseded { ChangePhase::Superseded } else { ChangePhase::Failed });
        let was_closed = change.spec.restores.as_ref().is_some_and(|restores| restores.change.is_some());
        if self.out.status.closed_at.is_some() && !was_closed {
            self.out.status.opened_at = Some(now);
        }
        let (word, warning) = if superseded { ("Superseded", false) } else { ("BackedOut", true) };
        let how = match self.not_taken_back().as_slice() {
            [] => "everything is as it was before".to_owned(),
            kept => format!("everything is as it was before but for {}", kept.join(", ")),
        };
        self.announce(word, format!("{}: {how}: {reason}", self.view.name()), warning);
    }

    /// The steps that have changed something for good.
    fn not_taken_back(&self) -> Vec<&str> {
        let lasting = |step: &&Step| {
            let sets = matches!(&step.executor, Executor::Controller { task: Task::SetDatabaseSetting { .. } });
            matches!(step.undo, Undo::Nothing {}) && (step.destructive || sets)
        };
        let begun = |step: &&Step| self.out.status.result(&step.id).is_some();
        self.change.spec.steps.iter().filter(lasting).filter(begun).map(|step| step.id.as_str()).collect()
    }

    /// What became of a step that is to be taken back. What shuts the site was done before a change that takes over began:
    /// it is taken back whether or not this one has come to it.
    fn result_to_undo(&mut self, step: &Step) -> Option<StepResult> {
        if let Some(result) = self.out.status.result(&step.id) {
            return Some(result.clone());
        }
        let shut = is_taking_over(self.change, &self.out.status) && shuts(&self.change.spec, &step.id);
        if !shut || !matches!(step.undo, Undo::Actions { .. }) {
            return None;
        }
        self.record_begun(step);
        self.out.status.result(&step.id).cloned()
    }

    fn take_back(&mut self, step: &Step, result: &StepResult) -> Flow {
        if matches!(step.undo, Undo::Setting {}) {
            return self.write_back(step, result);
        }
        let Some(node) = step.node.as_deref() else { return Flow::GoOn };
        if result.phase != StepPhase::Undoing {
            let now = crm_api::Time::from(self.view.now);
            self.change_result(&step.id, |result| {
                result.phase = StepPhase::Undoing;
                // Tries to take it back are counted from here.
                result.attempt = 1;
                result.attempt_started_at = now;
            });
        }
        let Some(result) = self.out.status.result(&step.id).cloned() else { return Flow::GoOn };
        let Some(order) = self.undo_order(step, &result) else { return Flow::GoOn };
        let reported = self
            .view
            .snapshot
            .node(node)
            .and_then(|view| view.node.status.as_ref())
            .and_then(|status| status.result(&order.id))
            .filter(|reported| reported.attempt == result.attempt)
            .cloned();
        match reported {
            Some(reported) if reported.phase == OrderPhase::Ended && reported.outcome == Some(Outcome::Done) => {
                let ended_at = reported.ended_at.as_ref().map_or(self.view.now, |at| at.0);
                self.judge_undo(step, &result, node, ended_at)
            }
            Some(reported) if matches!(reported.phase, OrderPhase::Ended | OrderPhase::Refused) => {
                self.undo_failed(step, &result, &reported.message)
            }
            Some(_) | None => {
                self.give(node, order);
                let limit = Self::limit(step, &result);
                if self.view.now >= limit {
                    // The order stands: it goes on by itself when the agent answers.
                    self.halt(
                        format!("{} is not taken back: the agent of {node} has not reported its end", step.id),
                        format!("start the agent of {node}, or do it by hand ({})", undo_text(step)),
                    );
                    return Flow::Wait;
                }
                let message = format!("taking back {} on {node}", step.id);
                self.wait("Step", message, format!("the agent of {node}"), Some(limit), LOOK_AGAIN)
            }
        }
    }

    /// The agent says that a step is taken back; it is so when the facts show it.
    fn judge_undo(&mut self, step: &Step, result: &StepResult, node: &str, ended_at: Timestamp) -> Flow {
        let confirmed = self.view.confirmed_since(node, ended_at);
        let (mut seen, mut missing) = (Vec::new(), Vec::new());
        for (action, probe) in undo_probes(step) {
            let answer = self.view.answer(node, &probe).filter(|_| confirmed);
            let standing = answer.map(|answer| standing_by_answer(action, answer));
            match standing {
                Some(ActionStanding::Done(_)) => seen.push(say(&probe, answer)),
                Some(ActionStanding::NotDone(_) | ActionStanding::Unknown(_)) => missing.push(say(&probe, answer)),
                None => missing.push(format!("{} (not confirmed yet)", say(&probe, answer))),
            }
        }
        seen.dedup();
        if missing.is_empty() {
            let now = crm_api::Time::from(self.view.now);
            self.change_result(&step.id, |result| {
                result.phase = StepPhase::Undone;
                result.ended_at = Some(now);
                result.evidence = super::clip(format!("taken back: {}", seen.join(", ")));
            });
            return Flow::GoOn;
        }
        let missing = missing.join("; ");
        if self.view.now >= ended_at.saturating_add(EVIDENCE_WITHIN).unwrap_or(Timestamp::MAX) {
            return self.undo_failed(step, result, &format!("the agent says that it is done, and seen is: {missing}"));
        }
        let message = format!("{}: taken back, not all evidence is seen yet: {missing}", step.id);
        self.wait("Evidence", message, "the next look".to_owned(), None, LOOK_AGAIN_SOON)
    }

    /// Gives a setting in the database its recorded value back. The fact is the proof, not the answer of the task.
    fn write_back(&mut self, step: &Step, result: &StepResult) -> Flow {
        let Executor::Controller { task: Task::SetDatabaseSetting { setting, .. } } = &step.executor else {
            return Flow::GoOn;
        };
        let Some(old) = result.old_value.clone() else { return Flow::GoOn };
        let read_since = |at: jiff::Timestamp| self.view.database().is_some_and(|facts| facts.read_at.0 >= at);
        let is_back = self.view.fact(setting) == Some(old.as_str());
        if result.phase != StepPhase::Undoing {
            let now = crm_api::Time::from(self.view.now);
            self.change_result(&step.id, |result| {
                result.phase = StepPhase::Undoing;
                result.attempt = 1;
                result.attempt_started_at = now;
            });
            self.wake(self.view.now);
            return Flow::Wait;
        }
        if is_back && read_since(result.attempt_started_at.0) {
            let now = crm_api::Time::from(self.view.now);
            self.change_result(&step.id, |result| {
                result.phase = StepPhase::Undone;
                result.ended_at = Some(now);
                result.evidence = format!("taken back: {setting} is {old} again");
            });
            return Flow::GoOn;
        }
        let id = format!("{}/undo", step.id);
        let asked = self.view.snapshot.tasks.iter().find(|task| task.step == id && task.attempt == result.attempt);
        if let Some(Err(failed)) = asked.and_then(|task| task.result.clone()) {
            return self.undo_failed(step, result, &failed.message);
        }
        self.out.tasks.push(Intent::RunTask {
            change: self.name.to_owned(),
            step: id,
            attempt: result.attempt,
            since: result.attempt_started_at.0,
            task: Task::SetDatabaseSetting { setting: setting.clone(), value: old },
            backup_file: None,
        });
        self.wait("Step", format!("taking back {}", step.id), "SQL Server".to_owned(), None, LOOK_AGAIN_SOON)
    }

    fn undo_failed(&mut self, step: &Step, result: &StepResult, why: &str) -> Flow {
        let retry = self.decision(Word::Retry, &step.id, result.attempt_started_at.0);
        if result.attempt < UNDO_TRIES_MAX || (retry.is_some() && retry != result.granted_by) {
            let now = crm_api::Time::from(self.view.now);
            self.change_result(&step.id, |result| {
                result.attempt = result.attempt.saturating_add(1);
                result.attempt_started_at = now;
                result.granted_by = retry;
            });
            let again = self.view.now;
            self.wake(again);
            return Flow::Wait;
        }
        let node = step.node.as_deref().unwrap_or("the site");
        self.halt(
            format!("{} cannot be taken back: {why}", step.id),
            format!(
                "mend the cause at {node} or do it by hand ({}); then create a CrmDecision with word Retry, step {} and planHash {}",
                undo_text(step),
                step.id,
                begun(&self.change.spec.plan_hash)
            ),
        );
        Flow::Wait
    }
}

/// The actions that take a step back, each with the question that shows it.
pub(crate) fn undo_probes(step: &Step) -> impl Iterator<Item = (&Action, Probe)> {
    let actions = match &step.undo {
        Undo::Actions { actions } => actions.as_slice(),
        Undo::Nothing {} | Undo::Setting {} | Undo::Restore {} => &[],
    };
    actions.iter().filter_map(|action| match question_of(action) {
        Question::Probe(probe) => Some((action, probe)),
        Question::Files => None,
    })
}

fn undo_text(step: &Step) -> String {
    match &step.undo {
        Undo::Actions { actions } => {
            serde_json::to_string(actions).unwrap_or_else(|_| "the opposite of the step".to_owned())
        }
        Undo::Setting {} => "write the old value back, as the change's record shows it".to_owned(),
        Undo::Nothing {} | Undo::Restore {} => "nothing".to_owned(),
    }
}
