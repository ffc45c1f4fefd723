//! Everything that can be made to go wrong in a run, by name, with what comes of it.

use std::fmt;
use std::str::FromStr;

use crate::world::WorldFault;

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// In the world: a machine, a vendor program, SQL Server.
    World(WorldFault),
    /// An agent dies during a step and is back ten minutes later.
    AgentLost,
    /// The controller's next write has its effect, and its answer is lost.
    LostApiAnswer,
    /// The leader is kept from its lease while a second controller is there.
    TwoControllers,
}

/// Names of those that are none of the world.
const AGENT_LOST: &str = "agent-lost";
const LOST_API_ANSWER: &str = "lost-api-answer";
const TWO_CONTROLLERS: &str = "two-controllers";

impl Fault {
    /// All of them, in the order in which they are listed.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let world = WorldFault::ALL.into_iter().map(Self::World);
        world.chain([Self::AgentLost, Self::LostApiAnswer, Self::TwoControllers]).collect()
    }

    /// Its name on a command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::World(fault) => fault.name(),
            Self::AgentLost => AGENT_LOST,
            Self::LostApiAnswer => LOST_API_ANSWER,
            Self::TwoControllers => TWO_CONTROLLERS,
        }
    }

    /// The step at which it strikes where none is named; none where it has no step.
    #[must_use]
    pub fn usual_step(self) -> Option<&'static str> {
        match self {
            Self::World(WorldFault::ExceptionInMain) => Some("run-upgrade-exe"),
            Self::World(WorldFault::DiskFullDuringBackup | WorldFault::BackupTruncated | WorldFault::DamagedPage) => {
                Some("back-up-database")
            }
            Self::World(WorldFault::ForeignSession) => None,
            Self::World(WorldFault::TakesFirstInstance) => Some("upgrade-service"),
            Self::World(
                WorldFault::InstallerHangs
                | WorldFault::ExitZeroWithoutEffect
                | WorldFault::ExitOneWithEffect
                | WorldFault::RebootInMidStep
                | WorldFault::EndedInMidStep,
            )
            | Self::AgentLost
            | Self::LostApiAnswer
            | Self::TwoControllers => Some("upgrade-database"),
        }
    }

    /// How a run of the main scenario ends with it, at its usual step: the word of `Outcome`.
    #[must_use]
    pub fn ends(self) -> &'static str {
        match self {
            Self::World(WorldFault::RebootInMidStep | WorldFault::EndedInMidStep) => "Halted",
            Self::World(WorldFault::BackupTruncated | WorldFault::ForeignSession) => "BackedOut",
            Self::World(
                WorldFault::InstallerHangs
                | WorldFault::ExitZeroWithoutEffect
                | WorldFault::ExitOneWithEffect
                | WorldFault::ExceptionInMain
                | WorldFault::DiskFullDuringBackup
                | WorldFault::DamagedPage
                | WorldFault::TakesFirstInstance,
            )
            | Self::AgentLost
            | Self::LostApiAnswer
            | Self::TwoControllers => "Reached",
        }
    }

    /// What comes of it in the main scenario, at its usual step.
    #[must_use]
    pub fn outcome(self) -> &'static str {
        match self {
            Self::World(WorldFault::InstallerHangs) => {
                "the step is overdue after its time limit and the change halts without killing anything; a person ends \
                 the program, nothing has happened, the step is tried again, and the goal is reached"
            }
            Self::World(WorldFault::ExitZeroWithoutEffect) => {
                "the exit code is not believed: nothing has changed, the step is tried again, and the goal is reached"
            }
            Self::World(WorldFault::ExitOneWithEffect) => {
                "the exit code is not believed: all evidence is there, the step is verified with a finding"
            }
            Self::World(WorldFault::ExceptionInMain) => {
                "the text is taken for a failure whatever follows it; upgrade.exe may be run again, and is"
            }
            Self::World(WorldFault::RebootInMidStep) => {
                "a part of the work is there: the step has failed as partial, and the change halts with forward or \
                 restore as the only exits"
            }
            Self::World(WorldFault::EndedInMidStep) => {
                "a part of the work is there: the step has failed as partial, and the change halts with forward or \
                 restore as the only exits; upgrade.exe, which may be run again, is"
            }
            Self::World(WorldFault::DiskFullDuringBackup) => {
                "the backup has failed and is taken once more; nothing goes on without it"
            }
            Self::World(WorldFault::BackupTruncated) => {
                "its verification finds the damage; before the first schema change everything is taken back, the site \
                 opens at its old version"
            }
            Self::World(WorldFault::DamagedPage) => {
                "RESTORE VERIFYONLY does not look into the structure of the data: nobody notices; a site that declares \
                 verification RestoredAndChecked backs out"
            }
            Self::World(WorldFault::ForeignSession) => {
                "the site is not alone on its database; after half an hour everything is taken back and the site opens \
                 at its old version"
            }
            Self::World(WorldFault::TakesFirstInstance) => {
                "with one instance on the server there is no wrong one: the goal is reached; beside another instance the \
                 step fails, names what was touched, and the change halts until a person says Retry"
            }
            Self::AgentLost => {
                "the program runs on without its agent; the agent finds it by its journal, waits for its end, and the \
                 goal is reached"
            }
            Self::LostApiAnswer => "the write is found done in the next round, and the goal is reached",
            Self::TwoControllers => {
                "the second one takes over under a higher epoch, the first one follows, and the goal is reached"
            }
        }
    }
}

/// A fault and where it strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArmedFault {
    /// The fault.
    pub fault: Fault,
    /// Kind of a step (`upgrade-database`) or its whole id; its usual step where none is named.
    pub step: Option<String>,
}

impl ArmedFault {
    /// Whether it strikes at a step.
    pub(crate) fn is_at(&self, id: &str) -> bool {
        let kind = id.split('@').next().unwrap_or(id);
        let step = self.step.as_deref().or(self.fault.usual_step());
        step.is_some_and(|step| step == id || step == kind)
    }

    /// Where it strikes in the world: a component, or a program by its file name.
    pub(crate) fn place_in_world(&self) -> Option<String> {
        let step = self.step.as_deref().or(self.fault.usual_step())?;
        let kind = step.split('@').next().unwrap_or(step);
        let place = match kind {
            "upgrade-database" => "CrmServer",
            "upgrade-web" => "Web",
            "upgrade-netserver" => "NetServer",
            "upgrade-service" => "Service",
            "run-upgrade-exe" => "upgrade.exe",
            "back-up-database" => "Database",
            _ => return None,
        };
        Some(place.to_owned())
    }
}

impl fmt::Display for ArmedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.step {
            Some(step) => write!(f, "{}@{step}", self.fault.name()),
            None => f.write_str(self.fault.name()),
        }
    }
}

/// What is no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// There is none of that name.
    #[error("no fault is called {name}; there are {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// It cannot strike there.
    #[error("{fault} cannot strike at step {step}; it can at {possible}")]
    NotThere {
        /// The fault.
        fault: &'static str,
        /// The step.
        step: String,
        /// Steps at which it can.
        possible: &'static str,
    },
}

impl FromStr for ArmedFault {
    type Err = FaultError;

    /// `NAME` or `NAME@STEP`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, step) = match text.split_once('@') {
            Some((name, step)) => (name, Some(step.to_owned())),
            None => (text, None),
        };
        let all = Fault::all();
        let Some(fault) = all.iter().copied().find(|fault| fault.name() == name) else {
            let known = all.iter().map(|fault| fault.name()).collect::<Vec<_>>().join(", ");
            return Err(FaultError::Unknown { name: name.to_owned(), known });
        };
        let armed = Self { fault, step };
        armed.check()?;
        Ok(armed)
    }
}

impl ArmedFault {
    fn check(&self) -> Result<(), FaultError> {
        let Some(step) = &self.step else { return Ok(()) };
        let kind = step.split('@').next().unwrap_or(step);
        let possible = match self.fault {
            Fault::World(WorldFault::ExceptionInMain) => "run-upgrade-exe",
            Fault::World(WorldFault::DiskFullDuringBackup | WorldFault::BackupTruncated) => "back-up-database",
            Fault::World(WorldFault::ForeignSession) => "no step: the session is there from the beginning",
            Fault::World(WorldFault::TakesFirstInstance) => "upgrade-service",
            Fault::World(WorldFault::RebootInMidStep | WorldFault::EndedInMidStep) => {
                "upgrade-database, upgrade-web, upgrade-service, run-upgrade-exe"
            }
            Fault::World(_) => "upgrade-database, upgrade-web, upgrade-service",
            Fault::AgentLost | Fault::LostApiAnswer | Fault::TwoControllers => return Ok(()),
        };
        if possible.split(", ").any(|one| one == kind) {
            return Ok(());
        }
        Err(FaultError::NotThere { fault: self.fault.name(), step: step.clone(), possible })
    }
}
