//! Checks of components: is the full stack declared, does the release bring each of them, and has a new Service what it
//! needs?

use crm_api::database::superoffice::SERVICE_VERSION;
use crm_api::site::Component;

use super::{Found, on, site};
use crate::orphans;
use crate::products::Hop;
use crate::products::superoffice::layout::Layout;
use crate::products::superoffice::net_server;
use crate::products::superoffice::orphaned;
use crate::products::superoffice::parts::{DATABASE, SERVICE_DATA};
use crate::view::View;

/// The main components that a release with a full stack demands (vendor: upgrade 7.5 to 8, crm-server).
const FULL_STACK: [Component; 3] = [Component::CrmServer, Component::Web, Component::Service];

/// The vendor demands all main components, even where a customer uses one client only.
pub(super) fn full_stack(view: &View<'_>, _: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    if !hop.to.super_office.as_ref().is_some_and(|block| block.full_stack) {
        return Vec::new();
    }
    FULL_STACK
        .into_iter()
        .filter(|component| view.nodes_of(*component).is_empty())
        .map(|component| {
            let name = component.name();
            site(
                format!("{} demands all main components, and no node carries {name}", hop.to.version),
                format!("add {{name: {name}, nodes: [...]}} to spec.components; it is installed with this change"),
            )
        })
        .collect()
}

/// Programs of CRM Server that are older than the database: their setup would work on the schema once more.
pub(super) fn server_behind(view: &View<'_>, _: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    if hop.behind.iter().any(|part| part == DATABASE) {
        // The schema is still to be changed, and brings them along.
        return Vec::new();
    }
    let is_behind = |node: &&String| hop.behind.contains(&format!("{}@{node}", Component::CrmServer.name()));
    let nodes = view.nodes_of(Component::CrmServer).iter().filter(is_behind);
    nodes
        .map(|node| {
            on(
                node,
                format!("the programs of CRM Server are older than the database, which is at {}", hop.to.version),
                "install them by the vendor's setup by hand: it works on the schema as well, so no plan starts it",
            )
        })
        .collect()
}

/// What was taken out of the declaration is not upgraded with the rest: it must not be there when the schema changes.
pub(super) fn orphans_stopped(view: &View<'_>, layout: &Layout<'_>, _: &Hop<'_>) -> Vec<Found> {
    orphans::undeclared(view)
        .into_iter()
        .filter(|(_, node)| view.snapshot.node(node).is_some())
        .filter_map(|(component, node)| {
            let working = orphaned::working(view, layout, component, node);
            let name = component.name();
            (!working.is_empty()).then(|| {
                on(
                    node,
                    format!("{name} is not declared there any more and may still be at work: {}", working.join(", ")),
                    format!("stop and disable it on {node}, or uninstall {name} there, or declare it again"),
                )
            })
        })
        .collect()
}

pub(super) fn packages(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for placed in &view.spec.components {
        let name = placed.name.name();
        let (new, package) = (!hop.newcomers(view, placed.name).is_empty(), hop.to.package(placed.name));
        let standing = match placed.name {
            Component::NetServer => net_server::kept(view, layout, hop),
            Component::CrmServer | Component::Web | Component::Service => hop.standing(view, placed.name),
        };
        let upgrades = !hop.is_configuration_only() && !standing.is_empty();
        if (new || upgrades) && package.is_none() {
            found.push(site(
                format!("release {} has no package for {name}", hop.to.version),
                "add it to spec.packages of the CrmRelease: file, sha256, program and method",
            ));
        } else if new && package.is_some_and(|package| package.install.is_none()) {
            found.push(site(
                format!("release {} does not say how {name} is installed where it is missing", hop.to.version),
                format!(
                    "add install to the package of {name} in the CrmRelease, or take {name} out of spec.components"
                ),
            ));
        }
    }
    found
}

/// `ejTermSetup` must never run on a Service that exists, and a first Service changes the database.
pub(super) fn new_service(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    let new = hop.newcomers(view, Component::Service);
    if new.is_empty() {
        return Vec::new();
    }
    let first = hop.installs.iter().any(|part| part == SERVICE_DATA);
    let mut found = Vec::new();
    if !first && hop.standing(view, Component::Service).is_empty() {
        let version = view.fact(SERVICE_VERSION).unwrap_or("something");
        found.push(site(
            format!("the database holds a Service at {version}, and no declared node carries one"),
            "restore that Service, or declare the node that carries it: ejTermSetup must not run on an existing Service",
        ));
    }
    if first && hop.is_configuration_only() {
        found.push(site(
            "a first Service transforms the database, and this change takes no backup",
            "declare it together with the next version: it is installed there",
        ));
    }
    if first && layout.block.service.setup.is_none() {
        found.push(site(
            "Service is installed for the first time, and spec.superOffice.service.setup is left out",
            "declare netServer, smtpHost, mailbox, address and odbcDsn there",
        ));
    }
    found
}
