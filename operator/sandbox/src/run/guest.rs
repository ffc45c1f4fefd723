//! Somebody from outside who enters the simulated cluster while a story runs: a person at a second command line, or a
//! test that tries what a person could do there.

use std::sync::Arc;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use serde_json::Value;

use super::Stage;
use crate::clock::SimClock;
use crate::cluster::Cluster;
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
}

impl Entrance {
    pub(super) fn into_stage(stage: &Stage) -> Self {
        Self {
            cluster: stage.cluster.clone(),
            world: stage.world.clone(),
            clock: stage.clock,
            site: (stage.file.namespace().to_owned(), stage.file.site_name().to_owned()),
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

    /// Waits until something is so. It does not give up: the run does, after its longest simulated time.
    pub async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        while !is_so(self) {
            tokio::time::sleep(LOOKS_EVERY).await;
        }
    }
}
