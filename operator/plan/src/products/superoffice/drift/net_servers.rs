//! Drift of the NetServers: Service works through another one than declared, one that has served is still there, or Web
//! works through a remote one at a release that has dropped it.

use crm_api::site::{Component, DriftClass, Finding};

use super::{finding, verified_release};
use crate::products::superoffice::layout::Layout;
use crate::products::superoffice::net_server::{self, WebMode};
use crate::view::View;

pub(super) fn at_rest(view: &View<'_>, layout: &Layout<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    findings
        .extend(view.nodes_of(Component::Service).iter().filter_map(|node| other_than_declared(view, layout, node)));
    findings.extend(left(view, layout));
    findings.extend(view.nodes_of(Component::Web).iter().filter_map(|node| remote(view, layout, node)));
    findings
}

fn other_than_declared(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Option<Finding> {
    let declared = layout.block.net_server?;
    if is_to_be_upgraded(view) {
        return None;
    }
    let seen = net_server::used(view, layout, node).filter(|seen| *seen != declared)?;
    let address = net_server::endpoint(view, layout, node)?;
    Some(finding(
        "NetServerNotAsDeclared",
        DriftClass::NetServer,
        Some(node),
        format!("Service works through {address} ({seen:?}), declared is netServer: {declared:?}"),
        "the next upgrade moves it; until then declare netServer as it is",
    ))
}

/// A declared version that is not proven yet is pending, and so is the NetServer that comes with it: the plan says what
/// becomes of it, or a refusal why there is none.
fn is_to_be_upgraded(view: &View<'_>) -> bool {
    let declared = view.catalogue.find(&view.spec.version);
    verified_release(view).zip(declared).is_some_and(|(verified, declared)| verified.version != declared.version)
}

/// An old one crashes as soon as somebody starts it.
fn left(view: &View<'_>, layout: &Layout<'_>) -> Vec<Finding> {
    if !net_server::has_served(view, layout) {
        return Vec::new();
    }
    view.nodes_of(Component::NetServer)
        .iter()
        .filter(|node| !net_server::is_gone(view, layout, node))
        .map(|node| {
            finding(
                "NetServerLeft",
                DriftClass::NetServer,
                Some(node),
                format!("the NetServer in {} has served, and it is still installed", layout.net_server_path),
                "uninstall it and delete its application and pool in IIS manager, then take NetServer out of spec.components; if others use it, leave superOffice.netServer out",
            )
        })
        .collect()
}

/// From 10.1.2 on Web has to run NetServer in its own process (vendor: remote NetServer for Web).
fn remote(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Option<Finding> {
    let release = verified_release(view)?;
    release.super_office.as_ref().filter(|block| block.in_process_only)?;
    let WebMode::Remote(mode) = net_server::web_mode(view, layout, node) else { return None };
    Some(finding(
        "WebNetServerRemote",
        DriftClass::NetServer,
        Some(node),
        format!(
            "Web works through a remote NetServer (DefaultMode {mode}), which {} does not support",
            release.version
        ),
        "convert Web to the NetServer in its own process: Services/DefaultMode Local in its web.config",
    ))
}
