//! What agents are asked about a SuperOffice site, and which part shows which version.

use std::collections::BTreeMap;

use crm_api::database::superoffice::{
    ATTACHMENT_PATH, DATABASE_VERSION, SERVER_SETUP_VERSION, SERVICE_VERSION, USE_EXTENSION,
};
use crm_api::probe::{Answer, Probe};
use crm_api::release::CrmReleaseSpec;
use crm_api::site::{Component, FastCgi, ObservedPart, PartState, SourceValue};

use super::drift::configuration::{has_keys, key_probes};
use super::layout::{CRM_SETUP, FROZEN, INSTANCES_KEY, Layout};
use super::settings::{store_probe, store_size_probe};
use super::{clients, first_service, half_done, instances, net_server, one_host, orphaned, pocket};
use crate::orphans;
use crate::view::View;

/// Installed-program entry of CRM Server.
pub const SERVER_PROGRAM: &str = "SuperOffice Server";
/// Installed-program entry of Web.
pub const WEB_PROGRAM: &str = "SuperOffice Web";
/// Installed-program entry of Service.
pub const SERVICE_PROGRAM: &str = "SuperOffice Customer Service";

/// Part: the database and its schema.
pub const DATABASE: &str = "Database";
/// Part: what `upgrade.exe` keeps in the database for Service.
pub const SERVICE_DATA: &str = "ServiceData";

fn program(name: &str) -> Probe {
    Probe::Program { name: name.to_owned() }
}

pub(super) fn file_version(path: String) -> Probe {
    Probe::FileVersion { path }
}

/// The program that upgrades the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tools {
    /// ServerSetup, up to 10: a program that is installed.
    ServerSetup,
    /// CrmSetup, from 11: files in a folder (vendor: install/database, crmsetup-and-crmtask).
    CrmSetup,
}

impl Tools {
    /// Those of a release.
    #[must_use]
    pub fn of(release: &CrmReleaseSpec) -> Self {
        let is_crm_setup = release.super_office.as_ref().is_some_and(|block| block.crm_setup);
        if is_crm_setup { Self::CrmSetup } else { Self::ServerSetup }
    }

    /// Those of the release that the database is at: tools that only lie there have not done anything yet.
    #[must_use]
    pub fn at_work(view: &View<'_>) -> Self {
        let release = view.fact(DATABASE_VERSION).and_then(|number| view.catalogue.by_number(number));
        release.map_or(Self::ServerSetup, Self::of)
    }
}

/// The version sources of a component on a node: what a person calls the source, and the question.
#[must_use]
pub fn version_probes(layout: &Layout<'_>, component: Component, tools: Tools) -> Vec<(&'static str, Probe)> {
    match component {
        Component::CrmServer if tools == Tools::CrmSetup => {
            vec![("CrmSetup.exe", file_version(format!(r"{CRM_SETUP}\CrmSetup.exe")))]
        }
        Component::CrmServer => vec![
            ("installed programs", program(SERVER_PROGRAM)),
            (
                "SuperOffice.ini",
                Probe::IniValue {
                    path: layout.server_ini(),
                    section: "ServerSetup installation".to_owned(),
                    key: "Version".to_owned(),
                },
            ),
        ],
        Component::Web => {
            vec![("installed programs", program(WEB_PROGRAM)), ("SoCore.dll", file_version(layout.web_library()))]
        }
        Component::NetServer => {
            let entry = layout.block.own_net_server.program.as_deref();
            let listed = entry.map(|name| ("installed programs", program(name)));
            listed.into_iter().chain([("SoCore.dll", file_version(layout.net_server_library()))]).collect()
        }
        Component::Service => vec![
            ("installed programs", program(SERVICE_PROGRAM)),
            ("upgrade.exe", file_version(layout.service_file(r"bin\upgrade.exe"))),
            ("rms.exe", file_version(layout.service_file(r"www\scripts\rms.exe"))),
        ],
    }
}

/// The version sources that count on a node. The list of installed programs has one entry for Service: with several
/// instances on a server nobody can tell whose it is.
#[must_use]
pub fn version_probes_on(
    view: &View<'_>,
    layout: &Layout<'_>,
    component: Component,
    tools: Tools,
    node: &str,
) -> Vec<(&'static str, Probe)> {
    let mut probes = version_probes(layout, component, tools);
    if component == Component::Service && !instances::others(view, layout, node).is_empty() {
        probes.retain(|(_, probe)| !matches!(probe, Probe::Program { .. }));
    }
    probes
}

/// The questions for each node.
#[must_use]
pub fn probes(view: &View<'_>, layout: &Layout<'_>) -> BTreeMap<String, Vec<Probe>> {
    let mut all: BTreeMap<String, Vec<Probe>> = BTreeMap::new();
    for placed in &view.spec.components {
        for node in &placed.nodes {
            let probes = all.entry(node.clone()).or_insert_with(|| {
                vec![
                    Probe::Machine {},
                    Probe::DiskFree { path: r"C:\".to_owned() },
                    Probe::DiskFree { path: view.spec.backup.location.clone() },
                ]
            });
            probes
                .extend(version_probes(layout, placed.name, Tools::at_work(view)).into_iter().map(|(_, probe)| probe));
            match placed.name {
                Component::CrmServer => {
                    probes.extend(argument_file(view, layout));
                    probes.push(Probe::FolderSize { path: layout.server_path.to_owned() });
                }
                Component::Web => probes.extend(web_probes(view, layout)),
                Component::NetServer => probes.extend([
                    Probe::Pool { name: layout.net_server_pool.to_owned() },
                    Probe::FolderSize { path: layout.net_server_path.to_owned() },
                ]),
                Component::Service => probes.extend(service_probes(view, layout, node)),
            }
            probes.extend(one_host::probes(view, layout, placed.name));
            if has_keys(view) {
                probes.extend(key_probes(view, layout, placed.name));
            }
        }
    }
    if let Some((node, needs)) = first_service::probes(view, layout) {
        all.entry(node.to_owned()).or_default().extend(needs);
    }
    for (node, probes) in &mut all {
        probes.extend(pocket::probes(view, layout, node));
    }
    if let Some(node) = view.nodes_of(Component::CrmServer).first() {
        all.entry(node.clone()).or_default().extend(clients::probes(view, layout));
    }
    for node in half_done::others(view) {
        // A scheduler that was left behind where Service once was.
        all.entry(node.to_owned()).or_default().push(Probe::Service { name: layout.scheduler.clone() });
    }
    for (component, node) in orphans::undeclared(view) {
        all.entry(node.to_owned()).or_default().extend(orphaned::probes(view, layout, component));
    }
    for probes in all.values_mut() {
        probes.sort();
        probes.dedup();
    }
    all
}

/// The schema that Web works on, as its configuration says (vendor: api/config/data).
#[must_use]
pub fn table_prefix(layout: &Layout<'_>) -> Probe {
    Probe::XmlValue {
        path: format!(r"{}\web.config", layout.web_path),
        section: "SuperOffice/Data/Database".to_owned(),
        key: "TablePrefix".to_owned(),
    }
}

/// Whether the scheduler's table names the site's host (vendor: upgrade/to-81/move-crm-server).
#[must_use]
pub fn scheduled_host(layout: &Layout<'_>) -> Probe {
    Probe::Word { path: layout.service_file("ejCrontab.txt"), word: layout.host.clone() }
}

/// Whether the file with CrmSetup's arguments names the site's database. What else stands in it is nobody's business.
#[must_use]
pub fn argument_file(view: &View<'_>, layout: &Layout<'_>) -> Option<Probe> {
    let path = layout.block.argument_file.clone()?;
    Some(Probe::Word { path, word: view.spec.database.name.clone() })
}

fn web_probes(view: &View<'_>, layout: &Layout<'_>) -> Vec<Probe> {
    let mode = net_server::is_mode_asked(view, layout).then(|| net_server::mode_probe(layout));
    let mut probes = vec![
        Probe::Pool { name: layout.web_pool.to_owned() },
        Probe::Service { name: layout.batch_service.to_owned() },
        Probe::FolderSize { path: layout.web_path.to_owned() },
        table_prefix(layout),
    ];
    probes.extend(mode);
    probes
}

fn service_probes(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Vec<Probe> {
    let mut probes = vec![
        Probe::RegistrySubkeys { key: INSTANCES_KEY.to_owned() },
        Probe::SitesServing { folder: layout.scripts() },
        Probe::FlagLine { path: layout.config(), line: FROZEN.to_owned() },
        net_server::endpoint_probe(layout),
        scheduled_host(layout),
        Probe::Processes { folder: layout.service_file("bin") },
        Probe::Pool { name: layout.service_pool.clone() },
        Probe::FolderSize { path: layout.service_path.to_owned() },
        kept_folders(layout),
    ];
    probes.extend(layout.schedulers.iter().map(|name| Probe::Service { name: name.clone() }));
    let former = one_host::former_schedulers(view, layout, node).into_iter();
    probes.extend(former.map(|name| Probe::Service { name }));
    for other in instances::others(view, layout, node) {
        probes.extend(instances::watch(view, node, &other));
    }
    if let Some(kept) = kept_templates(view, layout, node) {
        probes.push(changed_templates(layout, &kept));
    }
    let wanted = view.catalogue.find(&view.spec.version).and_then(|release| release.super_office.as_ref());
    if wanted.is_some_and(|release| release.asks_for_keys) {
        probes.push(has_key(layout));
    }
    if wanted.is_some_and(|release| release.https) {
        probes.push(https_probe(layout));
    }
    if wanted.is_some_and(|release| release.web_view2) {
        probes.push(web_view2_probe());
    }
    if let Ok(site) = layout.iis_site(view, node) {
        probes.push(Probe::FastCgiHandlers { site, folder: layout.scripts() });
    }
    if let Some(path) = view.fact(ATTACHMENT_PATH) {
        probes.push(store_probe(path));
        probes.push(store_size_probe(path));
    }
    probes
}

/// Whether Service's configuration has a symmetric key now. The key itself is not read.
#[must_use]
pub fn has_key(layout: &Layout<'_>) -> Probe {
    key_in(layout.config_now())
}

/// Whether a configuration file of Service has a symmetric key.
#[must_use]
pub fn key_in(config: String) -> Probe {
    Probe::Word { path: config, word: "SymmetricKey".to_owned() }
}

/// Whether the site's host answers over HTTPS.
#[must_use]
pub fn https_probe(layout: &Layout<'_>) -> Probe {
    Probe::Url { url: format!("https://{}/", layout.block.host_name) }
}

/// Whether Microsoft's WebView2 runtime is installed.
#[must_use]
pub fn web_view2_probe() -> Probe {
    program("Microsoft Edge WebView2 Runtime")
}

/// The folders in which Service upgrades kept former customer-centre templates.
#[must_use]
pub fn kept_folders(layout: &Layout<'_>) -> Probe {
    Probe::Folders { path: layout.service_path.to_owned(), prefix: "templates_".to_owned() }
}

/// The newest folder in which a Service upgrade kept the former customer-centre templates: `templates_date_time`.
#[must_use]
pub fn kept_templates(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Option<String> {
    match view.answer(node, &kept_folders(layout)) {
        Some(Answer::Names { names }) => names.last().cloned(),
        _ => None,
    }
}

/// Which of the kept templates differ from the vendor's standard design.
#[must_use]
pub fn changed_templates(layout: &Layout<'_>, kept: &str) -> Probe {
    Probe::ChangedFiles { path: layout.service_file(kept), reference: layout.service_file("templates") }
}

/// The parts of the site and the versions that they show.
#[must_use]
pub fn parts(view: &View<'_>, layout: &Layout<'_>) -> Vec<ObservedPart> {
    let fact =
        |source: &str, name: &str| SourceValue { source: source.to_owned(), value: view.fact(name).map(str::to_owned) };
    let tools = Tools::at_work(view);
    let mut schema = vec![fact("company.version", DATABASE_VERSION)];
    if tools == Tools::ServerSetup {
        schema.push(fact("ProductVersion (ServerSetup)", SERVER_SETUP_VERSION));
    }
    let mut parts = vec![view.part(DATABASE, None, schema)];
    let served = net_server::has_served(view, layout);
    for placed in view.spec.components.iter().filter(|placed| !served || placed.name != Component::NetServer) {
        for node in &placed.nodes {
            let probes = version_probes_on(view, layout, placed.name, tools, node);
            let gone = probes.iter().all(|(_, probe)| matches!(view.answer(node, probe), Some(Answer::Absent {})));
            let sources = probes
                .into_iter()
                .map(|(source, probe)| SourceValue {
                    source: source.to_owned(),
                    value: view.answer(node, &probe).and_then(version_of),
                })
                .collect();
            let mut part = view.part(placed.name.name(), Some(node), sources);
            if gone && part.state == PartState::Unknown {
                part.state = PartState::Absent;
            }
            parts.push(part);
        }
    }
    if !view.nodes_of(Component::Service).is_empty() {
        let mut data = view.part(SERVICE_DATA, None, vec![fact("config.version", SERVICE_VERSION)]);
        // No row in a database that was read, and no Service on any node: there never was one.
        let nowhere = parts.iter().filter(|part| part.part == Component::Service.name()).all(is_absent);
        if nowhere && view.database().is_some() && view.fact(SERVICE_VERSION).is_none() {
            data.state = PartState::Absent;
        }
        parts.push(data);
    }
    parts
}

fn is_absent(part: &ObservedPart) -> bool {
    part.state == PartState::Absent
}

fn version_of(answer: &Answer) -> Option<String> {
    match answer {
        Answer::Program { version, .. } | Answer::Version { version } => Some(version.clone()),
        Answer::Value { value } => Some(value.clone()),
        _ => None,
    }
}

/// FastCGI as the links that Service generates show it: the row is one per database.
#[must_use]
pub fn fast_cgi(view: &View<'_>) -> Option<FastCgi> {
    match view.fact(USE_EXTENSION)? {
        "fcgi" => Some(FastCgi::Enabled),
        "exe" => Some(FastCgi::Disabled),
        _ => None,
    }
}

/// FastCGI as it shall be. A Service that is installed for the first time gets what the vendor recommends (upgrade
/// Service: "We recommend you run Customer Service using FastCGI technology"), unless the site says otherwise.
#[must_use]
pub fn wanted_fast_cgi(view: &View<'_>, absent: &[String], installs: &[String]) -> Option<FastCgi> {
    let is_there = |node: &String| {
        let key = format!("{}@{node}", Component::Service.name());
        installs.contains(&key) || !absent.contains(&key)
    };
    if !view.nodes_of(Component::Service).iter().any(is_there) {
        return None;
    }
    let first = installs.iter().any(|part| part == SERVICE_DATA).then_some(FastCgi::Enabled);
    view.spec.fast_cgi.or_else(|| fast_cgi(view)).or(first)
}
