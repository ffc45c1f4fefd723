//! IIS on one machine: application pools, sites, FastCGI handlers.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crm_agent::host::HostError;
use crm_agent::text::{self, encoding::Encoding};
use crm_api::probe::RunState;

/// End of the address of Service's programs (vendor: install/service/manual-steps).
const SCRIPTS: &str = "/scripts";

/// Name of the site that IIS is installed with.
const FIRST_SITE: &str = "Default Web Site";

/// An application pool.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    pub(crate) state: RunState,
    /// Whether somebody wants it to run.
    wanted: bool,
}

/// A site as IIS manager lists it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Site {
    /// Address below the site to folder.
    pub(crate) folders: BTreeMap<String, String>,
    /// Host names that it is bound to; none is every name.
    pub(crate) hosts: Vec<String>,
    /// FastCGI handlers, by the file name of the program.
    pub(crate) handlers: BTreeMap<String, Handler>,
}

/// FastCGI for one program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Handler {
    /// Whether it accepts the verb `OPTIONS`.
    pub(crate) options: bool,
    /// Seconds after which IIS ends a silent program; people may set them (vendor: upgrade/service, "FastCGI").
    pub(crate) activity_timeout_seconds: u32,
}

impl Default for Handler {
    fn default() -> Self {
        Self { options: true, activity_timeout_seconds: 30 }
    }
}

/// IIS of one machine.
#[derive(Clone, Default)]
pub(crate) struct Iis {
    pools: BTreeMap<String, Pool>,
    pub(crate) sites: BTreeMap<String, Site>,
}

impl Iis {
    pub(crate) fn add_pool(&mut self, name: &str) {
        self.pools.insert(name.to_owned(), Pool { state: RunState::Running, wanted: true });
    }

    pub(crate) fn remove_pool(&mut self, name: &str) {
        self.pools.remove(name);
    }

    /// Adds an application to the site that every IIS begins with.
    pub(crate) fn add_application(&mut self, address: &str, folder: &str) {
        let site = self.sites.entry(FIRST_SITE.to_owned()).or_default();
        site.folders.insert(address.to_owned(), folder.to_owned());
    }

    /// Binds the site that every IIS begins with to a host name: it answers to no other one.
    pub(crate) fn bind_first(&mut self, host: &str) {
        let site = self.sites.entry(FIRST_SITE.to_owned()).or_default();
        site.hosts = vec![host.to_owned()];
    }

    pub(crate) fn remove_application(&mut self, address: &str) {
        if let Some(site) = self.sites.get_mut(FIRST_SITE) {
            site.folders.remove(address);
        }
    }

    pub(crate) fn pool(&self, name: &str) -> Option<RunState> {
        self.pools.get(name).map(|pool| pool.state)
    }

    pub(crate) fn runs(&self, name: &str) -> bool {
        self.pool(name) == Some(RunState::Running)
    }

    /// Starts or stops a pool; whether that changed anything.
    pub(crate) fn turn(&mut self, name: &str, state: RunState) -> Result<bool, HostError> {
        let pool = self.pools.get_mut(name).ok_or_else(|| HostError::NotFound(format!("application pool {name}")))?;
        let changed = pool.state != state;
        pool.state = state;
        pool.wanted = state == RunState::Running;
        Ok(changed)
    }

    pub(crate) fn all_down(&mut self) {
        for pool in self.pools.values_mut() {
            pool.state = RunState::Stopped;
        }
    }

    /// Forgets that somebody has stopped pools.
    pub(crate) fn want_all(&mut self) {
        for pool in self.pools.values_mut() {
            pool.wanted = true;
        }
    }

    /// IIS starts: every pool that is wanted runs.
    pub(crate) fn all_up(&mut self) {
        for pool in self.pools.values_mut().filter(|pool| pool.wanted) {
            pool.state = RunState::Running;
        }
    }

    /// This machine's `applicationHost.config`, read as an agent reads it.
    pub(crate) fn read(&self) -> Result<text::iis::Iis, HostError> {
        text::iis::Iis::parse(&self.export(), Encoding::Utf8).map_err(|error| HostError::Refused(error.to_string()))
    }

    /// The text of `applicationHost.config`.
    pub(crate) fn export(&self) -> String {
        let mut host = String::new();
        let mut programs = String::new();
        let mut locations = String::new();
        for (name, pool) in &self.pools {
            let _ = writeln!(host, "      <add name=\"{}\" autoStart=\"{}\" />", escaped(name), pool.wanted);
        }
        host.push_str("    </applicationPools>\n    <sites>\n");
        for (name, site) in &self.sites {
            let _ = writeln!(host, "      <site name=\"{}\">", escaped(name));
            for (address, folder) in &site.folders {
                let _ = writeln!(
                    host,
                    "        <application path=\"{}\"><virtualDirectory path=\"/\" physicalPath=\"{}\" /></application>",
                    escaped(address),
                    escaped(folder)
                );
            }
            if !site.hosts.is_empty() {
                host.push_str("        <bindings>\n");
                for name in &site.hosts {
                    let name = escaped(name);
                    let _ =
                        writeln!(host, "          <binding protocol=\"http\" bindingInformation=\"*:80:{name}\" />");
                }
                host.push_str("        </bindings>\n");
            }
            host.push_str("      </site>\n");
            write_handlers(name, site, &mut programs, &mut locations);
        }
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<configuration>\n  <system.applicationHost>\n    <applicationPools>\n\
             {host}    </sites>\n  </system.applicationHost>\n  <system.webServer>\n    <fastCgi>\n{programs}    </fastCgi>\n  \
             </system.webServer>\n{locations}</configuration>\n"
        )
    }

    /// Becomes what an export holds. Pools that run go on running.
    pub(crate) fn become_like(&mut self, export: &Self) {
        let before = std::mem::replace(&mut self.pools, export.pools.clone());
        for (name, pool) in &mut self.pools {
            pool.state = before.get(name).map_or(RunState::Stopped, |pool| pool.state);
        }
        self.sites.clone_from(&export.sites);
    }
}

/// FastCGI of one site: every program as an application of the machine, and its handler at the level of the site.
fn write_handlers(name: &str, site: &Site, programs: &mut String, locations: &mut String) {
    let Some((_, folder)) = site.folders.iter().find(|(address, _)| address.ends_with(SCRIPTS)) else { return };
    let _ = writeln!(locations, "  <location path=\"{}\">\n    <system.webServer>\n      <handlers>", escaped(name));
    for (program, handler) in &site.handlers {
        let verbs = if handler.options { "*" } else { "GET,HEAD,POST" };
        let stem = program.trim_end_matches(".exe");
        let (path, stem) = (escaped(&format!("{folder}\\{program}")), escaped(stem));
        let _ = writeln!(
            programs,
            "      <application fullPath=\"{path}\" activityTimeout=\"{}\" />",
            handler.activity_timeout_seconds
        );
        let _ = writeln!(
            locations,
            "        <add name=\"{stem}\" path=\"{stem}.fcgi\" verb=\"{verbs}\" modules=\"FastCgiModule\" scriptProcessor=\"{path}\" />"
        );
    }
    locations.push_str("      </handlers>\n    </system.webServer>\n  </location>\n");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
