//! Processes of one machine: they outlive the agent that started them, and no restart of Windows.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Notify;

use crate::world::files::{file_name, key};
use crate::world::vendor::Role;

/// First process id that the machine gives.
const FIRST_PID: u32 = 4000;

/// Who may look into a process's console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The agent, in its n-th start.
    Agent(u32),
    /// A person.
    Person,
    /// The scheduler; the process is forgotten when it ends.
    Scheduler,
}

/// A process.
pub(crate) struct Process {
    pub(crate) program: String,
    pub(crate) started_at: Timestamp,
    pub(crate) owner: Owner,
    /// The site that it works on.
    pub(crate) site: String,
    pub(crate) output: String,
    pub(crate) input: VecDeque<String>,
    pub(crate) input_open: bool,
    /// Exit code, once it is over.
    pub(crate) exit: Option<i32>,
    /// What it is to the vendor.
    pub(crate) role: Role,
    pub(crate) wake: Arc<Notify>,
}

/// The processes of a machine.
#[derive(Default)]
pub(crate) struct Processes {
    given: u32,
    pub(crate) all: BTreeMap<u32, Process>,
}

impl Processes {
    pub(crate) fn add(&mut self, site: &str, program: &str, started_at: Timestamp, owner: Owner, role: Role) -> u32 {
        let pid = FIRST_PID + self.given * 4;
        self.given += 1;
        let process = Process {
            program: program.to_owned(),
            started_at,
            owner,
            site: site.to_owned(),
            output: String::new(),
            input: VecDeque::new(),
            input_open: true,
            exit: None,
            role,
            wake: Arc::new(Notify::new()),
        };
        self.all.insert(pid, process);
        pid
    }

    /// A process that runs.
    pub(crate) fn alive(&mut self, pid: u32) -> Option<&mut Process> {
        self.all.get_mut(&pid).filter(|process| process.exit.is_none())
    }

    /// Ends a process; its name, if it ran.
    pub(crate) fn end(&mut self, pid: u32, exit: i32) -> Option<String> {
        let process = self.alive(pid)?;
        process.exit = Some(exit);
        process.wake.notify_one();
        Some(file_name(&process.program).to_owned())
    }

    /// Forgets everything; ids, names and sites of the vendor programs that ran.
    pub(crate) fn all_gone(&mut self) -> Vec<(u32, String, String)> {
        let mut cut_off = Vec::new();
        for (pid, process) in std::mem::take(&mut self.all) {
            if process.role.is_vendor() && process.exit.is_none() {
                cut_off.push((pid, file_name(&process.program).to_owned(), process.site));
            }
            process.wake.notify_one();
        }
        cut_off
    }

    /// The agent is gone: what it started reads the end of its input.
    pub(crate) fn close_consoles(&mut self) {
        for process in self.all.values_mut() {
            if matches!(process.owner, Owner::Agent(_)) {
                process.input_open = false;
                process.wake.notify_one();
            }
        }
    }

    /// Ids of the running processes of that name or path.
    pub(crate) fn running(&self, program: &str) -> Vec<u32> {
        let is = |process: &Process| {
            process.exit.is_none()
                && (file_name(&process.program).eq_ignore_ascii_case(program) || key(&process.program) == key(program))
        };
        self.all.iter().filter(|(_, process)| is(process)).map(|(pid, _)| *pid).collect()
    }

    /// Names of the programs running from a folder or below.
    pub(crate) fn below(&self, folder: &str) -> Vec<String> {
        let prefix = format!("{}\\", key(folder));
        let running = self.all.values().filter(|process| process.exit.is_none());
        running
            .filter(|process| key(&process.program).starts_with(&prefix))
            .map(|process| file_name(&process.program).to_owned())
            .collect()
    }

    /// Names of the programs that a site's scheduler started and that still run.
    pub(crate) fn scheduled(&self, site: &str) -> Vec<String> {
        let ours = self.all.values().filter(|process| process.owner == Owner::Scheduler && process.exit.is_none());
        let ours = ours.filter(|process| process.site == site);
        ours.map(|process| file_name(&process.program).to_owned()).collect()
    }
}
