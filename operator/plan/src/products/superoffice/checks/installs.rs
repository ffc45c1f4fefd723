//! Checks of what is installed anew: who makes the choices of the vendor's wizards, and whether the folder is free.

use crm_api::release::{Method, Package};
use crm_api::site::Component;

use super::{Found, on, site};
use crate::products::Hop;
use crate::products::superoffice::instances;
use crate::products::superoffice::layout::{Layout, declared_path};
use crate::products::superoffice::one_host::Moving;
use crate::view::View;

/// What a person is told to choose in the wizard of a component that is installed anew.
fn choices(component: Component) -> &'static str {
    match component {
        Component::CrmServer => "the folder",
        Component::Web => {
            "the folder, the IIS site, the application pool, and whether its NetServer web services are exposed"
        }
        Component::NetServer => "the folder, the application and its pool",
        Component::Service => "a new instance, its folder, its IIS site and its host name",
    }
}

/// No document gives a command line for the choices of an installation, and a declared one would run without them
/// (vendor: install/service, install/web-client).
pub(super) fn wizard_choices(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    let moving = Moving::of(view, layout, hop);
    let moves = |component| match (&moving, component) {
        (Some(moving), Component::Web) => moving.web,
        (Some(moving), Component::Service) => moving.new_instance,
        _ => false,
    };
    let is_silent = |package: &&Package| matches!(package.install, Some(Method::CommandLine { .. }));
    let mut found = Vec::new();
    for placed in &view.spec.components {
        let why = if moves(placed.name) {
            "moves"
        } else if hop.newcomers(view, placed.name).is_empty() {
            continue;
        } else {
            "is installed for the first time"
        };
        let Some(package) = hop.to.package(placed.name).filter(is_silent) else { continue };
        let name = placed.name.name();
        found.push(site(
            format!(
                "{name} {why}, and release {} declares install: commandLine for {} in its package of {name}; that command line would run without {}",
                hop.to.version,
                package.program,
                choices(placed.name)
            ),
            "declare install: attended there in the CrmRelease, with what to do besides: a person makes these choices in the wizard, and is told which",
        ));
    }
    found
}

/// A folder belongs to one instance: the installer would work on the one that is there.
pub(super) fn instance_folder(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    let moves = Moving::of(view, layout, hop).is_some_and(|moving| moving.new_instance);
    let nodes = if moves { hop.standing(view, Component::Service) } else { hop.newcomers(view, Component::Service) };
    let (folder, host) = (declared_path(layout.block), &layout.block.host_name);
    nodes
        .into_iter()
        .filter_map(|node| {
            let hosts = instances::hosts_in(view, node, folder);
            let is_ours = |other: &String| other.eq_ignore_ascii_case(host) || other.eq_ignore_ascii_case(&layout.host);
            (!hosts.is_empty() && !hosts.iter().any(is_ours)).then(|| {
                on(
                    node,
                    format!(
                        "spec.superOffice.service.path: {folder} is the folder of the Service instance of {}, and {host} would be installed there",
                        hosts.join(" and ")
                    ),
                    "declare a folder of its own in spec.superOffice.service.path; the other instance stays as it is",
                )
            })
        })
        .collect()
}
