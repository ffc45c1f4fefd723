//! Components that were taken out of the declaration while they stood on their nodes. Nothing of them is ever uninstalled:
//! they are named, and looked at for as long as they are there.

use crm_api::condition::{Kind, State, Wanted};
use crm_api::site::{Component, Finding, Orphan, Severity, VerifiedState};

use crate::products;
use crate::view::View;

/// What is not declared any more, of what was proven or known to be orphaned before. Whether it is still there is not
/// asked here.
#[must_use]
pub fn undeclared<'a>(view: &View<'a>) -> Vec<(Component, &'a str)> {
    let Some(status) = view.snapshot.site.status.as_ref() else { return Vec::new() };
    let known = status.orphaned.iter().map(|orphan| (orphan.component, orphan.node.as_str()));
    let proven = status.verified.iter().flat_map(placed);
    let mut all: Vec<_> = known.chain(proven).filter(|(name, node)| !is_declared(view, *name, node)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn placed(verified: &VerifiedState) -> impl Iterator<Item = (Component, &str)> {
    verified.components.iter().flat_map(|placed| placed.nodes.iter().map(|node| (placed.name, node.as_str())))
}

fn is_declared(view: &View<'_>, component: Component, node: &str) -> bool {
    view.nodes_of(component).iter().any(|declared| declared == node)
}

/// The orphans after this look. One that somebody has uninstalled is none any more, nor one whose `CrmNode` is gone.
#[must_use]
pub fn look(view: &View<'_>) -> Vec<Orphan> {
    let before = view.snapshot.site.status.as_ref().map(|status| status.orphaned.as_slice()).unwrap_or_default();
    let rules = products::of(view.spec.product);
    undeclared(view)
        .into_iter()
        .filter(|(_, node)| view.snapshot.node(node).is_some())
        .filter_map(|(component, node)| {
            let known = before.iter().find(|orphan| orphan.component == component && orphan.node == node);
            let since = known.map_or_else(|| crm_api::Time::from(view.now), |orphan| orphan.since.clone());
            let left = rules.left_on(view, component, node)?;
            Some(Orphan { component, node: node.to_owned(), left, since })
        })
        .collect()
}

/// The condition that stands there for as long as there are orphans.
#[must_use]
pub fn condition(orphans: &[Orphan]) -> Option<Wanted> {
    let messages: Vec<String> = orphans.iter().map(|orphan| finding(orphan).message).collect();
    let message = messages.join("; ");
    let wanted = Wanted { kind: Kind::Orphaned, state: State::True, reason: "NotDeclared", message };
    (!orphans.is_empty()).then_some(wanted)
}

/// What people are told of an orphan for as long as there is one.
#[must_use]
pub fn finding(orphan: &Orphan) -> Finding {
    Finding {
        check: "Orphaned".to_owned(),
        class: None,
        severity: Severity::Warn,
        node: Some(orphan.node.clone()),
        policy: None,
        since: None,
        message: format!(
            "{} on {} is not declared any more; nothing was uninstalled or stopped, and there are: {}",
            orphan.component.name(),
            orphan.node,
            orphan.left.join(", ")
        ),
        remedy: format!(
            "uninstall it on {}, or declare it again; before the next version it has to be stopped",
            orphan.node
        ),
    }
}
