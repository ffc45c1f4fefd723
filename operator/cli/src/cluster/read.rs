//! What the API server has of sites, and the refusals where it has nothing.

use std::fmt::Debug;

use crm_api::change::CrmChange;
use crm_api::site::CrmSite;
use crm_api::{CrmNode, heartbeat_lease};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::ListParams;
use kube::core::NamespaceResourceScope;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use crate::connection::refused;
use crate::words::{nearest, quoted};
use crate::{Connection, Failure};

/// Names that are listed where a name is not known.
const NAMES_MAX: usize = 10;

/// One site with what belongs to it at this moment.
#[derive(Clone, Debug)]
pub struct Situation {
    /// The site.
    pub site: CrmSite,
    /// The change that its status names: the open one, or the last.
    pub change: Option<CrmChange>,
    /// Its nodes, by name.
    pub heard: Vec<HeardNode>,
    /// When it was looked at.
    pub now: Timestamp,
}

/// A node and its sign of life.
#[derive(Clone, Debug)]
pub struct HeardNode {
    /// Its name.
    pub name: String,
    /// Whether its agent watches closely at this time.
    pub attentive: bool,
    /// When it was last heard; none where it never was.
    pub at: Option<Timestamp>,
}

impl Situation {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.site.metadata.name.as_deref().unwrap_or_default()
    }

    /// Its namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.site.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// The change, if it is not over.
    #[must_use]
    pub fn open_change(&self) -> Option<&CrmChange> {
        let is_over = |change: &&CrmChange| change.status.as_ref().is_some_and(|status| status.phase.is_over());
        self.change.as_ref().filter(|change| !is_over(change))
    }
}

/// One site and its change, without the signs of life of its nodes.
///
/// # Errors
/// When there is no such site, or the cluster does not answer.
pub async fn glance(connection: &Connection, name: &str) -> Result<Situation, Failure> {
    let site = site(connection, name).await?;
    let change = match site.status.as_ref().and_then(|status| status.change.as_deref()) {
        Some(change) => get::<CrmChange>(connection, "read the change", change).await?,
        None => None,
    };
    Ok(Situation { site, change, heard: Vec::new(), now: connection.clock.now() })
}

/// Everything about one site.
///
/// # Errors
/// When there is no such site, or the cluster does not answer.
pub async fn situation(connection: &Connection, name: &str) -> Result<Situation, Failure> {
    let glance = glance(connection, name).await?;
    let mut names: Vec<&String> = glance.site.spec.components.iter().flat_map(|placed| &placed.nodes).collect();
    names.sort_unstable();
    names.dedup();
    let mut heard = Vec::new();
    for name in names {
        let lease = get::<Lease>(connection, "read a node's sign of life", &heartbeat_lease(name)).await?;
        let node = get::<CrmNode>(connection, "read a node", name).await?;
        let at = lease.and_then(|lease| lease.spec?.renew_time).map(|at| at.0);
        heard.push(HeardNode { name: name.clone(), attentive: node.is_some_and(|node| node.spec.is_attentive()), at });
    }
    Ok(Situation { heard, ..glance })
}

/// One site.
///
/// # Errors
/// With the nearest name, or the namespace in which it is, where it is not here.
pub async fn site(connection: &Connection, name: &str) -> Result<CrmSite, Failure> {
    // The API server would answer a name that cannot be one with a puzzle.
    let is_name =
        !name.is_empty() && name.len() <= 253 && name.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c));
    if is_name && let Some(site) = get::<CrmSite>(connection, "read the site", name).await? {
        return Ok(site);
    }
    let namespace = &connection.namespace;
    let here = list::<CrmSite>(connection, "list sites", Some(namespace)).await?;
    let names: Vec<&str> = here.iter().filter_map(|site| site.metadata.name.as_deref()).collect();
    let mut text = format!("there is no CrmSite {} in namespace {namespace}", quoted(name));
    // Who may not look everywhere gets the shorter answer.
    let everywhere = list::<CrmSite>(connection, "list sites", None).await.unwrap_or_default();
    let elsewhere = everywhere.iter().find(|site| site.metadata.name.as_deref() == Some(name));
    if let Some(other) = elsewhere.and_then(|site| site.metadata.namespace.as_deref()) {
        text += &format!("; there is one in namespace {other}: add -n {other}");
    } else if let Some(near) = nearest(name, &names) {
        text += &format!("; did you mean {near}?");
    } else if names.is_empty() {
        text += ", nor any other; name the right namespace with -n, or see all with: kubectl crm status -A";
    } else {
        let shown: Vec<&str> = names.iter().copied().take(NAMES_MAX).collect();
        let more = if names.len() > NAMES_MAX { ", ..." } else { "" };
        text += &format!("; there are: {}{more}", shown.join(", "));
    }
    Err(Failure::Refused(text))
}

/// One object, if it is there.
///
/// # Errors
/// When the cluster does not answer.
pub async fn get<K>(connection: &Connection, doing: &str, name: &str) -> Result<Option<K>, Failure>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
{
    let api: Api<K> = Api::namespaced(connection.client.clone(), &connection.namespace);
    api.get_opt(name).await.map_err(|error| refused(doing, &error))
}

/// All objects of a kind, of one namespace or of all, oldest first.
///
/// # Errors
/// When the cluster does not answer.
pub async fn list<K>(connection: &Connection, doing: &str, namespace: Option<&str>) -> Result<Vec<K>, Failure>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
{
    let api: Api<K> = match namespace {
        Some(namespace) => Api::namespaced(connection.client.clone(), namespace),
        None => Api::all(connection.client.clone()),
    };
    let mut objects = api.list(&ListParams::default()).await.map_err(|error| refused(doing, &error))?.items;
    objects.sort_by_key(|object| {
        let meta = object.meta();
        (meta.creation_timestamp.as_ref().map(|at| at.0), meta.namespace.clone(), meta.name.clone())
    });
    Ok(objects)
}

/// Every node of a namespace.
///
/// # Errors
/// When the cluster does not answer.
pub async fn nodes(connection: &Connection) -> Result<Vec<CrmNode>, Failure> {
    list(connection, "list nodes", Some(&connection.namespace)).await
}
