//! Observe: the only reader. Everything about a site is read live in each round, so a stale or lost watch event can at worst
//! make a round late, never wrong. What a round needs to know of other sites comes from `fleet`. Reading twice is harmless.

use std::collections::BTreeSet;

use crm_api::{CrmBackup, CrmChange, CrmDecision, CrmNode, CrmRelease, CrmSite, heartbeat_lease};
use crm_database::{DatabaseError, facts};
use crm_plan::Snapshot;
use crm_plan::snapshot::{ForeignClaim, NodeView};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::ApiResource;
use kube::core::ObjectMeta;

use crate::call::{CallError, call, list};
use crate::connection::{ConnectionError, Open as _, SiteDatabase};
use crate::context::Context;
use crate::fleet;
use crate::limits::DATABASE_READ;
use crate::queue::SiteKey;
use crate::raw;
use crate::sketch::{OpenChange, Sketch};
use crate::tasks::{KnownTask, deliveries_of, states_of};
use crate::validate::{Malformed, Observed, parse_all};

/// Changes that are not over. Their number grows with what is under way, not with what has ever been.
const OPEN_CHANGES: &str = "status.phase!=Succeeded,status.phase!=Failed,status.phase!=Superseded";
/// A stop names no site.
const STOPS: &str = "spec.word=Stop";

/// Error number of SQL Server: it does not know the login, or not with this password.
const LOGIN_FAILED: i32 = 18456;
/// Error number of SQL Server: no such database, or none for this login.
const CANNOT_OPEN: i32 = 4060;

/// Why a site could not be looked at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ObserveError {
    /// A call failed: half a picture is none.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The site itself does not parse, so that nothing else about it is known.
    #[error("{0}")]
    Site(Malformed),
}

/// Looks at everything that decisions about one site need; `None` if the site is gone.
///
/// # Errors
/// When a call fails or the site does not parse.
pub(crate) async fn observe(
    context: &Context,
    key: &SiteKey,
    tasks: &[KnownTask],
) -> Result<Option<Observed>, ObserveError> {
    let (client, namespace) = (&context.client, key.namespace.as_str());
    let Some(found) = raw::get::<CrmSite>(client, "read the site", namespace, &key.name).await? else {
        return Ok(None);
    };
    let site: CrmSite = found.parse().map_err(ObserveError::Site)?;
    let (mut blocking, mut ignored) = (Vec::new(), Vec::new());

    let own = format!("spec.site={}", key.name);
    let releases = parse_all(&raw::list::<CrmRelease>(client, "list releases", None, "").await?, &mut ignored);
    let found = raw::list::<CrmChange>(client, "list changes of the site", Some(namespace), &own).await?;
    let mut changes: Vec<CrmChange> = parse_all(&found, &mut blocking);
    changes.sort_by_key(|change| age(&change.metadata));
    let named = node_names(&site, &changes);
    let mut left = context.fleet().nodes_asked(key);
    left.retain(|node| !named.contains(node));
    let mut views = nodes(context, &named, namespace, &mut blocking).await?;
    views.extend(nodes(context, &left, namespace, &mut ignored).await?);
    let found = raw::list::<CrmBackup>(client, "list backups of the site", Some(namespace), &own).await?;
    let mut backups: Vec<CrmBackup> = parse_all(&found, &mut blocking);
    backups.sort_by_key(|backup| age(&backup.metadata));
    let decisions = decisions(context, key, &own, &mut ignored).await?;
    let database = database(context, &site).await?;
    let (foreign_claims, same_database) = {
        let (fleet, declared) = (context.fleet(), &site.spec.database);
        (fleet.foreign_claims(key), fleet.same_database(key, &declared.server, &declared.name))
    };

    let mut snapshot = Snapshot {
        site,
        nodes: views,
        releases,
        changes,
        backups,
        decisions,
        database,
        foreign_claims,
        same_database,
        tasks: Vec::new(),
        deliveries: deliveries_of(tasks),
        epoch: context.term.epoch(),
    };
    snapshot.tasks = states_of(tasks, snapshot.open_change());
    Ok(Some(Observed { snapshot, blocking, ignored }))
}

/// Oldest first; the name decides between objects of one second.
fn age(metadata: &ObjectMeta) -> (Option<Timestamp>, Option<String>) {
    (metadata.creation_timestamp.as_ref().map(|at| at.0), metadata.name.clone())
}

/// What people said about this site, and the stops that stand over it: those of its namespace and of the operator's own.
async fn decisions(
    context: &Context,
    key: &SiteKey,
    own: &str,
    ignored: &mut Vec<Malformed>,
) -> Result<Vec<CrmDecision>, CallError> {
    let in_namespace = async |what, namespace: &str, fields: &str| {
        raw::list::<CrmDecision>(&context.client, what, Some(namespace), fields).await
    };
    let mut raws = in_namespace("list decisions about the site", &key.namespace, own).await?;
    raws.extend(in_namespace("list stops", &key.namespace, STOPS).await?);
    if context.own_namespace != key.namespace {
        raws.extend(in_namespace("list stops of all sites", &context.own_namespace, STOPS).await?);
    }
    let mut decisions: Vec<CrmDecision> = parse_all(&raws, ignored);
    decisions.sort_by_key(|decision| age(&decision.metadata));
    Ok(decisions)
}

/// The nodes that the site names, those of its open changes, since a node that has left the declaration in mid-change may
/// still have something to undo, and those that carry what was taken out of the declaration.
fn node_names(site: &CrmSite, changes: &[CrmChange]) -> BTreeSet<String> {
    let is_open = |change: &&CrmChange| !change.status.as_ref().is_some_and(|status| status.phase.is_over());
    let ordered =
        changes.iter().filter(is_open).flat_map(|change| &change.spec.steps).filter_map(|step| step.node.clone());
    let status = site.status.iter();
    let proven = status.clone().flat_map(|status| &status.verified).flat_map(|verified| &verified.components);
    let placed = site.spec.components.iter().chain(proven).flat_map(|placed| placed.nodes.iter().cloned());
    let orphaned = status.flat_map(|status| &status.orphaned).map(|orphan| orphan.node.clone());
    placed.chain(ordered).chain(orphaned).collect()
}

/// The nodes of these names, in their order; those that do not exist are left out.
async fn nodes(
    context: &Context,
    names: &BTreeSet<String>,
    namespace: &str,
    aside: &mut Vec<Malformed>,
) -> Result<Vec<NodeView>, CallError> {
    let leases: Api<Lease> = Api::namespaced(context.client.clone(), namespace);
    let mut views = Vec::new();
    for name in names {
        // The sign of life first: read after the facts, it could vouch for facts that were already older.
        let lease = call("read a node's lease", leases.get_opt(&heartbeat_lease(name))).await?;
        let heartbeat = lease.and_then(|lease| lease.spec?.renew_time).map(|at| at.0);
        let found = raw::get::<CrmNode>(&context.client, "read a node", namespace, name).await?;
        match found.map(|found| found.parse::<CrmNode>()) {
            Some(Ok(node)) => views.push(NodeView { node, heartbeat }),
            Some(Err(malformed)) => aside.push(malformed),
            None => {}
        }
    }
    Ok(views)
}

/// Who else holds, or waits for, any of these claims at this moment: a live look, unlike that of `fleet`.
///
/// # Errors
/// When it cannot be seen.
pub(crate) async fn foreign_claims(
    context: &Context,
    key: &SiteKey,
    claims: &[&String],
) -> Result<Vec<ForeignClaim>, CallError> {
    let api: Api<Sketch> = Api::all_with(context.client.clone(), &ApiResource::erase::<CrmChange>(&()));
    let (found, _) = list("list open changes for their claims", &api, OPEN_CHANGES).await?;
    let mut open = Vec::new();
    for change in found.iter().filter_map(Sketch::open_change) {
        let wants = change.held.iter().chain(&change.wanted).any(|claim| claims.contains(&claim));
        // A change whose site is gone is at work on nothing.
        if change.site.as_ref() != Some(key) && wants && is_there(context, &change).await? {
            open.push(change);
        }
    }
    Ok(fleet::claims_of(open.iter()))
}

/// Whether the site of a change is still there; one that cannot be told is.
async fn is_there(context: &Context, change: &OpenChange) -> Result<bool, CallError> {
    let (Some(site), Some(uid)) = (&change.site, &change.site_uid) else { return Ok(true) };
    let what = "read the site of another change";
    let found = raw::get::<CrmSite>(&context.client, what, &site.namespace, &site.name).await?;
    Ok(found.is_some_and(|found| found.uid() == uid))
}

/// The facts of the database, or a sentence on why there are none. That it cannot be read is a fact of its own; only an
/// API server that does not answer ends the round.
async fn database(
    context: &Context,
    site: &CrmSite,
) -> Result<Result<crm_api::database::DatabaseFacts, String>, CallError> {
    let sql = match (SiteDatabase { context, site }).open().await {
        Ok(sql) => sql,
        Err(ConnectionError::Call(error)) => return Err(error),
        Err(error @ ConnectionError::Secret(_)) => {
            return Ok(Err(format!("spec.database.credentialsRef: {error}")));
        }
        Err(ConnectionError::Database(error)) => return Ok(Err(said_by_server(site, &error))),
    };
    let reading = facts::read(&sql, &site.spec, context.clock.now());
    Ok(match tokio::time::timeout(DATABASE_READ, reading).await {
        Ok(read) => read.map_err(|error| error.to_string()),
        Err(_) => Err(format!(
            "database {} on {} did not answer all questions within {} seconds",
            site.spec.database.name,
            site.spec.database.server,
            DATABASE_READ.as_secs()
        )),
    })
}

/// What SQL Server said when it did not let us in, with the field that is to be looked at.
fn said_by_server(site: &CrmSite, error: &DatabaseError) -> String {
    let database = &site.spec.database;
    match error {
        DatabaseError::Refused { number: LOGIN_FAILED, .. } => format!(
            "spec.database.credentialsRef: {error} Write the login and its present password into Secret {}; it is read again at every look",
            database.credentials_ref.name
        ),
        DatabaseError::Refused { number: CANNOT_OPEN, .. } => format!(
            "spec.database.name: {error} See that {} has a database {:?} and that the login may use it",
            database.server, database.name
        ),
        DatabaseError::Lost { .. } => {
            format!("spec.database.server: {error}; see that this host is right and can be reached from the cluster")
        }
        DatabaseError::Refused { .. } | DatabaseError::Unexpected { .. } => error.to_string(),
    }
}
