//! The program `crm-operator`: real edges behind the ports of the loop, and what a process owes to those who run it.
//!
//! - [`Flags`]: configuration, from flags or environment;
//! - `vitals`: metrics, readiness and liveness, from the signs of the loop; `numbers` are the metrics themselves;
//! - `post`: the way to webhooks. The way to SQL Server is `crm_database::wire`.

mod flags;
mod numbers;
mod post;
mod vitals;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{CommandFactory as _, Parser as _};
use crm_database::Connect;
use crm_database::wire::Wire;
use crm_process::chance::Chance;
use crm_process::exit::{self, Failure};
use crm_process::requests::Counted;
use crm_process::{WallClock, cluster, endpoints, start, stop};
use kube::{Client, Resource as _};

use crate::Controller;

pub use flags::Flags;
use post::Webhooks;
use vitals::Vitals;

/// Name of the program.
pub const NAME: &str = "crm-operator";
/// Its version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Reads flags and environment, and runs until it is told to end.
#[must_use]
pub fn main() -> ExitCode {
    let flags = Flags::parse();
    let wire = flags.authorities().map(|authorities| Arc::new(Wire::trusting(authorities)) as Arc<dyn Connect>);
    exit::end(NAME, wire.and_then(|wire| run(&flags, wire)))
}

/// The same program with whatever is given behind its port to SQL Server. Measurements have no SQL Server, and shall measure
/// everything else as it ships.
///
/// # Errors
/// When flags do not fit together, or the program cannot go on.
pub fn run(flags: &Flags, connect: Arc<dyn Connect>) -> Result<(), Failure> {
    flags.judged().and_then(|()| start::run(&flags.log, NAME, operate(flags, connect)))
}

/// Its flags as a table of a guide.
#[must_use]
pub fn flags_table() -> String {
    crm_process::flags::table(&Flags::command())
}

/// Its metrics as a table of a guide.
#[must_use]
pub fn metrics_table() -> String {
    numbers::Numbers::new(VERSION).0.table()
}

async fn operate(flags: &Flags, connect: Arc<dyn Connect>) -> Result<(), Failure> {
    // From here on it is listened to: as the first process of a container it would otherwise be deaf to SIGTERM.
    let mut end = tokio::spawn(stop::told());
    let connection = cluster::configured(&flags.cluster).await?;
    let url = connection.cluster_url.clone();
    let config = flags.election(&connection.default_namespace);
    let (vitals, requests) = Vitals::new(VERSION, config.lease_duration);
    let vitals = Arc::new(vitals);
    let client = cluster::client(connection, &Counted::by(Arc::new(requests)))?;
    let listener = endpoints::listen(flags.listen).await?;
    tokio::spawn(endpoints::serve(listener, vitals.clone()));
    tracing::info!(version = VERSION, identity = config.identity, listen = %flags.listen, "{NAME} starts");
    tokio::select! {
        biased;
        _ = &mut end => return Ok(()),
        met = meet(&client, &url, flags.cluster.start_patience) => met?,
    }
    let controller = Controller::new(config, client, connect, Arc::new(Webhooks::default()), Arc::new(WallClock))
        .watched_by(vitals.clone())
        .spread_by(Arc::new(Chance));
    let told_to_end = async {
        match end.await {
            Ok(Ok(by)) => tracing::info!(by, "told to end"),
            // Without signals it ends as it would with a power cut, which is harmless too.
            Ok(Err(_)) | Err(_) => std::future::pending().await,
        }
    };
    // The heart beats in the task of the loop: a loop that blocks its thread stops it.
    tokio::select! {
        () = controller.run_until(told_to_end) => Ok(()),
        never = vitals.beat.go_on() => match never {},
    }
}

async fn meet(client: &Client, url: &http::Uri, patience: Duration) -> Result<(), Failure> {
    cluster::meet(client, url, patience).await?;
    let kinds = [
        crm_api::CrmSite::plural(&()),
        crm_api::CrmNode::plural(&()),
        crm_api::CrmRelease::plural(&()),
        crm_api::CrmChange::plural(&()),
        crm_api::CrmBackup::plural(&()),
        crm_api::CrmDecision::plural(&()),
    ];
    cluster::definitions(client, &kinds.iter().map(AsRef::as_ref).collect::<Vec<&str>>()).await
}
