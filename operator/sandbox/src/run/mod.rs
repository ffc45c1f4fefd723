//! One run of a scenario: sets the stage, starts the shipping controller and agents on it, lets the site settle, applies
//! the edit, and watches until it is clear how it ends.
//!
//! - `stage`: the cluster and the world, and the objects that are there from the beginning. `cast`: who is alive, and who
//!   is started again. `judge`: how it ends. `seams`: faults of the API that a run can have. `guest`: somebody who comes
//!   in from outside. `stay`: the same stage without an end, for [`crate::home`].

mod at_rest;
mod cast;
mod guest;
mod judge;
mod play;
mod seams;
mod stage;
pub(crate) mod stay;
#[cfg(test)]
pub(crate) mod tests;
pub use at_rest::AtRest;
pub use guest::{Entrance, Guest};
pub(crate) use stage::{ADMINISTRATOR, OPERATOR_NAMESPACE, Stage};

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use crate::cluster::{Kinds, KindsError, Referee, Upstream};
use crate::edge::KillPoint;
use crate::faults::ArmedFault;
use crate::file::ScenarioFile;
use crate::plants::Plant;
use crate::report::RunReport;
use crate::story::StoryEvent;
use crate::world::BuildError;

/// Identities of controllers begin so.
pub(crate) const CONTROLLER_PREFIX: &str = "controller-";
/// Identities of agents begin so.
pub(crate) const AGENT_PREFIX: &str = "agent-";
/// Who edits sites: what Git says is applied under this name.
pub(crate) const GIT_OPS: &str = "gitops";

/// A change that takes longer than this in simulated time is given up.
pub const SIMULATED_HOURS_MAX: i64 = 48;

/// Whether the people of the scenario act.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attendance {
    /// They do.
    #[default]
    Present,
    /// Nobody does: every wait stands.
    Nobody,
}

/// How a scenario is run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whatever is left to chance comes from this number.
    pub seed: u64,
    /// Whether people act.
    pub people: Attendance,
    /// What goes wrong.
    pub faults: Vec<ArmedFault>,
    /// Guards that are removed from the system, to see that the invariants bite.
    pub plants: Vec<Plant>,
    /// Where somebody is killed.
    pub kill: Option<KillPoint>,
    /// How long a leader may be silent and how often it renews its lease; none: longer than in a cluster, since a run of hours
    /// renews often.
    pub lease: Option<(Duration, Duration)>,
}

/// Why a run could not begin.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The custom resources cannot be served.
    #[error("the custom resources cannot be served")]
    Kinds(#[from] KindsError),
    /// Scenario, site and catalogue do not fit together.
    #[error("{0}")]
    World(#[from] BuildError),
    /// The API refused an object of the scenario.
    #[error("{object}: {message}")]
    Refused {
        /// The object.
        object: String,
        /// What the API said.
        message: String,
    },
    /// The runtime could not be built.
    #[error("the runtime of the simulation: {0}")]
    Runtime(#[from] std::io::Error),
}

/// A scenario that is ready to be run, again and again, also at the same time.
#[derive(Clone)]
pub struct Sandbox {
    pub(crate) file: Arc<ScenarioFile>,
    pub(crate) kinds: Arc<Kinds>,
    referee: Option<Arc<dyn Referee>>,
    pub(crate) upstream: Option<Arc<dyn Upstream>>,
}

impl Sandbox {
    /// Prepares a scenario.
    ///
    /// # Errors
    /// When our own custom resources cannot be served.
    pub fn new(file: ScenarioFile) -> Result<Self, RunError> {
        Ok(Self { file: Arc::new(file), kinds: Kinds::ours()?, referee: None, upstream: None })
    }

    /// The same scenario, with every exchange between a client and the model of the API heard by a referee.
    #[must_use]
    pub fn refereed(mut self, referee: Arc<dyn Referee>) -> Self {
        self.referee = Some(referee);
        self
    }

    /// The same scenario with another API server in the place of the model.
    #[must_use]
    pub fn on(mut self, upstream: Arc<dyn Upstream>) -> Self {
        self.upstream = Some(upstream);
        self
    }

    /// The scenario.
    #[must_use]
    pub fn file(&self) -> &ScenarioFile {
        &self.file
    }

    /// Runs it to its end. `on_event` hears the story while it happens; it may take its time.
    ///
    /// # Errors
    /// When the run cannot begin. How it ends is in the report, whatever it is.
    pub fn run(&self, options: &Options, on_event: &mut dyn FnMut(&StoryEvent)) -> Result<RunReport, RunError> {
        self.run_with(options, on_event, Box::new(|_| Box::pin(std::future::ready(()))))
    }

    /// Runs it with somebody who comes in from outside, and ends when it is clear how it ends and the guest has left.
    ///
    /// # Errors
    /// When the run cannot begin.
    pub fn run_with(
        &self,
        options: &Options,
        on_event: &mut dyn FnMut(&StoryEvent),
        guest: Guest<'_>,
    ) -> Result<RunReport, RunError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
        let report = runtime.block_on(play::play(self, options, on_event, guest));
        runtime.shutdown_background();
        report
    }
}

/// Reads nothing, keeps nothing: runs a scenario once.
///
/// # Errors
/// When the run cannot begin.
pub fn run(
    file: ScenarioFile,
    options: &Options,
    on_event: &mut dyn FnMut(&StoryEvent),
) -> Result<RunReport, RunError> {
    Sandbox::new(file)?.run(options, on_event)
}

/// What the runner is told to do, or hears of, while a run is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cue {
    /// That controller was killed.
    ControllerDies(String),
    /// The agent of that node was killed.
    AgentDies(String),
    /// One more controller is started.
    ControllerStarts,
    /// Every controller but the newest is told to end.
    OldControllersEnd,
    /// Windows goes down there.
    GoesDown(String),
    /// Windows is up again there.
    IsUp(String),
    /// A step is recorded as begun.
    StepStarted(String),
    /// Users of that site are told that it will be closed.
    UsersAreTold(String),
}

/// How soon Windows' service manager starts an agent again that died.
pub(crate) const AGENT_RESTARTS_AFTER: SignedDuration = SignedDuration::from_secs(30);
/// How soon Kubernetes starts a new controller after one died.
pub(crate) const CONTROLLER_RESTARTS_AFTER: SignedDuration = SignedDuration::from_secs(20);
