//! The agent's half of deciding: orders, journal and what the machine said in, the next thing to do out.
//!
//! [`next`] is asked again and again. Where it needs a fact it answers [`Next::Look`]; the agent asks the machine, adds
//! the answer to [`Facts`] and asks again. Everything that must outlive the agent is in [`Memory`], the content of its
//! journal, and changes only by [`Note`]s; so an agent that is killed between any two calls and started again decides
//! from the same knowledge, and nothing here may depend on it having lived on.
//!
//! The rules, each with its place: what may begin ([`begin`](self), `begin.rs`), how simple actions go on
//! (`simple.rs`), when a program may be started and what follows its end (`program.rs`), what a console program is
//! told (`console.rs`), and how an order is judged (`standing.rs`).

mod begin;
mod console;
mod memory;
mod program;
mod results;
mod rules;
mod simple;
mod standing;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;

use crm_api::node::CrmNodeStatus;
use crm_api::order::{Action, FileRecord, Order, OrderResult};
use crm_api::probe::{Answer, Probe};
use jiff::Timestamp;

pub use memory::{End, Memory, Note, RECORDS_MAX, Record, Refusal, Stage, whole_seconds};
pub use results::{busy, results};
pub use rules::{Question, program_of, question_of, standing_by_answer};
pub use words::{MESSAGE_CHARS_MAX, addresses, clip};

/// How often a program without questions, or a folder that is waited for, is looked at.
pub const PROGRAM_POLL_SECS: i64 = 5;
/// How often a console program is looked at. An answer is typed after output has stood still for one such time.
pub const CONSOLE_POLL_SECS: i64 = 2;
/// A question that ends its line is answered only after so long a silence: most finished lines are no questions.
pub const FINISHED_LINE_QUIET_SECS: i64 = 10;
/// A prompt that no answer matches is taken for an unexpected question after so long a silence.
pub const UNEXPECTED_QUIET_SECS: i64 = 60;
/// How soon a machine that did not let itself be asked is asked again.
pub const ASK_AGAIN_SECS: i64 = 30;

/// What a node's object asks of its agent, and what the agent itself reported there before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wish {
    /// The orders, in list order.
    pub orders: Vec<Wanted>,
    /// Results that the node's status shows. They matter where the journal knows less: the machine was set back.
    pub reported: Vec<OrderResult>,
    /// Highest epoch that the node's status shows.
    pub reported_epoch: i64,
}

impl Wish {
    /// Takes over what the node's status says.
    #[must_use]
    pub fn with_status(mut self, status: &CrmNodeStatus) -> Self {
        self.reported.clone_from(&status.results);
        self.reported_epoch = status.highest_epoch;
        self
    }

    /// The highest epoch that the object shows: of its orders, or reported before.
    #[must_use]
    pub fn shown_epoch(&self) -> i64 {
        self.orders.iter().map(Wanted::epoch).max().unwrap_or(0).max(self.reported_epoch)
    }
}

/// One entry of the list of orders.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// An order in the language of this agent.
    Order(Box<Order>),
    /// One that is not: a newer language, or damaged. It is refused.
    Unreadable {
        /// Its id.
        id: String,
        /// Its attempt, 0 where even that cannot be read.
        attempt: i32,
        /// Its epoch, 0 where even that cannot be read.
        epoch: i64,
        /// What is wrong with it.
        reason: String,
    },
}

impl Wanted {
    /// The order's id.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Order(order) => &order.id,
            Self::Unreadable { id, .. } => id,
        }
    }

    /// The order's attempt.
    #[must_use]
    pub fn attempt(&self) -> i32 {
        match self {
            Self::Order(order) => order.attempt,
            Self::Unreadable { attempt, .. } => *attempt,
        }
    }

    /// Under which epoch it was given.
    #[must_use]
    pub fn epoch(&self) -> i64 {
        match self {
            Self::Order(order) => order.epoch,
            Self::Unreadable { epoch, .. } => *epoch,
        }
    }

    fn is_withdrawn(&self) -> bool {
        matches!(self, Self::Order(order) if order.withdrawn)
    }
}

/// An attempt at an order.
pub type Attempt = (String, i32);

/// What the machine said since the last change. Facts of another attempt than the one in hand count for nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The attempt that they belong to.
    pub of: Option<Attempt>,
    /// Whether the agent has administrator rights, or why that cannot be told.
    pub elevated: Option<Result<bool, String>>,
    /// Answers to the probes of `doneWhen` and `absentWhen`, by probe id.
    pub answers: Option<BTreeMap<String, Answer>>,
    /// How far the simple action in hand is.
    pub action: Option<ActionStanding>,
    /// What the program in hand is at.
    pub program: Option<ProgramStanding>,
    /// What came of the action in hand when this agent tried it.
    pub tried: Option<Result<(), String>>,
    /// Whether this agent has closed the console of the program in hand.
    pub console_closed: bool,
}

impl Facts {
    /// What is left of the facts after a wait: everything that the machine said may be otherwise now.
    #[must_use]
    pub fn after_wait(self) -> Self {
        Self { of: self.of, tried: self.tried, console_closed: self.console_closed, ..Self::default() }
    }
}

/// How far a simple action is.
#[derive(Clone, Debug, PartialEq)]
pub enum ActionStanding {
    /// Its result is there, with the files that prove it.
    Done(Vec<FileRecord>),
    /// It is not, or not all of it; what was seen instead.
    NotDone(String),
    /// The machine does not let itself be asked.
    Unknown(String),
}

/// What the program in hand is at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProgramStanding {
    /// The process that was started runs.
    Running {
        /// What it has printed so far.
        output: String,
        /// For how long that has not changed.
        quiet_secs: i64,
    },
    /// The process that was started is over.
    Ended {
        /// Its exit code, where Windows still knows it.
        exit_code: Option<i32>,
        /// What it printed.
        output: String,
    },
    /// The process that was started is gone, and nobody knows how it ended.
    Gone,
    /// No process id was journalled; whether a program of that name runs from that folder.
    ByName {
        /// Whether it runs.
        runs: bool,
    },
    /// The machine does not let itself be asked.
    Unreadable(String),
}

/// A fact that a decision needs.
#[derive(Clone, Debug, PartialEq)]
pub enum Look {
    /// [`Facts::elevated`].
    Elevated,
    /// [`Facts::answers`] to these.
    Evidence(Vec<Probe>),
    /// [`Facts::action`] of this one.
    Action(Action),
    /// [`Facts::program`]: of the journalled process, or by the name of this program.
    Program(String),
}

/// The next thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Nothing until the orders change.
    Rest,
    /// Ask the machine this, then decide again.
    Look(Look),
    /// Write these into the journal at once, then decide again.
    Note(Vec<Note>),
    /// Carry out a simple action, keep what came of it in [`Facts::tried`], then decide again.
    Do(Action),
    /// Journal [`Note::Starting`], start the program, journal [`Note::Started`]; then decide again.
    Start {
        /// Absolute path.
        program: String,
        /// Arguments, one by one.
        arguments: Vec<String>,
    },
    /// Journal [`Note::Answering`], then type this line.
    Type {
        /// The line.
        line: String,
        /// Bytes of output that are answered by it.
        answered: usize,
    },
    /// Close the console of the program in hand.
    Close,
    /// Decide again after so many seconds, or when the orders change.
    Wait {
        /// Seconds.
        secs: i64,
    },
}

/// A decision, and the attempt that it is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The attempt.
    pub of: Option<Attempt>,
    /// What to do.
    pub next: Next,
}

/// Decides. `wish` is `None` until the node's object was read for the first time.
#[must_use]
pub fn next(wish: Option<&Wish>, memory: &Memory, facts: &Facts, now: Timestamp) -> Decision {
    if let Some(epoch) = wish.map(Wish::shown_epoch).filter(|epoch| *epoch > memory.highest_epoch) {
        return Decision { of: None, next: Next::Note(vec![Note::Epoch(epoch)]) };
    }
    let Some(record) = memory.in_hand() else {
        return wish.map_or(Decision { of: None, next: Next::Rest }, |wish| begin::begin(wish, memory, facts, now));
    };
    let of = Some(record.attempt());
    let nothing = Facts::default();
    let facts = if facts.of == of { facts } else { &nothing };
    let wanted = wish.is_none_or(|wish| {
        let is_it = |wanted: &&Wanted| wanted.id() == record.order.id && wanted.attempt() == record.order.attempt;
        wish.orders.iter().find(is_it).is_some_and(|wanted| !wanted.is_withdrawn())
    });
    Decision { of, next: go_on(record, wanted, facts, now) }
}

/// A begun order goes on as it was journalled, whatever its entry in the list says now. An order that was withdrawn
/// begins no further action; a program that runs is waited for, always.
fn go_on(record: &Record, wanted: bool, facts: &Facts, now: Timestamp) -> Next {
    match record.stage {
        Stage::Idle if !wanted => standing::end(record, facts, "withdrawn"),
        Stage::Idle => match record.order.actions.get(record.action) {
            None => standing::end_of_actions(record, facts),
            Some(action) => match rules::program_of(action) {
                Some(program) => program::start(record, &program, facts, now),
                None => simple::go_on(record, action, facts),
            },
        },
        Stage::Starting | Stage::Running | Stage::Seen => {
            match record.order.actions.get(record.action).and_then(rules::program_of) {
                Some(program) => program::in_hand(record, &program, wanted, facts, now),
                None => standing::end(record, facts, "the journal names a program where the order has none"),
            }
        }
    }
}
