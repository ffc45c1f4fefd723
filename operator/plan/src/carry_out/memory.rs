//! What the agent remembers: the content of its journal, and the notes that change it.

use crm_api::Time;
use crm_api::order::{FileRecord, Order, OrderResult, Outcome};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Attempt;
use super::rules;

/// So many ended orders, and as many refusals, are remembered: far more than a node's list holds (8), few enough for a
/// file that is written whole (an ended order takes 2 KiB at most).
pub const RECORDS_MAX: usize = 64;
/// A result carries so many files at most (the API's own limit).
const FILES_MAX: usize = 32;

/// The agent's memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    /// Highest epoch ever seen.
    pub highest_epoch: i64,
    /// What was begun: the latest attempt of each order, oldest first. At most one is not ended.
    pub records: Vec<Record>,
    /// What was refused, oldest first.
    pub refusals: Vec<Refusal>,
}

/// An attempt that was begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The order as it was when it was begun. Its actions and expectations are dropped when it ends.
    pub order: Order,
    /// When it was begun.
    pub started_at: Time,
    /// Index of the action in hand; all before it are done.
    pub action: usize,
    /// How far the program in hand is.
    pub stage: Stage,
    /// Whether a program is known to have been started for this order, in any attempt.
    pub ever_started: bool,
    /// Programs of this attempt that were seen to end.
    pub programs_ended: usize,
    /// Bytes of console output that were answered.
    pub answered: usize,
    /// Exit code of the last program.
    pub exit_code: Option<i32>,
    /// The line of output that means failure.
    pub failure: Option<String>,
    /// The question that no answer matched.
    pub question: Option<String>,
    /// Files left so far.
    pub files: Vec<FileRecord>,
    /// How it ended.
    pub end: Option<End>,
}

impl Record {
    /// Id and attempt.
    #[must_use]
    pub fn attempt(&self) -> Attempt {
        (self.order.id.clone(), self.order.attempt)
    }
}

/// How far the program in hand is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// No program is in hand.
    Idle,
    /// It is about to be started; perhaps it was.
    Starting,
    /// It was started, its process id stands in the journal.
    Running,
    /// It was seen running by its name; its process id is not known.
    Seen,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct End {
    /// Judged by probes.
    pub outcome: Outcome,
    /// Why, for a person.
    pub message: String,
    /// When.
    pub at: Time,
}

/// An attempt that was not begun and will not be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// Order id.
    pub id: String,
    /// Attempt.
    pub attempt: i32,
    /// Epoch that gave it.
    pub epoch: i64,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Time,
}

/// One change of the memory.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// A higher epoch was seen.
    Epoch(i64),
    /// An attempt is refused.
    Refused {
        /// Order id.
        id: String,
        /// Attempt.
        attempt: i32,
        /// Epoch that gave it.
        epoch: i64,
        /// Why.
        reason: String,
    },
    /// An attempt begins.
    Begun {
        /// The order, as it will be carried out.
        order: Box<Order>,
        /// Whether an earlier attempt, of which the journal knows nothing, may have started a program.
        ever_started: bool,
    },
    /// The node's status knows an attempt of which the journal knows nothing: the machine was set back, or the journal
    /// was lost. What was over stays over; what was under way is taken for interrupted while starting its program.
    Recovered {
        /// The order.
        order: Box<Order>,
        /// What the status says.
        result: Box<OrderResult>,
    },
    /// The action in hand is done; the next one is in hand.
    Reached {
        /// Files that it left.
        files: Vec<FileRecord>,
    },
    /// The program in hand is about to be started.
    Starting,
    /// The program in hand was started.
    Started,
    /// The machine refused to start the program in hand: none runs.
    NotStarted,
    /// The program in hand was seen running by its name.
    Seen,
    /// So many bytes of output are about to be answered.
    Answering {
        /// Bytes.
        answered: usize,
    },
    /// A line of output means failure.
    Failure(String),
    /// No answer matches a question.
    Question(String),
    /// The program in hand was seen to end.
    Over {
        /// Its exit code, where it is known.
        exit_code: Option<i32>,
    },
    /// The attempt is over.
    Ended {
        /// Judged by probes.
        outcome: Outcome,
        /// Why, for a person.
        message: String,
    },
}

impl Memory {
    /// The attempt that was begun and is not over.
    #[must_use]
    pub fn in_hand(&self) -> Option<&Record> {
        self.records.iter().find(|record| record.end.is_none())
    }

    /// The latest attempt of an order.
    #[must_use]
    pub fn record(&self, id: &str) -> Option<&Record> {
        self.records.iter().find(|record| record.order.id == id)
    }

    /// The refusal of an attempt.
    #[must_use]
    pub fn refusal(&self, id: &str, attempt: i32) -> Option<&Refusal> {
        self.refusals.iter().find(|refusal| refusal.id == id && refusal.attempt == attempt)
    }

    /// Takes over a note.
    pub fn take(&mut self, note: Note, now: Timestamp) {
        let now = whole_seconds(now);
        match note {
            Note::Epoch(epoch) => self.highest_epoch = self.highest_epoch.max(epoch),
            Note::Refused { id, attempt, epoch, reason } => {
                self.refusals.retain(|refusal| refusal.id != id || refusal.attempt != attempt);
                self.refusals.push(Refusal { id, attempt, epoch, reason, at: now });
                let surplus = self.refusals.len().saturating_sub(RECORDS_MAX);
                self.refusals.drain(..surplus);
            }
            Note::Begun { order, ever_started } => self.begin(new_record(*order, ever_started, now)),
            Note::Recovered { order, result } => self.begin(recovered(*order, *result)),
            Note::Reached { .. }
            | Note::Starting
            | Note::Started
            | Note::NotStarted
            | Note::Seen
            | Note::Answering { .. }
            | Note::Failure(_)
            | Note::Question(_)
            | Note::Over { .. }
            | Note::Ended { .. } => {
                if let Some(record) = self.records.iter_mut().find(|record| record.end.is_none()) {
                    record.take(note, now);
                }
            }
        }
    }

    fn begin(&mut self, mut record: Record) {
        if let Some(earlier) = self.record(&record.order.id) {
            record.ever_started |= earlier.ever_started && !record.order.granted;
        }
        self.records.retain(|earlier| earlier.order.id != record.order.id);
        let surplus = (self.records.len() + 1).saturating_sub(RECORDS_MAX);
        self.records.drain(..surplus);
        self.records.push(record);
    }
}

impl Record {
    /// Whether a program was started for this order, or may have been.
    pub(super) fn maybe_started(&self) -> bool {
        self.ever_started || self.stage != Stage::Idle
    }

    fn runs(&mut self, stage: Stage) {
        self.stage = stage;
        self.ever_started = true;
    }

    fn take(&mut self, note: Note, now: Time) {
        match note {
            Note::Reached { files } => {
                self.files.extend(files);
                self.files.truncate(FILES_MAX);
                self.action += 1;
                self.stage = Stage::Idle;
            }
            Note::Starting => {
                // Starting for a second time: nobody knows what became of the first.
                self.ever_started |= self.stage == Stage::Starting;
                self.stage = Stage::Starting;
                self.answered = 0;
            }
            Note::Started => self.runs(Stage::Running),
            Note::NotStarted => self.stage = Stage::Idle,
            Note::Seen => self.runs(Stage::Seen),
            Note::Answering { answered } => self.answered = answered,
            Note::Failure(line) => self.failure = Some(line),
            Note::Question(line) => self.question = Some(line),
            Note::Over { exit_code } => {
                self.exit_code = exit_code;
                self.programs_ended += 1;
                self.stage = Stage::Idle;
            }
            Note::Ended { outcome, message } => {
                self.end = Some(End { outcome, message, at: now });
                self.ever_started = self.maybe_started();
                self.stage = Stage::Idle;
                self.order.actions.clear();
                self.order.done_when.clear();
                self.order.absent_when.clear();
            }
            Note::Epoch(_) | Note::Refused { .. } | Note::Begun { .. } | Note::Recovered { .. } => {}
        }
    }
}

fn new_record(order: Order, ever_started: bool, started_at: Time) -> Record {
    Record {
        order,
        started_at,
        action: 0,
        stage: Stage::Idle,
        ever_started,
        programs_ended: 0,
        answered: 0,
        exit_code: None,
        failure: None,
        question: None,
        files: Vec::new(),
        end: None,
    }
}

fn recovered(mut order: Order, result: OrderResult) -> Record {
    let program = order.actions.iter().position(|action| rules::program_of(action).is_some());
    let end = result.outcome.map(|outcome| End {
        outcome,
        message: result.message,
        at: result.ended_at.unwrap_or_else(|| result.started_at.clone()),
    });
    if end.is_some() {
        order.actions.clear();
        order.done_when.clear();
        order.absent_when.clear();
    }
    order.epoch = result.epoch;
    Record {
        action: program.unwrap_or(0),
        stage: if program.is_some() && end.is_none() { Stage::Starting } else { Stage::Idle },
        exit_code: result.exit_code,
        files: result.files,
        end,
        ..new_record(order, program.is_some(), result.started_at)
    }
}

/// A time as Kubernetes keeps it: in whole seconds, so that what is read back equals what was written.
#[must_use]
pub fn whole_seconds(time: Timestamp) -> Time {
    Time::from(Timestamp::from_second(time.as_second()).unwrap_or(time))
}
