//! Carries out orders: observe, plan, act, report. Validation came first, where the orders were read (`link.rs`).
//!
//! Each turn asks the machine what the last decision wanted to know, decides, does one thing and shows the journal to
//! the round that reports it. Nothing here needs to survive: a turn that is killed is taken up by the next agent from
//! the journal and the machine.

use std::sync::Arc;
use std::time::Duration;

use crm_api::clock::Clock;
use crm_api::probe::{Answer, Probe};
use crm_plan::carry_out::{self, Attempt, Decision, Facts, Look, Memory, Next, Note, ProgramStanding, Stage};
use jiff::Timestamp;
use tokio::sync::watch;
use tracing::Instrument as _;

use crate::act::act;
use crate::file_list::{folder_of, name_of};
use crate::host::{Host, HostError, ProcessState};
use crate::journal::{Journal, JournalError};
use crate::owner::{Me, Standing};
use crate::spec::Spec;
use crate::{files, observe, shown};

/// How soon the journal is tried again where the machine refused it.
const JOURNAL_RETRY: Duration = Duration::from_secs(5);

/// What is known about the orders, for those who report it.
#[derive(Clone, Debug)]
pub(crate) enum Progress {
    /// Nothing yet: the journal is not read.
    Unknown,
    /// The journal, as it is on disk.
    Known(Arc<Memory>),
    /// There is a journal, and it cannot be trusted. No order is carried out until a person has looked.
    Damaged {
        /// What is wrong with it.
        reason: String,
        /// When that was found.
        at: Timestamp,
    },
}

/// What to wait for before the next turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// Nothing: there is more to do.
    None,
    /// So long, or until the orders change.
    For(Duration),
    /// Until the orders change.
    UntilChange,
}

/// Carries out orders until it is dropped.
pub(crate) async fn carry_out_orders(
    host: Arc<dyn Host>,
    clock: Arc<dyn Clock>,
    me: Me,
    mut spec: watch::Receiver<Option<Arc<Spec>>>,
    progress: watch::Sender<Progress>,
) {
    let journal = loop {
        match Journal::open(Arc::clone(&host), &me.machine).await {
            Ok(journal) => break journal,
            Err(error @ JournalError::Unreadable(_)) => {
                tracing::warn!(%error, "trying again");
                tokio::time::sleep(JOURNAL_RETRY).await;
            }
            Err(error @ JournalError::Damaged(_)) => {
                tracing::error!(%error, "no order is carried out until a person has looked");
                progress.send_replace(Progress::Damaged { reason: error.to_string(), at: clock.now() });
                return std::future::pending().await;
            }
        }
    };
    let mut hand = Hand::new(host, clock, me, journal, progress);
    loop {
        let wish = spec.borrow_and_update().clone();
        match hand.turn(wish.as_deref()).await {
            Pause::None => {}
            Pause::For(pause) => {
                tokio::select! { biased; () = changed(&mut spec) => {}, () = tokio::time::sleep(pause) => {} }
            }
            Pause::UntilChange => changed(&mut spec).await,
        }
    }
}

/// Waits for the next change; forever, once nobody can send one.
pub(crate) async fn changed<T>(receiver: &mut watch::Receiver<T>) {
    if receiver.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The part of the agent that changes its machine.
pub(crate) struct Hand {
    host: Arc<dyn Host>,
    clock: Arc<dyn Clock>,
    me: Me,
    journal: Journal,
    progress: watch::Sender<Progress>,
    facts: Facts,
    question: Option<Look>,
    output: String,
    output_since: Timestamp,
}

impl Hand {
    pub(crate) fn new(
        host: Arc<dyn Host>,
        clock: Arc<dyn Clock>,
        me: Me,
        journal: Journal,
        progress: watch::Sender<Progress>,
    ) -> Self {
        let output_since = clock.now();
        let hand = Self {
            host,
            clock,
            me,
            journal,
            progress,
            facts: Facts::default(),
            question: None,
            output: String::new(),
            output_since,
        };
        hand.report();
        hand
    }

    /// One turn. A journal that cannot be written stops everything that would rest on it, and is tried again.
    pub(crate) async fn turn(&mut self, spec: Option<&Spec>) -> Pause {
        let spec = match spec.map(|spec| (self.me.standing(&spec.status), spec)) {
            Some((Standing::Mine, spec)) => Some(spec),
            Some((Standing::Another, _)) => return Pause::UntilChange,
            // Not said yet: only what this machine has begun goes on.
            Some((Standing::Open, _)) | None if self.me.goes_on(self.journal.written_by()) => None,
            Some((Standing::Open, _)) | None => return Pause::UntilChange,
        };
        self.observe().await;
        let wish = spec.map(|spec| &spec.wish);
        let Decision { of, next } = carry_out::next(wish, self.journal.memory(), &self.facts, self.clock.now());
        let span = match &of {
            Some((order, attempt)) => tracing::info_span!("turn", order, attempt),
            None => tracing::Span::none(),
        };
        span.in_scope(|| shown::show(of.as_ref(), &next));
        let pause = self.act(of, next).instrument(span).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the journal cannot be written; trying again");
            Pause::For(JOURNAL_RETRY)
        });
        self.report();
        pause
    }

    async fn observe(&mut self) {
        match self.question.take() {
            None => {}
            Some(Look::Elevated) => {
                self.facts.elevated = Some(match observe::ask(&*self.host, &Probe::Machine {}).await {
                    Answer::Machine(machine) => Ok(machine.elevated),
                    other => Err(crm_plan::evidence::describe(&other)),
                });
            }
            Some(Look::Evidence(probes)) => self.facts.answers = Some(observe::ask_all(&*self.host, &probes).await),
            Some(Look::Action(action)) => self.facts.action = Some(files::standing(&*self.host, &action).await),
            Some(Look::Program(program)) => self.facts.program = Some(self.look_at_program(&program).await),
        }
    }

    async fn act(&mut self, of: Option<Attempt>, next: Next) -> Result<Pause, HostError> {
        let now = self.clock.now();
        let fresh = Facts { of: of.clone(), ..Facts::default() };
        match next {
            Next::Rest => {
                self.facts = Facts::default();
                return Ok(Pause::UntilChange);
            }
            Next::Look(look) => {
                if self.facts.of != of {
                    self.facts = fresh;
                }
                self.question = Some(look);
            }
            Next::Note(notes) => {
                // What was judged before the beginning still holds at the beginning.
                let begun = matches!(notes.as_slice(), [Note::Begun { .. }]);
                self.journal.note(notes, now).await?;
                let answers = self.facts.answers.take().filter(|_| begun);
                self.facts = Facts { answers, ..fresh };
            }
            Next::Do(action) => {
                let tried = act(&*self.host, &action).await.map_err(|error| error.to_string());
                self.facts = Facts { tried: Some(tried), ..fresh };
            }
            Next::Start { program, arguments } => {
                self.journal.note(vec![Note::Starting], now).await?;
                self.facts = self.start(&program, &arguments, fresh).await;
            }
            Next::Type { line, answered } => {
                self.journal.note(vec![Note::Answering { answered }], now).await?;
                self.console("answer", Some(&line)).await;
                self.facts = fresh;
            }
            Next::Close => {
                self.console("close", None).await;
                self.facts = Facts { console_closed: true, ..fresh };
            }
            Next::Wait { secs } => {
                self.facts = std::mem::take(&mut self.facts).after_wait();
                return Ok(Pause::For(Duration::from_secs(secs.unsigned_abs())));
            }
        }
        Ok(Pause::None)
    }

    fn report(&self) {
        let known = self.journal.memory();
        self.progress.send_if_modified(|progress| {
            let same = matches!(progress, Progress::Known(memory) if **memory == *known);
            if !same {
                *progress = Progress::Known(Arc::new(known.clone()));
            }
            !same
        });
    }

    /// Starts a program and writes down which process it is, however long that takes: only this agent knows.
    async fn start(&mut self, program: &str, arguments: &[String], fresh: Facts) -> Facts {
        match self.host.start_process(program, arguments).await {
            Ok(process) => {
                (self.output, self.output_since) = (String::new(), self.clock.now());
                while let Err(error) = self.journal.note_started(process.clone(), self.clock.now()).await {
                    tracing::warn!(%error, "the process id cannot be journalled; trying again");
                    tokio::time::sleep(JOURNAL_RETRY).await;
                }
                fresh
            }
            Err(error) => {
                // If this cannot be noted, the next turn finds a start that is not known to have failed, and looks.
                match self.journal.note(vec![Note::NotStarted], self.clock.now()).await {
                    Ok(()) => Facts { tried: Some(Err(error.to_string())), ..fresh },
                    Err(_) => fresh,
                }
            }
        }
    }

    /// A console that does not take its line shows it by standing still: nothing rests on the answer of these calls.
    async fn console(&self, what: &str, line: Option<&str>) {
        let Some(process) = self.journal.process() else {
            return;
        };
        let answer = match line {
            Some(line) => self.host.type_line(process, line).await,
            None => self.host.close_console(process).await,
        };
        if let Err(error) = answer {
            tracing::warn!(%error, what, "the console did not take it");
        }
    }

    async fn look_at_program(&mut self, program: &str) -> ProgramStanding {
        let running = self.journal.memory().in_hand().is_some_and(|record| record.stage == Stage::Running);
        let Some(process) = self.journal.process().filter(|_| running) else {
            return self.look_by_name(program).await;
        };
        match self.host.process(process).await {
            Ok(ProcessState::Running { output }) => self.still_running(output),
            Ok(ProcessState::Ended { exit_code, output }) => ProgramStanding::Ended { exit_code, output },
            Ok(ProcessState::Gone) => ProgramStanding::Gone,
            Err(error) => ProgramStanding::Unreadable(error.to_string()),
        }
    }

    fn still_running(&mut self, output: String) -> ProgramStanding {
        let now = self.clock.now();
        if output != self.output {
            (self.output, self.output_since) = (output.clone(), now);
        }
        ProgramStanding::Running { output, quiet_secs: now.duration_since(self.output_since).as_secs() }
    }

    async fn look_by_name(&self, program: &str) -> ProgramStanding {
        let name = name_of(program);
        match self.host.processes_below(folder_of(program)).await {
            Ok(running) => {
                ProgramStanding::ByName { runs: running.iter().any(|other| name_of(other).eq_ignore_ascii_case(name)) }
            }
            Err(HostError::NotFound(_)) => ProgramStanding::ByName { runs: false },
            Err(error @ HostError::Refused(_)) => ProgramStanding::Unreadable(error.to_string()),
        }
    }
}
