//! What each node is asked and ordered: the questions of the product and of the pinned plan's evidence, and the orders of the
//! steps at work. Other sites' questions and orders on a shared server stay as they are.
//!
//! An order that is not wanted any more leaves the list when its node has reported on it, and is marked as withdrawn until
//! then: its agent may have begun it a moment ago, and an order that is gone cannot be reported on.

use crm_api::change::{ChangePhase, CrmChange};
use crm_api::evidence::Source;
use crm_api::node::{Asked, CrmNodeSpec};
use crm_api::order::Order;
use crm_api::probe::Probe;

use crate::advance::{Advance, undo_probes};
use crate::intent::Intent;
use crate::products;
use crate::snapshot::NodeView;
use crate::view::View;

/// A node's list holds so many orders at most (the API's own limit).
const ORDERS_MAX: usize = 8;

/// Each node's questions, orders and how often it looks.
pub(super) fn instruct(view: &View<'_>, change: Option<&CrmChange>, advance: &Advance, intents: &mut Vec<Intent>) {
    let attentive = change.is_some()
        && matches!(advance.status.phase, ChangePhase::Changing | ChangePhase::BackingOut | ChangePhase::Halted);
    let mut questions = products::of(view.spec.product).probes(view);
    // A node that has left the declaration in mid-change is still asked and ordered until the change is over.
    for node in change.into_iter().flat_map(|change| change.spec.steps.iter().filter_map(|step| step.node.as_ref())) {
        questions.entry(node.clone()).or_default();
    }
    // A node that carries nothing of the site any more is asked nothing any more.
    for left in view.snapshot.nodes.iter().filter(|stored| concerns(view, stored)) {
        questions.entry(left.node.metadata.name.clone().unwrap_or_default()).or_default();
    }
    for (node, mut probes) in questions {
        if let Some(change) = change {
            probes.extend(evidence_probes(change, &node));
        }
        probes.sort();
        probes.dedup();
        let Some(stored) = view.snapshot.node(&node) else { continue };
        // Other sites' questions and orders on a shared server stay as they are.
        let mut asked: Vec<Asked> =
            stored.node.spec.asked.iter().filter(|asked| asked.site != view.name()).cloned().collect();
        if !probes.is_empty() {
            asked.push(Asked { site: view.name().to_owned(), probes, attentive });
        }
        asked.sort_by(|one, other| one.site.cmp(&other.site));
        let given = advance.orders.get(&node).map(Vec::as_slice).unwrap_or_default();
        let mut orders: Vec<Order> =
            stored.node.spec.orders.iter().filter(|order| !is_own(view, order)).cloned().collect();
        let room = ORDERS_MAX.saturating_sub(orders.len() + given.len());
        orders.extend(withdrawn(view, stored, given).take(room));
        orders.extend(given.iter().cloned());
        let spec = CrmNodeSpec { asked, orders };
        if stored.node.spec != spec {
            intents.push(Intent::InstructNode { node, spec: Box::new(spec) });
        }
    }
}

/// Whether a node is asked something for the site, or has an order of one of its changes.
fn concerns(view: &View<'_>, stored: &NodeView) -> bool {
    stored.node.spec.asked_by(view.name()).is_some() || stored.node.spec.orders.iter().any(|order| is_own(view, order))
}

fn is_own(view: &View<'_>, order: &Order) -> bool {
    view.snapshot.changes.iter().any(|change| order.id.starts_with(&change_prefix(change)))
}

/// Orders of the site that are not wanted any more and of which the node has not said yet what became of them.
fn withdrawn<'a>(view: &'a View<'_>, stored: &'a NodeView, given: &'a [Order]) -> impl Iterator<Item = Order> + 'a {
    let reported = |order: &Order| {
        let result = stored.node.status.as_ref().and_then(|status| status.result(&order.id));
        result.is_some_and(|result| result.attempt == order.attempt)
    };
    let orders = stored.node.spec.orders.iter().filter(|order| is_own(view, order));
    orders
        .filter(|order| given.iter().all(|wanted| wanted.id != order.id))
        .filter(move |order| !reported(order))
        .map(|order| Order { withdrawn: true, ..order.clone() })
}

fn change_prefix(change: &CrmChange) -> String {
    format!("{}/", change.metadata.name.as_deref().unwrap_or_default())
}

fn evidence_probes(change: &CrmChange, node: &str) -> Vec<Probe> {
    change
        .spec
        .steps
        .iter()
        .flat_map(|step| step.evidence.iter().chain(&step.absent_when))
        .filter_map(|expectation| match &expectation.source {
            Source::Node { node: on, probe } if on == node => Some(probe.clone()),
            Source::Node { .. } | Source::Database { .. } | Source::Attestation { .. } => None,
        })
        .chain(
            change
                .spec
                .steps
                .iter()
                .filter(|step| step.node.as_deref() == Some(node))
                .flat_map(|step| undo_probes(step).map(|(_, probe)| probe)),
        )
        .collect()
}
