//! Observe: the only reader. Everything is read live in each round, nothing is remembered, so a stale or lost watch
//! event can at worst make a round late, never wrong. Reading twice is harmless.

use std::collections::BTreeSet;

use crm_api::change::ChangePhase;
use crm_api::{CrmBackup, CrmChange, CrmDecision, CrmNode, CrmRelease, CrmSite, heartbeat_lease};
use crm_database::{DatabaseError, facts};
use crm_plan::Snapshot;
use crm_plan::snapshot::{ForeignClaim, NodeView, is_one_database};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::core::ObjectMeta;
use serde::Deserialize as _;

use crate::call::{CallError, call};
use crate::connection::{ConnectionError, Open as _, SiteDatabase};
use crate::context::Context;
use crate::limits::DATABASE_READ;
use crate::queue::SiteKey;
use crate::raw::{self, Raw};
use crate::tasks::{KnownTask, deliveries_of, states_of};
use crate::validate::{Malformed, Observed, parse_all};

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

    let releases = parse_all(&raw::list::<CrmRelease>(client, "list releases", None).await?, &mut ignored);
    // One live list serves both: the site's own changes, and the claims that others hold.
    let (own, others) = partition(raw::list::<CrmChange>(client, "list changes", None).await?, key);
    let mut changes: Vec<CrmChange> = parse_all(&own, &mut blocking);
    changes.sort_by_key(|change| age(&change.metadata));
    let named = node_names(&site, &changes);
    let mut left = asked_nodes(context, key).await?;
    left.retain(|node| !named.contains(node));
    let mut views = nodes(context, &named, namespace, &mut blocking).await?;
    views.extend(nodes(context, &left, namespace, &mut ignored).await?);
    let backups = raw::list::<CrmBackup>(client, "list backups", Some(namespace)).await?;
    let mut backups: Vec<CrmBackup> = parse_all(&partition(backups, key).0, &mut blocking);
    backups.sort_by_key(|backup| age(&backup.metadata));
    let decisions = decisions(context, key, &mut ignored).await?;
    let sites = raw::list::<CrmSite>(client, "list sites", None).await?;
    let same_database = same_database(&site, &sites);
    let database = database(context, &site).await?;

    let mut snapshot = Snapshot {
        site,
        nodes: views,
        releases,
        changes,
        backups,
        decisions,
        database,
        foreign_claims: claims_of(&others, &sites),
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

/// The objects of this site, and all others.
fn partition(objects: Vec<Raw>, key: &SiteKey) -> (Vec<Raw>, Vec<Raw>) {
    objects.into_iter().partition(|object| object.belongs_to(key))
}

/// What people said about this site, and the stops that stand over it: those of its namespace and of the operator's own.
async fn decisions(
    context: &Context,
    key: &SiteKey,
    ignored: &mut Vec<Malformed>,
) -> Result<Vec<CrmDecision>, CallError> {
    let said = raw::list::<CrmDecision>(&context.client, "list decisions", Some(&key.namespace)).await?;
    let about = |raw: &Raw| raw.belongs_to(key) || raw.site().is_none();
    let mut raws: Vec<Raw> = said.into_iter().filter(about).collect();
    if context.own_namespace != key.namespace {
        let own = Some(context.own_namespace.as_str());
        let said = raw::list::<CrmDecision>(&context.client, "list decisions about all sites", own).await?;
        raws.extend(said.into_iter().filter(|raw| raw.site().is_none()));
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

/// The nodes that are still asked something for this site, whether it names them or not.
async fn asked_nodes(context: &Context, key: &SiteKey) -> Result<BTreeSet<String>, CallError> {
    let all = raw::list::<CrmNode>(&context.client, "list nodes", Some(&key.namespace)).await?;
    Ok(all.iter().filter(|node| node.is_asked_by(&key.name)).map(|node| node.name().to_owned()).collect())
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

/// Claims that open changes of other sites hold at this moment.
///
/// # Errors
/// When the changes cannot be listed.
pub(crate) async fn foreign_claims(context: &Context, key: &SiteKey) -> Result<Vec<ForeignClaim>, CallError> {
    let changes = raw::list::<CrmChange>(&context.client, "list changes for their claims", None).await?;
    let sites = raw::list::<CrmSite>(&context.client, "list sites for their claims", None).await?;
    Ok(claims_of(&partition(changes, key).1, &sites))
}

/// Claims that open changes hold or wait for. Read from the raw objects: a change that does not parse, or whose phase is a word from
/// a later version, still holds what it holds. A site cannot vanish while a change keeps its users out, so a change whose
/// site is gone is at work on nothing: another site of the same name has another uid.
fn claims_of(changes: &[Raw], sites: &[Raw]) -> Vec<ForeignClaim> {
    let is_gone = |change: &Raw| change.site_uid().is_some_and(|uid| sites.iter().all(|site| site.uid() != uid));
    let mut claims = Vec::new();
    for change in changes.iter().filter(|change| !is_gone(change)) {
        let phase = change.phase().and_then(|phase| ChangePhase::deserialize(phase).ok());
        if phase.is_some_and(ChangePhase::is_over) {
            continue;
        }
        let holder = format!("{}/{}", change.namespace(), change.site().unwrap_or("an unknown site"));
        let of =
            |claim: &str, waits_since| ForeignClaim { claim: claim.to_owned(), holder: holder.clone(), waits_since };
        if change.claims_held().next().is_some() {
            claims.extend(change.claims_held().map(|claim| of(claim, None)));
        } else if let Some(since) = change.created_at() {
            claims.extend(change.claims_wanted().map(|claim| of(claim, Some(since))));
        }
    }
    claims.sort_by(|one, other| (&one.claim, &one.holder).cmp(&(&other.claim, &other.holder)));
    claims
}

/// The other sites that declare this site's database, by name. Read from the raw objects: one that does not parse may have
/// been at work on it.
fn same_database(site: &CrmSite, all: &[Raw]) -> Vec<String> {
    let own = (site.spec.database.server.as_str(), site.spec.database.name.as_str());
    let key = site.metadata.namespace.as_deref().zip(site.metadata.name.as_deref());
    let key = key.map(|(namespace, name)| format!("{namespace}/{name}")).unwrap_or_default();
    let shares = |raw: &&Raw| raw.key() != key && raw.database().is_some_and(|other| is_one_database(own, other));
    let mut others: Vec<String> = all.iter().filter(shares).map(Raw::key).collect();
    others.sort();
    others
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

#[cfg(test)]
mod tests {
    use super::{claims_of, partition};
    use crate::queue::SiteKey;
    use crate::raw::{Raw, of};
    use serde_json::json;

    fn change(namespace: &str, site: &str, status: serde_json::Value) -> Raw {
        of(&json!({
            "metadata": {"name": format!("{site}-1"), "namespace": namespace},
            "spec": {"site": site},
            "status": status,
        }))
    }

    #[test]
    fn claims_of_changes_that_are_over_are_free_and_unknown_phases_hold_on() {
        let claims = claims_of(
            &[
                change("crm", "a", json!({"phase": "Changing", "claimsHeld": ["sql1"]})),
                change("crm", "b", json!({"phase": "Succeeded", "claimsHeld": ["sql1"]})),
                change("crm", "c", json!({"phase": "Levitating", "claimsHeld": ["iis1"]})),
                change("crm", "d", json!(null)),
            ],
            &[],
        );
        let held: Vec<(&str, &str)> =
            claims.iter().map(|claim| (claim.claim.as_str(), claim.holder.as_str())).collect();
        assert_eq!(held, [("iis1", "crm/c"), ("sql1", "crm/a")]);
    }

    #[test]
    fn changes_that_hold_nothing_yet_wait_in_the_order_of_their_creation() {
        let waiting = of(&json!({
            "metadata": {"name": "b-1", "namespace": "crm", "creationTimestamp": "2026-11-28T19:00:00Z"},
            "spec": {"site": "b", "claims": ["sql1"]},
        }));
        let claims =
            claims_of(&[waiting, change("crm", "a", json!({"phase": "Changing", "claimsHeld": ["sql1"]}))], &[]);
        let seen: Vec<_> = claims.iter().map(|claim| (claim.holder.as_str(), claim.waits_since.is_some())).collect();
        assert_eq!(seen, [("crm/a", false), ("crm/b", true)]);
    }

    #[test]
    fn a_change_of_a_site_that_is_gone_holds_nothing_whatever_has_its_name_now() {
        let of_uid = |uid: &str| {
            of(&json!({
                "metadata": {"name": "a-1", "namespace": "crm"}, "spec": {"site": "a", "siteUid": uid},
                "status": {"phase": "Preparing", "claimsHeld": ["sql1"]},
            }))
        };
        let sites = [of(&json!({"metadata": {"name": "a", "namespace": "crm", "uid": "second"}}))];
        assert_eq!(claims_of(&[of_uid("first")], &sites), []);
        assert_eq!(claims_of(&[of_uid("second")], &sites).len(), 1);
    }

    #[test]
    fn a_site_of_the_same_name_in_another_namespace_is_another_site() {
        let changes = vec![change("crm", "a", json!({})), change("other", "a", json!({}))];
        let (own, others) = partition(changes, &SiteKey::new("crm", "a"));
        assert_eq!((own.len(), others.len()), (1, 1));
    }
}
