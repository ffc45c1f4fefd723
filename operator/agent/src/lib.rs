//! The agent of one Windows server: looks at its machine, carries out the orders for it, and reports both.
//!
//! It reads its own `CrmNode`, writes that object's status and its sign of life, and meets nobody else. It knows no
//! product: probes and actions are one closed language (`crm_api::order`), and what follows from what is decided in
//! `crm_plan::carry_out`, which is pure. Where to find what, by the five verbs:
//!
//! - observe: `observe.rs` (a probe, an answer), `files.rs` (how far an action on files is);
//! - validate: `spec.rs` (what the object asks for, read leniently), `owner.rs` (whether the node is this machine);
//! - plan: `crm_plan::carry_out`;
//! - act: `turn.rs` (the loop that carries out orders), `act.rs` (one action), `journal.rs` (what was begun);
//! - report: `round.rs` (the loop that looks and reports), `report.rs`, `limits.rs` (what fits into a status); `shown.rs` (the log).
//!
//! [`text`] reads what other programs wrote. `link.rs` is the only file that talks to Kubernetes, [`host`] the only way
//! to the machine. Dropping the future of
//! [`Agent::run`] kills the agent as a whole; a program that it started runs on.

mod act;
mod bring_back;
mod file_list;
mod files;
pub mod host;
mod journal;
mod limits;
mod link;
mod observe;
mod owner;
#[cfg(feature = "program")]
pub mod program;
mod report;
mod round;
mod shown;
mod spec;
#[cfg(test)]
mod tests;
pub mod text;
mod turn;

use std::sync::Arc;

use crm_api::clock::Clock;
use crm_api::pace::{Jitter, Pace};
use kube::Client;
use tokio::sync::watch;
use tracing::Instrument as _;

use host::Host;
use link::Link;
use owner::Me;
use round::{About, Eye};
use turn::Progress;

pub use owner::Standing;

/// Who the agent is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Name of its `CrmNode`.
    pub node: String,
    /// Namespace of that object and of the sign of life.
    pub namespace: String,
    /// Version of the agent, as it reports it.
    pub version: String,
    /// Uid of the ServiceAccount as which it speaks; empty where it speaks as somebody else.
    pub account: String,
}

/// Is told what concerns those who watch over the process.
pub trait Watcher: Send + Sync {
    /// Whose the node is, by its object.
    fn saw(&self, standing: Standing);
}

/// Nobody watches.
struct Nobody;

impl Watcher for Nobody {
    fn saw(&self, _: Standing) {}
}

/// The agent of one machine.
pub struct Agent {
    config: Config,
    host: Arc<dyn Host>,
    client: Client,
    clock: Arc<dyn Clock>,
    watcher: Arc<dyn Watcher>,
    pace: Pace,
}

impl Agent {
    /// An agent that has not begun yet.
    #[must_use]
    pub fn new(config: Config, host: Arc<dyn Host>, client: Client, clock: Arc<dyn Clock>) -> Self {
        Self { config, host, client, clock, watcher: Arc::new(Nobody), pace: Pace::default() }
    }

    /// The same, watched over.
    #[must_use]
    pub fn watched_by(self, watcher: Arc<dyn Watcher>) -> Self {
        Self { watcher, ..self }
    }

    /// Lets chance into the waits after failures: a thousand agents do not come back to their API server in step.
    #[must_use]
    pub fn spread_by(self, jitter: Arc<dyn Jitter>) -> Self {
        Self { pace: Pace::with(jitter), ..self }
    }

    /// Runs until it is dropped. Everything it does is in this one future: nothing of it lives on, except a program that
    /// was started, and the journal that knows of it.
    pub async fn run(self) {
        let Self { config, host, client, clock, watcher, pace } = self;
        let span = tracing::info_span!("agent", node = config.node);
        let me = me(&*host, config.account).instrument(span.clone()).await;
        let link = Link::new(client, &config.namespace, &config.node);
        let (spec_sender, spec) = watch::channel(None);
        let (progress_sender, progress) = watch::channel(Progress::Unknown);
        let about = About { version: config.version, me: me.clone(), watcher };
        let eye = Eye::new(Arc::clone(&host), Arc::clone(&clock), link.clone(), about, pace.clone());
        let follow = link.follow(&spec_sender, &pace);
        let carry_out = turn::carry_out_orders(host, clock, me, spec.clone(), progress_sender);
        let look = eye.look_and_report(spec, progress);
        futures::future::join3(follow, carry_out, look).instrument(span).await;
    }
}

async fn me(host: &dyn Host, account: String) -> Me {
    let machine = host.machine_id().await.unwrap_or_else(|error| {
        tracing::error!(%error, "this machine cannot be told from a copy of it, so it carries out no orders");
        String::new()
    });
    Me { machine, account }
}
