//! Checks of the machines themselves: Windows, IIS, .NET, rights, a pending restart.

use crm_api::probe::Machine;
use crm_api::site::{Component, FastCgi};

use super::{Found, LOOK_AGAIN, on};
use crate::products::Hop;
use crate::products::superoffice::layout::Layout;
use crate::view::View;

/// Installed update that repairs FastCGI in IIS 7.0 (vendor: upgrade Service; Microsoft KB 980363).
const FAST_CGI_HOTFIX: &str = "KB980363";
/// Lowest IIS version whose FastCGI works (vendor: upgrade Service).
const FAST_CGI_IIS: &str = "7.5";

pub(super) fn elevated(view: &View<'_>, _: &Layout<'_>, _: &Hop<'_>) -> Vec<Found> {
    each_machine(view, |machine| {
        (!machine.elevated).then(|| {
            (
                "the agent runs without administrator rights".to_owned(),
                "run the agent's service as an account in Administrators".to_owned(),
            )
        })
    })
}

pub(super) fn reboot_pending(view: &View<'_>, _: &Layout<'_>, _: &Hop<'_>) -> Vec<Found> {
    each_machine(view, |machine| {
        machine
            .reboot_pending
            .then(|| ("Windows waits for a restart".to_owned(), "restart the server before the window".to_owned()))
    })
}

pub(super) fn windows_version(view: &View<'_>, _: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    let supported = &hop.to.requires.windows;
    each_machine(view, |machine| {
        (!supported.is_empty() && !supported.contains(&machine.windows)).then(|| {
            (
                format!("{} does not support {}", hop.to.version, machine.windows),
                format!("supported are: {}", supported.join(", ")),
            )
        })
    })
}

pub(super) fn dot_net(view: &View<'_>, _: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    let Some(lowest) = hop.to.requires.dot_net.as_deref() else { return Vec::new() };
    each_machine(view, |machine| {
        let version = machine.dot_net.as_deref().unwrap_or("none");
        (!at_least(version, lowest)).then(|| {
            (
                format!(".NET Framework is {version}, {} needs {lowest}", hop.to.version),
                format!("install .NET Framework {lowest} or newer before the window; installers would download it"),
            )
        })
    })
}

pub(super) fn iis_features(view: &View<'_>, _: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    let web_node = |node: &str| {
        [Component::Web, Component::NetServer, Component::Service]
            .iter()
            .any(|part| view.nodes_of(*part).iter().any(|name| name == node))
    };
    view.node_names()
        .into_iter()
        .filter(|node| web_node(node))
        .filter_map(|node| {
            let Some(machine) = view.machine(node) else {
                return Some(on(node, "the machine was not read", LOOK_AGAIN));
            };
            let missing: Vec<&str> = hop
                .to
                .requires
                .features
                .iter()
                .filter(|feature| !machine.features.contains(feature))
                .map(String::as_str)
                .collect();
            (!missing.is_empty()).then(|| {
                on(
                    node,
                    format!("Windows features are missing: {}", missing.join(", ")),
                    format!("Install-WindowsFeature {}", missing.join(", ")),
                )
            })
        })
        .collect()
}

pub(super) fn fast_cgi_support(view: &View<'_>, _: &Layout<'_>, hop: &Hop<'_>) -> Vec<Found> {
    if hop.fast_cgi != Some(FastCgi::Enabled) {
        return Vec::new();
    }
    let ways_out = "install Microsoft's FastCGI update KB980363, use IIS 7.5 or newer, or declare fastCgi: Disabled";
    view.nodes_of(Component::Service)
        .iter()
        .filter_map(|node| {
            let Some(machine) = view.machine(node) else {
                return Some(on(node, "the machine was not read", LOOK_AGAIN));
            };
            let Some(iis) = machine.iis.as_deref() else {
                return Some(on(node, "IIS is not installed", "install IIS with CGI"));
            };
            let patched = machine.hotfixes.iter().any(|hotfix| hotfix == FAST_CGI_HOTFIX);
            let works = at_least(iis, FAST_CGI_IIS) || (at_least(iis, "7.0") && patched);
            (!works).then(|| on(node, format!("FastCGI does not work in IIS {iis} as it is"), ways_out))
        })
        .collect()
}

/// Runs a check on the machine facts of every node; a machine that was not read fails it.
fn each_machine(view: &View<'_>, check: impl Fn(&Machine) -> Option<(String, String)>) -> Vec<Found> {
    view.node_names()
        .into_iter()
        .filter_map(|node| match view.machine(node) {
            None => Some(on(node, "the machine was not read", LOOK_AGAIN)),
            Some(machine) => check(machine).map(|(message, remedy)| on(node, message, remedy)),
        })
        .collect()
}

/// Whether a dotted version is at least another one, number by number; what is no number counts as 0.
pub(crate) fn at_least(version: &str, lowest: &str) -> bool {
    let numbers = |text: &str| -> Vec<u32> { text.split('.').map(|part| part.parse().unwrap_or(0)).collect() };
    let (mut left, mut right) = (numbers(version), numbers(lowest));
    let length = left.len().max(right.len());
    left.resize(length, 0);
    right.resize(length, 0);
    left >= right
}
