//! Documents into what the planner sees: the same snapshot that the controller observes, taken from files.

use std::collections::BTreeMap;

use crm_api::condition::{self, Kind, State};
use crm_api::database::DatabaseFacts;
use crm_api::{CrmChange, CrmNode, CrmSite, heartbeat_lease};
use crm_plan::Snapshot;
use crm_plan::snapshot::{ForeignClaim, NodeView, is_one_database};
use crm_plan::view::STALE_AT_REST;
use jiff::Timestamp;
use kube::Resource;

use crate::manifests::Manifests;
use crate::words::quoted;

/// A snapshot, the time at which it is judged, and what a person should know about both.
#[derive(Clone, Debug)]
pub struct FromFiles {
    /// What the planner sees.
    pub snapshot: Snapshot,
    /// The time at which it is judged.
    pub now: Timestamp,
    /// Sentences about where facts and time come from.
    pub notes: Vec<String>,
}

/// Makes the snapshot of one site.
///
/// # Errors
/// With one line per reason why the files give none.
pub fn snapshot(manifests: &Manifests, wanted: Option<&str>, now: Option<Timestamp>) -> Result<FromFiles, Vec<String>> {
    let versions = versions_of_site(manifests, wanted).map_err(|line| vec![line])?;
    let site = declaration(&versions)?;
    let namespace = site.metadata.namespace.clone();
    let here = |other: &Option<String>| namespace.is_none() || other.is_none() || *other == namespace;
    let name = site.metadata.name.clone().unwrap_or_default();
    let mut notes = Vec::new();

    let nodes = nodes(manifests, &site, &here, &mut notes);
    let documents = manifests.databases.iter().filter(|found| found.site == name && here(&found.namespace));
    let document = documents.max_by_key(|found| found.facts.read_at.0).map(|found| &found.facts);
    let now = now.or_else(|| newest(&nodes, document, &site));
    let Some(now) = now else {
        return Err(vec![
            "no file holds a fact with its time (CrmNode with status, Lease, DatabaseFacts); add them with -f"
                .to_owned(),
        ]);
    };
    let database = database(document, &site, now, &mut notes);
    let (changes, others): (Vec<&CrmChange>, Vec<&CrmChange>) =
        manifests.changes.iter().partition(|change| change.spec.site == name && here(&change.metadata.namespace));
    let backups = manifests.backups.iter().filter(|found| found.spec.site == name && here(&found.metadata.namespace));
    // A stop names no site; in the operator's own namespace it stands over all of them.
    let own_namespace = |namespace: &Option<String>| namespace.as_deref() == Some(crm_api::CONTROLLER);
    let decisions = manifests.decisions.iter().filter(|found| match &found.spec.site {
        Some(site) => *site == name && here(&found.metadata.namespace),
        None => here(&found.metadata.namespace) || own_namespace(&found.metadata.namespace),
    });
    let epoch = nodes.iter().filter_map(|view| view.node.status.as_ref()).map(|status| status.highest_epoch).max();
    let snapshot = Snapshot {
        nodes,
        releases: latest(manifests.releases.iter()),
        changes: oldest_first(changes.into_iter()),
        backups: oldest_first(backups),
        decisions: oldest_first(decisions),
        database,
        foreign_claims: claims(&others),
        same_database: same_database(manifests, &site),
        tasks: Vec::new(),
        deliveries: Vec::new(),
        epoch: epoch.unwrap_or_default(),
        site,
    };
    Ok(FromFiles { snapshot, now, notes })
}

/// The other sites of the files that declare this site's database.
fn same_database(manifests: &Manifests, site: &CrmSite) -> Vec<String> {
    let of = |site: &CrmSite| (site.spec.database.server.clone(), site.spec.database.name.clone());
    let key = |site: &CrmSite| {
        let namespace = site.metadata.namespace.as_deref().unwrap_or("default");
        format!("{namespace}/{}", name_of(site))
    };
    let (own, own_name) = (of(site), name_of(site));
    let is_other = |other: &&CrmSite| {
        let elsewhere = site.metadata.namespace.is_some()
            && other.metadata.namespace.is_some()
            && site.metadata.namespace != other.metadata.namespace;
        elsewhere || name_of(other) != own_name
    };
    let shares = |other: &&CrmSite| {
        let other = of(other);
        is_one_database((&own.0, &own.1), (&other.0, &other.1))
    };
    let mut others: Vec<String> = manifests.sites.iter().filter(is_other).filter(shares).map(key).collect();
    others.sort();
    others.dedup();
    others
}

/// All versions of the one site that is meant, in the order of the files.
fn versions_of_site<'a>(manifests: &'a Manifests, wanted: Option<&str>) -> Result<Vec<&'a CrmSite>, String> {
    let mut sites: BTreeMap<&str, Vec<&CrmSite>> = BTreeMap::new();
    for site in &manifests.sites {
        sites.entry(site.metadata.name.as_deref().unwrap_or_default()).or_default().push(site);
    }
    let names: Vec<&str> = sites.keys().copied().collect();
    let name = match (wanted, names.as_slice()) {
        (_, []) => return Err("no file holds a CrmSite; add the site's manifest with -f".to_owned()),
        (None, [only]) => *only,
        (None, several) => {
            return Err(format!("the files hold several sites; name one of them: {}", several.join(", ")));
        }
        (Some(wanted), _) => *names
            .iter()
            .find(|name| **name == wanted)
            .ok_or_else(|| format!("no file holds a CrmSite {}; there are: {}", quoted(wanted), names.join(", ")))?,
    };
    let versions = sites.remove(name).unwrap_or_default();
    let mut namespaces: Vec<&str> = versions.iter().filter_map(|site| site.metadata.namespace.as_deref()).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    if namespaces.len() > 1 {
        return Err(format!(
            "the files hold CrmSite {name} in several namespaces ({}); give the files of one of them",
            namespaces.join(", ")
        ));
    }
    Ok(versions)
}

/// The last version is the declaration; what only a cluster can know (uid, status...) comes from those before it.
fn declaration(versions: &[&CrmSite]) -> Result<CrmSite, Vec<String>> {
    let Some((last, before)) = versions.split_last() else { return Err(Vec::new()) };
    let mut site = (*last).clone();
    if let Some(observed) = before.last() {
        let edited = CrmSite { spec: site.spec.clone(), ..(*observed).clone() };
        edited.validate_cel_update(observed).map_err(|refused| {
            refused
                .as_slice()
                .iter()
                .map(|error| format!("CrmSite {}: {}", quoted(name_of(last)), crate::words::one_line(&error.message)))
                .collect::<Vec<String>>()
        })?;
    }
    for observed in before.iter().rev() {
        let (ours, theirs) = (&mut site.metadata, &observed.metadata);
        ours.uid = ours.uid.take().or_else(|| theirs.uid.clone());
        ours.namespace = ours.namespace.take().or_else(|| theirs.namespace.clone());
        ours.generation = ours.generation.or(theirs.generation);
        ours.finalizers = ours.finalizers.take().or_else(|| theirs.finalizers.clone());
        site.status = site.status.take().or_else(|| observed.status.clone());
    }
    Ok(site)
}

fn name_of(site: &CrmSite) -> &str {
    site.metadata.name.as_deref().unwrap_or_default()
}

/// Those nodes of the site that the files hold, with their signs of life, in the order of their names.
fn nodes(
    manifests: &Manifests,
    site: &CrmSite,
    here: &impl Fn(&Option<String>) -> bool,
    notes: &mut Vec<String>,
) -> Vec<NodeView> {
    let named: Vec<&String> = site.spec.components.iter().flat_map(|placed| &placed.nodes).collect();
    let mut found: BTreeMap<&str, CrmNode> = BTreeMap::new();
    for node in manifests.nodes.iter().filter(|node| here(&node.metadata.namespace)) {
        let name = node.metadata.name.as_deref().unwrap_or_default();
        if named.iter().any(|wanted| *wanted == name) {
            let before = found.remove(name);
            let mut node = node.clone();
            node.status = node.status.take().or_else(|| before.and_then(|before| before.status));
            found.insert(name, node);
        }
    }
    found
        .into_iter()
        .map(|(name, node)| {
            let lease_name = heartbeat_lease(name);
            let renewed = manifests
                .leases
                .iter()
                .filter(|lease| lease.metadata.name.as_ref() == Some(&lease_name) && here(&lease.metadata.namespace))
                .filter_map(|lease| lease.spec.as_ref()?.renew_time.as_ref())
                .map(|at| at.0)
                .max();
            let heartbeat = renewed.or_else(|| newest_in_status(&node));
            if let (None, Some(at)) = (renewed, heartbeat) {
                notes.push(format!(
                    "no file holds the Lease {lease_name}: {name} is taken to have been heard at {at}, the newest time in its status"
                ));
            }
            NodeView { node, heartbeat }
        })
        .collect()
}

fn newest_in_status(node: &CrmNode) -> Option<Timestamp> {
    let status = node.status.as_ref()?;
    let seen = status.observations.iter().map(|observation| observation.since.0);
    let done = status
        .results
        .iter()
        .flat_map(|result| std::iter::once(result.started_at.0).chain(result.ended_at.as_ref().map(|at| at.0)));
    seen.chain(done).max()
}

/// The time at which the newest fact was read.
fn newest(nodes: &[NodeView], document: Option<&DatabaseFacts>, site: &CrmSite) -> Option<Timestamp> {
    let in_status = site.status.as_ref().and_then(|status| status.database.as_ref());
    let read = document.or(in_status).map(|facts| facts.read_at.0);
    nodes.iter().filter_map(|view| view.heartbeat).chain(read).max()
}

/// A document with facts is judged by its age. What the controller keeps in the status is as old as the last change of a
/// fact; whether it is still so, the status says in a condition.
fn database(
    document: Option<&DatabaseFacts>,
    site: &CrmSite,
    now: Timestamp,
    notes: &mut Vec<String>,
) -> Result<DatabaseFacts, String> {
    let status = site.status.as_ref();
    match (document, status.and_then(|status| status.database.as_ref())) {
        (Some(facts), _) => {
            let age = now.duration_since(facts.read_at.0);
            if age > STALE_AT_REST {
                let minutes = age.as_mins();
                return Err(format!(
                    "its facts were read at {}, {minutes} minutes before {now}; read them again, or give the --now at which they held",
                    facts.read_at.0
                ));
            }
            Ok(facts.clone())
        }
        (None, Some(facts)) => {
            let conditions = status.map(|status| status.conditions.as_slice()).unwrap_or_default();
            match condition::find(conditions, Kind::FactsFresh) {
                Some(fresh) if fresh.status == State::True.as_str() => {
                    notes.push("facts of the database are those in the status of the CrmSite".to_owned());
                    Ok(facts.clone())
                }
                Some(silent) => Err(format!("the status of the CrmSite says: {}", silent.message)),
                None => Err("the status of the CrmSite does not say whether its facts are fresh".to_owned()),
            }
        }
        (None, None) => Err(format!(
            "no file holds its facts; add a DatabaseFacts document for {}, or the CrmSite with its status",
            name_of(site)
        )),
    }
}

/// One object per name, the last one.
fn latest<'a, T>(objects: impl Iterator<Item = &'a T>) -> Vec<T>
where
    T: Resource + Clone + 'a,
{
    let by_name: BTreeMap<String, T> =
        objects.map(|object| (object.meta().name.clone().unwrap_or_default(), object.clone())).collect();
    by_name.into_values().collect()
}

/// Oldest first; the name decides between objects of one second.
fn oldest_first<'a, T>(objects: impl Iterator<Item = &'a T>) -> Vec<T>
where
    T: Resource + Clone + 'a,
{
    let mut objects = latest(objects);
    objects.sort_by_key(|object| {
        let meta = object.meta();
        (meta.creation_timestamp.as_ref().map(|at| at.0), meta.name.clone())
    });
    objects
}

/// Claims that open changes of other sites hold.
fn claims(changes: &[&CrmChange]) -> Vec<ForeignClaim> {
    changes
        .iter()
        .filter_map(|change| Some((change, change.status.as_ref().filter(|status| !status.phase.is_over())?)))
        .flat_map(|(change, status)| {
            let namespace = change.metadata.namespace.as_deref().unwrap_or_default();
            let holder = format!("{namespace}/{}", change.spec.site);
            status.claims_held.iter().map(move |claim| ForeignClaim {
                claim: claim.clone(),
                holder: holder.clone(),
                waits_since: None,
            })
        })
        .collect()
}
