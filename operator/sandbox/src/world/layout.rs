//! Where things lie: the paths and names of a site, as its `CrmSite` says, with the vendor's usual places for what it
//! leaves out.

use crm_api::CrmSite;
use crm_api::site::{Component, Placement, ReverseProxy};

/// Program folder of the CRM Server (vendor: install/server).
pub const SERVER_PATH: &str = "C:\\Program Files\\SuperOffice\\SuperOffice Server";
/// Registry key of the server tools (vendor: upgrade/to-81/move-crm-server).
pub const SERVER_REGISTRY: &str = "HKLM\\SOFTWARE\\Wow6432Node\\SuperOffice ServerSetup";
/// Registry key below which every Service instance has a sub-key (vendor: install/iis/reverse-proxy).
pub const SERVICE_REGISTRY: &str = "HKLM\\SOFTWARE\\Wow6432Node\\SuperOffice Customer Service";
/// Programs in `www\scripts` that the vendor's documents name.
pub const SERVICE_PROGRAMS: [&str; 8] =
    ["rms.exe", "ticket.exe", "customer.exe", "blogic.exe", "admin.exe", "ajax.exe", "soap.exe", "soapTicket.exe"];
/// The file in which Pocket Server tells phones where to go (vendor: pocket-crm, upgrade to 8).
const POCKET_PROPERTIES: &str = "C:\\Program Files (x86)\\SuperOffice Pocket CRM\\Tomcat 6.0\\webapps\\pocketcrm\\WEB-INF\\classes\\server.properties";
/// Programs in `bin` that the scheduler starts (vendor: automated-tasks/ejournalcron).
pub const SCHEDULED_PROGRAMS: [&str; 2] = ["ejournalCron.exe", "importMail.exe"];

/// Paths and names of one site.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is what the site's spec calls it")]
pub struct Layout {
    pub site: String,
    pub server_nodes: Vec<String>,
    pub web_nodes: Vec<String>,
    pub net_server_nodes: Vec<String>,
    pub service_nodes: Vec<String>,
    pub web_path: String,
    pub web_application: String,
    pub web_pool: String,
    pub batch_service: String,
    pub net_server_path: String,
    pub net_server_application: String,
    pub net_server_pool: String,
    pub service_path: String,
    pub service_application: String,
    pub iis_site: String,
    pub service_pool: String,
    pub scheduler: String,
    pub host_name: String,
    pub web_host: Option<String>,
    pub proxied: bool,
    pub table_prefix: String,
    pub database: String,
    pub sql_server: String,
    pub media: String,
    pub backup: String,
    pub archives: Vec<String>,
    pub pocket_service: String,
    pub pocket_properties: String,
    pub attachments: String,
}

impl Layout {
    /// Reads a site; `None` where it is no SuperOffice site.
    #[must_use]
    pub fn of(site: &CrmSite, attachments: &str) -> Option<Self> {
        let block = site.spec.super_office.as_ref()?;
        let own = &block.own_net_server;
        let nodes = |component: Component| -> Vec<String> {
            let placements = site.spec.components.iter().filter(|placement| placement.name == component);
            placements.flat_map(|placement| placement.nodes.iter().cloned()).collect()
        };
        let or = |value: &Option<String>, usual: &str| value.clone().unwrap_or_else(|| usual.to_owned());
        let pocket = block.pocket_server.clone().unwrap_or_default();
        let iis_site = or(&block.service.iis_site, "SuperOffice Service");
        Some(Self {
            site: site.metadata.name.clone().unwrap_or_default(),
            server_nodes: nodes(Component::CrmServer),
            web_nodes: nodes(Component::Web),
            net_server_nodes: nodes(Component::NetServer),
            service_nodes: nodes(Component::Service),
            web_path: or(&block.web.path, "C:\\SuperOffice\\SuperOffice Web"),
            web_application: or(&block.web.application, "/sales"),
            web_pool: or(&block.web.pool, "SuperOffice Web"),
            net_server_path: or(&own.path, "C:\\SuperOffice\\SuperOfficeNetServer"),
            net_server_application: or(&own.application, "/SuperOfficeNetServer"),
            net_server_pool: or(&own.pool, "SuperOfficeNetServer"),
            batch_service: or(&block.web.batch_service, "SuperOfficeSoBatchServer"),
            service_path: or(&block.service.path, "C:\\SuperOffice\\Customer Service"),
            // As row 109 has it: with a slash at both ends (vendor: install/service, manual-steps).
            service_application: format!("{}/", or(&block.service.application, "/").trim_end_matches('/')),
            service_pool: or(&block.service.pool, &iis_site),
            iis_site,
            scheduler: or(&block.service.scheduler, &format!("ejSchedule {}", block.host_name)),
            host_name: block.host_name.clone(),
            web_host: block.web.host_name.clone(),
            proxied: matches!(block.reverse_proxy, Some(ReverseProxy::IisArr | ReverseProxy::External)),
            table_prefix: block.table_prefix.clone(),
            database: site.spec.database.name.clone(),
            sql_server: site.spec.database.server.clone(),
            media: site.spec.media.location.clone(),
            backup: site.spec.backup.location.clone(),
            archives: block.archives.clone(),
            pocket_service: or(&pocket.service, "PocketCRM"),
            pocket_properties: or(&pocket.properties, POCKET_PROPERTIES),
            attachments: attachments.to_owned(),
        })
    }

    /// The same with the nodes on which an edit of the site's spec (a JSON merge patch) places components besides.
    #[must_use]
    pub fn with_edit(mut self, edit: &serde_json::Value) -> Self {
        let placed = edit["components"].clone();
        let placed: Vec<Placement> = serde_json::from_value(placed).unwrap_or_default();
        for placement in placed {
            let nodes = match placement.name {
                Component::CrmServer => &mut self.server_nodes,
                Component::Web => &mut self.web_nodes,
                Component::NetServer => &mut self.net_server_nodes,
                Component::Service => &mut self.service_nodes,
            };
            let new = placement.nodes.into_iter().filter(|node| !nodes.contains(node)).collect::<Vec<_>>();
            nodes.extend(new);
        }
        self
    }

    /// Folder of the programs that IIS serves.
    #[must_use]
    pub fn scripts(&self) -> String {
        format!("{}\\www\\scripts", self.service_path)
    }

    /// Folder of Service's own programs.
    #[must_use]
    pub fn bin(&self) -> String {
        format!("{}\\bin", self.service_path)
    }

    /// Service's configuration file, which carries the line `frozen` (vendor: config/service).
    #[must_use]
    pub fn config(&self) -> String {
        format!("{}\\config", self.service_path)
    }

    /// The library of the NetServer inside Web, whose version is NetServer's version.
    #[must_use]
    pub fn so_core(&self) -> String {
        format!("{}\\bin\\SoCore.dll", self.web_path)
    }

    /// The same of a NetServer of its own.
    #[must_use]
    pub fn own_so_core(&self) -> String {
        format!("{}\\bin\\SoCore.dll", self.net_server_path)
    }

    /// The server's ini file.
    #[must_use]
    pub fn server_ini(&self) -> String {
        format!("{SERVER_PATH}\\SuperOffice.ini")
    }
}
