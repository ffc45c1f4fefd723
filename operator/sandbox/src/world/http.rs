//! What a GET request meets, what runs below a folder, what a text file means: the parts of a machine that the product
//! shows to others.

use crm_agent::host::HostError;
use crm_agent::text::config_file;
use crm_agent::text::encoding::Encoding;
use crm_api::probe::RunState;

use crate::world::files::{Content, file_name, is_unc, key};
use crate::world::ghost::Happening;
use crate::world::layout::Layout;
use crate::world::machine::Machine;
use crate::world::routes::Behind;
use crate::world::state::State;

/// Status of a page that does not exist.
const NOT_FOUND: i32 = 404;
/// Status of a program that crashed.
const CRASHED: i32 = 500;
/// Status of a stopped pool.
const STOPPED: i32 = 503;

/// A NetServer on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NetServer {
    /// The one inside Web.
    InWeb,
    /// One of its own.
    Own,
}

impl NetServer {
    fn pool(self, layout: &Layout) -> &str {
        match self {
            Self::InWeb => &layout.web_pool,
            Self::Own => &layout.net_server_pool,
        }
    }

    fn application(self, layout: &Layout) -> &str {
        match self {
            Self::InWeb => &layout.web_application,
            Self::Own => &layout.net_server_application,
        }
    }

    fn library(self, layout: &Layout) -> String {
        match self {
            Self::InWeb => layout.so_core(),
            Self::Own => layout.own_so_core(),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::InWeb => "NetServer",
            Self::Own => "NetServer of its own",
        }
    }
}

impl Machine {
    /// Programs directly in a folder, by file name.
    pub(crate) fn programs_in(&self, folder: &str) -> Vec<String> {
        let files = self.files.below(folder);
        let programs = files.iter().filter(|(path, blob)| {
            !path.contains('\\')
                && path.to_lowercase().ends_with(".exe")
                && matches!(blob.content, Content::Program { .. })
        });
        programs.map(|(path, _)| path.clone()).collect()
    }
}

impl State {
    /// Whether an instance is closed: the bare line `frozen` in its configuration file, not commented out (vendor:
    /// config/service).
    pub(crate) fn frozen(&self, node: &str) -> bool {
        let text = self.machines.get(node).and_then(|machine| machine.files.text(&self.layout.config()).ok());
        text.is_some_and(|text| config_file::flag(text, "frozen"))
    }

    /// Replaces a text file; a configuration file may freeze or unfreeze its instance.
    pub(crate) fn replace_text(&mut self, node: &str, path: &str, text: String) -> Result<(), HostError> {
        self.replace_file(node, path, text, Encoding::Utf8)
    }

    /// The same, in an encoding.
    pub(crate) fn replace_file(
        &mut self,
        node: &str,
        path: &str,
        text: String,
        encoding: Encoding,
    ) -> Result<(), HostError> {
        let site = self.site_of_path(node, path);
        self.at(&site, |state| state.replace_file_here(node, path, text, encoding))
    }

    fn replace_file_here(&mut self, node: &str, path: &str, text: String, encoding: Encoding) -> Result<(), HostError> {
        let before = self.frozen(node);
        let files = self.files_mut(node, path).ok_or_else(|| HostError::NotFound(path.to_owned()))?;
        files.put(path, Content::Text { text, encoding });
        let after = self.frozen(node);
        if before != after {
            let node = node.to_owned();
            self.write(if after { Happening::Frozen { node } } else { Happening::Unfrozen { node } });
            self.touched = true;
        }
        Ok(())
    }

    /// Free room on the volume of a path, or on the backup share.
    pub(crate) fn free_bytes(&mut self, node: &str, path: &str) -> Result<i64, HostError> {
        if !is_unc(path) {
            let machine = self.machines.get(node).ok_or_else(|| HostError::NotFound(node.to_owned()))?;
            return Ok(machine.free_disk_bytes);
        }
        let site = self.site_of_share(path);
        Ok(self.at(&site, |state| state.backup_share_free()))
    }

    /// Release of a NetServer on a machine.
    pub(crate) fn net_server(&self, node: &str, which: NetServer) -> Option<String> {
        self.machines.get(node)?.files.version(&which.library(&self.layout)).ok()
    }

    /// Release of Service's files on a machine.
    pub(crate) fn service_number(&self, node: &str) -> Option<String> {
        self.machines.get(node)?.files.version(&format!("{}\\rms.exe", self.layout.scripts())).ok()
    }

    /// Whether the NetServer inside Web works on a machine.
    pub(crate) fn net_server_works(&mut self, node: &str) -> bool {
        self.works(node, NetServer::InWeb)
    }

    /// Whether a NetServer on a machine works. An old one on a new schema crashes as soon as it runs (vendor:
    /// release-notes/8.5).
    pub(crate) fn works(&mut self, node: &str, which: NetServer) -> bool {
        let pool = which.pool(&self.layout).to_owned();
        if !self.machines.get(node).is_some_and(|machine| machine.up && machine.iis.runs(&pool)) {
            return false;
        }
        let Some(number) = self.net_server(node, which) else {
            return false;
        };
        if self.database.fits(&number) {
            return true;
        }
        if let Some(machine) = self.machines.get_mut(node) {
            let _ = machine.iis.turn(&pool, RunState::Stopped);
        }
        self.wrong_schema(&format!("{}@{node}", which.word()), &number);
        self.write(Happening::NetServerCrashed { node: node.to_owned(), number });
        self.touched = true;
        false
    }

    /// A program of one release met a schema of another.
    pub(crate) fn wrong_schema(&mut self, by: &str, number: &str) {
        let database = self.database.release();
        self.write(Happening::WrongSchemaTouched { by: by.to_owned(), number: number.to_owned(), database });
    }

    /// Every NetServer that runs on a schema of another release crashes, the one of the batch task server too.
    pub(crate) fn crash_old_net_servers(&mut self) {
        let batch = self.layout.batch_service.clone();
        for node in self.layout.net_server_nodes.clone() {
            self.works(&node, NetServer::Own);
        }
        for node in self.layout.web_nodes.clone() {
            self.net_server_works(&node);
            let Some(number) = self.net_server(&node, NetServer::InWeb) else {
                continue;
            };
            if self.database.fits(&number) {
                continue;
            }
            let Some(machine) = self.machines.get_mut(&node).filter(|machine| machine.runs_service(&batch)) else {
                continue;
            };
            if let Ok(service) = machine.service_mut(&batch) {
                service.state = RunState::Stopped;
            }
            self.wrong_schema(&format!("batch task server@{node}"), &number);
            self.write(Happening::NetServerCrashed { node, number });
        }
    }

    /// Programs running from a folder or below: processes, services, and those that IIS runs.
    pub(crate) fn running_below(&self, node: &str, folder: &str) -> Vec<String> {
        let Some(machine) = self.machines.get(node) else {
            return Vec::new();
        };
        let mut running = machine.processes.below(folder);
        let below = format!("{}\\", key(folder));
        for service in machine.services.iter().filter(|service| service.state == RunState::Running) {
            if key(&service.program).starts_with(&below) {
                running.push(file_name(&service.program).to_owned());
            }
        }
        for layout in self.layouts() {
            let rms = format!("{}\\rms.exe", layout.scripts());
            let handlers = machine.iis.sites.get(&layout.iis_site).is_some_and(|site| !site.handlers.is_empty());
            if handlers && machine.iis.runs(&layout.service_pool) && key(&rms).starts_with(&below) {
                running.push("rms.exe".to_owned());
            }
        }
        running.sort();
        running
    }

    /// A GET request from a machine. The site's host name leads to Service's machine, and to Web's for Web's
    /// application, as a reverse proxy would do it (vendor: install/iis/reverse-proxy).
    pub(crate) fn get_url(&mut self, from: &str, url: &str) -> Result<i32, HostError> {
        let site = self.site_of_url(from, url);
        self.at(&site, |state| state.get_url_here(from, url))
    }

    fn get_url_here(&mut self, from: &str, url: &str) -> Result<i32, HostError> {
        let refused = || HostError::Refused(format!("no connection to {url}"));
        let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")).ok_or_else(refused)?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = host.split(':').next().unwrap_or(host).to_lowercase();
        let path = format!("/{}", path.split('?').next().unwrap_or(path).to_lowercase());
        if let Some(behind) = self.behind(&host, &path) {
            let (Behind::NetServer(_, node) | Behind::Service(node)) = &behind else { return Ok(NOT_FOUND) };
            self.listens(node, url)?;
            return Ok(match behind {
                Behind::NetServer(which, _) => self.get_net_server(node, &path, which),
                Behind::Service(_) | Behind::Nothing => self.get_service(node, &path),
            });
        }
        let for_net_server = self.meant(&path);
        let node = self.resolve(from, &host, for_net_server).ok_or_else(refused)?;
        self.listens(&node, url)?;
        Ok(match for_net_server {
            Some(which) => self.get_net_server(&node, &path, which),
            None => self.get_service(&node, &path),
        })
    }

    /// Whether IIS on a machine takes a request at all.
    fn listens(&self, node: &str, url: &str) -> Result<(), HostError> {
        let machine = self.machines.get(node).filter(|machine| machine.up && machine.facts.iis.is_some());
        let takes = machine.is_some_and(|machine| machine.https || !url.starts_with("https://"));
        takes.then_some(()).ok_or_else(|| HostError::Refused(format!("no connection to {url}")))
    }

    /// Which NetServer a path leads to, by its application.
    fn meant(&self, path: &str) -> Option<NetServer> {
        let below = |which: &NetServer| {
            let application = which.application(&self.layout).to_lowercase();
            path == application || path.starts_with(&format!("{application}/"))
        };
        [NetServer::InWeb, NetServer::Own].into_iter().find(below)
    }

    fn resolve(&self, from: &str, host: &str, which: Option<NetServer>) -> Option<String> {
        if host == "localhost" || host == "127.0.0.1" {
            return Some(from.to_owned());
        }
        if host == self.layout.host_name {
            let nodes = match which {
                Some(NetServer::InWeb) => &self.layout.web_nodes,
                Some(NetServer::Own) => &self.layout.net_server_nodes,
                None => &self.layout.service_nodes,
            };
            // A machine that carries the component answers for itself.
            let local = nodes.iter().find(|node| *node == from);
            return local.or_else(|| nodes.first()).cloned();
        }
        let short = host.split('.').next().unwrap_or(host);
        self.machines.keys().find(|name| name.as_str() == host || name.as_str() == short).cloned()
    }

    fn get_net_server(&mut self, node: &str, path: &str, which: NetServer) -> i32 {
        let pool = which.pool(&self.layout).to_owned();
        match self.machines.get(node).and_then(|machine| machine.iis.pool(&pool)) {
            None => return NOT_FOUND,
            Some(RunState::Stopped) => return STOPPED,
            Some(RunState::Running) => {}
        }
        if !self.works(node, which) {
            return CRASHED;
        }
        let number = self.net_server(node, which).unwrap_or_default();
        if self.is_api(path, which) && !self.has_api(&number) {
            return NOT_FOUND;
        }
        let endpoint = self.endpoint(&number).to_lowercase();
        let services = path.split('/').find(|part| part.starts_with("services"));
        match services {
            Some(asked) if asked != endpoint => NOT_FOUND,
            Some(_) | None => 200,
        }
    }

    /// Whether a path is that of NetServer's own description (vendor: web-services/endpoints, get-webapi-version).
    fn is_api(&self, path: &str, which: NetServer) -> bool {
        path == format!("{}/api", which.application(&self.layout).to_lowercase())
    }

    fn has_api(&self, number: &str) -> bool {
        let block = self.release(number).and_then(|release| release.super_office.as_ref());
        block.is_some_and(|block| block.rest_api)
    }

    /// The body of a GET request. Only NetServer's description has one here.
    pub(crate) fn get_text(&mut self, from: &str, url: &str) -> Result<String, HostError> {
        let site = self.site_of_url(from, url);
        self.at(&site, |state| state.get_text_here(from, url))
    }

    fn get_text_here(&mut self, from: &str, url: &str) -> Result<String, HostError> {
        let status = self.get_url_here(from, url)?;
        if status != 200 {
            return Err(HostError::Refused(format!("{url} answers with status {status}")));
        }
        let (host, path) = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).unwrap_or((url, ""));
        let path = format!("/{}", path.to_lowercase());
        let Some(which) = self.meant(&path).filter(|which| self.is_api(&path, *which)) else {
            return Ok("<html></html>".to_owned());
        };
        let (which, node) = match self.behind(&host.to_lowercase(), &path) {
            Some(Behind::NetServer(which, node)) => (which, node),
            Some(Behind::Service(_) | Behind::Nothing) => return Ok("<html></html>".to_owned()),
            None => (which, self.resolve(from, &host.to_lowercase(), Some(which)).unwrap_or_default()),
        };
        let number = self.net_server(&node, which).unwrap_or_default();
        let services = self.endpoint(&number);
        Ok(serde_json::json!({"NetServerVersion": number, "ServicesCurrent": services}).to_string())
    }

    /// Whether the NetServer that Service's `config` names on a machine works (vendor: config/service).
    pub(crate) fn service_net_server_works(&mut self, node: &str) -> bool {
        let Some(address) = self.service_address(node) else { return false };
        let path = address.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map(|(_, path)| path);
        if self.meant(&format!("/{}", path.unwrap_or_default().to_lowercase())) == Some(NetServer::Own) {
            return self.get_url(node, &address) == Ok(200);
        }
        self.layout.web_nodes.clone().iter().any(|node| self.net_server_works(node))
    }

    /// `http://host/application` out of `nsEndPoint` in Service's `config`.
    pub(crate) fn service_address(&self, node: &str) -> Option<String> {
        let config = self.machines.get(node)?.files.text(&self.layout.config()).ok()?;
        let line = config.lines().find_map(|line| line.trim().strip_prefix("nsEndPoint"))?;
        let url = line.trim_start().strip_prefix('=')?.trim();
        url.find("/Remote/").and_then(|end| url.get(..end)).map(str::to_owned)
    }

    fn get_service(&mut self, node: &str, path: &str) -> i32 {
        let Some(machine) = self.machines.get(node) else {
            return NOT_FOUND;
        };
        let Some(site) = machine.iis.sites.get(&self.layout.iis_site) else {
            return NOT_FOUND;
        };
        if !machine.iis.runs(&self.layout.service_pool) {
            return STOPPED;
        }
        let Some((_, program)) = path.split_once("/scripts/") else {
            return 200;
        };
        let Some((stem, ending)) = program.rsplit_once('.') else {
            return NOT_FOUND;
        };
        let file = format!("{stem}.exe");
        let there = machine.files.get(&format!("{}\\{file}", self.layout.scripts())).is_some();
        let mapped = site.handlers.keys().any(|handler| handler.eq_ignore_ascii_case(&file));
        let cgi = machine.facts.features.iter().any(|feature| feature == "Web-CGI");
        match ending {
            "exe" if there && cgi => 200,
            "fcgi" if there && mapped && cgi => 200,
            _ => NOT_FOUND,
        }
    }
}
