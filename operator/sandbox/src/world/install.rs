//! The components of a site as they stand on its servers when a story begins.

use crm_api::probe::{RunState, StartType};
use crm_api::site::Component;

use crate::world::files::Content;
use crate::world::layout::{Layout, SERVER_PATH, SERVER_REGISTRY, SERVICE_REGISTRY};
use crate::world::scenario::{Handlers, Server};
use crate::world::services::Service;
use crate::world::state::State;
use crate::world::vendor::{
    batch_program, flat_attachments, serve_net_server, write_net_server_files, write_net_server_program,
    write_server_files, write_service_files, write_service_program, write_web_files, write_web_program,
};

/// Average size of an attachment.
const ATTACHMENT_BYTES: i64 = 200_000;
/// Registry key of the 32-bit system data sources.
pub(crate) const DATA_SOURCES: &str = "HKLM\\SOFTWARE\\Wow6432Node\\ODBC\\ODBC.INI";
/// A password that stands in configuration files, so that a test can look for it where it must never appear.
pub const PASSWORD_IN_CONFIG: &str = "only-in-the-config-file";

/// The symmetric key of Web's configuration, as a person who looks it up types it.
pub(crate) const KEY_IN_CONFIG: &str = "as-in-web-config";

pub(crate) fn install(state: &mut State, server: &Server) {
    for installed in &server.components {
        let (node, number) = (server.name.as_str(), installed.number.as_str());
        match installed.component {
            Component::CrmServer => install_server(state, node, number),
            Component::Web => install_web(state, node, number),
            Component::NetServer => install_net_server(state, node, number),
            Component::Service => {
                install_service(state, node, number);
                register(state, node, &server.service_hosts);
            }
        }
    }
}

/// Further host names of an instance, with the values of its own.
fn register(state: &mut State, node: &str, hosts: &[String]) {
    let path = state.layout.service_path.clone();
    let Some(machine) = state.machines.get_mut(node) else { return };
    for host in hosts {
        machine.registry.set(&format!("{SERVICE_REGISTRY}\\{host}"), &[("basePath", &path), ("instanceId", "1")]);
    }
}

fn install_server(state: &mut State, node: &str, number: &str) {
    write_server_files(state, node, number);
    if let Some(machine) = state.machines.get_mut(node) {
        machine.registry.set(SERVER_REGISTRY, &[("path", SERVER_PATH)]);
    }
}

fn install_web(state: &mut State, node: &str, number: &str) {
    write_web_files(state, node, number);
    write_web_program(state, node, number);
    configure_web(state, node);
}

/// The product configuration of a new Web: its file, its application in IIS with a pool, its batch task server.
pub(crate) fn configure_web(state: &mut State, node: &str) {
    let layout = state.layout.clone();
    let program = batch_program(state);
    let Some(machine) = state.machines.get_mut(node) else {
        return;
    };
    machine.files.put_text(
        &format!("{}\\web.config", layout.web_path),
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<configuration>\r\n  <SuperOffice>\r\n    <Data>\r\n      <Database>\r\n        \
             <add key=\"Server\" value=\"{}\" />\r\n        <add key=\"TablePrefix\" value=\"{}\" />\r\n      </Database>\r\n    \
             </Data>\r\n    <Services>\r\n      <add key=\"DefaultMode\" value=\"Local\" />\r\n    </Services>\r\n    \
             <Security>\r\n      <Cryptography>\r\n        <add key=\"SymmetricKey\" value=\"{KEY_IN_CONFIG}\" />\r\n        \
             <add key=\"SymmetricSecret\" value=\"{KEY_IN_CONFIG}\" />\r\n      </Cryptography>\r\n    </Security>{}\r\n  \
             </SuperOffice>\r\n</configuration>\r\n",
            layout.sql_server,
            layout.table_prefix,
            client(&layout)
        ),
    );
    machine.iis.add_pool(&layout.web_pool);
    machine.iis.add_application(&layout.web_application, &layout.web_path);
    if let Some(host) = &layout.web_host {
        machine.iis.bind_first(host);
    }
    machine.services.push(automatic(layout.batch_service, program));
}

/// What Web is told of the address at which browsers reach it through a proxy (vendor: api/config/client).
fn client(layout: &Layout) -> String {
    if !layout.proxied {
        return String::new();
    }
    let keys =
        [("UrlHostOverride", layout.host_name.as_str()), ("UrlSchemeOverride", "http"), ("UrlPortOverride", "80")];
    let keys = keys.iter().map(|(key, value)| format!("      <add key=\"{key}\" value=\"{value}\" />\r\n"));
    format!("\r\n    <Client>\r\n{}    </Client>", keys.collect::<String>())
}

fn install_net_server(state: &mut State, node: &str, number: &str) {
    write_net_server_files(state, node, number);
    write_net_server_program(state, node, number);
    serve_net_server(state, node);
}

fn install_service(state: &mut State, node: &str, number: &str) {
    write_service_files(state, node, number);
    write_service_program(state, node, number);
    new_instance(state, node);
    let layout = state.layout.clone();
    let end_point = usual_end_point(state, node, number);
    let config = service_config(state, &end_point);
    // Where the scheduler's own program lies is an assumption: elsewhere, it does not count as a program of the folder.
    let folder = if state.assumptions.scheduler_runs_from_bin { layout.bin() } else { "C:\\Windows".to_owned() };
    let Some(machine) = state.machines.get_mut(node) else {
        return;
    };
    let path = &layout.service_path;
    machine.files.put_text(&layout.config(), config);
    machine
        .files
        .put_text(&format!("{path}\\ejCrontab.txt"), format!("* * * * * ejournalCron {}\r\n", layout.host_name));
    machine.files.put_text(&format!("{path}\\templates\\index.html"), "the customer's own design\r\n");
    let key = format!("{SERVICE_REGISTRY}\\{}", layout.host_name);
    machine.registry.set(&key, &[("basePath", path), ("instanceId", "1")]);
    machine.services.push(automatic(layout.scheduler, format!("{folder}\\ejSchedule.exe")));
}

/// What the installer of Service leaves besides programs: its own values in the registry, and the IIS site with its pool.
pub(crate) fn new_instance(state: &mut State, node: &str) {
    let layout = state.layout.clone();
    let Some(machine) = state.machines.get_mut(node) else {
        return;
    };
    let path = &layout.service_path;
    machine.files.put_text(&format!("{path}\\log\\ejournal.log"), "");
    machine.registry.set(&format!("{SERVICE_REGISTRY}\\Installer values"), &[("path", path)]);
    if machine.iis.pool(&layout.service_pool).is_none() {
        machine.iis.add_pool(&layout.service_pool);
    }
    let site = machine.iis.sites.entry(layout.iis_site.clone()).or_default();
    // Where another site has a name of its own, IIS tells them apart by theirs.
    site.hosts.extend(layout.web_host.is_some().then(|| layout.host_name.clone()));
    site.folders.insert("/".to_owned(), format!("{path}\\www\\doc"));
    site.folders.insert("/csplugins".to_owned(), format!("{path}\\www\\csplugins"));
    site.folders.insert("/scripts".to_owned(), layout.scripts());
}

pub(crate) fn automatic(name: String, program: String) -> Service {
    Service { name, program, state: RunState::Running, start: StartType::Automatic }
}

/// Where a Service that is installed already finds NetServer. Where a site has one of its own, it was installed for Service
/// (vendor: install/netserver).
fn usual_end_point(state: &State, node: &str, number: &str) -> String {
    let layout = &state.layout;
    let (nodes, application) = if layout.net_server_nodes.is_empty() {
        (&layout.web_nodes, &layout.web_application)
    } else {
        (&layout.net_server_nodes, &layout.net_server_application)
    };
    let carrier = nodes.first().map_or("localhost", String::as_str);
    let host = if carrier == node { "localhost" } else { carrier };
    format!("http://{host}{application}/Remote/{}", state.endpoint(number))
}

/// Service's configuration file (vendor: config/service).
pub(crate) fn service_config(state: &State, end_point: &str) -> String {
    let lines = [
        "# SuperOffice Service".to_owned(),
        format!("dbHost = {}", state.layout.sql_server),
        format!("dbDatabase = {}", state.layout.database),
        "dbType = mssql".to_owned(),
        format!("dbPassword = {PASSWORD_IN_CONFIG}"),
        "nsUser = ejSysUser".to_owned(),
        format!("nsEndPoint = {end_point}"),
        "# frozen".to_owned(),
    ];
    lines.iter().fold(String::new(), |text, line| text + line + "\r\n")
}

pub(crate) fn put_attachments(state: &mut State, files: i64) {
    let folder = state.layout.attachments.clone();
    let numbered = Content::Numbered { first: 1, last: files, size_bytes: files.saturating_mul(ATTACHMENT_BYTES) };
    for node in state.layout.service_nodes.clone() {
        if state.service_number(&node).is_none() {
            continue;
        }
        if let Some(target) = state.files_mut(&node, &folder) {
            target.put(&flat_attachments(&folder), numbered.clone());
        }
    }
}

/// What people and former upgrades left of the FastCGI handlers: some are missing, some lack a verb, all have the
/// time-out that somebody set.
pub(crate) fn spoil_handlers(state: &mut State, spoilt: &Handlers) {
    let site = state.layout.iis_site.clone();
    for node in state.layout.service_nodes.clone() {
        let Some(machine) = state.machines.get_mut(&node) else { continue };
        let Some(site) = machine.iis.sites.get_mut(&site) else { continue };
        site.handlers.retain(|program, _| !spoilt.missing.contains(program));
        for (program, handler) in &mut site.handlers {
            handler.options &= !spoilt.without_options.contains(program);
            handler.activity_timeout_seconds =
                spoilt.activity_timeout_seconds.unwrap_or(handler.activity_timeout_seconds);
        }
    }
}
