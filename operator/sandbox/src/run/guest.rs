//! Somebody from outside who enters the simulated cluster while a story runs: a person at a second command line, or a
//! test that tries what a person could do there.

use std::sync::Arc;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use super::{Cue, Stage};
use crate::clock::SimClock;
use crate::cluster::Cluster;
use crate::edge::Lives;
use crate::witness::Witness;
use crate::world::World;

/// What a guest does. A run is over only when its guest has left.
pub type Guest<'a> = Box<dyn FnOnce(Entrance) -> LocalBoxFuture<'a, ()> + 'a>;

/// How often a guest looks whether something is as they wait for it, in simulated time.
const LOOKS_EVERY: Duration = Duration::from_secs(5);

/// The way in.
#[derive(Clone)]
pub struct Entrance {
    cluster: Cluster,
    world: World,
    clock: SimClock,
    site: (String, String),
    witness: Witness,
    lives: Lives,
    cue: UnboundedSender<Cue>,
}

impl Entrance {
    pub(super) fn into_stage(stage: &Stage) -> Self {
        Self {
            cluster: stage.cluster.clone(),
            world: stage.world.clone(),
            clock: stage.clock,
            site: (stage.file.namespace().to_owned(), stage.file.site_name().to_owned()),
            witness: stage.witness.clone(),
            lives: stage.lives.clone(),
            cue: stage.cue.clone(),
        }
    }

    /// A client of the simulated API, under a name of one's own.
    #[must_use]
    pub fn client(&self, identity: &str) -> kube::Client {
        self.cluster.client(identity)
    }

    /// The simulated cluster.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The machines and the SQL Server.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The simulated clock.
    #[must_use]
    pub fn clock(&self) -> SimClock {
        self.clock
    }

    /// The site of the scenario, as the API has it.
    #[must_use]
    pub fn site(&self) -> Arc<Value> {
        let (namespace, name) = &self.site;
        self.cluster.get("CrmSite", namespace, name).unwrap_or_default()
    }

    /// The open or last change of that site, as the API has it; null where there was none.
    #[must_use]
    pub fn change(&self) -> Arc<Value> {
        let name = self.site()["status"]["change"].as_str().unwrap_or_default().to_owned();
        self.cluster.get("CrmChange", &self.site.0, &name).unwrap_or_default()
    }

    /// Who holds the controller's lease.
    #[must_use]
    pub fn leader(&self) -> Option<String> {
        self.witness.notes().leader.clone()
    }

    /// Kills the controller of that name at this moment, as `kill -9` does. Another one is started as Kubernetes does it.
    pub fn kill_controller(&self, identity: &str) {
        self.lives.kill(identity);
        let _ = self.cue.send(Cue::ControllerDies(identity.to_owned()));
    }

    /// Kills the agent of that node. Windows' service manager starts it again.
    pub fn kill_agent(&self, node: &str) {
        let _ = self.cue.send(Cue::AgentDies(node.to_owned()));
    }

    /// Starts one more controller beside those that are there.
    pub fn start_controller(&self) {
        let _ = self.cue.send(Cue::ControllerStarts);
    }

    /// Puts a new controller in the place of those that are there, as a new version is rolled out: it is started first, and
    /// then the others are told to end.
    pub fn roll_out(&self) {
        let _ = self.cue.send(Cue::ControllerStarts);
        let _ = self.cue.send(Cue::OldControllersEnd);
    }

    /// Waits until something is so. It does not give up: the run does, after its longest simulated time.
    pub async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        while !is_so(self) {
            tokio::time::sleep(LOOKS_EVERY).await;
        }
    }
}
