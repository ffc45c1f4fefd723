//! What the operator is measured against: a plain `Controller` of kube that does nothing, and beside it the reflectors, with
//! their defaults, of all other kinds that the operator reads: nodes, changes, decisions, backups, releases. Signs of life
//! and Secrets, which the operator reads too, are left out: a cache of them would only grow.

use std::convert::Infallible;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use crm_api::{CrmBackup, CrmChange, CrmDecision, CrmNode, CrmRelease, CrmSite};
use crm_process::cluster::{self, ClusterFlags};
use futures::StreamExt as _;
use futures::future::BoxFuture;
use kube::{Api, Client};
use kube_runtime::controller::Action;
use kube_runtime::reflector::store::Writer;
use kube_runtime::{Controller, WatchStreamExt as _, reflector, watcher};

#[derive(Parser)]
struct Arguments {
    /// The way to the cluster
    #[arg(long)]
    kubeconfig: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    crm_process::start::choose_cryptography();
    // As many threads as the operator has.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let ended = runtime.context("no threads").and_then(|runtime| runtime.block_on(run(arguments)));
    match ended {
        Ok(never) => match never {},
        Err(error) => {
            crm_process::exit::end("crm-scale-reflectors", Err(crm_process::exit::Failure::Broken(error.to_string())))
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<Infallible> {
    let start_patience = Duration::from_secs(15);
    let flags = ClusterFlags { kubeconfig: Some(arguments.kubeconfig), context: None, start_patience };
    let client = Client::try_from(cluster::configured(&flags).await?)?;
    let caches: [BoxFuture<'static, ()>; 5] = [
        cache::<CrmNode>(&client),
        cache::<CrmChange>(&client),
        cache::<CrmDecision>(&client),
        cache::<CrmBackup>(&client),
        cache::<CrmRelease>(&client),
    ];
    let sites: Api<CrmSite> = Api::all(client);
    let nothing = |_: Arc<CrmSite>, _: Arc<()>| async { Ok::<Action, Infallible>(Action::await_change()) };
    let controller = Controller::new(sites, watcher::Config::default())
        .run(nothing, |_, error: &Infallible, _| match *error {}, Arc::new(()))
        .for_each(|_| std::future::ready(()));
    futures::future::join(controller, futures::future::join_all(caches)).await;
    anyhow::bail!("the watches have ended")
}

/// All objects of a kind, kept as they come.
fn cache<K>(client: &Client) -> BoxFuture<'static, ()>
where
    K: kube::Resource<DynamicType = ()> + Clone + std::fmt::Debug + serde::de::DeserializeOwned + Send + Sync + 'static,
{
    let writer = Writer::<K>::default();
    let stream = reflector(writer, watcher(Api::<K>::all(client.clone()), watcher::Config::default()));
    Box::pin(stream.default_backoff().for_each(|_| std::future::ready(())))
}
