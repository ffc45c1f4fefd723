//! One process with everything of a fleet that is no Kubernetes: for each site a simulated world with its servers and its
//! database, on real time, and on each server the shipping agent with the identity of that server.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use crm_agent::Agent;
use crm_database::{Connect, Credentials, DatabaseError, SqlServer, Target};
use crm_process::WallClock;
use crm_sandbox::world::World;
use futures::future::BoxFuture;
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::config::AuthInfo;
use kube::{Api, Client};
use tokio::net::TcpListener;

use crate::{cluster, fleet};

/// Identities that are asked for at once.
const AT_ONCE: usize = 8;
/// Servers are switched on one after the other: nobody starts thousands in one moment.
const BETWEEN_STARTS: Duration = Duration::from_millis(10);

/// Builds the worlds, says where their SQL Servers are, starts the agents, and stays.
///
/// # Errors
/// When the cluster does not know the servers, or nobody can come in any more.
pub(crate) async fn run(kubeconfig: &Path, sites: usize) -> anyhow::Result<()> {
    let config = cluster::config(kubeconfig).await?;
    let admin = Client::try_from(config.clone())?;
    let mut servers = Servers::default();
    let mut hosts = Vec::new();
    for number in 1..=sites {
        let file = fleet::site(number, Timestamp::now())?;
        let login = Credentials::new(fleet::LOGIN.0.to_owned(), fleet::LOGIN.1.to_owned());
        let world = World::new(&file.scenario, &file.site, &file.releases, login, u64::try_from(number)?)?;
        world.start();
        for server in fleet::servers(number) {
            let host = world.host(&server).with_context(|| format!("no machine {server}"))?;
            hosts.push((server, host));
        }
        servers.0.insert(file.site.spec.database.server.clone(), world);
    }
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("sql {}", listener.local_addr()?);
    let serving = tokio::spawn(crm_scale::sql::serve(listener, Arc::new(servers)));
    let identities: Vec<(String, String)> = futures::stream::iter(hosts.iter())
        .map(|(server, _)| identity(&admin, server))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    for ((server, host), (account, token)) in hosts.into_iter().zip(identities) {
        let mut own = config.clone();
        own.auth_info = AuthInfo { token: Some(token.into()), ..AuthInfo::default() };
        let client = Client::try_from(own)?;
        let config = crm_agent::Config {
            node: server,
            namespace: fleet::NAMESPACE.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            account,
        };
        tokio::spawn(Agent::new(config, Arc::new(host), client, Arc::new(WallClock)).run());
        tokio::time::sleep(BETWEEN_STARTS).await;
    }
    println!("agents started");
    Ok(serving.await??)
}

/// The uid of a server's account, and a token of it. The program `crm-agent` has both from its bootstrap file.
async fn identity(admin: &Client, server: &str) -> anyhow::Result<(String, String)> {
    let account = crm_api::node_account(server);
    let found = Api::<ServiceAccount>::namespaced(admin.clone(), fleet::NAMESPACE).get(&account).await?;
    let token = cluster::token(admin, fleet::NAMESPACE, account).await?;
    Ok((found.metadata.uid.context("an account without uid")?, token))
}

/// The SQL Servers of the fleet by their names.
#[derive(Default)]
struct Servers(BTreeMap<String, World>);

impl Connect for Servers {
    fn connect(
        &self,
        target: Target,
        credentials: Credentials,
    ) -> BoxFuture<'_, Result<Arc<dyn SqlServer>, DatabaseError>> {
        match self.0.get(&target.server) {
            Some(world) => {
                let sql = world.sql();
                Box::pin(async move { sql.connect(target, credentials).await })
            }
            None => {
                let message = "no such server".to_owned();
                Box::pin(std::future::ready(Err(DatabaseError::Lost { server: target.server, message })))
            }
        }
    }
}
