//! From a changed declaration to the first order: a person writes another version into a site, and a watch of the measurement's
//! own shows the order in the `CrmNode` of one of its servers.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use crm_api::{CrmNode, CrmSite};
use futures::TryStreamExt as _;
use kube::api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams, WatchEvent, WatchParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;
use tokio::time::Instant;

use crate::fleet;

/// Between two changed declarations: on two cores, API server included, a faster pace measures how long the line is.
const BETWEEN: Duration = Duration::from_secs(1);
/// An order that has not come by then does not come.
const PATIENCE: Duration = Duration::from_secs(120);
/// The server ends the watch after so long.
const WATCH_SECONDS: u32 = 290;

/// Changes so many sites, one after another, and says how long each waited for its first order, in seconds, shortest first.
///
/// # Errors
/// When a change is refused, or an order does not come.
pub(crate) async fn until_ordered(client: &Client, sites: usize) -> anyhow::Result<Vec<f64>> {
    let nodes: Api<DynamicObject> =
        Api::namespaced_with(client.clone(), fleet::NAMESPACE, &ApiResource::erase::<CrmNode>(&()));
    let version = nodes.list_metadata(&ListParams::default()).await?.metadata.resource_version.unwrap_or_default();
    let watching = tokio::spawn(first_orders(nodes, version, sites));
    let declarations: Api<CrmSite> = Api::namespaced(client.clone(), fleet::NAMESPACE);
    let mut changed = BTreeMap::new();
    let edit = Patch::Merge(json!({"spec": {"version": fleet::NEXT_VERSION}}));
    for number in 1..=sites {
        let name = fleet::name(number);
        changed.insert(name.clone(), Instant::now());
        declarations.patch(&name, &PatchParams::default(), &edit).await.with_context(|| format!("change {name}"))?;
        tokio::time::sleep(BETWEEN).await;
    }
    let ordered = watching.await??;
    let mut waits = Vec::new();
    for (name, at) in &changed {
        let order = ordered.get(name).with_context(|| format!("no order came for {name}"))?;
        waits.push(order.saturating_duration_since(*at).as_secs_f64());
    }
    waits.sort_by(f64::total_cmp);
    Ok(waits)
}

/// When the first order of each site is seen, until so many have been or nobody is patient any more.
async fn first_orders(
    nodes: Api<DynamicObject>,
    version: String,
    sites: usize,
) -> anyhow::Result<BTreeMap<String, Instant>> {
    let params = WatchParams::default().timeout(WATCH_SECONDS);
    let mut events = std::pin::pin!(nodes.watch(&params, &version).await?);
    let until = Instant::now() + BETWEEN * u32::try_from(sites)? + PATIENCE;
    let mut seen = BTreeMap::new();
    while seen.len() < sites {
        let Ok(event) = tokio::time::timeout_at(until, events.try_next()).await else { break };
        match event?.context("the watch has ended")? {
            WatchEvent::Modified(node) if has_orders(&node) => {
                seen.entry(fleet::site_of(&node.name_any()).to_owned()).or_insert_with(Instant::now);
            }
            WatchEvent::Error(status) => ensure!(false, "the watch: {}", status.message),
            WatchEvent::Added(_) | WatchEvent::Modified(_) | WatchEvent::Deleted(_) | WatchEvent::Bookmark(_) => {}
        }
    }
    Ok(seen)
}

fn has_orders(node: &DynamicObject) -> bool {
    node.data["spec"]["orders"].as_array().is_some_and(|orders| !orders.is_empty())
}
