//! Where Service stands and under which host, as registry and database show it. A declared host that differs from
//! today's is a wish: until it is carried out, the site is looked after where it is.

use std::collections::BTreeMap;

use crm_api::database::superoffice::{CGI_URL, SERVICE_VERSION};
use crm_api::probe::{Answer, Probe, RunState};
use crm_api::site::{Component, SuperOfficeSpec};

use super::{INSTALLER_VALUES, INSTANCES_KEY, declared_path, same_path};
use crate::products::superoffice::address::host_of;
use crate::products::superoffice::one_host;
use crate::view::View;

/// One Service instance.
pub(super) struct Standing<'a> {
    pub(super) host: String,
    pub(super) path: &'a str,
    /// Host names that lead to it, the likeliest first.
    pub(super) hosts: Vec<String>,
}

impl<'a> Standing<'a> {
    /// The instance of a site.
    pub(super) fn of(view: &View<'a>, block: &'a SuperOfficeSpec, declared: &'a str) -> Self {
        let instances = instances(view);
        let wanted = block.host_name.as_str();
        let named =
            |host: &str| instances.iter().find(|(name, _)| name.eq_ignore_ascii_case(host)).map(|(_, path)| *path);
        let today = match host_today(view) {
            Some(host) if host.eq_ignore_ascii_case(wanted) => None,
            // A database without a Service has none anywhere: whatever stands there is somebody else's.
            None if has_none(view) => None,
            other => other.filter(|host| named(host).is_some()).or_else(|| only_host(&instances, wanted)),
        };
        let Some((today, old)) = today.and_then(|host| Some((host, named(host)?))) else {
            return Self::in_folder(view, block, declared);
        };
        // Behind a proxy one instance has several host names: where none of them has to move, any may be declared.
        if named(wanted).is_some_and(|path| same_path(path, old)) && !one_host::lies_ahead(view) {
            return Self { hosts: hosts_of(&instances, old, wanted), host: wanted.to_owned(), path: old };
        }
        // From the installation of the new instance on it is the one that counts.
        let is_there = named(wanted).is_some_and(|path| same_path(path, declared));
        let path = if is_there { declared } else { old };
        let moved = is_there && !same_path(old, declared);
        let host = if moved { wanted.to_owned() } else { today.to_owned() };
        Self { hosts: hosts_of(&instances, path, &host), host, path }
    }

    /// The instance that lies in a folder.
    pub(super) fn in_folder(view: &View<'a>, block: &'a SuperOfficeSpec, path: &'a str) -> Self {
        let wanted = block.host_name.as_str();
        let instances = instances(view);
        let other = instances.iter().find(|(_, at)| same_path(at, path)).map(|(name, _)| *name);
        let host = if same_path(path, declared_path(block)) { wanted } else { other.unwrap_or(wanted) };
        Self { hosts: hosts_of(&instances, path, host), host: host.to_owned(), path }
    }
}

/// The Service instances of the first Service node that tells: host name to base path. Several host names may lead to one.
fn instances<'a>(view: &View<'a>) -> Vec<(&'a str, &'a str)> {
    let probe = Probe::RegistrySubkeys { key: INSTANCES_KEY.to_owned() };
    let subkeys = view.nodes_of(Component::Service).iter().find_map(|node| match view.answer(node, &probe) {
        Some(Answer::Subkeys { subkeys }) => Some(subkeys),
        _ => None,
    });
    subkeys.map(named_instances).unwrap_or_default()
}

/// The instances among the sub-keys of the key that the vendor keeps them under.
pub(crate) fn named_instances(subkeys: &BTreeMap<String, BTreeMap<String, String>>) -> Vec<(&str, &str)> {
    subkeys
        .iter()
        .filter(|(name, _)| name.as_str() != INSTALLER_VALUES)
        .filter_map(|(name, values)| Some((name.as_str(), values.get("basePath")?.trim_end_matches('\\'))))
        .collect()
}

/// Whether the database was read and knows no Service.
fn has_none(view: &View<'_>) -> bool {
    view.database().is_some() && view.fact(SERVICE_VERSION).is_none()
}

/// The host of the only instance there is, where the declared host has none.
fn only_host<'a>(instances: &[(&'a str, &'a str)], wanted: &str) -> Option<&'a str> {
    let [(host, path), others @ ..] = instances else { return None };
    let is_one = others.iter().all(|(_, other)| same_path(path, other));
    let has_none = instances.iter().all(|(name, _)| !name.eq_ignore_ascii_case(wanted));
    (is_one && has_none).then_some(*host)
}

fn hosts_of(instances: &[(&str, &str)], path: &str, first: &str) -> Vec<String> {
    let others = instances.iter().filter(|(name, at)| same_path(at, path) && !name.eq_ignore_ascii_case(first));
    std::iter::once(first.to_owned()).chain(others.map(|(name, _)| (*name).to_owned())).collect()
}

/// The host in the address under which Service sends people to itself (vendor: move-crm-server, `cgi_url`).
fn host_today<'a>(view: &View<'a>) -> Option<&'a str> {
    host_of(view.fact(CGI_URL)?)
}

/// Which of the names the scheduler has: one that runs, or else one that is there, or else the likeliest.
pub(super) fn there(view: &View<'_>, names: &[String]) -> String {
    let nodes = view.nodes_of(Component::Service);
    let found = |runs: bool| {
        names.iter().find(|name| {
            let probe = Probe::Service { name: (*name).clone() };
            nodes.iter().any(|node| match view.answer(node, &probe) {
                Some(Answer::Service { state, .. }) => !runs || *state == RunState::Running,
                _ => false,
            })
        })
    };
    if names.len() < 2 {
        return names.first().cloned().unwrap_or_default();
    }
    found(true).or_else(|| found(false)).or_else(|| names.first()).cloned().unwrap_or_default()
}
