//! The controller: observe, validate, plan, apply, report.
//!
//! Start reading at `reconcile`, which is one round on one site. `observe` is the only reader and `apply` the only
//! writer (`claims` is its last look, `events` and `unreadable` publish what people read, `leadership` keeps the Lease); every decision is
//! `crm_plan::plan`. Around that: `work` is the loop of one term of leadership, fed by `watches` through `queue`; `fleet` keeps
//! what they show;
//! `tasks` are the steps that the controller does itself (`backup_task`, `setting_task`; `notice_task` posts to the
//! `webhook` of a site); `connection` leads from a site
//! to its database; `limits` holds every number; `signs` shows the loop to whoever looks
//! after the process.
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
mod fleet;
mod leadership;
mod limits;
mod notice_task;
mod observe;
mod ordered;
#[cfg(feature = "program")]
pub mod program;
mod queue;
mod raw;
mod reconcile;
mod restore_task;
mod restore_test_task;
mod setting_task;
mod signs;
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
use crm_api::pace::{Jitter, Pace};
use crm_database::Connect;
use kube::Client;

use crate::context::Context;
use crate::leadership::Election;
use crate::signs::Signs;
use crate::webhook::Post;

pub use crate::signs::{Outcome, Sign, Watcher};

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
    /// The usual times: shorter than those of Kubernetes' own controllers (15 s), so that after a kill the next leader has
    /// acted within 15 s. A leader that is deposed by a slow API server loses nothing.
    #[must_use]
    pub fn new(identity: &str, namespace: &str) -> Self {
        Self {
            identity: identity.to_owned(),
            lease_namespace: namespace.to_owned(),
            lease_name: crm_api::CONTROLLER.to_owned(),
            lease_duration: Duration::from_secs(10),
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
    signs: Signs,
    pace: Pace,
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
        Self { config, client, connect, post, clock, signs: Signs::default(), pace: Pace::default() }
    }

    /// Shows what the loop sees and does to somebody who looks after the process.
    #[must_use]
    pub fn watched_by(self, watcher: Arc<dyn Watcher>) -> Self {
        Self { signs: Signs::to(watcher), ..self }
    }

    /// Lets chance into the waits after failures.
    #[must_use]
    pub fn spread_by(self, jitter: Arc<dyn Jitter>) -> Self {
        Self { pace: Pace::with(jitter), ..self }
    }

    /// Waits for leadership and works while it lasts, again and again, for ever.
    ///
    /// Several may run at once, even two that both believe they lead: see `leadership`.
    pub async fn run(self) {
        self.run_until(std::future::pending()).await;
    }

    /// The same until somebody says stop. Then no more work is begun, what is under way is dropped, and the Lease is given
    /// back, so that the next controller need not wait for the end of the term.
    pub async fn run_until(self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let (signs, pace) = (self.signs.clone(), self.pace.clone());
        let mut election = Election::new(self.config.clone(), &self.client, Arc::clone(&self.clock), signs, pace);
        loop {
            let mut reign = tokio::select! {
                biased;
                () = &mut stop => return,
                reign = election.win() => reign,
            };
            let term = reign.term();
            tracing::info!(epoch = term.epoch(), identity = self.config.identity, "leading");
            tokio::select! {
                biased;
                () = &mut stop => {
                    election.give_back(reign).await;
                    self.signs.show(Sign::Deposed);
                    return;
                }
                () = election.keep(&mut reign) => tracing::info!("following"),
                ended = work::work(self.context(term)) => {
                    tracing::warn!(?ended, "this term ends early; a new one begins");
                    tokio::time::sleep(self.config.renew_interval).await;
                }
            }
            self.signs.show(Sign::Deposed);
        }
    }

    fn context(&self, term: leadership::Term) -> Context {
        Context {
            client: self.client.clone(),
            connect: Arc::clone(&self.connect),
            post: Arc::clone(&self.post),
            clock: Arc::clone(&self.clock),
            signs: self.signs.clone(),
            pace: self.pace.clone(),
            term,
            identity: self.config.identity.clone(),
            own_namespace: self.config.lease_namespace.clone(),
            claims: tokio::sync::Mutex::new(()),
            fleet: std::sync::Mutex::new(fleet::Fleet::new(&self.config.lease_namespace)),
        }
    }
}
