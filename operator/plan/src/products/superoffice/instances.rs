//! Service instances on one server. An instance is one base path; several host names in the registry may name it. What a
//! change does to a server concerns one of them, and every other one stays as it is (vendor: upgrade Service, "Maintain or
//! upgrade an existing instance"; install/iis/reverse-proxy for the registry).

use std::collections::BTreeMap;

use crm_api::evidence::{Expectation, Expected};
use crm_api::probe::{Answer, Probe};

use super::layout::{INSTANCES_KEY, Layout, declared_path, named_instances};
use super::parts::file_version;
use super::steps::on_node;
use crate::view::View;

/// What stands in a command line for the base path of the instance: with it, the command line selects one of several.
pub const INSTANCE_PATH: &str = "{instancePath}";

/// An instance on a server that is not this site's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// The first host name that names it.
    pub host: String,
    /// Its base path.
    pub path: String,
}

/// The host names in a server's registry by base path; `None` where they were not read.
fn hosts_by_path<'v>(view: &View<'v>, node: &str) -> Option<BTreeMap<String, Vec<(&'v str, &'v str)>>> {
    let probe = Probe::RegistrySubkeys { key: INSTANCES_KEY.to_owned() };
    let Some(Answer::Subkeys { subkeys }) = view.answer(node, &probe) else { return None };
    let mut hosts: BTreeMap<String, Vec<(&str, &str)>> = BTreeMap::new();
    for (name, path) in named_instances(subkeys) {
        hosts.entry(as_compared(path)).or_default().push((name, path));
    }
    Some(hosts)
}

fn as_compared(path: &str) -> String {
    path.trim_end_matches('\\').to_lowercase()
}

/// The instances on a server beside this site's own, by path. One that a change replaces, or has made, is its own as well.
#[must_use]
pub fn others(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Vec<Instance> {
    let own = [layout.service_path, layout.path_now, declared_path(layout.block)].map(as_compared);
    let hosts = hosts_by_path(view, node).unwrap_or_default();
    let others = hosts.into_iter().filter(|(path, _)| !own.contains(path));
    others
        .filter_map(|(_, hosts)| hosts.first().copied())
        .map(|(host, path)| Instance { host: host.to_owned(), path: path.to_owned() })
        .collect()
}

/// The registry keys of this site's own instance on a server; that of all instances where they were not read.
#[must_use]
pub fn own_keys(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Vec<String> {
    let all = hosts_by_path(view, node).unwrap_or_default();
    match all.get(&as_compared(layout.service_path)) {
        Some(own) if !others(view, layout, node).is_empty() => {
            own.iter().map(|(host, _)| format!(r"{INSTANCES_KEY}\{host}")).collect()
        }
        Some(_) | None => vec![INSTANCES_KEY.to_owned()],
    }
}

/// The hosts of the instance that is registered in a folder on a server.
#[must_use]
pub fn hosts_in(view: &View<'_>, node: &str, folder: &str) -> Vec<String> {
    let all = hosts_by_path(view, node).unwrap_or_default();
    let hosts = all.get(&as_compared(folder)).map(Vec::as_slice).unwrap_or_default();
    hosts.iter().map(|(host, _)| (*host).to_owned()).collect()
}

/// What is not there before an instance is made, and is a trace of a half-made one: its IIS site, its key in the registry,
/// its scheduler (vendor: install/service). What stands there already when the plan is made is no trace.
#[must_use]
pub fn no_trace(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Vec<Expectation> {
    let key = Probe::RegistrySubkeys { key: format!(r"{INSTANCES_KEY}\{}", layout.host) };
    let registered = hosts_by_path(view, node).unwrap_or_default();
    let is_registered = registered.values().flatten().any(|(host, _)| host.eq_ignore_ascii_case(&layout.host));
    let serving = Probe::SitesServing { folder: layout.scripts() };
    let scheduler = Probe::Service { name: layout.scheduler.clone() };
    let is_there = |probe: &Probe| match view.answer(node, probe) {
        Some(Answer::Names { names }) => !names.is_empty(),
        Some(Answer::Absent {} | Answer::Unreadable { .. }) | None => false,
        Some(_) => true,
    };
    let mut traces: Vec<Probe> = [serving, scheduler].into_iter().filter(|probe| !is_there(probe)).collect();
    traces.extend((!is_registered).then_some(key));
    traces.into_iter().map(|probe| on_node(node, probe, Expected::Absent {})).collect()
}

/// The questions by which another instance is watched: version, configuration, scheduler, and handlers once it is known
/// which IIS site serves it. Its scheduler is looked for under the vendor's usual name (vendor: install/service).
#[must_use]
pub fn watch(view: &View<'_>, node: &str, other: &Instance) -> Vec<Probe> {
    let file = |relative: &str| format!(r"{}\{relative}", other.path);
    let folder = file(r"www\scripts");
    let serving = Probe::SitesServing { folder: folder.clone() };
    let mut probes = vec![
        file_version(file(r"bin\upgrade.exe")),
        file_version(file(r"www\scripts\rms.exe")),
        Probe::FileHash { path: file("config") },
        Probe::Service { name: format!("ejSchedule {}", other.host) },
    ];
    if let Some(Answer::Names { names }) = view.answer(node, &serving)
        && let [site] = names.as_slice()
    {
        probes.push(Probe::FastCgiHandlers { site: site.clone(), folder });
    }
    probes.push(serving);
    probes
}

/// What a step that works on this site's instance must leave as it is: everything that is seen of the others.
#[must_use]
pub fn left_alone(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Vec<Expectation> {
    let others = others(view, layout, node);
    let watched = others.iter().flat_map(|other| watch(view, node, other));
    // What cannot be read proves nothing, and would never be the same.
    let is_read = |probe: &Probe| !matches!(view.answer(node, probe), Some(Answer::Unreadable { .. }));
    watched.filter(is_read).map(|probe| on_node(node, probe, Expected::SameAsAtStart {})).collect()
}
