//! The vendor's programs: how one is started, works, asks, and ends. What each does stands in its own file.
//!
//! Every piece of work first checks that its process still runs: a restart of Windows or a person's hand ends it where
//! it is, and what is done stays done.

mod crm_server;
mod handlers;
mod net_server;
mod questions;
mod service;
mod term_setup;
mod upgrade;
mod web;

use std::time::Duration;

use crm_agent::host::{HostError, ProcessId};
use crm_api::order::PromptAnswer;
use crm_api::site::Component;

use crate::world::faults::WorldFault;
use crate::world::files::{Content, file_name};
use crate::world::ghost::{Change, Happening, StartedBy};
use crate::world::machine::Machine;
use crate::world::process::Owner;
use crate::world::sites::WorldAt;
use crate::world::state::{State, World};

pub(crate) use crm_server::{REPORTS, write_server_files};
pub(crate) use handlers::{Extent, FCGI, map_programs};
pub(crate) use net_server::{serve_net_server, write_net_server_files, write_net_server_program};
pub(crate) use service::{CREATE_SITE, UNTICKED, write_service_files, write_service_program};
pub(crate) use upgrade::flat_attachments;
pub(crate) use web::{batch_program, write_web_files, write_web_program};

/// What a program file is to the vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A program or library that does nothing when started.
    Plain,
    /// An installer.
    Setup(Component),
    /// `upgrade.exe` of Service.
    Upgrade,
    /// `ejTermSetup.exe` of Service.
    TermSetup,
}

impl Role {
    pub(crate) fn is_vendor(self) -> bool {
        self != Self::Plain
    }

    pub(crate) fn works_on_database(self) -> bool {
        matches!(self, Self::Setup(Component::CrmServer) | Self::Upgrade | Self::TermSetup)
    }

    fn component(self) -> Option<Component> {
        match self {
            Self::Plain => None,
            Self::Setup(component) => Some(component),
            Self::Upgrade | Self::TermSetup => Some(Component::Service),
        }
    }
}

/// Who starts a program.
pub(crate) enum Starter {
    /// The agent, in its n-th start.
    Agent(u32),
    /// A person, who clicks through wizards and answers these questions.
    Person(Vec<PromptAnswer>),
}

/// A program to start.
pub(crate) struct Launch<'launch> {
    pub(crate) node: &'launch str,
    pub(crate) program: &'launch str,
    pub(crate) arguments: &'launch [String],
    pub(crate) starter: Starter,
}

/// Why a program stops before its end.
pub(crate) enum Over {
    /// Its process is gone.
    Gone,
    /// It ends itself.
    Exit(i32),
}

/// A vendor program at work.
pub(crate) struct Run {
    pub(crate) world: WorldAt,
    pub(crate) node: String,
    pub(crate) pid: u32,
    pub(crate) program: String,
    pub(crate) number: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) elevated: bool,
    component: Option<Component>,
    boots: u32,
    person: Option<Vec<PromptAnswer>>,
}

impl World {
    /// Starts a program. It runs on whatever becomes of the one who started it.
    pub(crate) fn launch(&self, launch: Launch<'_>) -> Result<ProcessId, HostError> {
        let (id, run, role) = self.with(|state| self.begin(state, launch))?;
        tokio::spawn(drive(run, role));
        Ok(id)
    }

    fn begin(&self, state: &mut State, launch: Launch<'_>) -> Result<(ProcessId, Run, Role), HostError> {
        let Launch { node, program, arguments, starter } = launch;
        let now = state.now;
        let machine = state.machines.get(node).ok_or_else(|| HostError::NotFound(node.to_owned()))?;
        let Some(Content::Program { version, role }) = machine.files.get(program).cloned() else {
            return Err(HostError::NotFound(program.to_owned()));
        };
        let role = net_server::setup_type(role, arguments, &starter, &state.assumptions);
        let mut site = state.site_of_program(node, program, role, arguments);
        if role == Role::Setup(Component::Service)
            && let Some(first) = state.first_instance(node)
            && state.faults.strikes(WorldFault::TakesFirstInstance, &["Service", file_name(program), node])
        {
            let fault = WorldFault::TakesFirstInstance.name().to_owned();
            let at = format!("{}@{node}", file_name(program));
            state.at(&first, |state| state.write(Happening::FaultStruck { fault, at }));
            site = first;
        }
        let machine = state.machines.get_mut(node).ok_or_else(|| HostError::NotFound(node.to_owned()))?;
        let (owner, person, elevated) = match starter {
            Starter::Agent(agent) => (Owner::Agent(agent), None, machine.facts.elevated),
            Starter::Person(answers) => (Owner::Person, Some(answers), true),
        };
        let pid = machine.processes.add(&site, program, now, owner, role);
        let id = ProcessId { pid, started_at: now, boot_id: machine.facts.boot_id.clone() };
        let run = Run {
            world: self.for_site(&site),
            node: node.to_owned(),
            pid,
            program: file_name(program).to_owned(),
            number: version,
            arguments: arguments.to_vec(),
            elevated,
            component: role.component(),
            boots: machine.boots,
            person,
        };
        if role.is_vendor() {
            let by = match run.person {
                Some(_) => StartedBy::Person,
                None => StartedBy::Agent { order: machine.order.clone() },
            };
            let started = Happening::Started {
                node: node.to_owned(),
                pid,
                program: run.program.clone(),
                component: run.component,
                by,
                destructive: true,
            };
            state.at(&site, |state| state.write(started));
        }
        Ok((id, run, role))
    }
}

async fn drive(run: Run, role: Role) {
    let result = match role {
        Role::Plain => run.work(1).await,
        Role::Setup(component) => run.installer(component).await,
        Role::Upgrade => upgrade::upgrade(&run).await,
        Role::TermSetup => term_setup::set_up(&run).await,
    };
    let exit = match result {
        Ok(()) => run.world.with(|state| state.assumptions.exit_success),
        Err(Over::Exit(exit)) => exit,
        Err(Over::Gone) => return,
    };
    run.end(exit, role);
}

impl Run {
    /// An installer as a whole: its window, its faults, its work, its exit code.
    async fn installer(&self, component: Component) -> Result<(), Over> {
        if !self.is_silent() {
            // A wizard waits for a person, and nobody sees it (the agent starts programs without a window).
            std::future::pending::<()>().await;
        }
        if self.strikes(WorldFault::InstallerHangs) {
            std::future::pending::<()>().await;
        }
        let seconds = self.seconds(component);
        if self.strikes(WorldFault::ExitZeroWithoutEffect) {
            self.work(seconds).await?;
            return Err(Over::Exit(0));
        }
        match component {
            Component::CrmServer => crm_server::install(self, seconds).await?,
            Component::Web => web::install(self, seconds).await?,
            Component::NetServer => net_server::install(self, seconds).await?,
            Component::Service => service::install(self, seconds).await?,
        }
        if self.strikes(WorldFault::ExitOneWithEffect) { Err(Over::Exit(1)) } else { Ok(()) }
    }

    fn is_silent(&self) -> bool {
        self.person.is_some()
            || self.world.with(|state| {
                let switches = &state.assumptions.silent_switches;
                let silent = |argument: &String| switches.iter().any(|switch| switch.eq_ignore_ascii_case(argument));
                self.arguments.iter().any(silent)
            })
    }

    /// How long the installer takes today: the catalogue's minutes, more or less.
    fn seconds(&self, component: Component) -> u64 {
        self.world.with(|state| {
            let release = state.release(&self.number);
            let minutes = release.and_then(|release| release.package(component)).map_or(10, |package| package.minutes);
            let percent = state.roll(state.assumptions.duration_percent_min, state.assumptions.duration_percent_max);
            u64::try_from(minutes).unwrap_or(1) * 60 * u64::from(percent) / 100
        })
    }

    /// Whether a fault strikes this program now.
    pub(crate) fn strikes(&self, fault: WorldFault) -> bool {
        let word = self.component.map(|component| format!("{component:?}")).unwrap_or_default();
        self.world.with(|state| {
            let here = format!("{word}@{}", self.node);
            let strikes = state.faults.strikes(fault, &[&word, &self.program, &self.node, &here]);
            if strikes {
                let at = format!("{}@{}", self.program, self.node);
                state.write(Happening::FaultStruck { fault: fault.name().to_owned(), at });
            }
            strikes
        })
    }

    /// Works for a while; the error says that the process was ended meanwhile.
    pub(crate) async fn work(&self, seconds: u64) -> Result<(), Over> {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        if self.world.with(|state| self.process(state).is_some()) { Ok(()) } else { Err(Over::Gone) }
    }

    /// The middle of the work, where Windows may restart, and somebody may end the program.
    pub(crate) fn middle(&self) -> Result<(), Over> {
        if self.strikes(WorldFault::EndedInMidStep) {
            self.world.with(|state| {
                // 1 is the exit code that the task manager gives.
                if let Some(program) = self.machine(state).and_then(|machine| machine.processes.end(self.pid, 1)) {
                    state.write(Happening::Ended { node: self.node.clone(), pid: self.pid, program, exit: None });
                }
            });
            return Err(Over::Gone);
        }
        if self.strikes(WorldFault::RebootInMidStep) {
            self.world.reboot(&self.node);
            return Err(Over::Gone);
        }
        Ok(())
    }

    fn process<'state>(&self, state: &'state mut State) -> Option<&'state mut crate::world::process::Process> {
        let machine = state.machines.get_mut(&self.node)?;
        if machine.up && machine.boots == self.boots { machine.processes.alive(self.pid) } else { None }
    }

    pub(crate) fn machine<'state>(&self, state: &'state mut State) -> Option<&'state mut Machine> {
        state.machines.get_mut(&self.node)
    }

    /// Prints a line.
    pub(crate) fn say(&self, line: &str) {
        self.print(&format!("{line}\n"));
    }

    fn print(&self, text: &str) {
        self.world.with(|state| {
            if let Some(process) = self.process(state) {
                process.output.push_str(text);
            }
        });
    }

    /// Prints a line and ends as refused.
    pub(crate) fn refuse(&self, line: &str) -> Over {
        self.say(line);
        Over::Exit(self.world.with(|state| state.assumptions.exit_refused))
    }

    /// Changes the world for good; `act` says whether anything changed, and only then the history holds it.
    pub(crate) fn effect(&self, change: Change, act: impl FnOnce(&mut State) -> bool) {
        self.world.with(|state| {
            if self.process(state).is_none() || !act(state) {
                return;
            }
            let (node, program, number) = (self.node.clone(), self.program.clone(), self.number.clone());
            state.write(Happening::Effect { node, pid: self.pid, program, change, number });
            state.touched = true;
        });
    }

    /// Whether a box of a wizard is ticked: as the person was told, and ticked where nobody says otherwise.
    pub(crate) fn is_ticked(&self, text: &str) -> bool {
        let answers = self.person.iter().flatten();
        let told = answers.into_iter().find(|answer| answer.question == text);
        told.is_none_or(|told| told.answer == "yes")
    }

    /// Asks on the console; `None` is the end of the input.
    pub(crate) async fn ask(&self, question: &str) -> Result<Option<String>, Over> {
        self.print(question);
        if let Some(answers) = &self.person {
            self.work(20).await?;
            let asked = question.to_lowercase();
            let answer = answers.iter().find(|answer| asked.contains(&answer.question.to_lowercase()));
            self.print("\n");
            return Ok(answer.map(|answer| answer.answer.clone()));
        }
        loop {
            let read = self.world.with(|state| {
                let process = self.process(state)?;
                let line = process.input.pop_front();
                Some((line, process.input_open, std::sync::Arc::clone(&process.wake)))
            });
            match read {
                None => return Err(Over::Gone),
                Some((Some(line), _, _)) => {
                    self.print("\n");
                    self.work(1).await?;
                    return Ok(Some(line.trim().to_owned()));
                }
                Some((None, false, _)) => return Ok(None),
                Some((None, true, wake)) => wake.notified().await,
            }
        }
    }

    fn end(&self, exit: i32, role: Role) {
        self.world.with(|state| {
            let Some(process) = self.process(state) else {
                return;
            };
            process.exit = Some(exit);
            if role.is_vendor() {
                let (node, program) = (self.node.clone(), self.program.clone());
                state.write(Happening::Ended { node, pid: self.pid, program, exit: Some(exit) });
            }
        });
    }
}

/// Whether a version of the .NET Framework or of IIS is at least another one.
pub(crate) fn at_least(version: Option<&str>, least: &str) -> bool {
    let numbers = |text: &str| text.split('.').map(|part| part.parse::<u32>().unwrap_or(0)).collect::<Vec<_>>();
    version.is_some_and(|version| numbers(version) >= numbers(least))
}
