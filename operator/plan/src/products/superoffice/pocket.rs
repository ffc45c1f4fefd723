//! Pocket Server 7, which is obsolete from 8.0: phones are told where NetServer is, are left a while, and then somebody
//! uninstalls it (vendor: pocket-crm, upgrade to 8). It is found by its Windows service on the site's own servers.

use crm_api::change::{Executor, Purpose};
use crm_api::condition::{Kind, State, Wanted};
use crm_api::evidence::Expected;
use crm_api::order::Action;
use crm_api::probe::{Answer, Observation, Probe, RunState};
use crm_api::release::{CrmReleaseSpec, PocketServer};
use crm_api::site::PocketServerThen;

use super::layout::Layout;
use super::steps::{self, kind};
use crate::products::{Draft, Hop};
use crate::view::View;
use crate::windows::local;

/// Pocket Server 7, whose phones were redirected, was uninstalled (only where there is a debt).
pub const REMOVED: Kind = Kind::Debt("PocketServerRemoved");
/// Its Windows service.
const USUAL_SERVICE: &str = "PocketCRM";
/// The file in which phones are told where to go.
const USUAL_PROPERTIES: &str =
    r"C:\Program Files (x86)\SuperOffice Pocket CRM\Tomcat 6.0\webapps\pocketcrm\WEB-INF\classes\server.properties";
/// The key of that file.
const REDIRECT: &str = "CLIENT_CONFIGURE";

/// What Pocket Server 7 is to a release.
fn standing(release: &CrmReleaseSpec) -> Option<PocketServer> {
    release.super_office.as_ref()?.pocket_server
}

/// What becomes of it, as declared or as the guide says.
#[must_use]
pub fn then(layout: &Layout<'_>) -> PocketServerThen {
    layout.block.pocket_server.as_ref().map(|declared| declared.then).unwrap_or_default()
}

fn service(layout: &Layout<'_>) -> String {
    let declared = layout.block.pocket_server.as_ref().and_then(|declared| declared.service.clone());
    declared.unwrap_or_else(|| USUAL_SERVICE.to_owned())
}

fn properties(layout: &Layout<'_>) -> String {
    let declared = layout.block.pocket_server.as_ref().and_then(|declared| declared.properties.clone());
    declared.unwrap_or_else(|| USUAL_PROPERTIES.to_owned())
}

/// Whether it runs on a node.
#[must_use]
pub fn service_probe(layout: &Layout<'_>) -> Probe {
    Probe::Service { name: service(layout) }
}

fn redirect_probe(layout: &Layout<'_>) -> Probe {
    Probe::ConfigValue { path: properties(layout), key: REDIRECT.to_owned() }
}

/// What every node is asked: whether it runs there, and, where it does, where it sends phones.
#[must_use]
pub fn probes(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Vec<Probe> {
    let mut probes = vec![service_probe(layout)];
    if runs_on(view, layout, node) {
        probes.push(redirect_probe(layout));
    }
    probes
}

fn runs_on(view: &View<'_>, layout: &Layout<'_>, node: &str) -> bool {
    matches!(view.answer(node, &service_probe(layout)), Some(Answer::Service { .. }))
}

/// The nodes that run it.
#[must_use]
pub fn nodes<'v>(view: &View<'v>, layout: &Layout<'_>) -> Vec<&'v str> {
    view.node_names().into_iter().filter(|node| runs_on(view, layout, node)).collect()
}

/// Where phones shall go at a release: the address must end in the name of its web services (vendor: pocket-crm, upgrade
/// to 8).
fn address(layout: &Layout<'_>, release: &CrmReleaseSpec) -> Option<String> {
    let base = layout.block.pocket_server.as_ref()?.net_server.as_deref()?.trim_end_matches('/');
    let services = release.super_office.as_ref()?.services_endpoint.as_deref()?;
    Some(format!("soprotocol://?netserverUrl={base}/{}", services.to_lowercase()))
}

/// The nodes whose phones a hop redirects.
#[must_use]
pub fn redirected_by<'v>(view: &View<'v>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<&'v str> {
    if hop.purpose != Purpose::Upgrade || standing(hop.to) != Some(PocketServer::Obsolete) {
        return Vec::new();
    }
    if then(layout) == PocketServerThen::Keep { Vec::new() } else { nodes(view, layout) }
}

/// The nodes that keep phones away from a release that lets none in through it.
#[must_use]
pub fn kept_against<'v>(view: &View<'v>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<&'v str> {
    let refused = standing(hop.to) == Some(PocketServer::Refused) && then(layout) == PocketServerThen::Keep;
    if refused { nodes(view, layout) } else { Vec::new() }
}

/// Whether Pocket Server 7 is anything else than usual to the release of a hop.
#[must_use]
pub fn matters_to(hop: &Hop<'_>) -> bool {
    standing(hop.to).is_some()
}

/// Whether a hop has to redirect phones and the site does not say where to.
#[must_use]
pub fn lacks_address(layout: &Layout<'_>, hop: &Hop<'_>) -> bool {
    address(layout, hop.to).is_none()
}

/// Phones are redirected the moment that they are started again, so the site is open and proven by then. Nobody waits for
/// this step. It is behind the point of no return, so nothing takes it back.
pub(super) fn redirect(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let Some(address) = address(layout, hop.to) else { return Vec::new() };
    redirected_by(view, layout, hop)
        .into_iter()
        .map(|node| {
            let (name, path) = (service(layout), properties(layout));
            let actions = vec![
                // Stopped first: a service that runs on would go on with what it has read.
                Action::StopService { name: name.clone() },
                Action::SetConfigValue { path, key: REDIRECT.to_owned(), value: address.clone() },
                Action::StartService { name },
            ];
            let title = "let Pocket Server send its phones to NetServer".to_owned();
            let mut draft = steps::draft(kind::REDIRECT_PHONES, Some(node), title, Executor::Agent { actions });
            draft.step.evidence = vec![
                steps::on_node(node, redirect_probe(layout), steps::text(&address)),
                steps::on_node(node, service_probe(layout), Expected::State { is: RunState::Running }),
            ];
            draft
        })
        .collect()
}

/// What whoever approves has to know about phones.
pub(super) fn notices(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Option<String> {
    let redirected = redirected_by(view, layout, hop);
    if !redirected.is_empty() {
        return Some(format!(
            "Phones of Pocket Server 7 on {} are sent to NetServer once the site is open; Pocket Server is left a while and then uninstalled by a person.",
            redirected.join(" and ")
        ));
    }
    let kept = then(layout) == PocketServerThen::Keep && standing(hop.from).is_none() && standing(hop.to).is_some();
    let nodes = nodes(view, layout);
    (kept && hop.purpose == Purpose::Upgrade && !nodes.is_empty()).then(|| {
        format!("Pocket Server 7 on {} stays, as declared; {} does not need it.", nodes.join(" and "), hop.to.version)
    })
}

/// Pocket Server stands until somebody has uninstalled it: phones that were not started since still ask it for the way.
/// Ends when its service is gone from every node.
pub(super) fn debt(view: &View<'_>, layout: &Layout<'_>) -> Option<Wanted> {
    let verified = view.snapshot.site.status.as_ref()?.verified.as_ref()?;
    let release = view.catalogue.find(&verified.version)?;
    if standing(release).is_none() || then(layout) == PocketServerThen::Keep {
        return None;
    }
    let nodes = nodes(view, layout);
    let places: Vec<String> = nodes
        .iter()
        .map(|node| match sent_away(view, layout, node) {
            Some((address, since)) => format!("on {node}, whose phones are sent to {address} since {since}"),
            None => format!("on {node}, whose phones are not redirected"),
        })
        .collect();
    let redirected = nodes.iter().all(|node| sent_away(view, layout, node).is_some());
    let when = match standing(release) {
        Some(PocketServer::Refused) => "No phone can log in any more: uninstall it there",
        Some(PocketServer::Obsolete) | None => "Leave it until every phone was started once, then uninstall it there",
    };
    (!places.is_empty()).then(|| Wanted {
        kind: REMOVED,
        state: State::False,
        reason: if redirected { "Redirected" } else { "NotRedirected" },
        message: format!("Pocket Server 7 still stands {}. {when}; nothing has to be reported", places.join(" and ")),
    })
}

/// Where phones are sent, and since when.
fn sent_away(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Option<(String, String)> {
    let seen: &Observation = view.observation(node, &redirect_probe(layout))?;
    let Answer::Value { value } = &seen.answer else { return None };
    let address = value.split_once("netserverUrl=").map_or(value.as_str(), |(_, address)| address);
    Some((address.to_owned(), local(view.spec.windows.as_ref(), seen.since.0)))
}
