//! The controller: observe, validate, plan, apply, report.
//!
//! Start reading at `reconcile`, which is one round on one site. `observe` is the only reader and `apply` the only
//! writer (`claims` is its last look, `events` and `unreadable` publish what people read, `leadership` keeps the Lease); every decision is
//! `crm_plan::plan`. Around that: `work` is the loop of one term of leadership, fed by `watches` through `queue`;
//! `tasks` are the steps that the controller does itself (`backup_task`, `setting_task`; `notice_task` posts to the
//! `webhook` of a site); `connection` leads from a site
//! to its database; `limits` holds every number.
//!
//! Dropping the future of [`Controller::run`] kills the controller at whatever point it is, as a power cut would:
//! nothing is detached, nothing is tidied up. That is always harmless, because nothing is remembered that is not in an
//! object or readable again.

mod apply;
mod backup_task;
mod call;
mod claims;
mod connection;
mod context;
mod events;
mod leadership;
mod limits;
mod notice_task;
mod observe;
mod queue;
mod raw;
mod reconcile;
mod restore_task;
mod restore_test_task;
mod setting_task;
mod sketch;
mod tasks;
mod unreadable;
mod validate;
mod watches;
pub mod webhook;
mod work;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use crm_api::clock::Clock;
use crm_database::Connect;
use kube::Client;

use crate::context::Context;
use crate::leadership::Election;
use crate::webhook::Post;

/// How this process takes part in leader election.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Name of this process; no other process may use it at the same time.
    pub identity: String,
    /// Namespace of the Lease: the operator's own. A stop in it stands over all sites.
    pub lease_namespace: String,
    /// Name of the Lease.
    pub lease_name: String,
    /// How long a leader may stay silent before another takes over. It stops writing itself after two thirds of it.
    pub lease_duration: Duration,
    /// How often the leader renews, and how often the others look. A small part of the duration: a renewal must be able
    /// to fail more than once before the term ends.
    pub renew_interval: Duration,
}

impl Config {
    /// The usual times: those of Kubernetes' own controllers.
    #[must_use]
    pub fn new(identity: &str, namespace: &str) -> Self {
        Self {
            identity: identity.to_owned(),
            lease_namespace: namespace.to_owned(),
            lease_name: crm_api::CONTROLLER.to_owned(),
            lease_duration: Duration::from_secs(15),
            renew_interval: Duration::from_secs(2),
        }
    }
}

/// The controller of all sites.
pub struct Controller {
    config: Config,
    client: Client,
    connect: Arc<dyn Connect>,
    post: Arc<dyn Post>,
    clock: Arc<dyn Clock>,
}

impl Controller {
    /// A controller behind these edges. Nothing happens before [`Self::run`].
    #[must_use]
    pub fn new(
        config: Config,
        client: Client,
        connect: Arc<dyn Connect>,
        post: Arc<dyn Post>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { config, client, connect, post, clock }
    }

    /// Waits for leadership and works while it lasts, again and again, for ever.
    ///
    /// Several may run at once, even two that both believe they lead: see `leadership`.
    pub async fn run(self) {
        let mut election = Election::new(self.config.clone(), &self.client, Arc::clone(&self.clock));
        loop {
            let mut reign = election.win().await;
            let term = reign.term();
            tracing::info!(epoch = term.epoch(), identity = self.config.identity, "leading");
            let context = Context {
                client: self.client.clone(),
                connect: Arc::clone(&self.connect),
                post: Arc::clone(&self.post),
                clock: Arc::clone(&self.clock),
                term,
                identity: self.config.identity.clone(),
                own_namespace: self.config.lease_namespace.clone(),
                claims: tokio::sync::Mutex::new(()),
            };
            tokio::select! {
                biased;
                () = election.keep(&mut reign) => tracing::info!("following"),
                stop = work::work(context) => {
                    tracing::warn!(?stop, "this term ends early; a new one begins");
                    tokio::time::sleep(self.config.renew_interval).await;
                }
            }
        }
    }
}
