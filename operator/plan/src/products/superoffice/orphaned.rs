//! What a component that is not declared any more has left on its node. It is named, never uninstalled.

use crm_api::probe::{Answer, Probe, RunState};
use crm_api::site::Component;

use super::layout::{FROZEN, Layout};
use super::parts::{Tools, version_probes};
use crate::evidence::describe;
use crate::view::View;

/// The service and the pool of a component.
fn at_work(layout: &Layout<'_>, component: Component) -> Vec<(String, Probe)> {
    let service = |name: &str| (format!("service {name}"), Probe::Service { name: name.to_owned() });
    let pool = |name: &str| (format!("application pool {name}"), Probe::Pool { name: name.to_owned() });
    match component {
        Component::CrmServer => Vec::new(),
        Component::Web => vec![pool(layout.web_pool), service(layout.batch_service)],
        Component::NetServer => vec![pool(layout.net_server_pool)],
        Component::Service => vec![pool(&layout.service_pool), service(&layout.scheduler)],
    }
}

fn frozen(layout: &Layout<'_>) -> Probe {
    Probe::FlagLine { path: layout.config(), line: FROZEN.to_owned() }
}

/// The questions about an orphan, for its node.
#[must_use]
pub fn probes(view: &View<'_>, layout: &Layout<'_>, component: Component) -> Vec<Probe> {
    let versions = version_probes(layout, component, Tools::at_work(view)).into_iter().map(|(_, probe)| probe);
    let mut probes: Vec<Probe> =
        versions.chain(at_work(layout, component).into_iter().map(|(_, probe)| probe)).collect();
    if component == Component::Service {
        probes.push(frozen(layout));
    }
    probes
}

/// What is left, by the names of Windows and IIS; `None` where every source of the version says that it is gone.
#[must_use]
pub fn left_on(view: &View<'_>, layout: &Layout<'_>, component: Component, node: &str) -> Option<Vec<String>> {
    let versions = version_probes(layout, component, Tools::at_work(view));
    let gone = |probe: &Probe| matches!(view.answer(node, probe), Some(Answer::Absent {}));
    if versions.iter().all(|(_, probe)| gone(probe)) {
        return None;
    }
    let folder = match component {
        Component::CrmServer => layout.server_path,
        Component::Web => layout.web_path,
        Component::NetServer => layout.net_server_path,
        Component::Service => layout.service_path,
    };
    let mut left = vec![folder.to_owned()];
    for (name, probe) in at_work(layout, component).into_iter().filter(|(_, probe)| !gone(probe)) {
        let state = view.answer(node, &probe).map(describe).unwrap_or_default();
        left.push(if state.is_empty() { name } else { format!("{name}, {state}") });
    }
    if matches!(view.answer(node, &frozen(layout)), Some(Answer::Flag { set: true })) {
        left.push(format!("the line `{FROZEN}` in {}", layout.config()));
    }
    Some(left)
}

/// What of an orphan still works on the site's database, or may: an old program must not meet a new schema. A pool or
/// service of the same name that is declared there belongs to the site.
#[must_use]
pub fn working(view: &View<'_>, layout: &Layout<'_>, component: Component, node: &str) -> Vec<String> {
    let others = [Component::Web, Component::Service];
    let declared = |probe: &Probe| {
        let stands = |other: &&Component| view.nodes_of(**other).iter().any(|name| name == node);
        others.iter().filter(stands).any(|other| at_work(layout, *other).iter().any(|(_, own)| own == probe))
    };
    at_work(layout, component)
        .into_iter()
        .filter(|(_, probe)| !declared(probe))
        .filter(|(_, probe)| match view.answer(node, probe) {
            Some(Answer::Pool { state } | Answer::Service { state, .. }) => *state == RunState::Running,
            Some(Answer::Absent {}) => false,
            _ => true,
        })
        .map(|(name, _)| name)
        .collect()
}
