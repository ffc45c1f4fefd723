//! Who is on the stage: the shipping agents and controller, started again when they die, as Windows' service manager and
//! Kubernetes do it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crm_agent::Agent;
use crm_controller::Controller;
use crm_database::Connect;
use jiff::SignedDuration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::stage::{OPERATOR_NAMESPACE, Stage};
use super::{AGENT_PREFIX, AGENT_RESTARTS_AFTER, CONTROLLER_PREFIX, CONTROLLER_RESTARTS_AFTER};
use crate::edge::{AgentHost, ControllerSql};
use crate::plants::Planted;
use crate::receiver::ControllerPost;
use crate::story::What;

/// Version that agents report.
const AGENT_VERSION: &str = env!("CARGO_PKG_VERSION");
/// Windows starts its services so long after a boot.
const SERVICES_START_AFTER: SignedDuration = SignedDuration::from_secs(20);

/// Something that will happen by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    StartAgent(String),
    StartController,
    KillAgent { node: String, back_after_secs: u64 },
}

/// A process.
struct Actor {
    identity: String,
    task: JoinHandle<()>,
    /// Tells it to end; agents are only killed.
    stop: Option<oneshot::Sender<()>>,
}

/// All processes of ours.
pub(super) struct Cast {
    agents: BTreeMap<String, Actor>,
    controllers: BTreeMap<String, Actor>,
    /// Starts so far, of controllers and by node.
    controller_starts: u32,
    agent_starts: BTreeMap<String, u32>,
    due: BTreeMap<(Instant, u32), Due>,
    given: u32,
    planted: Planted,
}

impl Cast {
    pub(super) fn new(planted: Planted) -> Self {
        Self {
            agents: BTreeMap::new(),
            controllers: BTreeMap::new(),
            controller_starts: 0,
            agent_starts: BTreeMap::new(),
            due: BTreeMap::new(),
            given: 0,
            planted,
        }
    }

    /// When something will next happen by itself.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.keys().next().map(|(at, _)| *at)
    }

    /// Lets something happen after a while.
    pub(super) fn later(&mut self, after: SignedDuration, what: Due) {
        let after = Duration::try_from(after).unwrap_or(Duration::ZERO);
        self.given += 1;
        self.due.insert((Instant::now() + after, self.given), what);
    }

    /// Does what is due.
    pub(super) fn do_due(&mut self, stage: &Stage) {
        while let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= Instant::now()) {
            match entry.remove() {
                Due::StartAgent(node) => self.start_agent(stage, &node),
                Due::StartController => self.start_controller(stage),
                Due::KillAgent { node, back_after_secs } => {
                    let back = i64::try_from(back_after_secs).unwrap_or(i64::MAX);
                    self.kill_agent(stage, &node, SignedDuration::from_secs(back));
                }
            }
        }
    }

    pub(super) fn start_agent(&mut self, stage: &Stage, node: &str) {
        // A machine that is down starts its agent when it is up again.
        if self.agents.contains_key(node) {
            return;
        }
        let Some(host) = stage.world.host(node) else { return };
        let starts = self.agent_starts.entry(node.to_owned()).or_default();
        *starts += 1;
        let identity = format!("{AGENT_PREFIX}{node}-{starts}");
        if *starts > 1 {
            stage.witness.with_teller(|teller, at| teller.back(at, Some(node), "the agent"));
        }
        let host = AgentHost {
            inner: self.planted.on_machine(Arc::new(host)),
            node: node.to_owned(),
            identity: identity.clone(),
            lives: stage.lives.clone(),
            points: Arc::clone(&stage.points),
            deeds: Arc::new(stage.witness.clone()),
            world: stage.world.clone(),
        };
        let config = crm_agent::Config {
            node: node.to_owned(),
            namespace: stage.file.namespace().to_owned(),
            version: AGENT_VERSION.to_owned(),
            account: String::new(),
        };
        let client = stage.cluster.client(&identity);
        let agent = Agent::new(config, Arc::new(host), client, Arc::new(stage.clock));
        let task = tokio::spawn(agent.run());
        self.agents.insert(node.to_owned(), Actor { identity, task, stop: None });
    }

    pub(super) fn start_controller(&mut self, stage: &Stage) {
        self.controller_starts += 1;
        let identity = format!("{CONTROLLER_PREFIX}{}", self.controller_starts);
        if self.controller_starts > 1 {
            stage.witness.with_teller(|teller, at| teller.back(at, None, "a controller"));
        }
        let connect: Arc<dyn Connect> = Arc::new(ControllerSql {
            connect: self.planted.on_database(Arc::new(stage.world.sql())),
            identity: identity.clone(),
            lives: stage.lives.clone(),
            points: Arc::clone(&stage.points),
        });
        let mut config = crm_controller::Config::new(&identity, OPERATOR_NAMESPACE);
        (config.lease_duration, config.renew_interval) = stage.lease;
        let client = self.planted.on_api(&identity, stage.cluster.client(&identity));
        let post = Arc::new(ControllerPost {
            receiver: stage.receiver.clone(),
            identity: identity.clone(),
            lives: stage.lives.clone(),
            points: Arc::clone(&stage.points),
        });
        let controller = Controller::new(config, client, connect, post, Arc::new(stage.clock));
        let (stop, told) = oneshot::channel();
        let task = tokio::spawn(controller.run_until(async {
            let _ = told.await;
        }));
        self.controllers.insert(identity.clone(), Actor { identity, task, stop: Some(stop) });
    }

    /// The process of an agent is gone.
    pub(super) fn kill_agent(&mut self, stage: &Stage, node: &str, back_after: SignedDuration) {
        let Some(actor) = self.agents.remove(node) else { return };
        stage.lives.kill(&actor.identity);
        actor.task.abort();
        stage.world.kill_agent(node);
        self.later(back_after, Due::StartAgent(node.to_owned()));
    }

    /// The process of an agent died; the service manager will start it again.
    pub(super) fn agent_died(&mut self, stage: &Stage, node: &str) {
        self.kill_agent(stage, node, AGENT_RESTARTS_AFTER);
    }

    /// A controller died; a new one will be started.
    pub(super) fn controller_died(&mut self, stage: &Stage, identity: &str) {
        let Some(actor) = self.controllers.remove(identity) else { return };
        stage.lives.kill(&actor.identity);
        actor.task.abort();
        stage.witness.with_teller(|teller, at| teller.controller_lost(at, "a controller"));
        self.later(CONTROLLER_RESTARTS_AFTER, Due::StartController);
    }

    /// Every controller but the newest is told to end, and does so by itself.
    pub(super) fn old_controllers_end(&mut self) {
        let newest = format!("{CONTROLLER_PREFIX}{}", self.controller_starts);
        for actor in self.controllers.values_mut().filter(|actor| actor.identity != newest) {
            if let Some(stop) = actor.stop.take() {
                let _ = stop.send(());
            }
        }
        self.controllers.retain(|identity, _| *identity == newest);
    }

    /// Windows goes down and takes the agent with it.
    pub(super) fn machine_down(&mut self, stage: &Stage, node: &str) {
        if let Some(actor) = self.agents.remove(node) {
            stage.lives.kill(&actor.identity);
            actor.task.abort();
        }
        self.due.retain(|_, due| *due != Due::StartAgent(node.to_owned()));
    }

    pub(super) fn machine_up(&mut self, node: &str) {
        self.later(SERVICES_START_AFTER, Due::StartAgent(node.to_owned()));
    }

    /// Names of the machines.
    pub(super) fn start_everybody(&mut self, stage: &Stage) {
        for server in &stage.file.scenario.spec.servers {
            self.start_agent(stage, &server.name);
        }
        self.start_controller(stage);
        let names: Vec<&str> = stage.file.scenario.spec.servers.iter().map(|server| server.name.as_str()).collect();
        let why = format!(
            "{}: {} on {}; SQL Server {}",
            stage.file.name(),
            stage.file.site.spec.version,
            names.join(" and "),
            stage.file.scenario.spec.sql_server.name
        );
        stage.witness.note(None, What::Begins, &why);
        for other in &stage.file.others {
            let stranger = if other.managed { "" } else { ", which the operator does not know" };
            let why = format!("{}{stranger}; database {}", other.site.spec.version, other.site.spec.database.name);
            stage.witness.with_teller(|teller, at| teller.note_at(other.site_name(), at, What::Begins, &why));
        }
    }
}
