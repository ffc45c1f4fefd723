//! Validate: what a node's object asks for, read leniently, once, where it comes in. One order or probe that this agent
//! does not understand spoils only itself.

use crm_api::node::CrmNodeStatus;
use crm_api::order::Order;
use crm_api::probe::Probe;
use crm_plan::carry_out::{Wanted, Wish};
use serde_json::Value;

/// What a node's object asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Spec {
    /// The object that asks; none once it is deleted.
    pub(crate) uid: Option<String>,
    /// Generation of what it asks.
    pub(crate) generation: i64,
    /// Questions, without doubles, sorted by id: those of every site and those by which orders are judged.
    pub(crate) probes: Vec<Probe>,
    /// Whether to look often.
    pub(crate) attentive: bool,
    /// The orders, and what was reported of them.
    pub(crate) wish: Wish,
    /// The status as it stands there.
    pub(crate) status: CrmNodeStatus,
}

impl Spec {
    /// Reads `spec` and `status` of a node's object.
    pub(crate) fn read(uid: Option<String>, generation: i64, object: &Value) -> Self {
        let spec = &object["spec"];
        let orders: Vec<Wanted> = list(&spec["orders"]).iter().filter_map(read_order).collect();
        let asked = list(&spec["asked"]);
        let mut probes: Vec<Probe> =
            asked.iter().flat_map(|site| list(&site["probes"])).filter_map(read_probe).collect();
        probes.extend(orders.iter().flat_map(probes_of).cloned());
        probes.sort_by_cached_key(Probe::id);
        probes.dedup();
        let status: CrmNodeStatus = serde_json::from_value(object["status"].clone()).unwrap_or_default();
        Self {
            uid,
            generation,
            probes,
            attentive: asked.iter().any(|site| site["attentive"].as_bool().unwrap_or(false)),
            wish: Wish { orders, ..Wish::default() }.with_status(&status),
            status,
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn read_probe(value: &Value) -> Option<Probe> {
    serde_json::from_value(value.clone())
        .inspect_err(|error| tracing::warn!(%error, "a probe that this agent does not understand stays unanswered"))
        .ok()
}

fn read_order(value: &Value) -> Option<Wanted> {
    let error = match serde_json::from_value::<Order>(value.clone()) {
        Ok(order) => return Some(Wanted::Order(Box::new(order))),
        Err(error) => error,
    };
    let Some(id) = value["id"].as_str() else {
        tracing::warn!(%error, "an order without an id cannot even be refused");
        return None;
    };
    Some(Wanted::Unreadable {
        id: id.to_owned(),
        attempt: value["attempt"].as_i64().and_then(|attempt| i32::try_from(attempt).ok()).unwrap_or(0),
        epoch: value["epoch"].as_i64().unwrap_or(0),
        reason: error.to_string(),
    })
}

fn probes_of(wanted: &Wanted) -> impl Iterator<Item = &Probe> {
    let (done, absent) = match wanted {
        Wanted::Order(order) => (order.done_when.as_slice(), order.absent_when.as_slice()),
        Wanted::Unreadable { .. } => (&[][..], &[][..]),
    };
    done.iter().chain(absent).map(|expectation| &expectation.probe)
}
