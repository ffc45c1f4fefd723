//! The host under which a Service instance stands. It is part of the instance: of its registry key, its links, its
//! scheduler, and of mails that were sent long ago.

use crm_api::probe::{Answer, Probe};
use crm_api::site::{Component, Finding, Severity};

use super::layout::{INSTALLER_VALUES, INSTANCES_KEY, Layout};
use crate::view::View;

/// The hosts for which the instance in the site's base path is registered on a node: behind a proxy there are several
/// (vendor: install/iis/reverse-proxy).
#[must_use]
pub fn registered<'v>(view: &View<'v>, service_path: &str, node: &str) -> Vec<&'v str> {
    let probe = Probe::RegistrySubkeys { key: INSTANCES_KEY.to_owned() };
    let Some(Answer::Subkeys { subkeys }) = view.answer(node, &probe) else { return Vec::new() };
    let own = |path: &String| path.trim_end_matches('\\').eq_ignore_ascii_case(service_path.trim_end_matches('\\'));
    subkeys
        .iter()
        .filter(|(name, values)| name.as_str() != INSTALLER_VALUES && values.get("basePath").is_some_and(own))
        .map(|(name, _)| name.as_str())
        .collect()
}

/// A host name that was edited: the instance stands under another one, and nothing that the operator does moves it.
#[must_use]
pub fn changed(view: &View<'_>, layout: &Layout<'_>) -> Vec<Finding> {
    let declared = &layout.block.host_name;
    view.nodes_of(Component::Service)
        .iter()
        .filter_map(|node| {
            let hosts = registered(view, layout.service_path, node);
            let stays = hosts.is_empty() || hosts.iter().any(|host| host.eq_ignore_ascii_case(declared));
            (!stays).then(|| Finding {
                check: "HostName".to_owned(),
                class: None,
                severity: Severity::Block,
                node: Some(node.clone()),
                policy: None,
                since: None,
                message: format!(
                    "spec.superOffice.hostName: Service in {} is set up for {}, and {declared} is declared; tracked links in mails that were sent hold the old host and break for good, and addresses, paths and keys of the old host stand in database, registry and configuration (vendor: upgrade to 8.1, move-crm-server)",
                    layout.service_path,
                    hosts.join(" and ")
                ),
                remedy: format!(
                    "declare {} again; a Service that has to move is moved by the vendor's guide first, and the new host declared afterwards",
                    hosts.join(" or ")
                ),
            })
        })
        .collect()
}
