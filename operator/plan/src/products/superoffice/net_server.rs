//! Which NetServer Service works through, and what becomes of one of its own: kept and upgraded like any part, or merged
//! with the one inside Web. Whether Web itself works through a remote one.

use crm_api::probe::{Answer, Probe};
use crm_api::site::{Component, NetServerMode};

use super::address::Parts;
use super::layout::Layout;
use super::parts::{Tools, version_probes};
use crate::products::{Hop, is_in};
use crate::view::View;
use crm_api::change::Purpose;

/// Key of NetServer's address in Service's `config` (vendor: config/service).
pub const ENDPOINT: &str = "nsEndPoint";
/// What stands before the name of the web services in NetServer's addresses.
const REMOTE: &str = "/remote/";

/// The question for the address of NetServer on a Service node.
#[must_use]
pub fn endpoint_probe(layout: &Layout<'_>) -> Probe {
    Probe::ConfigValue { path: layout.config_now(), key: ENDPOINT.to_owned() }
}

/// The address of NetServer in Service's `config` on a node, as it was read.
#[must_use]
pub fn endpoint<'a>(view: &View<'a>, layout: &Layout<'_>, node: &str) -> Option<&'a str> {
    match view.answer(node, &endpoint_probe(layout)) {
        Some(Answer::Value { value }) => Some(value),
        _ => None,
    }
}

/// Which NetServer Service is seen to use on a node, by the application in its address; where both have applications of
/// the same name, by the host. `None` where it is neither of them, or was not read.
#[must_use]
pub fn used(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Option<NetServerMode> {
    let address = endpoint(view, layout, node)?.to_ascii_lowercase();
    let Parts { host, path, .. } = Parts::of(&address)?;
    let application = &path[..path.find(REMOTE)?];
    let is = |other: &str| application == other.trim_end_matches('/').to_ascii_lowercase();
    let (own, web) = (is(layout.net_server_application), is(layout.web_application));
    let on_its_host = || {
        let name = host.split('.').next().unwrap_or(host);
        let name = if name == "localhost" { node } else { name };
        view.nodes_of(Component::NetServer).iter().any(|carrier| carrier.eq_ignore_ascii_case(name))
    };
    let has_own = !view.nodes_of(Component::NetServer).is_empty();
    match (own && has_own, web) {
        (true, true) => Some(if on_its_host() { NetServerMode::Own } else { NetServerMode::Shared }),
        (true, false) => Some(NetServerMode::Own),
        (false, true) => Some(NetServerMode::Shared),
        (false, false) => None,
    }
}

/// Whether every source of a stand-alone NetServer on a node shows nothing.
#[must_use]
pub fn is_gone(view: &View<'_>, layout: &Layout<'_>, node: &str) -> bool {
    let probes = version_probes(layout, Component::NetServer, Tools::at_work(view));
    probes.iter().all(|(_, probe)| matches!(view.answer(node, probe), Some(Answer::Absent {})))
}

/// Whether the site's own NetServer has served: `Shared` is declared, and Service uses the one inside Web everywhere. Such
/// a NetServer is no part of the site any more; it waits for its removal, or is gone.
#[must_use]
pub fn has_served(view: &View<'_>, layout: &Layout<'_>) -> bool {
    let services = view.nodes_of(Component::Service);
    let moved = |node: &String| used(view, layout, node) == Some(NetServerMode::Shared);
    layout.block.net_server == Some(NetServerMode::Shared) && !services.is_empty() && services.iter().all(moved)
}

/// The nodes on which a stand-alone NetServer stands before a hop.
#[must_use]
pub fn standing<'v>(view: &View<'v>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<&'v str> {
    let mut nodes = hop.standing(view, Component::NetServer);
    if hop.purpose == Purpose::Restore {
        // What the set does not hold was not part of the site when it was taken.
        nodes.retain(|node| is_in_set(hop, node));
    } else {
        nodes.retain(|node| !is_gone(view, layout, node));
    }
    nodes
}

/// Folder of a stand-alone NetServer in a backup set.
pub const SET_FOLDER: &str = "netserver";

fn is_in_set(hop: &Hop<'_>, node: &str) -> bool {
    let files = hop.set.and_then(|set| set.status.as_ref()).map(|status| status.files.as_slice()).unwrap_or_default();
    let kept = format!(r"\{SET_FOLDER}.");
    files.iter().any(|file| file.node == node && file.file.path.contains(&kept))
}

/// Whether a hop merges the site's own NetServer with the one inside Web: `Shared` is declared, Web carries one when the
/// hop is over, and the release has a name for its web services.
#[must_use]
pub fn merges(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> bool {
    let named = hop.to.super_office.as_ref().is_some_and(|block| block.services_endpoint.is_some());
    hop.purpose == Purpose::Upgrade
        && layout.block.net_server == Some(NetServerMode::Shared)
        && named
        && !hop.carriers(view, Component::Web).is_empty()
        && !hop.carriers(view, Component::Service).is_empty()
}

/// The nodes whose stand-alone NetServer is stopped by a hop and never started again.
#[must_use]
pub fn retired<'v>(view: &View<'v>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<&'v str> {
    let goes = merges(view, layout, hop) || hop.purpose == Purpose::Forward && has_served(view, layout);
    if goes { standing(view, layout, hop) } else { Vec::new() }
}

/// The nodes whose stand-alone NetServer goes to the new release with a hop.
#[must_use]
pub fn kept<'v>(view: &View<'v>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<&'v str> {
    let retired = retired(view, layout, hop);
    standing(view, layout, hop).into_iter().filter(|node| !retired.contains(node)).collect()
}

/// The nodes on which a stand-alone NetServer is touched by a hop: those that keep it, or receive it.
#[must_use]
pub fn changed<'v>(view: &View<'v>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<&'v str> {
    let kept = kept(view, layout, hop);
    let touched = hop.changed(view, Component::NetServer).into_iter();
    touched.filter(|node| kept.contains(node) || is_in(hop.installs, Component::NetServer, node)).collect()
}

/// The Service nodes that a hop moves to another NetServer: the one that is declared and not the one that is seen.
#[must_use]
pub fn moves<'v>(view: &View<'v>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<&'v str> {
    let named = hop.to.super_office.as_ref().is_some_and(|block| block.services_endpoint.is_some());
    let wanted = match layout.block.net_server {
        Some(NetServerMode::Shared) if merges(view, layout, hop) => NetServerMode::Shared,
        Some(NetServerMode::Own) if hop.purpose == Purpose::Upgrade && named => NetServerMode::Own,
        Some(NetServerMode::Shared | NetServerMode::Own) | None => return Vec::new(),
    };
    let other = |node: &&str| used(view, layout, node).is_some_and(|seen| seen != wanted);
    hop.standing(view, Component::Service).into_iter().filter(other).collect()
}

/// The address of NetServer's web services at a release, below a base.
#[must_use]
pub fn address(base: &str, services: &str) -> String {
    format!("{}/Remote/{services}", base.trim_end_matches('/'))
}

/// How Web reaches its NetServer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebMode {
    /// In its own process.
    InProcess,
    /// Over the network, always or in turns.
    Remote(String),
    /// It could not be told, and why.
    Unknown(String),
}

/// The question for how Web reaches its NetServer (vendor: api/config, services).
#[must_use]
pub fn mode_probe(layout: &Layout<'_>) -> Probe {
    Probe::XmlValue {
        path: format!(r"{}\web.config", layout.web_path),
        section: "SuperOffice/Services".to_owned(),
        key: "DefaultMode".to_owned(),
    }
}

/// How Web on a node reaches its NetServer: `Local`, `Remote`, or `Switch` between both (vendor: api/config, services).
#[must_use]
pub fn web_mode(view: &View<'_>, layout: &Layout<'_>, node: &str) -> WebMode {
    match view.answer(node, &mode_probe(layout)) {
        Some(Answer::Value { value }) if value.eq_ignore_ascii_case("Local") => WebMode::InProcess,
        Some(Answer::Value { value }) => WebMode::Remote(value.clone()),
        Some(Answer::Absent {}) => WebMode::Unknown("web.config of Web names no DefaultMode".to_owned()),
        Some(Answer::Unreadable { reason }) => WebMode::Unknown(format!("web.config of Web was not read: {reason}")),
        _ => WebMode::Unknown("web.config of Web was not asked for yet".to_owned()),
    }
}

/// Whether how Web reaches its NetServer is worth knowing: the declared release demands it in Web's process, or a NetServer
/// that Web might use is to be merged.
#[must_use]
pub fn is_mode_asked(view: &View<'_>, layout: &Layout<'_>) -> bool {
    let wanted = view.catalogue.find(&view.spec.version).and_then(|release| release.super_office.as_ref());
    let merging =
        layout.block.net_server == Some(NetServerMode::Shared) && !view.nodes_of(Component::NetServer).is_empty();
    merging || wanted.is_some_and(|release| release.in_process_only)
}
