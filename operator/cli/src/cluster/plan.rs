//! `plan SITE`: the plan of a site of the cluster, from the same objects that the controller reads.

use crm_api::{CrmBackup, CrmChange, CrmDecision, CrmRelease};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::ListParams;

use super::read;
use crate::arguments::PlanArguments;
use crate::connection::refused;
use crate::manifests::Manifests;
use crate::{Connection, Exit, Failure, Streams, snapshot};

/// Runs `plan` on a cluster.
///
/// # Errors
/// When there is no such site, the cluster does not answer, or the output ends.
pub async fn plan(connection: &Connection, wanted: &PlanArguments, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let name = wanted.site.as_deref().unwrap_or_default();
    let here = Some(connection.namespace.as_str());
    let site = read::site(connection, name).await?;
    let releases: Api<CrmRelease> = Api::all(connection.client.clone());
    let releases = releases.list(&ListParams::default()).await.map_err(|error| refused("list releases", &error))?;
    let manifests = Manifests {
        sites: vec![site],
        nodes: read::nodes(connection).await?,
        releases: releases.items,
        // Claims of other sites hold everywhere.
        changes: read::list::<CrmChange>(connection, "list changes", None).await?,
        backups: read::list::<CrmBackup>(connection, "list backups", here).await?,
        decisions: read::list::<CrmDecision>(connection, "list decisions", here).await?,
        leases: read::list::<Lease>(connection, "list signs of life", here).await?,
        ..Manifests::default()
    };
    let now = wanted.now.or_else(|| Some(connection.clock.now()));
    let seen = snapshot::snapshot(&manifests, Some(name), now).map_err(Failure::Input)?;
    crate::plan::print(&seen, wanted, streams)
}
