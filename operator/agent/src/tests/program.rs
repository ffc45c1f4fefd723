//! Programs of the small world: each follows its script, and outlives the agent.

use jiff::{SignedDuration, Timestamp};

use crate::host::{ProcessId, ProcessState};

/// One thing that a program does.
#[derive(Clone, Debug)]
pub(super) enum Does {
    Takes(i64),
    Prints(&'static str),
    /// Prints, then reads a line; at the end of the input it goes on.
    Asks(&'static str),
    /// Takes effect if the last line that was read is this.
    InstallsIf(&'static str, &'static str),
    Installs(&'static str),
    Exits(i32),
}

#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) id: ProcessId,
    pub(super) path: String,
    script: Vec<Does>,
    step: usize,
    free_at: Timestamp,
    asked: bool,
    output: String,
    pub(super) input: Vec<String>,
    pub(super) closed: bool,
    last: String,
    pub(super) exit: Option<i32>,
    /// Killed by a restart of the machine.
    pub(super) lost: bool,
}

impl Process {
    pub(super) fn new(id: ProcessId, path: &str, script: Vec<Does>, now: Timestamp) -> Self {
        Self {
            id,
            path: path.to_owned(),
            script,
            step: 0,
            free_at: now,
            asked: false,
            output: String::new(),
            input: Vec::new(),
            closed: false,
            last: String::new(),
            exit: None,
            lost: false,
        }
    }

    pub(super) fn runs(&self) -> bool {
        self.exit.is_none() && !self.lost
    }

    pub(super) fn go_on(&mut self, now: Timestamp, installed: &mut String) {
        while self.exit.is_none() && !self.lost && self.free_at <= now {
            let Some(does) = self.script.get(self.step).cloned() else {
                self.exit = Some(0);
                return;
            };
            match does {
                Does::Takes(secs) => self.free_at += SignedDuration::from_secs(secs),
                Does::Prints(text) => self.output.push_str(text),
                Does::Asks(text) => {
                    if !self.asked {
                        self.output.push_str(text);
                        self.asked = true;
                    }
                    if self.input.is_empty() && !self.closed {
                        return;
                    }
                    self.asked = false;
                    self.free_at = now;
                    self.last = if self.input.is_empty() { String::new() } else { self.input.remove(0) };
                }
                Does::InstallsIf(answer, version) if self.last == answer => *installed = version.to_owned(),
                Does::InstallsIf(..) => {}
                Does::Installs(version) => *installed = version.to_owned(),
                Does::Exits(code) => self.exit = Some(code),
            }
            self.step += 1;
        }
    }

    pub(super) fn state(&self) -> ProcessState {
        let output = self.output.clone();
        match (self.exit, self.lost) {
            (_, true) => ProcessState::Gone,
            (Some(code), false) => ProcessState::Ended { exit_code: Some(code), output },
            (None, false) => ProcessState::Running { output },
        }
    }
}
