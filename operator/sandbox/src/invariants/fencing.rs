//! S-5: whose orders agents begin. Who leads is what the lease really shows; whose order it is, is who stored it first.

use std::collections::BTreeMap;

use crm_api::order::Order;
use serde_json::Value;

use super::{Broken, Invariant, Verdict};
use crate::cluster::Change;

/// Terms and orders.
#[derive(Default)]
pub(super) struct Fencing {
    /// How often the lease has really changed hands.
    terms: u32,
    holder: Option<String>,
    /// The latest term of each controller.
    term_of: BTreeMap<String, u32>,
    /// Who first stored an order, by node, id, attempt and epoch: identity and its term then.
    given: BTreeMap<(String, String, i64, i64), (String, u32)>,
    /// The highest term whose order was begun, and by whom, per node.
    begun: BTreeMap<String, (u32, String)>,
    pub(super) times: u32,
}

impl Fencing {
    pub(super) fn stored(&mut self, change: &Change) {
        let Some(new) = &change.new else { return };
        match &*change.kind {
            "Lease" if new["metadata"]["name"] == crm_api::CONTROLLER => self.lease(new),
            "CrmNode" if change.subresource.is_empty() => self.orders(&change.identity, new),
            _ => {}
        }
    }

    fn lease(&mut self, lease: &Value) {
        let holder = lease["spec"]["holderIdentity"].as_str().map(str::to_owned);
        let epoch = &lease["metadata"]["annotations"][crm_plan::lease::EPOCH_ANNOTATION];
        let term = holder.as_ref().map(|holder| format!("{holder} {epoch}"));
        if self.holder == term {
            return;
        }
        self.holder = term;
        self.terms += 1;
        if let Some(holder) = holder {
            self.term_of.insert(holder, self.terms);
        }
    }

    fn orders(&mut self, identity: &str, node: &Value) {
        let name = node["metadata"]["name"].as_str().unwrap_or_default();
        for order in node["spec"]["orders"].as_array().into_iter().flatten() {
            let number = |field: &str| order[field].as_i64().unwrap_or(0);
            let id = order["id"].as_str().unwrap_or_default().to_owned();
            let term = self.term_of.get(identity).copied().unwrap_or(0);
            let key = (name.to_owned(), id, number("attempt"), number("epoch"));
            self.given.entry(key).or_insert_with(|| (identity.to_owned(), term));
        }
    }

    pub(super) fn begins(&mut self, node: &str, order: &Order) -> Verdict {
        let key = (node.to_owned(), order.id.clone(), i64::from(order.attempt), order.epoch);
        let Some((identity, term)) = self.given.get(&key).cloned() else {
            let what = format!("{node} began {} of epoch {}, which nobody has given", order.id, order.epoch);
            return Err(Broken(Invariant::Fencing, what));
        };
        self.times += 1;
        let (highest, by) = self.begun.entry(node.to_owned()).or_insert_with(|| (term, identity.clone()));
        if term < *highest {
            let what = format!("{node} began {} of {identity}, which {by} had succeeded", order.id);
            return Err(Broken(Invariant::Fencing, what));
        }
        (*highest, *by) = (term, identity);
        Ok(())
    }
}
