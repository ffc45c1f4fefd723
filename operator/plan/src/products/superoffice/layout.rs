//! Where the parts of a SuperOffice site are and what they are called. What the site leaves out takes the vendor's usual
//! place (installation guides for Web, Service and batch task server).

mod standing;

pub(crate) use standing::named_instances;

use crm_api::database::superoffice::WWW_PATH;
use crm_api::probe::{Answer, Probe};
use crm_api::site::{Component, ReverseProxy, SuperOfficeSpec};

use super::net_server;
use super::one_host::Moving;
use crate::view::View;

/// Names and paths of one site as it stands, or as it shall stand after a move ([`Layout::moved`]).
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
    /// Host name by which browsers reach Service: the declared one, or today's while its move is still to come.
    pub host: String,
    /// Path of Service on its host, without a slash at its end; empty where it is the IIS site itself.
    pub application: String,
    /// Base path of the Service instance.
    pub service_path: &'a str,
    /// Base path of the instance whose configuration tells how things are now; another one where an instance moves.
    pub path_now: &'a str,
    /// IIS application pool of Service; the vendor names it like the IIS site.
    pub service_pool: String,
    /// Windows service of the scheduler.
    pub scheduler: String,
    /// Names that the scheduler may have; more than one where several host names lead to the instance.
    pub schedulers: Vec<String>,
    /// IIS site that serves Service: as declared, as observed, or the usual one for an instance that is installed.
    pub site: String,
    /// IIS site that serves Service, as declared.
    pub declared_site: Option<&'a str>,
    /// NetServer's address up to its application where Web moves; else Service's configuration has it.
    pub net_server: Option<String>,
}

/// Web's application where the site does not say (vendor: install/service, manual-steps).
const USUAL_APPLICATION: &str = "/sales";
/// Base path of a Service instance where the site does not say.
const USUAL_SERVICE_PATH: &str = r"C:\SuperOffice\Customer Service";
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
/// IIS site of Service where neither the site nor IIS tells.
const USUAL_IIS_SITE: &str = "SuperOffice Service";

impl<'a> Layout<'a> {
    /// The layout of a site; `None` without its product block.
    #[must_use]
    pub fn of(view: &View<'a>) -> Option<Self> {
        let block = view.spec.super_office.as_ref()?;
        let standing = standing::Standing::of(view, block, declared_path(block));
        Some(Self::at(view, block, standing))
    }

    /// The layout of the instance that lay in a folder when a backup set was taken; as it stands where it is there.
    #[must_use]
    pub fn of_path(view: &View<'a>, path: &'a str) -> Option<Self> {
        let block = view.spec.super_office.as_ref()?;
        Some(Self::at(view, block, standing::Standing::in_folder(view, block, path)))
    }

    fn at(view: &View<'a>, block: &'a SuperOfficeSpec, standing: standing::Standing<'a>) -> Self {
        let own = &block.own_net_server;
        let path = standing.path;
        // What the site declares of an instance is about the one in the declared folder.
        let declared = same_path(path, declared_path(block)).then_some(&block.service);
        let declared_site = declared.and_then(|service| service.iis_site.as_deref());
        let observed_site = || {
            let probe = Probe::SitesServing { folder: format!(r"{path}\www\scripts") };
            view.nodes_of(Component::Service).iter().find_map(|node| match view.answer(node, &probe) {
                Some(Answer::Names { names }) if names.len() == 1 => Some(names[0].clone()),
                _ => None,
            })
        };
        let site = declared_site.map(str::to_owned).or_else(observed_site).unwrap_or(USUAL_IIS_SITE.to_owned());
        let pool = declared.and_then(|service| service.pool.clone());
        let schedulers = match declared.and_then(|service| service.scheduler.clone()) {
            Some(name) => vec![name],
            None => standing.hosts.iter().map(|host| scheduler_of(host)).collect(),
        };
        // While a move is still to come, the declared path is that of the host to which it leads.
        let (seen, wanted) = (view.fact(WWW_PATH), block.service.application.as_deref());
        let application =
            if standing.host.eq_ignore_ascii_case(&block.host_name) { wanted.or(seen) } else { seen.or(wanted) };
        let application = application.unwrap_or_default();
        Self {
            block,
            server_path: r"C:\Program Files\SuperOffice\SuperOffice Server",
            web_path: block.web.path.as_deref().unwrap_or(r"C:\SuperOffice\SuperOffice Web"),
            web_application: block.web.application.as_deref().unwrap_or(USUAL_APPLICATION),
            net_server_path: own.path.as_deref().unwrap_or(r"C:\SuperOffice\SuperOfficeNetServer"),
            net_server_application: own.application.as_deref().unwrap_or("/SuperOfficeNetServer"),
            net_server_pool: own.pool.as_deref().unwrap_or("SuperOfficeNetServer"),
            web_pool: block.web.pool.as_deref().unwrap_or("SuperOffice Web"),
            batch_service: block.web.batch_service.as_deref().unwrap_or("SuperOfficeSoBatchServer"),
            host: standing.host,
            application: application.trim_end_matches('/').to_owned(),
            service_path: path,
            path_now: path,
            service_pool: pool.unwrap_or_else(|| site.clone()),
            site,
            scheduler: standing::there(view, &schedulers),
            schedulers,
            declared_site,
            net_server: None,
        }
    }

    /// The site as it shall stand after its move.
    #[must_use]
    pub fn moved(&self, way: &Moving) -> Self {
        let block = self.block;
        let host = block.host_name.clone();
        let declared = block.service.application.as_deref().map(|path| path.trim_end_matches('/').to_owned());
        let mut then = Self { host: host.clone(), net_server: way.net_server.clone(), ..self.clone() };
        if let Some(application) = declared {
            then.application = application;
        }
        if way.new_instance {
            let service = &block.service;
            then.service_path = declared_path(block);
            then.declared_site = service.iis_site.as_deref();
            then.site = service.iis_site.clone().or_else(|| way.web_site.clone()).unwrap_or_else(|| self.site.clone());
            then.service_pool = service.pool.clone().unwrap_or_else(|| then.site.clone());
            then.scheduler = service.scheduler.clone().unwrap_or_else(|| scheduler_of(&host));
        }
        then
    }

    /// Whether Service is where it is declared: at its host, in its folder.
    #[must_use]
    pub fn stands_as_declared(&self) -> bool {
        self.host.eq_ignore_ascii_case(&self.block.host_name) && same_path(self.service_path, declared_path(self.block))
    }

    /// Whether a reverse proxy is declared.
    #[must_use]
    pub fn is_proxied(&self) -> bool {
        matches!(self.block.reverse_proxy, Some(ReverseProxy::IisArr | ReverseProxy::External))
    }

    /// The `config` that tells how things are now.
    #[must_use]
    pub fn config_now(&self) -> String {
        format!(r"{}\config", self.path_now)
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
        if let Some(base) = &self.net_server {
            return Some(format!("{}/Contact.svc", net_server::address(base, services)));
        }
        let value = net_server::endpoint(view, self, node)?;
        let base = value.trim_end_matches('/').rsplit_once('/').map(|(base, _)| base)?;
        Some(format!("{base}/{services}/Contact.svc"))
    }
}

/// The folder in which the site declares its Service instance.
#[must_use]
pub fn declared_path(block: &SuperOfficeSpec) -> &str {
    block.service.path.as_deref().unwrap_or(USUAL_SERVICE_PATH)
}

/// Whether two Windows paths are the same folder.
#[must_use]
pub fn same_path(one: &str, other: &str) -> bool {
    one.trim_end_matches('\\').eq_ignore_ascii_case(other.trim_end_matches('\\'))
}

/// The scheduler's usual name; the vendor ends it with the site's name.
fn scheduler_of(host: &str) -> String {
    format!("ejSchedule {host}")
}

fn library(folder: &str) -> String {
    format!(r"{folder}\bin\SoCore.dll")
}
