//! How the world stands: versions by component and source, and every fact without times, ids and attempts.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::world::files::file_name;
use crate::world::iis::Handler;
use crate::world::layout::SERVER_PATH;
use crate::world::state::{State, World};

/// What one source shows of one part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionRow {
    /// Component or `Database`.
    pub part: String,
    /// Machine; none for the database.
    pub node: Option<String>,
    /// Where it is read.
    pub source: String,
    /// What is there.
    pub version: Option<String>,
}

impl World {
    /// Versions of every part of the first site, by source, as they really are.
    #[must_use]
    pub fn versions(&self) -> Vec<VersionRow> {
        self.with(|state| state.versions())
    }

    /// The same of any site.
    #[must_use]
    pub fn versions_of(&self, site: &str) -> Vec<VersionRow> {
        self.at(site, |state| state.versions())
    }

    /// Whether an instance is closed to its users.
    #[must_use]
    pub fn is_frozen(&self, node: &str) -> bool {
        self.with(|state| state.frozen(node))
    }

    /// Every fact of the world without times, ids and attempts: two runs that came to the same end have equal digests.
    #[must_use]
    pub fn digest_facts(&self) -> BTreeMap<String, String> {
        self.with(|state| {
            let mut facts = BTreeMap::new();
            let first = state.layout.site.clone();
            state.at_each(|state| {
                let site = state.layout.site.clone();
                let name = |fact: String| if site == first { fact } else { format!("{site}, {fact}") };
                facts.extend(state.digest_site().into_iter().map(|(fact, value)| (name(fact), value)));
            });
            facts
        })
    }
}

impl State {
    /// The facts of the site at hand.
    fn digest_site(&mut self) -> BTreeMap<String, String> {
        let mut facts = BTreeMap::new();
        for row in self.versions() {
            let node = row.node.map(|node| format!("@{node}")).unwrap_or_default();
            let version = row.version.unwrap_or_else(|| "none".to_owned());
            facts.insert(format!("version {}{node} ({})", row.part, row.source), version);
        }
        self.digest_database(&mut facts);
        for node in self.machines.keys().filter(|node| self.is_here(node)) {
            self.digest_machine(node, &mut facts);
        }
        let at_work = self.users_working();
        facts.insert("users at work".to_owned(), at_work.join(", "));
        facts
    }

    fn versions(&self) -> Vec<VersionRow> {
        let database = |part: &str, source: &str, version: Option<String>| VersionRow {
            part: part.to_owned(),
            node: None,
            source: source.to_owned(),
            version,
        };
        let mut rows = vec![
            database("Database", "schema", Some(self.database.release())),
            database("Database", "company.version", Some(self.database.version.clone())),
            database("Database", "ProductVersion", self.database.server_setup.last().cloned()),
            database("Service", "config.version", self.database.service_version.clone()),
        ];
        let layout = &self.layout;
        for node in self.machines.keys() {
            if layout.server_nodes.contains(node) {
                let file = format!("{SERVER_PATH}\\ServerSetup.exe");
                rows.extend(self.versions_on(node, "CrmServer", "SuperOffice Server", &[file]));
            }
            if layout.web_nodes.contains(node) {
                rows.extend(self.versions_on(node, "Web", "SuperOffice Web", &[layout.so_core()]));
            }
            if layout.net_server_nodes.contains(node) {
                let entry = &self.assumptions.net_server_program;
                rows.extend(self.versions_on(node, "NetServer", entry, &[layout.own_so_core()]));
            }
            if layout.service_nodes.contains(node) {
                let files = [format!("{}\\rms.exe", layout.scripts()), format!("{}\\upgrade.exe", layout.bin())];
                rows.extend(self.versions_on(node, "Service", "SuperOffice Customer Service", &files));
            }
        }
        rows
    }

    /// What a machine shows of a component: its entry in the list of installed programs, and these files.
    fn versions_on(&self, node: &str, part: &str, program: &str, files: &[String]) -> Vec<VersionRow> {
        let Some(machine) = self.machines.get(node) else { return Vec::new() };
        let row = |source: &str, version: Option<String>| VersionRow {
            part: part.to_owned(),
            node: Some(node.to_owned()),
            source: source.to_owned(),
            version,
        };
        let listed = machine.programs.get(program).map(|(version, _)| version.clone());
        let mut rows = vec![row("installed programs", listed)];
        rows.extend(files.iter().map(|path| row(file_name(path), machine.files.version(path).ok())));
        rows
    }

    fn users_working(&mut self) -> Vec<String> {
        self.users_look();
        self.users.names_working()
    }

    fn digest_database(&self, facts: &mut BTreeMap<String, String>) {
        for (name, value) in &self.database.registry {
            // Heartbeats differ from run to run.
            let value = if name == "EjournalCronNow" { "some time" } else { value };
            facts.insert(format!("registry {name}"), value.to_owned());
        }
        facts.insert("mailboxes of Service".to_owned(), self.database.mailboxes.join(", "));
        facts.insert("edited reports".to_owned(), self.database.edited_reports.to_string());
        facts.insert("backups running".to_owned(), self.database.backups_running.len().to_string());
    }

    fn digest_machine(&self, node: &str, facts: &mut BTreeMap<String, String>) {
        let Some(machine) = self.machines.get(node) else {
            return;
        };
        let mut fact = |name: &str, value: String| facts.insert(format!("{name} @{node}"), value);
        for service in &machine.services {
            fact(&format!("service {}", service.name), format!("{:?}, {:?}", service.state, service.start));
        }
        if let Ok(properties) = machine.files.text(&self.layout.pocket_properties) {
            fact("server.properties", properties.replace("\r\n", "; "));
        }
        fact("transform of the client share", self.transform_on(node).unwrap_or_else(|| "none".to_owned()));
        for pool in [&self.layout.web_pool, &self.layout.net_server_pool, &self.layout.service_pool] {
            if let Some(state) = machine.iis.pool(pool) {
                fact(&format!("pool {pool}"), format!("{state:?}"));
            }
        }
        for (name, site) in &machine.iis.sites {
            let shown = |(program, handler): (&String, &Handler)| {
                let options = if handler.options { "" } else { " without OPTIONS" };
                format!("{program}{options} ({} s)", handler.activity_timeout_seconds)
            };
            let handlers: Vec<String> = site.handlers.iter().map(shown).collect();
            fact(&format!("handlers of {name}"), handlers.join(", "));
        }
        if self.layout.service_nodes.iter().any(|service| service == node) {
            fact("frozen", self.frozen(node).to_string());
            let config = machine.files.text(&self.layout.config()).unwrap_or_default();
            let lines: Vec<&str> = config.lines().filter(|line| !line.starts_with("dbPassword")).collect();
            fact("config", lines.join("; "));
            let folders = machine.files.folders(&self.layout.service_path).unwrap_or_default();
            let copies = folders.iter().filter(|name| name.starts_with("templates_")).count();
            fact("copies of templates", copies.to_string());
            let store = &self.layout.attachments;
            let files = self.files(node, store).and_then(|files| files.numbered(store).ok()).unwrap_or_default();
            let loose: i64 = files.get("").into_iter().flatten().map(|(first, last)| last - first + 1).sum();
            let flushed = machine
                .caches_flushed_at
                .get(&self.layout.site)
                .is_some_and(|at| *at >= self.database.service_installed_at);
            fact("caches flushed since upgrade.exe", flushed.to_string());
            fact("attachments in one flat folder", loose.to_string());
        }
        let vendor =
            machine.processes.all.values().filter(|process| process.role.is_vendor() && process.exit.is_none());
        fact("vendor programs running", vendor.count().to_string());
    }
}
