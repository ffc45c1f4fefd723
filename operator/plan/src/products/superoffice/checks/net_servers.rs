//! Checks of the NetServer that Service works through, and of how Web reaches its own.

use crm_api::site::{Component, NetServerMode};

use super::{Found, LOOK_AGAIN, on, site};
use crate::products::Hop;
use crate::products::superoffice::layout::Layout;
use crate::products::superoffice::net_server::{self, WebMode, endpoint, used, web_mode};
use crate::view::View;

/// `upgrade.exe` connects to the NetServer in `config`: it has to be one that this site declares, or nobody upgrades it.
pub(super) fn service_net_server(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    hop.standing(view, Component::Service)
        .into_iter()
        .filter(|node| used(view, layout, node).is_none())
        .map(|node| match endpoint(view, layout, node) {
            None => on(node, "the address of NetServer in Service's config was not read", LOOK_AGAIN),
            Some(address) => on(
                node,
                format!(
                    "Service works through {address}, which is neither Web's application {} nor a NetServer that is declared",
                    layout.web_application
                ),
                "declare superOffice.web.application as it stands in that address; or, for a NetServer of its own, add the component NetServer with its nodes, and superOffice.ownNetServer.application",
            ),
        })
        .collect()
}

/// Service talks HTTP only to NetServer (vendor: config/service; install/service, prepare).
pub(super) fn net_server_over_http(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    let moved = net_server::moves(view, layout, hop);
    hop.standing(view, Component::Service)
        .into_iter()
        .filter(|node| !moved.contains(node))
        .filter_map(|node| match endpoint(view, layout, node) {
            Some(address) if address.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://")) => None,
            Some(address) => Some(on(
                node,
                format!("Service works through {address}, and it talks to NetServer over HTTP only"),
                "let NetServer answer over HTTP on the inner network, or give Service a NetServer of its own there, and write its http address into nsEndPoint",
            )),
            None => Some(on(node, "the address of NetServer in Service's config was not read", LOOK_AGAIN)),
        })
        .collect()
}

/// Where Service is moved to another NetServer, its address is declared; and nobody else may work through the one that is
/// given up.
pub(super) fn net_server_merge(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    let moved = net_server::moves(view, layout, hop);
    if !moved.is_empty() && layout.block.net_server_address.is_none() {
        let (to, example) = match layout.block.net_server {
            Some(NetServerMode::Own) => ("its own NetServer", layout.net_server_application),
            Some(NetServerMode::Shared) | None => ("the NetServer inside Web", layout.web_application),
        };
        found.push(site(
            format!("Service is moved to {to}, and its address is not declared"),
            format!(
                "declare superOffice.netServerAddress as the Service nodes reach it, for example http://SERVER{example}; or netServer as it is now"
            ),
        ));
    }
    if net_server::retired(view, layout, hop).is_empty() {
        return found;
    }
    found.extend(hop.standing(view, Component::Web).into_iter().filter_map(|node| {
        match web_mode(view, layout, node) {
            WebMode::InProcess => None,
            WebMode::Remote(mode) => Some(on(
                node,
                format!(
                    "Web works through a remote NetServer (DefaultMode {mode}), and the site's own one is to be removed"
                ),
                "convert Web to the NetServer in its own process first: Services/DefaultMode Local in its web.config",
            )),
            WebMode::Unknown(why) => Some(on(node, why, look_for_yourself())),
        }
    }));
    found
}

/// A NetServer behind Web on another server is no longer supported from 10.1.2 on (vendor: remote NetServer for Web).
pub(super) fn remote_net_server(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    if !hop.to.super_office.as_ref().is_some_and(|block| block.in_process_only) {
        return Vec::new();
    }
    hop.standing(view, Component::Web)
        .into_iter()
        .filter_map(|node| match web_mode(view, layout, node) {
            WebMode::InProcess => None,
            WebMode::Remote(mode) => Some(on(
                node,
                format!("Web works through a remote NetServer (DefaultMode {mode}), which {} does not support", hop.to.version),
                "convert Web to the NetServer in its own process before this change: set Services/DefaultMode to Local in its web.config and give it the database there",
            )),
            WebMode::Unknown(why) => Some(on(node, why, look_for_yourself())),
        })
        .collect()
}

fn look_for_yourself() -> &'static str {
    "see that Services/DefaultMode in web.config says Local, in clear text; the check is repeated by itself"
}
