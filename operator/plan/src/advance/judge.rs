//! What became of the step that was started: by its evidence, never by an exit code.

use crm_api::change::{Executor, Purpose, Step, StepResult, Task};
use crm_api::decision::Word;
use crm_api::order::{OrderPhase, OrderResult, Outcome};
use crm_api::site::PartState;
use jiff::{SignedDuration, Timestamp};

use super::hand_over::is_taking_over;
use super::prediction::shows;
use super::proof::Proof;
use super::{Flow, LOOK_AGAIN, LOOK_AGAIN_ANYWAY, LOOK_AGAIN_SOON, Run};
use crate::explain::{duration, minutes_out};
use crate::products;
use crate::snapshot::TaskDone;
use crate::windows::{Opening, local, opening};

/// After an agent has reported the end of its work, the rest of the evidence may take this long to appear.
pub(super) const EVIDENCE_WITHIN: SignedDuration = SignedDuration::from_mins(10);

impl Run<'_> {
    pub(super) fn judge(&mut self, step: &Step, result: &StepResult) -> Flow {
        match &step.executor {
            Executor::Agent { .. } => self.judge_agent(step, result),
            Executor::Attended { instructions } => self.judge_attended(step, result, instructions),
            Executor::Controller { task } => self.judge_controller(step, result, task),
        }
    }

    pub(super) fn limit(step: &Step, result: &StepResult) -> Timestamp {
        let limit = SignedDuration::from_mins(i64::from(step.limit_minutes));
        result.attempt_started_at.0.saturating_add(limit).unwrap_or(Timestamp::MAX)
    }

    fn judge_agent(&mut self, step: &Step, result: &StepResult) -> Flow {
        let Some(node) = step.node.as_deref() else { return Flow::Wait };
        let order = self.order(step, result);
        let reported = self
            .view
            .snapshot
            .node(node)
            .and_then(|view| view.node.status.as_ref())
            .and_then(|status| status.result(&order.id))
            .filter(|reported| reported.attempt == result.attempt)
            .cloned();
        match reported {
            None => {
                if !self.is_given(node, &order) && self.pass_again(step, result) == Flow::Wait {
                    return Flow::Wait;
                }
                self.give(node, order);
                self.wait_for_agent(step, result, node)
            }
            Some(reported) => match reported.phase {
                OrderPhase::Running | OrderPhase::Overdue => {
                    self.give(node, order);
                    self.wait_for_agent(step, result, node)
                }
                OrderPhase::Refused => {
                    // This try did nothing; what an earlier one left is for the facts to say.
                    let (now, why) = (self.view.now, format!("refused: {}", reported.message));
                    self.judge_unproven(step, result, node, now, &why, Outcome::Absent)
                }
                OrderPhase::Ended => self.judge_ended(step, result, node, &reported),
            },
        }
    }

    /// An order is being carried out. A silent agent makes it unknown at its time limit and not earlier; nothing is
    /// killed and nothing is repeated.
    fn wait_for_agent(&mut self, step: &Step, result: &StepResult, node: &str) -> Flow {
        let limit = Self::limit(step, result);
        let overdue = self.view.now >= limit;
        let silent = !self.view.is_fresh(node) && !self.view.confirmed_since(node, result.attempt_started_at.0);
        if !overdue {
            let what = if silent { "whose agent is silent" } else { "at work" };
            let message = format!("{} ({node}, {what})", step.title);
            let look_again = limit.duration_since(self.view.now).min(SignedDuration::from_mins(5));
            return self.wait("Step", message, format!("the agent of {node}"), None, look_again);
        }
        if self.may_back_out() && !step.destructive {
            let why = format!("{} was not done on {node} within {} minutes", step.id, step.limit_minutes);
            return self.start_back_out(why);
        }
        let message = format!(
            "{} has run for longer than {} minutes on {node}; its outcome is unknown. It is not killed: a time-out is no proof that it ended",
            step.id, step.limit_minutes
        );
        let remedy =
            format!("look at {node}: if its program hangs, end it there; what is found then decides how it goes on");
        self.halt(message.clone(), remedy.clone());
        self.wait("Overdue", message, remedy, None, LOOK_AGAIN)
    }

    fn judge_ended(&mut self, step: &Step, result: &StepResult, node: &str, reported: &OrderResult) -> Flow {
        let files = reported.files.clone();
        self.change_result(&step.id, |result| result.files = files);
        let ended_at = reported.ended_at.as_ref().map_or(self.view.now, |at| at.0);
        let exit = match reported.exit_code {
            Some(code) if code != 0 => format!(" (exit code {code})"),
            Some(_) | None => String::new(),
        };
        if let Some(why) = self.touched(step, result) {
            return self.harmed(step, format!("{why}{exit}"));
        }
        if reported.outcome == Some(Outcome::Done) {
            match self.prove(step, result, ended_at, Some(node)) {
                Proof::Holds(text) => {
                    if !exit.is_empty() {
                        let finding = format!("{}: ended with{exit} and all its evidence is there", step.id);
                        self.out.status.findings.push(finding);
                    }
                    let heard = products::of(self.view.spec.product).heard(step, &reported.message);
                    self.out.status.findings.extend(heard);
                    let text = if text.is_empty() { reported.message.clone() } else { text };
                    return self.verified(step, text);
                }
                Proof::Unknown(text) if self.view.now < later(ended_at, EVIDENCE_WITHIN) => {
                    let message = format!("{}: ended, not all evidence is seen yet: {text}", step.id);
                    return self.wait("Evidence", message, "the next look".to_owned(), None, LOOK_AGAIN_SOON);
                }
                Proof::Fails(text) | Proof::Unknown(text) => {
                    return self.judge_unproven(
                        step,
                        result,
                        node,
                        ended_at,
                        &format!("{text}{exit}"),
                        Outcome::Partial,
                    );
                }
            }
        }
        let outcome = reported.outcome.unwrap_or(Outcome::Unknown);
        self.judge_unproven(step, result, node, ended_at, &format!("{}{exit}", reported.message), outcome)
    }

    /// The order is over and the step is not proven. It counts as absent only if facts of every kind say so.
    fn judge_unproven(
        &mut self,
        step: &Step,
        result: &StepResult,
        node: &str,
        ended_at: Timestamp,
        why: &str,
        reported: Outcome,
    ) -> Flow {
        let outcome = if step.absent_when.is_empty() {
            reported
        } else if self.is_absent(step, result, ended_at, Some(node)) {
            Outcome::Absent
        } else {
            match reported {
                Outcome::Absent | Outcome::Done | Outcome::Partial => Outcome::Partial,
                Outcome::Unknown => Outcome::Unknown,
            }
        };
        self.not_proven(step, outcome, why.to_owned())
    }

    fn judge_attended(&mut self, step: &Step, result: &StepResult, instructions: &[String]) -> Flow {
        let since = result.attempt_started_at.0;
        if let Some(who) = self.decision(Word::Attend, &step.id, since) {
            self.change_result(&step.id, |result| result.attended_by = Some(who));
        }
        if let Some(why) = self.touched(step, result) {
            return self.harmed(step, why);
        }
        match self.prove(step, result, since, None) {
            Proof::Holds(text) => self.verified(step, text),
            Proof::Fails(missing) | Proof::Unknown(missing) => {
                let limit = Self::limit(step, result);
                if self.view.now >= limit && self.may_back_out() {
                    return self.start_back_out(format!("{}: nobody came while users were out: {missing}", step.id));
                }
                let overdue = if self.view.now >= limit { " It is overdue." } else { "" };
                let node = step.node.as_deref().unwrap_or("the site");
                let message = format!("{}{overdue} Not seen yet: {missing}", instructions.join(" "));
                self.wait("Person", message, format!("a person at {node}"), Some(limit), LOOK_AGAIN_ANYWAY)
            }
        }
    }

    fn judge_controller(&mut self, step: &Step, result: &StepResult, task: &Task) -> Flow {
        match task {
            Task::Preflight {} => match self.pass_checks() {
                Flow::GoOn => self.verified(step, "no check blocks".to_owned()),
                Flow::Wait => Flow::Wait,
            },
            Task::Notify { message } if self.change.spec.purpose == Purpose::Correct => {
                self.announce("Correcting", message.clone(), true);
                self.verified(step, message.clone())
            }
            Task::Notify { message } => {
                let told = format!("{message} ({})", self.when());
                self.announce("PlannedDowntime", told.clone(), false);
                self.verified(step, told)
            }
            Task::ProveAlone {} => match self.pass_alone() {
                Flow::GoOn => self.verified(step, "the database shows no other session".to_owned()),
                Flow::Wait => Flow::Wait,
            },
            Task::VerifyVersions {} => self.judge_versions(step, result),
            Task::Judge {} => {
                let proof = self.prove(step, result, result.attempt_started_at.0, None);
                self.judge_proof(step, result, proof)
            }
            Task::BackUpDatabase { .. }
            | Task::VerifyBackup { .. }
            | Task::TestRestore { .. }
            | Task::CheckBackup { .. }
            | Task::RestoreDatabase { .. } => self.judge_task(step, result, task),
            Task::SetDatabaseSetting { setting, .. } => {
                // What is overwritten is recorded with the start of the step, before anything is written.
                let old = self.view.fact(setting).map(str::to_owned);
                self.change_result(&step.id, |result| result.old_value = result.old_value.take().or(old));
                let unasked = self.result_of(step, result).is_none();
                match self.prove(step, result, result.attempt_started_at.0, None) {
                    Proof::Holds(text) if unasked => self.verified(step, text),
                    Proof::Holds(_) | Proof::Fails(_) | Proof::Unknown(_) => self.judge_task(step, result, task),
                }
            }
        }
    }

    /// When users will be out, in the site's own time.
    fn when(&self) -> String {
        let (felt, restore) = crate::propose::minutes_needed(&self.change.spec.steps);
        let windows = self.view.spec.windows.as_ref();
        let start = match opening(windows, felt.saturating_add(restore), self.view.now) {
            Ok(Opening::Open { .. }) => "now".to_owned(),
            Ok(Opening::Closed { next: Some(next), .. }) => local(windows, next),
            Ok(Opening::Closed { next: None, .. }) | Err(_) => "when a window opens".to_owned(),
        };
        match minutes_out(&self.change.spec.steps) {
            Some(minutes) if is_taking_over(self.change, &self.out.status) => {
                format!("for about {} more", duration(minutes))
            }
            Some(minutes) => format!("from {start}, for about {}", duration(minutes)),
            None => format!("from {start}, about {}", duration(felt)),
        }
    }

    /// Waits for evidence that has to appear by itself, up to the step's limit.
    fn judge_proof(&mut self, step: &Step, result: &StepResult, proof: Proof) -> Flow {
        match proof {
            Proof::Holds(text) => self.verified(step, text),
            Proof::Fails(missing) | Proof::Unknown(missing) => {
                let limit = Self::limit(step, result);
                if self.view.now >= limit {
                    return self.not_proven(step, Outcome::Unknown, missing);
                }
                let message = format!("{}: not seen yet: {missing}", step.title);
                self.wait("Evidence", message, "the next look".to_owned(), Some(limit), LOOK_AGAIN_SOON)
            }
        }
    }

    fn judge_versions(&mut self, step: &Step, result: &StepResult) -> Flow {
        let since = result.attempt_started_at.0;
        let mut missing = Vec::new();
        for part in self.parts {
            let key = crate::view::part_key(part);
            let stays_absent = self.was_absent(&key) && !self.change.spec.installs.contains(&key);
            if stays_absent && part.state == PartState::Absent {
                continue;
            }
            let confirmed = part.node.as_deref().is_none_or(|node| self.view.confirmed_since(node, since));
            if !confirmed {
                missing.push(format!("{} is not confirmed yet", crate::view::part_key(part)));
            } else if let Err((_, message)) = shows(part, &self.change.spec.to_number) {
                missing.push(message);
            }
        }
        let proof = if self.parts.is_empty() {
            Proof::Unknown("no part of the site was seen".to_owned())
        } else if missing.is_empty() {
            Proof::Holds(format!("all {} parts show {}", self.parts.len(), self.change.spec.to))
        } else {
            Proof::Unknown(missing.join("; "))
        };
        self.judge_proof(step, result, proof)
    }

    fn result_of(&self, step: &Step, result: &StepResult) -> Option<&crate::snapshot::TaskState> {
        self.view.snapshot.tasks.iter().find(|state| state.step == step.id && state.attempt == result.attempt)
    }

    fn judge_task(&mut self, step: &Step, result: &StepResult, task: &Task) -> Flow {
        let done = self.result_of(step, result).and_then(|state| state.result.clone());
        match done {
            None => {
                let limit = Self::limit(step, result);
                if self.view.now >= limit && self.may_back_out() {
                    let why = format!("{} was not done within {} minutes", step.id, step.limit_minutes);
                    return self.start_back_out(why);
                }
                self.task(step, result, task);
                let message = step.title.clone();
                self.wait(
                    "Step",
                    message,
                    "SQL Server".to_owned(),
                    None,
                    limit.duration_since(self.view.now).max(LOOK_AGAIN),
                )
            }
            Some(Ok(done)) => self.judge_task_done(step, result, task, done),
            Some(Err(failed)) => {
                // A backup that is repeated replaces a broken one, and a verification changes nothing.
                let outcome = match task {
                    Task::SetDatabaseSetting { .. } | Task::RestoreDatabase { .. } if !failed.without_effect => {
                        Outcome::Partial
                    }
                    _ => Outcome::Absent,
                };
                self.not_proven(step, outcome, failed.message)
            }
        }
    }

    fn judge_task_done(&mut self, step: &Step, result: &StepResult, task: &Task, done: TaskDone) -> Flow {
        let old = done.old_value;
        self.change_result(&step.id, |result| result.old_value = result.old_value.take().or(old));
        match (task, done.database_backup) {
            (Task::VerifyBackup { verification }, Some(header)) => match self.whole_set(&header, *verification) {
                Ok(status) => {
                    self.out.backup = Some(status);
                    self.verified(step, done.evidence)
                }
                Err(why) => self.not_proven(step, Outcome::Absent, why),
            },
            (Task::VerifyBackup { .. }, None) => {
                self.not_proven(step, Outcome::Absent, "the backup file has no header".to_owned())
            }
            (_, _) => {
                let proof = self.prove(step, result, result.attempt_started_at.0, None);
                match proof {
                    Proof::Holds(text) => {
                        let text = if text.is_empty() { done.evidence } else { text };
                        self.verified(step, text)
                    }
                    Proof::Fails(text) | Proof::Unknown(text) => self.not_proven(step, Outcome::Partial, text),
                }
            }
        }
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}
