//! Steps that the controller does itself, in the background of one term. Part of apply: their only effects are on the
//! site's database, and each is preceded by a look at leadership and at what is there already.
//!
//! A task is known by namespace, change, step or notice, and attempt. Asking for a known one starts nothing; its result stays until
//! the change's record has gone past it. A new process knows none: it asks the task to run again, and the task finds out
//! by itself what the first run left behind.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crm_api::change::{StepPhase, Task};
use crm_api::clock::Clock;
use crm_api::notice::{Delivery, Notice};
use crm_api::site::CrmSiteSpec;
use crm_api::{CrmChange, CrmSite};
use crm_database::SqlServer;
use crm_plan::snapshot::{DeliveryState, TaskDone, TaskFailed, TaskState};
use jiff::Timestamp;
use tokio::task::{Id, JoinError, JoinSet};
use tracing::Instrument as _;

use crate::connection::{Open, SiteDatabase};
use crate::context::Context;
use crate::leadership::Term;
use crate::notice_task;
use crate::queue::SiteKey;

/// What a task is known by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TaskKey {
    pub(crate) namespace: String,
    pub(crate) change: String,
    pub(crate) subject: Subject,
    pub(crate) attempt: i32,
}

/// What of a change a task is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// A step, by its id.
    Step(String),
    /// A notice, by its number.
    Notice(i32),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step(id) => f.write_str(id),
            Self::Notice(number) => write!(f, "notice {number}"),
        }
    }
}

/// A task to be done.
#[derive(Clone, Debug)]
pub(crate) struct TaskOrder {
    pub(crate) key: TaskKey,
    pub(crate) site: SiteKey,
    /// The site as it was when the task was ordered: its database and its product block.
    pub(crate) object: CrmSite,
    pub(crate) work: Work,
}

/// What a task does.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    /// A step of the change.
    Step { since: Timestamp, task: Task, backup_file: Option<String> },
    /// Posts a notice to the address that a Secret holds.
    Notice { secret: String, notice: Box<Notice> },
}

/// A task and how far it is.
#[derive(Clone, Debug)]
pub(crate) struct KnownTask {
    pub(crate) key: TaskKey,
    /// `None` while it runs.
    pub(crate) result: Option<Result<TaskDone, TaskFailed>>,
}

/// What the planner shall know of the tasks: those of the open change.
pub(crate) fn states_of(tasks: &[KnownTask], open: Option<&CrmChange>) -> Vec<TaskState> {
    let name = open.and_then(|change| change.metadata.name.as_ref());
    let of_change = tasks.iter().filter(|task| Some(&task.key.change) == name);
    let state = |task: &KnownTask| match &task.key.subject {
        Subject::Step(step) => {
            Some(TaskState { step: step.clone(), attempt: task.key.attempt, result: task.result.clone() })
        }
        Subject::Notice(_) => None,
    };
    of_change.filter_map(state).collect()
}

/// What the planner shall know of notices that are being posted, whatever change they are about.
pub(crate) fn deliveries_of(tasks: &[KnownTask]) -> Vec<DeliveryState> {
    let state = |task: &KnownTask| match &task.key.subject {
        Subject::Step(_) => None,
        Subject::Notice(number) => Some(DeliveryState {
            change: task.key.change.clone(),
            number: *number,
            attempt: task.key.attempt,
            result: task.result.clone().map(|result| result.map(|_| ()).map_err(|failed| failed.message)),
        }),
    };
    tasks.iter().filter_map(state).collect()
}

/// Tasks whose result the records no longer need: a later attempt was recorded, the step has ended, or the change is
/// over or gone. What is written there has been read back, so forgetting cannot lose it.
pub(crate) fn settled(tasks: &[KnownTask], changes: &[CrmChange]) -> Vec<TaskKey> {
    let is_settled = |task: &&KnownTask| {
        let found = changes.iter().find(|change| change.metadata.name.as_ref() == Some(&task.key.change));
        let Some(change) = found else { return true };
        let Some(status) = &change.status else { return false };
        match &task.key.subject {
            Subject::Step(step) => {
                status.phase.is_over()
                    || status.result(step).is_some_and(|result| {
                        result.attempt > task.key.attempt
                            || match result.phase {
                                StepPhase::Started => false,
                                StepPhase::Verified | StepPhase::Failed | StepPhase::Undoing | StepPhase::Undone => {
                                    true
                                }
                            }
                    })
            }
            Subject::Notice(number) => {
                let told = status.told.iter().find(|told| told.number == *number);
                told.is_none_or(|told| told.tries >= task.key.attempt || told.delivery != Delivery::Pending)
            }
        }
    };
    tasks.iter().filter(is_settled).map(|task| task.key.clone()).collect()
}

struct Entry {
    site: SiteKey,
    result: Option<Result<TaskDone, TaskFailed>>,
}

type Outcome = Result<TaskDone, TaskFailed>;

/// All tasks of one term. Dropping it ends them; what SQL Server was told to do goes on there and is found again.
#[derive(Default)]
pub(crate) struct Tasks {
    known: BTreeMap<TaskKey, Entry>,
    running: JoinSet<(TaskKey, Outcome)>,
    ids: Vec<(Id, TaskKey)>,
}

impl Tasks {
    /// Starts a task, unless it runs or its result is known.
    pub(crate) fn start(&mut self, context: &Arc<Context>, order: TaskOrder) {
        let context = Arc::clone(context);
        let (key, site) = (order.key.clone(), order.site.clone());
        self.start_with(key, site, async move { run(&context, &order).await });
    }

    fn start_with(&mut self, key: TaskKey, site: SiteKey, work: impl Future<Output = Outcome> + Send + 'static) {
        if self.known.contains_key(&key) {
            return;
        }
        let span = tracing::info_span!("task", %site, change = key.change, step = %key.subject, attempt = key.attempt);
        let done = key.clone();
        let handle = self.running.spawn(async move { (done, work.await) }.instrument(span));
        self.ids.push((handle.id(), key.clone()));
        self.known.insert(key, Entry { site, result: None });
    }

    /// The tasks of one site, in the order of their keys.
    pub(crate) fn of(&self, site: &SiteKey) -> Vec<KnownTask> {
        let of_site = self.known.iter().filter(|(_, entry)| entry.site == *site);
        of_site.map(|(key, entry)| KnownTask { key: key.clone(), result: entry.result.clone() }).collect()
    }

    /// Forgets results. A task that still runs stays known until it ends: its key must not become free before.
    pub(crate) fn forget(&mut self, keys: &[TaskKey]) {
        self.known.retain(|key, entry| entry.result.is_none() || !keys.contains(key));
    }

    /// Waits for the next task to end and gives the site that wants to know; `None` while nothing runs.
    pub(crate) async fn next_ended(&mut self) -> Option<SiteKey> {
        let (id, result) = match self.running.join_next_with_id().await? {
            Ok((id, (_, result))) => (id, result),
            Err(error) => (error.id(), Err(broken(&error))),
        };
        let place = self.ids.iter().position(|(known, _)| *known == id)?;
        let (_, key) = self.ids.remove(place);
        let entry = self.known.get_mut(&key)?;
        match &result {
            Ok(done) => {
                let (change, step, attempt) = (&key.change, &key.subject, key.attempt);
                tracing::info!(site = %entry.site, change, %step, attempt, evidence = done.evidence, "task done");
            }
            Err(failed) => {
                let (change, step, attempt) = (&key.change, &key.subject, key.attempt);
                tracing::warn!(site = %entry.site, change, %step, attempt, reason = failed.message, "task failed");
            }
        }
        entry.result = Some(result);
        Some(entry.site.clone())
    }
}

fn broken(error: &JoinError) -> TaskFailed {
    tracing::error!(%error, "a task broke inside the operator");
    TaskFailed { message: "the operator itself failed in this task; see its log".to_owned(), without_effect: false }
}

/// Whether the controller has something to run for a task; the planner judges all others itself.
pub(crate) fn is_run(task: &Task) -> bool {
    match task {
        Task::BackUpDatabase { .. }
        | Task::VerifyBackup { .. }
        | Task::TestRestore { .. }
        | Task::CheckBackup { .. }
        | Task::RestoreDatabase { .. }
        | Task::SetDatabaseSetting { .. } => true,
        Task::Preflight {} | Task::Notify { .. } | Task::ProveAlone {} | Task::VerifyVersions {} | Task::Judge {} => {
            false
        }
    }
}

async fn run(context: &Context, order: &TaskOrder) -> Outcome {
    let (since, task, backup_file) = match &order.work {
        Work::Step { since, task, backup_file } => (*since, task, backup_file),
        Work::Notice { secret, notice } => return notice_task::deliver(context, &order.object, secret, notice).await,
    };
    let database = SiteDatabase { context, site: &order.object };
    let job = Job {
        term: &context.term,
        clock: context.clock.as_ref(),
        database: &database,
        spec: &order.object.spec,
        since,
    };
    let file = backup_file.as_deref().ok_or_else(|| untouched("the order names no backup file".to_owned()));
    match task {
        Task::BackUpDatabase { .. } => job.back_up(file?).await,
        Task::VerifyBackup { verification } => job.verify_backup(file?, *verification).await,
        Task::TestRestore { path, scratch } => job.test_restore(path, scratch).await,
        Task::CheckBackup { path, last_lsn } => job.check_backup(path, last_lsn).await,
        Task::RestoreDatabase { path, last_lsn } => job.restore(path, last_lsn).await,
        Task::SetDatabaseSetting { setting, value } => job.set_setting(setting, value).await,
        Task::Preflight {} | Task::Notify { .. } | Task::ProveAlone {} | Task::VerifyVersions {} | Task::Judge {} => {
            Err(untouched("the planner judges this step itself; the controller has nothing to do".to_owned()))
        }
    }
}

/// What a task works with.
pub(crate) struct Job<'a> {
    pub(crate) term: &'a Term,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) database: &'a dyn Open,
    pub(crate) spec: &'a CrmSiteSpec,
    /// When this try was recorded as begun: evidence must be later.
    pub(crate) since: Timestamp,
}

impl Job<'_> {
    /// A new connection; nothing is changed by it.
    pub(crate) async fn open(&self) -> Result<Arc<dyn SqlServer>, TaskFailed> {
        self.database.open().await.map_err(|error| untouched(error.to_string()))
    }

    /// Asked right before each statement that changes something.
    pub(crate) fn ask_leave(&self) -> Result<(), TaskFailed> {
        if self.term.may_write() {
            Ok(())
        } else {
            Err(untouched("this controller is not the leader any more".to_owned()))
        }
    }
}

/// A failure that certainly changed nothing.
pub(crate) fn untouched(message: String) -> TaskFailed {
    TaskFailed { message, without_effect: true }
}

/// A failure that may have changed something.
pub(crate) fn uncertain(message: String) -> TaskFailed {
    TaskFailed { message, without_effect: false }
}

#[cfg(test)]
mod tests;
