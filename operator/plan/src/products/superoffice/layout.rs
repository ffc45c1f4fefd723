//! Where the parts of a SuperOffice site are and what they are called. What the site leaves out takes the vendor's usual
//! place (installation guides for Web, Service and batch task server).

use crm_api::probe::{Answer, Probe};
use crm_api::site::{Component, SuperOfficeSpec};

use super::{host_name, net_server};
use crate::view::View;

/// Names and paths of one site.
#[derive(Clone, Debug)]
pub struct Layout<'a> {
    /// The site's own block.
    pub block: &'a SuperOfficeSpec,
    /// Program folder of CRM Server.
    pub server_path: &'a str,
    /// Program folder of Web.
    pub web_path: &'a str,
    /// IIS application of Web.
    pub web_application: &'a str,
    /// IIS application pool of Web and of the NetServer inside.
    pub web_pool: &'a str,
    /// Program folder of a NetServer of its own.
    pub net_server_path: &'a str,
    /// IIS application of a NetServer of its own.
    pub net_server_application: &'a str,
    /// IIS application pool of a NetServer of its own.
    pub net_server_pool: &'a str,
    /// Windows service of the batch task server.
    pub batch_service: &'a str,
    /// Base path of the Service instance.
    pub service_path: &'a str,
    /// IIS application pool of Service; the vendor names it like the IIS site.
    pub service_pool: String,
    /// Windows service of the scheduler.
    pub scheduler: String,
    /// IIS site that serves Service: as declared, as observed, or the usual one for an instance that is installed.
    pub site: String,
    /// IIS site that serves Service, as declared.
    pub declared_site: Option<&'a str>,
}

/// Registry key under which every Service instance has a sub-key by host name.
pub const INSTANCES_KEY: &str = r"HKLM\SOFTWARE\Wow6432Node\SuperOffice Customer Service";
/// A sub-key of [`INSTANCES_KEY`] that is no instance.
pub const INSTALLER_VALUES: &str = "Installer values";
/// The word in `config` that closes Service to its users (vendor: config/service).
pub const FROZEN: &str = "frozen";
/// Folder of CrmSetup that the vendor recommends (vendor: install/database, crmsetup-and-crmtask).
pub const CRM_SETUP: &str = r"C:\Program Files\SuperOffice\CrmSetup";
/// What stands in a release's arguments for the site's file with CrmSetup's arguments.
pub const ARGUMENT_FILE: &str = "{argumentFile}";
/// Web's application where the site does not say (vendor: install/service, manual-steps).
const USUAL_APPLICATION: &str = "/sales";
/// IIS site of Service where neither the site nor IIS tells.
const USUAL_IIS_SITE: &str = "SuperOffice Service";

impl<'a> Layout<'a> {
    /// The layout of a site; `None` without its product block.
    #[must_use]
    pub fn of(view: &View<'a>) -> Option<Self> {
        let block = view.spec.super_office.as_ref()?;
        let own = &block.own_net_server;
        let service_path = block.service.path.as_deref().unwrap_or(r"C:\SuperOffice\Customer Service");
        let declared_site = block.service.iis_site.as_deref();
        let observed_site = || {
            let probe = Probe::SitesServing { folder: format!(r"{service_path}\www\scripts") };
            view.nodes_of(Component::Service).iter().find_map(|node| match view.answer(node, &probe) {
                Some(Answer::Names { names }) if names.len() == 1 => Some(names[0].clone()),
                _ => None,
            })
        };
        // The scheduler carries the host of the instance, whatever is declared by now.
        let standing_host = || {
            let nodes = view.nodes_of(Component::Service).iter();
            let hosts: Vec<&str> = nodes.flat_map(|node| host_name::registered(view, service_path, node)).collect();
            let declared = hosts.is_empty() || hosts.iter().any(|host| host.eq_ignore_ascii_case(&block.host_name));
            if declared { block.host_name.clone() } else { hosts[0].to_owned() }
        };
        let site = declared_site.map(str::to_owned).or_else(observed_site).unwrap_or(USUAL_IIS_SITE.to_owned());
        Some(Self {
            block,
            server_path: r"C:\Program Files\SuperOffice\SuperOffice Server",
            web_path: block.web.path.as_deref().unwrap_or(r"C:\SuperOffice\SuperOffice Web"),
            web_application: block.web.application.as_deref().unwrap_or(USUAL_APPLICATION),
            net_server_path: own.path.as_deref().unwrap_or(r"C:\SuperOffice\SuperOfficeNetServer"),
            net_server_application: own.application.as_deref().unwrap_or("/SuperOfficeNetServer"),
            net_server_pool: own.pool.as_deref().unwrap_or("SuperOfficeNetServer"),
            web_pool: block.web.pool.as_deref().unwrap_or("SuperOffice Web"),
            batch_service: block.web.batch_service.as_deref().unwrap_or("SuperOfficeSoBatchServer"),
            service_path,
            service_pool: block.service.pool.clone().unwrap_or_else(|| site.clone()),
            site,
            scheduler: block.service.scheduler.clone().unwrap_or_else(|| format!("ejSchedule {}", standing_host())),
            declared_site,
        })
    }

    /// `SuperOffice.ini` of CRM Server.
    #[must_use]
    pub fn server_ini(&self) -> String {
        format!(r"{}\SuperOffice.ini", self.server_path)
    }

    /// The library that carries the version of the NetServer inside Web (vendor: NetServer versioning).
    #[must_use]
    pub fn web_library(&self) -> String {
        library(self.web_path)
    }

    /// The same of a NetServer of its own.
    #[must_use]
    pub fn net_server_library(&self) -> String {
        library(self.net_server_path)
    }

    /// A file or folder below the Service instance.
    #[must_use]
    pub fn service_file(&self, relative: &str) -> String {
        format!(r"{}\{relative}", self.service_path)
    }

    /// Service's `config`.
    #[must_use]
    pub fn config(&self) -> String {
        self.service_file("config")
    }

    /// The folder of Service's web programs.
    #[must_use]
    pub fn scripts(&self) -> String {
        self.service_file(r"www\scripts")
    }

    /// The IIS site that serves this instance on a node: the only one that does, and the declared one where one is
    /// declared. It is the name in IIS manager, never the host name.
    ///
    /// # Errors
    /// With what was seen instead.
    pub fn iis_site(&self, view: &View<'_>, node: &str) -> Result<String, String> {
        let seen = match view.answer(node, &Probe::SitesServing { folder: self.scripts() }) {
            Some(Answer::Names { names }) => names.clone(),
            Some(Answer::Absent {}) => Vec::new(),
            _ => return Err("IIS on this node was not read".to_owned()),
        };
        match (seen.as_slice(), self.declared_site) {
            ([only], None) => Ok(only.clone()),
            ([only], Some(declared)) if only == declared => Ok(only.clone()),
            ([only], Some(declared)) => {
                Err(format!("IIS serves {} from site {only:?}, declared is {declared:?}", self.scripts()))
            }
            ([], _) => Err(format!("no IIS site serves {}", self.scripts())),
            (several, _) => Err(format!("several IIS sites serve {}: {}", self.scripts(), several.join(", "))),
        }
    }

    /// NetServer's address for Service at a release, from the one in `config` as observed: only the name of the
    /// services changes (vendor: requirements, web services endpoint per version).
    #[must_use]
    pub fn net_server_url(&self, view: &View<'_>, node: &str, services: &str) -> Option<String> {
        let value = net_server::endpoint(view, self, node)?;
        let base = value.trim_end_matches('/').rsplit_once('/').map(|(base, _)| base)?;
        Some(format!("{base}/{services}/Contact.svc"))
    }
}

fn library(folder: &str) -> String {
    format!(r"{folder}\bin\SoCore.dll")
}
