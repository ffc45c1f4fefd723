//! The places at which the crash sweep kills: every write of the controller, every journal write and every deed of an
//! agent, numbered in the order in which they come.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc::UnboundedSender;

use super::Lives;
use crate::cluster::{Call, Intercept, Verb, Verdict};
use crate::run::Cue;

/// When, in relation to the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// Before it has any effect.
    Before,
    /// After it has had its effect, before the caller knows.
    After,
    /// The effect is there, the caller lives, and its answer is lost.
    AnswerLost,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Before => "killed before",
            Self::After => "killed after",
            Self::AnswerLost => "answer lost of",
        })
    }
}

/// One place at which somebody is killed, or an answer is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KillPoint {
    /// The n-th write of the controller, from 0.
    Controller(usize, Moment),
    /// The n-th journal write or deed of an agent, from 0.
    Agent(usize, Moment),
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It goes on.
    Proceed,
    /// Its caller dies.
    Die,
    /// Its answer is lost.
    LoseAnswer,
}

/// The counter of points, shared by all seams of one run.
pub(crate) struct Points {
    kill: Option<KillPoint>,
    names: Mutex<PointNames>,
    /// Number of the write that is just being carried out.
    current: Mutex<Option<usize>>,
    lives: Lives,
    cues: UnboundedSender<Cue>,
    struck: AtomicBool,
    is_leading: Arc<dyn Fn(&str) -> bool + Send + Sync>,
}

/// What stands at each point, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PointNames {
    /// Writes of the controller.
    pub controller: Vec<String>,
    /// Journal writes and deeds of agents.
    pub agent: Vec<String>,
}

impl Points {
    pub(crate) fn new(
        kill: Option<KillPoint>,
        lives: Lives,
        cues: UnboundedSender<Cue>,
        is_leading: Arc<dyn Fn(&str) -> bool + Send + Sync>,
    ) -> Self {
        let (names, current, struck) = (Mutex::default(), Mutex::default(), AtomicBool::new(false));
        Self { kill, names, current, lives, cues, struck, is_leading }
    }

    /// Whether somebody was killed, or an answer lost, as it was ordered.
    pub(crate) fn has_struck(&self) -> bool {
        self.struck.load(Ordering::Relaxed)
    }

    pub(crate) fn names(&self) -> PointNames {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A write of a controller begins; its number.
    pub(crate) fn controller_begins(&self, name: String) -> usize {
        let names = &mut self.names.lock().unwrap_or_else(PoisonError::into_inner).controller;
        names.push(name);
        names.len() - 1
    }

    /// A deed of an agent begins; its number.
    pub(crate) fn agent_begins(&self, name: String) -> usize {
        let names = &mut self.names.lock().unwrap_or_else(PoisonError::into_inner).agent;
        names.push(name);
        names.len() - 1
    }

    /// What becomes of the controller's write of that number at this moment.
    pub(crate) fn controller_fate(&self, identity: &str, number: usize, moment: Moment) -> Fate {
        match self.kill {
            Some(KillPoint::Controller(at, when)) if at == number => match (when, moment) {
                (Moment::Before, Moment::Before) | (Moment::After, Moment::After) => {
                    self.struck.store(true, Ordering::Relaxed);
                    self.lives.kill(identity);
                    let _ = self.cues.send(Cue::ControllerDies(identity.to_owned()));
                    Fate::Die
                }
                (Moment::AnswerLost, Moment::After) => {
                    self.struck.store(true, Ordering::Relaxed);
                    Fate::LoseAnswer
                }
                (Moment::Before | Moment::After | Moment::AnswerLost, _) => Fate::Proceed,
            },
            Some(KillPoint::Controller(..) | KillPoint::Agent(..)) | None => Fate::Proceed,
        }
    }

    /// What becomes of the agent's deed of that number at this moment.
    pub(crate) fn agent_fate(&self, identity: &str, node: &str, number: usize, moment: Moment) -> Fate {
        if self.kill != Some(KillPoint::Agent(number, moment)) {
            return Fate::Proceed;
        }
        self.struck.store(true, Ordering::Relaxed);
        self.lives.kill(identity);
        let _ = self.cues.send(Cue::AgentDies(node.to_owned()));
        Fate::Die
    }

    fn set_current(&self, number: Option<usize>) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = number;
    }

    /// Whether a call is a write that counts: of a controller, and no renewal of a lease that it already holds.
    fn counts(&self, call: &Call) -> bool {
        call.is_write
            && call.identity.starts_with(crate::run::CONTROLLER_PREFIX)
            && !(&*call.kind == "Lease" && call.verb == Verb::Update && (self.is_leading)(&call.identity))
    }
}

impl Intercept for Points {
    fn before(&self, call: &Call) -> Verdict {
        if !self.counts(call) {
            self.set_current(None);
            return Verdict::Proceed;
        }
        let name = match call.name.as_str() {
            "" => body_name(call),
            name => name.to_owned(),
        };
        let part = if call.subresource.is_empty() { String::new() } else { format!("/{}", call.subresource) };
        let number = self.controller_begins(format!("{} {} {}{part} {name}", call.identity, call.verb, call.kind));
        self.set_current(Some(number));
        match self.controller_fate(&call.identity, number, Moment::Before) {
            Fate::Die => Verdict::Hang,
            Fate::Proceed | Fate::LoseAnswer => Verdict::Proceed,
        }
    }

    fn after(&self, call: &Call, _: u16) -> Verdict {
        // Nothing can come between the two halves of a call.
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(number) = current else { return Verdict::Proceed };
        match self.controller_fate(&call.identity, number, Moment::After) {
            Fate::Die => Verdict::Hang,
            Fate::LoseAnswer => Verdict::LoseAnswer,
            Fate::Proceed => Verdict::Proceed,
        }
    }
}

fn body_name(call: &Call) -> String {
    let body = call.body.as_ref();
    body.and_then(|body| body["metadata"]["name"].as_str()).unwrap_or_default().to_owned()
}
