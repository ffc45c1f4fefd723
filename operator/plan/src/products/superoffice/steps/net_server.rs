//! NetServer: the one inside Web, and one of its own. Upgraded or installed, started, seen from Service, and removed where
//! it has served.

use crm_api::change::{Executor, Undo};
use crm_api::evidence::Expected;
use crm_api::order::Action;
use crm_api::probe::{Probe, RunState};
use crm_api::site::{Component, NetServerMode};

use super::{Draft, draft, kind, on_node, text, upgrade, version};
use crate::products::Hop;
use crate::products::superoffice::layout::Layout;
use crate::products::superoffice::net_server::{self, ENDPOINT, endpoint_probe};
use crate::products::superoffice::parts::{Tools, version_probes};
use crate::view::View;

/// A stand-alone NetServer is the second setup type of Web's installer (vendor: install/netserver).
pub(super) fn upgrade(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let title = |node: &str| format!("upgrade the NetServer of its own on {node} to {}", hop.to.version);
    let more = [format!("Upgrade the NetServer web services in {}; leave Web alone.", layout.net_server_path)];
    let nodes = net_server::kept(view, layout, hop);
    upgrade::component((view, layout), hop, (Component::NetServer, &nodes), kind::UPGRADE_NET_SERVER, title, &more)
}

/// The pools in which the new NetServer runs: Web's, that of one of its own, or both on one server.
pub(super) fn start(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let web = hop.changed(view, Component::Web).into_iter().map(|node| (node, layout.web_pool));
    let own = net_server::changed(view, layout, hop).into_iter().map(|node| (node, layout.net_server_pool));
    let mut drafts: Vec<Draft> = Vec::new();
    for (node, pool) in web.chain(own) {
        let action = Action::StartPool { name: pool.to_owned() };
        let running = on_node(node, Probe::Pool { name: pool.to_owned() }, Expected::State { is: RunState::Running });
        // A server that carries both has one step for both: a step is known by its kind and its node.
        if let Some(draft) = drafts.iter_mut().find(|draft| draft.step.node.as_deref() == Some(node)) {
            if let Executor::Agent { actions } = &mut draft.step.executor {
                actions.push(action);
            }
            draft.step.evidence.push(running);
            continue;
        }
        let executor = Executor::Agent { actions: vec![action] };
        let mut draft = draft(kind::START_NET_SERVER, Some(node), "start the new NetServer".to_owned(), executor);
        draft.step.evidence = vec![running];
        drafts.push(draft);
    }
    drafts
}

pub(super) fn reach(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let services = hop.to.super_office.as_ref().and_then(|block| block.services_endpoint.as_deref());
    hop.changed(view, Component::Service)
        .into_iter()
        .filter_map(|node| {
            let url = url(view, layout, hop, node, services?)?;
            let says = says(&url);
            let title = "see from the Service node that the new NetServer answers".to_owned();
            let actions = vec![Action::AwaitUrl { url, status: 200 }];
            let mut draft = draft(kind::REACH_NET_SERVER, Some(node), title, Executor::Agent { actions });
            if hop.to.super_office.as_ref().is_some_and(|block| block.rest_api) {
                draft.step.evidence.extend(says.map(|probe| on_node(node, probe, version(hop.to))));
            }
            Some(draft)
        })
        .collect()
}

/// The version that NetServer itself tells, at the address under which Service finds its web services (vendor:
/// web-services/endpoints, get-webapi-version).
fn says(url: &str) -> Option<Probe> {
    let (base, _) = url.split_once("/Remote/")?;
    Some(Probe::JsonValue { url: format!("{base}/api"), key: "NetServerVersion".to_owned() })
}

/// Where Service finds NetServer: as its `config` has it, or as declared for one that is installed or moved, or as the
/// others have it.
fn url(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>, node: &str, services: &str) -> Option<String> {
    let below = |base: &str| Some(format!("{}/Contact.svc", net_server::address(base, services)));
    let moved = net_server::moves(view, layout, hop);
    if !hop.is_new(Component::Service, node) {
        if moved.contains(&node) {
            return below(layout.block.net_server_address.as_ref()?);
        }
        return layout.net_server_url(view, node, services);
    }
    if let Some(setup) = layout.block.service.setup.as_ref() {
        return below(&setup.net_server);
    }
    // A further node gets the configuration of the others, unless that speaks of the machine that it stands on.
    let other = hop.standing(view, Component::Service).first().copied()?;
    if moved.contains(&other) {
        return below(layout.block.net_server_address.as_ref()?);
    }
    layout.net_server_url(view, other, services).filter(|url| !url.contains("://localhost"))
}

/// Service's `config` names the NetServer that the site declares, once that one has answered.
pub(super) fn point(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let services = hop.to.super_office.as_ref().and_then(|block| block.services_endpoint.as_deref());
    let (Some(services), Some(base)) = (services, &layout.block.net_server_address) else { return Vec::new() };
    let value = net_server::address(base, services);
    let which = match layout.block.net_server {
        Some(NetServerMode::Own) => "its own NetServer",
        Some(NetServerMode::Shared) | None => "the NetServer inside Web",
    };
    net_server::moves(view, layout, hop)
        .into_iter()
        .map(|node| {
            let action =
                Action::SetConfigValue { path: layout.config(), key: ENDPOINT.to_owned(), value: value.clone() };
            let title = format!("point Service to {which}");
            let mut draft =
                draft(kind::POINT_TO_NET_SERVER, Some(node), title, Executor::Agent { actions: vec![action] });
            draft.step.evidence = vec![on_node(node, endpoint_probe(layout), text(&value))];
            draft.step.undo = Undo::Restore {};
            draft
        })
        .collect()
}

/// `config` names the web services of an older release: the name of this release's is written, once NetServer has answered
/// there. The vendor has people edit this line (config/service; upgrade to 8.1), and `upgrade.exe` would ask for more than
/// that: for keys, FastCGI, attachments, on a site that is open.
pub(super) fn correct(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>, nodes: &[&str]) -> Vec<Draft> {
    nodes
        .iter()
        .filter_map(|node| {
            let (before, after) = (net_server::endpoint(view, layout, node)?, of_release(view, layout, hop, node)?);
            let set = |value: &str| Action::SetConfigValue {
                path: layout.config(),
                key: ENDPOINT.to_owned(),
                value: value.to_owned(),
            };
            let answers = Action::AwaitUrl { url: format!("{after}/Contact.svc"), status: 200 };
            let title = "write the address of this release's web services".to_owned();
            let executor = Executor::Agent { actions: vec![answers, set(&after)] };
            let mut draft = draft(kind::POINT_TO_NET_SERVER, Some(node), title, executor);
            draft.step.evidence = vec![on_node(node, endpoint_probe(layout), text(&after))];
            draft.step.undo = Undo::Actions { actions: vec![set(before)] };
            Some(draft)
        })
        .collect()
}

/// The address in `config` on a node with the name of a release's web services.
pub(super) fn of_release(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>, node: &str) -> Option<String> {
    let services = hop.to.super_office.as_ref()?.services_endpoint.as_deref()?;
    let value = net_server::endpoint(view, layout, node)?;
    let (base, _) = value.trim_end_matches('/').rsplit_once('/')?;
    let mut letters = services.chars();
    let first = letters.next()?.to_uppercase().to_string();
    Some(format!("{base}/{first}{}", letters.as_str()))
}

/// A NetServer that has served crashes on the new database as soon as it runs: a person uninstalls it, once the site is
/// proven without it. No document tells how that is done unattended.
pub(super) fn remove(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let entry = layout.block.own_net_server.program.as_deref().unwrap_or("the NetServer web services");
    let (pool, folder) = (layout.net_server_pool, layout.net_server_path);
    net_server::retired(view, layout, hop)
        .into_iter()
        .map(|node| {
            let instructions = vec![
                format!("On {node}, uninstall {entry} in Windows' list of programs; never start it again."),
                format!(
                    "Then delete in IIS manager the application {} and the application pool {pool:?}, and the folder {folder}.",
                    layout.net_server_application
                ),
                "The step ends by itself when nothing of it is left; nothing has to be reported.".to_owned(),
            ];
            let title = format!("uninstall the NetServer on {node} that has served");
            let mut draft = draft(kind::REMOVE_NET_SERVER, Some(node), title, Executor::Attended { instructions });
            let left = version_probes(layout, Component::NetServer, Tools::of(hop.to)).into_iter().map(|(_, probe)| probe);
            let left = left.chain([Probe::Pool { name: pool.to_owned() }]);
            draft.step.evidence = left.map(|probe| on_node(node, probe, Expected::Absent {})).collect();
            draft.step.minutes = 10;
            draft.step.limit_minutes = 1440;
            draft
        })
        .collect()
}
