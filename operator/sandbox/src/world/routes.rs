//! Where a host name leads: by DNS to a server, whose IIS chooses the site by the name, or to a reverse proxy (vendor:
//! install/iis/reverse-proxy).

use std::collections::BTreeMap;

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
    /// Web on a server.
    Web(String),
    /// Service on a server.
    Service(String),
    /// A server without such a page.
    Nothing,
}

impl State {
    /// What a host name and a path lead to; `None` where neither DNS nor a proxy knows the name.
    pub(crate) fn behind(&self, host: &str, path: &str) -> Option<Behind> {
        if let Some(rules) = self.routes.proxies.get(host) {
            let fits = rules.iter().filter(|(prefix, _)| is_below(path, prefix));
            let Some((prefix, node)) = fits.max_by_key(|(prefix, _)| prefix.len()) else {
                return Some(Behind::Nothing);
            };
            let is_web = is_below(prefix, &self.layout.web_application.to_lowercase());
            return Some(if is_web { Behind::Web(node.clone()) } else { Behind::Service(node.clone()) });
        }
        let node = self.routes.hosts.get(host)?;
        let machine = self.machines.get(node)?;
        let folder = folder_of(machine, host, path);
        Some(match folder {
            Some(folder) if folder == self.layout.web_path => Behind::Web(node.clone()),
            Some(folder) if folder.starts_with(&self.layout.service_path) => Behind::Service(node.clone()),
            Some(_) | None => Behind::Nothing,
        })
    }
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
