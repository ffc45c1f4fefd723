//! Planted bugs: each removes one guard of the shipping system, by a liar at one of its edges. They prove that the
//! invariants bite; no shipping code knows them.

mod api;
mod database;
mod machine;

use std::sync::Arc;

use crm_agent::host::Host;
use crm_database::Connect;

use crate::edge::{KillPoint, Moment};
use crate::faults::ArmedFault;
use crate::file::ScenarioFile;
use crate::invariants::Invariant;
use crate::report::RunReport;
use crate::run::{CONTROLLER_PREFIX, Options, RunError, Sandbox};

/// A guard that is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Plant {
    /// The machine forgets every journal that an agent writes, and shows no program in its folder: an agent that is
    /// started again knows of none.
    ForgetfulJournal,
    /// SQL Server shows no sessions: the proof that the site is alone passes while others work.
    BlindSessions,
    /// SQL Server finds every backup whole without reading it.
    TrustedBackup,
    /// The first controller never hears that it was deposed, and its orders carry epochs that every agent obeys.
    DeposedLeader,
    /// The machine goes on showing the old versions: a run that has had its effect looks as if it had not.
    BlindProbe,
    /// The machine shows the new versions as soon as a program was started: a run without effect looks proven.
    FakedEvidence,
    /// The way to SQL Server shows the password in its errors, as a careless driver does.
    TalkativeDriver,
    /// The API shows every controller a site that declares a restore by policy: what nobody has decided is begun.
    ForgedPolicy,
}

impl Plant {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::ForgetfulJournal,
        Self::BlindSessions,
        Self::TrustedBackup,
        Self::DeposedLeader,
        Self::BlindProbe,
        Self::FakedEvidence,
        Self::TalkativeDriver,
        Self::ForgedPolicy,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ForgetfulJournal => "forgetful-journal",
            Self::BlindSessions => "blind-sessions",
            Self::TrustedBackup => "trusted-backup",
            Self::DeposedLeader => "deposed-leader",
            Self::BlindProbe => "blind-probe",
            Self::FakedEvidence => "faked-evidence",
            Self::TalkativeDriver => "talkative-driver",
            Self::ForgedPolicy => "forged-policy",
        }
    }

    /// When the missing guard is needed.
    #[must_use]
    pub fn needed_when(self) -> Need {
        match self {
            Self::ForgetfulJournal => Need::AgentKilledAtStart,
            Self::BlindSessions => Need::Fault("foreign-session"),
            Self::TrustedBackup => Need::Fault("backup-truncated"),
            Self::DeposedLeader => Need::SuccessorKilled("two-controllers@back-up-files"),
            Self::BlindProbe => Need::Fault("exit-one-with-effect@upgrade-web"),
            Self::FakedEvidence => Need::Fault("exit-zero-without-effect@upgrade-web"),
            Self::TalkativeDriver => Need::Nothing,
            Self::ForgedPolicy => Need::Fault("reboot-in-mid-step"),
        }
    }

    /// The invariant that notices.
    #[must_use]
    pub fn caught_by(self) -> Invariant {
        match self {
            Self::ForgetfulJournal => Invariant::OneAtATime,
            Self::BlindSessions | Self::TrustedBackup => Invariant::BackupFirst,
            Self::DeposedLeader => Invariant::Fencing,
            Self::BlindProbe => Invariant::UnknownIsNotAbsent,
            Self::FakedEvidence => Invariant::Order,
            Self::TalkativeDriver => Invariant::Secrecy,
            Self::ForgedPolicy => Invariant::RestoreOnWord,
        }
    }
}

/// So many orders the successor gives before it is killed.
const ORDERS_OF_SUCCESSOR: usize = 3;

/// When a guard is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Always.
    Nothing,
    /// Under this fault, as it is written on a command line.
    Fault(&'static str),
    /// When an agent is killed right after it has started its first program.
    AgentKilledAtStart,
    /// Under this fault, when the successor of the first controller is killed after it has given orders.
    SuccessorKilled(&'static str),
}

impl Sandbox {
    /// Runs a scenario without one guard, at the moment at which it is needed.
    ///
    /// # Errors
    /// When the run cannot begin.
    pub fn run_planted(&self, plant: Plant, seed: u64) -> Result<RunReport, RunError> {
        let mut options = Options { seed, plants: vec![plant], ..Options::default() };
        match plant.needed_when() {
            Need::Nothing => {}
            Need::Fault(text) => options.faults.extend(text.parse::<ArmedFault>().ok()),
            Need::AgentKilledAtStart => {
                let names = self.run(&options, &mut |_| {})?.points.agent;
                let start = names.iter().position(|name| name.starts_with("start_process"));
                options.kill = start.map(|number| KillPoint::Agent(number, Moment::After));
            }
            Need::SuccessorKilled(text) => {
                options.faults.extend(text.parse::<ArmedFault>().ok());
                let names = self.run(&options, &mut |_| {})?.points.controller;
                let gives = |name: &String| name.contains("apply CrmNode") && !name.starts_with(&first_controller());
                let given = names.iter().enumerate().filter(|(_, name)| gives(name)).nth(ORDERS_OF_SUCCESSOR);
                options.kill = given.map(|(number, _)| KillPoint::Controller(number, Moment::After));
            }
        }
        self.run(&options, &mut |_| {})
    }
}

/// The liars of one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Planted {
    plants: Vec<Plant>,
    /// Numbers of the releases before and after.
    old: String,
    new: String,
}

impl Planted {
    pub(crate) fn new(plants: &[Plant], file: &ScenarioFile) -> Self {
        let spec = &file.scenario.spec;
        let wanted = spec.then["version"].as_str().unwrap_or_default();
        let release = file.releases.iter().find(|release| release.spec.is_called(wanted));
        Self {
            plants: plants.to_vec(),
            old: spec.database.version.clone(),
            new: release.map(|release| release.spec.number.clone()).unwrap_or_default(),
        }
    }

    fn has(&self, plant: Plant) -> bool {
        self.plants.contains(&plant)
    }

    /// A machine, with its lies.
    pub(crate) fn on_machine(&self, host: Arc<dyn Host>) -> Arc<dyn Host> {
        if self.plants.is_empty() { host } else { Arc::new(machine::LyingHost::new(host, self.clone())) }
    }

    /// SQL Server, with its lies.
    pub(crate) fn on_database(&self, connect: Arc<dyn Connect>) -> Arc<dyn Connect> {
        if self.plants.is_empty() { connect } else { Arc::new(database::LyingSql::new(connect, self.clone())) }
    }

    /// The API as one controller meets it, with its lies.
    pub(crate) fn on_api(&self, identity: &str, client: kube::Client) -> kube::Client {
        if self.has(Plant::DeposedLeader) && identity == first_controller() {
            return api::lying_client(identity, client);
        }
        if self.has(Plant::ForgedPolicy) { api::forging_client(client) } else { client }
    }
}

fn first_controller() -> String {
    format!("{CONTROLLER_PREFIX}1")
}
