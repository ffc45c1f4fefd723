//! A step as an order to its node's agent.

use crm_api::CrmBackup;
use crm_api::change::{Executor, Gate, Step, StepResult, Task, Undo};
use crm_api::evidence::{Expectation, Expected, LocalExpectation, Source};
use crm_api::order::{Action, FORMAT, FileRecord, Order};
use jiff::SignedDuration;

use super::Run;

/// An agent that has not started an order within this time does not start it any more.
const START_WITHIN: SignedDuration = SignedDuration::from_mins(20);

/// Whether the vendor calls a second run of a step harmless.
pub(super) fn is_repeatable(step: &Step) -> bool {
    match &step.executor {
        Executor::Agent { actions } => actions.iter().all(|action| match action {
            Action::RunInstaller { .. } => false,
            Action::RunConsole { repeatable, .. } => *repeatable,
            Action::FetchMedia { .. }
            | Action::SetServiceStart { .. }
            | Action::StopService { .. }
            | Action::StartService { .. }
            | Action::AwaitProcessesGone { .. }
            | Action::AwaitUrl { .. }
            | Action::StopPool { .. }
            | Action::StartPool { .. }
            | Action::RemoveHandlers { .. }
            | Action::SetFlagLine { .. }
            | Action::SetConfigValue { .. }
            | Action::CopyTree { .. }
            | Action::CopyStore { .. }
            | Action::ExportRegistryKey { .. }
            | Action::ExportIis { .. }
            | Action::RestoreTree { .. }
            | Action::ImportRegistryKey { .. }
            | Action::ImportIis { .. }
            | Action::WriteListing { .. }
            | Action::RecordFile { .. }
            | Action::CheckFile { .. } => true,
        }),
        Executor::Attended { .. } => false,
        Executor::Controller { .. } => true,
    }
}

impl Run<'_> {
    /// The order for a try of a step.
    pub(super) fn order(&self, step: &Step, result: &StepResult) -> Order {
        let Executor::Agent { actions } = &step.executor else {
            return self.order_of(step, result, "", Vec::new());
        };
        let mut all = Vec::new();
        if step.gate == Some(Gate::PointOfNoReturn) {
            // The set is read again at the start itself: what was proven an hour ago may be gone.
            all.extend(self.recorded_files().into_iter().map(|file| Action::CheckFile { file }));
        }
        all.extend(actions.iter().cloned());
        let mut order = self.order_of(step, result, "", all);
        order.done_when = local(&step.evidence, step);
        let judged_here = step.evidence.iter().filter(|one| one.expected == Expected::SameAsAtStart {}).count();
        order.may_skip = !order.done_when.is_empty() && order.done_when.len() + judged_here == step.evidence.len();
        // A person who allows another try has looked: then what is there does not forbid it.
        if result.granted_by.is_none() {
            order.absent_when = local(&step.absent_when, step);
        }
        order
    }

    /// The order that takes a step back.
    pub(super) fn undo_order(&self, step: &Step, result: &StepResult) -> Option<Order> {
        match &step.undo {
            Undo::Actions { actions } => Some(self.order_of(step, result, "/undo", actions.clone())),
            Undo::Nothing {} | Undo::Setting {} | Undo::Restore {} => None,
        }
    }

    fn order_of(&self, step: &Step, result: &StepResult, suffix: &str, actions: Vec<Action>) -> Order {
        let start_before = result.attempt_started_at.0.saturating_add(START_WITHIN);
        Order {
            id: format!("{}/{}{suffix}", self.name, step.id),
            attempt: result.attempt,
            format: FORMAT,
            plan_hash: self.change.spec.plan_hash.clone(),
            epoch: self.view.snapshot.epoch,
            start_before: crm_api::Time::from(start_before.unwrap_or(self.view.now)),
            time_limit_seconds: step.limit_minutes.saturating_mul(60),
            actions,
            granted: result.granted_by.is_some(),
            withdrawn: false,
            may_skip: false,
            done_when: Vec::new(),
            absent_when: Vec::new(),
        }
    }

    /// Whether a node has been given this order.
    pub(super) fn is_given(&self, node: &str, order: &Order) -> bool {
        self.view.snapshot.node(node).is_some_and(|view| {
            let given = |given: &Order| given.id == order.id && given.attempt == order.attempt && !given.withdrawn;
            view.node.spec.orders.iter().any(given)
        })
    }

    /// Gives an order to its node. One that its agent has already begun keeps the words under which it was begun.
    pub(super) fn give(&mut self, node: &str, order: Order) {
        let standing = self.view.snapshot.node(node).and_then(|view| {
            let begun = view.node.status.as_ref().and_then(|status| status.result(&order.id));
            view.node
                .spec
                .orders
                .iter()
                .find(|given| given.id == order.id && given.attempt == order.attempt)
                .filter(|given| begun.is_some_and(|result| result.attempt == given.attempt))
                .cloned()
        });
        let order = Order { withdrawn: false, ..standing.unwrap_or(order) };
        self.out.orders.insert(node.to_owned(), vec![order]);
    }

    /// The backup set of this change.
    pub(super) fn backup(&self) -> Option<&CrmBackup> {
        self.view.snapshot.backups.iter().find(|backup| backup.spec.change == self.name)
    }

    /// The file of the database backup, from the step that takes it.
    pub(super) fn backup_file(&self) -> Option<String> {
        self.change.spec.steps.iter().find_map(|step| match &step.executor {
            Executor::Controller { task: Task::BackUpDatabase { folder } } => {
                Some(format!(r"{folder}\{}.bak", self.view.spec.database.name))
            }
            Executor::Agent { .. } | Executor::Attended { .. } | Executor::Controller { .. } => None,
        })
    }

    /// Every file that the steps of this change have left in its backup set.
    pub(super) fn recorded_files(&self) -> Vec<FileRecord> {
        self.change
            .spec
            .steps
            .iter()
            .filter(|step| step.is_of_backup())
            .filter_map(|step| self.out.status.result(&step.id))
            .flat_map(|result| result.files.iter().cloned())
            .collect()
    }
}

fn local(expectations: &[Expectation], step: &Step) -> Vec<LocalExpectation> {
    expectations
        .iter()
        // Since when something is so is no question to the machine.
        .filter(|expectation| expectation.expected != Expected::SameAsAtStart {})
        .filter_map(|expectation| match &expectation.source {
            Source::Node { node, probe } if Some(node) == step.node.as_ref() => {
                Some(LocalExpectation { probe: probe.clone(), expected: expectation.expected.clone() })
            }
            Source::Node { .. } | Source::Database { .. } | Source::Attestation { .. } => None,
        })
        .collect()
}
