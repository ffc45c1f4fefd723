//! Where a host name leads: by DNS to a server, whose IIS chooses the site by the name, or to a reverse proxy (vendor:
//! install/iis/reverse-proxy).

use std::collections::BTreeMap;

use crate::world::http::NetServer;
use crate::world::machine::Machine;
use crate::world::state::State;

/// DNS and reverse proxies of a world.
#[derive(Default)]
pub(crate) struct Routes {
    pub(crate) hosts: BTreeMap<String, String>,
    pub(crate) proxies: BTreeMap<String, BTreeMap<String, String>>,
}

/// What stands behind an address.
pub(crate) enum Behind {
    /// A NetServer on a server, the one inside Web or one of its own.
    NetServer(NetServer, String),
    /// Service on a server.
    Service(String),
    /// A server without such a page.
    Nothing,
}

impl State {
    /// What a host name and a path lead to; `None` where neither DNS nor a proxy knows the name.
    pub(crate) fn behind(&self, host: &str, path: &str) -> Option<Behind> {
        if let Some(rules) = self.routes.proxies.get(host) {
            let Some((prefix, node)) = rule_for(rules, path) else { return Some(Behind::Nothing) };
            let is = |application: &str| is_below(prefix, &application.to_lowercase());
            return Some(if is(&self.layout.web_application) {
                Behind::NetServer(NetServer::InWeb, node.clone())
            } else if is(&self.layout.net_server_application) {
                Behind::NetServer(NetServer::Own, node.clone())
            } else {
                Behind::Service(node.clone())
            });
        }
        let node = self.routes.hosts.get(host)?;
        let machine = self.machines.get(node)?;
        let folder = folder_of(machine, host, path);
        Some(match folder {
            Some(folder) if folder == self.layout.web_path => Behind::NetServer(NetServer::InWeb, node.clone()),
            Some(folder) if folder == self.layout.net_server_path => Behind::NetServer(NetServer::Own, node.clone()),
            Some(folder) if folder.starts_with(&self.layout.service_path) => Behind::Service(node.clone()),
            Some(_) | None => Behind::Nothing,
        })
    }

    /// The site to which a host name and a path lead; `None` where neither DNS nor a proxy knows the name.
    pub(crate) fn site_behind(&self, host: &str, path: &str) -> Option<String> {
        if let Some(rules) = self.routes.proxies.get(host) {
            let (_, node) = rule_for(rules, path)?;
            return Some(self.site_of_url(node, &format!("http://{node}{path}")));
        }
        let node = self.routes.hosts.get(host)?;
        let folder = folder_of(self.machines.get(node)?, host, path)?;
        Some(self.site_of_path(node, &format!("{folder}\\web.config")))
    }
}

/// The rule of a proxy for a path: the longest that fits.
fn rule_for<'rules>(rules: &'rules BTreeMap<String, String>, path: &str) -> Option<(&'rules String, &'rules String)> {
    rules.iter().filter(|(prefix, _)| is_below(path, prefix)).max_by_key(|(prefix, _)| prefix.len())
}

/// The folder that IIS serves for a path at a host: of the site that is bound to the name, or else of one that is bound to
/// none.
fn folder_of(machine: &Machine, host: &str, path: &str) -> Option<String> {
    let sites = || machine.iis.sites.values();
    let site = sites().find(|site| site.hosts.iter().any(|bound| bound == host));
    let site = site.or_else(|| sites().find(|site| site.hosts.is_empty()))?;
    let fits = site.folders.iter().filter(|(address, _)| is_below(path, &address.to_lowercase()));
    fits.max_by_key(|(address, _)| address.len()).map(|(_, folder)| folder.clone())
}

fn is_below(path: &str, above: &str) -> bool {
    let rest = path.strip_prefix(above.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
