//! Several sites in one world. Machines, shares, clock, chance, faults and history are common to them; names and places,
//! database, login and users are each site's own.
//!
//! The world looks at one site at a time: `layout`, `former`, `database`, `credentials` and `users` of [`State`] are those of the
//! site at hand, which is the first one until somebody turns to another with [`State::at`]. Whoever acts on a path, a
//! process, an address or a database turns to the site that it belongs to, as Windows, IIS and SQL Server would find it.

use crm_api::release::CrmReleaseSpec;
use crm_api::site::Component;
use crm_api::{CrmRelease, CrmSite};
use crm_database::Credentials;

use crate::world::build::{BuildError, check, furnish, parts};
use crate::world::files::key;
use crate::world::layout::{Layout, SERVICE_REGISTRY};
use crate::world::scenario::Scenario;
use crate::world::sql::Database;
use crate::world::state::{State, World};
use crate::world::users::Users;
use crate::world::vendor::Role;

/// What is a site's own.
pub(crate) struct SiteParts {
    pub(crate) layout: Layout,
    /// The Service instance that a move has left behind.
    pub(crate) former: Option<Layout>,
    pub(crate) database: Database,
    pub(crate) credentials: Credentials,
    pub(crate) users: Users,
}

impl World {
    /// Adds a site to this world: on servers that are there already, beside the sites that they carry.
    ///
    /// # Errors
    /// When scenario, site and releases do not fit together, or two sites would be in each other's place.
    pub fn add_site(
        &self,
        scenario: &Scenario,
        site: &CrmSite,
        releases: &[CrmRelease],
        credentials: Credentials,
    ) -> Result<(), BuildError> {
        let releases: Vec<CrmReleaseSpec> = releases.iter().map(|release| release.spec.clone()).collect();
        let layout = check(scenario, site, &releases)?;
        let name = layout.site.clone();
        self.with(|state| {
            if let Some((what, other)) = state.layouts().find_map(|other| Some((in_its_place(other, &layout)?, other)))
            {
                let (site, other) = (name.clone(), other.site.clone());
                return Err(BuildError::InItsPlace { site, other, what });
            }
            state.site_names.push(name.clone());
            state.aside.push(parts(&scenario.spec, layout, credentials));
            state.at(&name, |state| furnish(state, &scenario.spec))
        })
    }

    /// Looks at or changes the world with a site at hand.
    pub(crate) fn at<R>(&self, site: &str, act: impl FnOnce(&mut State) -> R) -> R {
        self.with(|state| state.at(site, act))
    }
}

/// The world as somebody sees it who works on one site.
#[derive(Clone)]
pub(crate) struct WorldAt {
    world: World,
    pub(crate) site: String,
}

impl World {
    /// This world, with a site always at hand.
    pub(crate) fn for_site(&self, site: &str) -> WorldAt {
        WorldAt { world: self.clone(), site: site.to_owned() }
    }
}

impl WorldAt {
    /// Looks at or changes the world with that site at hand.
    pub(crate) fn with<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        self.world.at(&self.site, act)
    }

    /// Restarts a machine.
    pub(crate) fn reboot(&self, node: &str) {
        self.world.reboot(node);
    }
}

/// What two sites cannot both have: a database, and on a server that carries both the same place or name.
fn in_its_place(one: &Layout, other: &Layout) -> Option<String> {
    let meets = |one: &[String], other: &[String]| one.iter().any(|node| other.contains(node));
    let same = |what: &str, one: &str, other: &str| one.eq_ignore_ascii_case(other).then(|| format!("{what} {one:?}"));
    let everywhere = same("the name", &one.site, &other.site)
        .or_else(|| same("the database", &one.database, &other.database))
        .or_else(|| same("the host name", &one.host_name, &other.host_name));
    let server = || {
        // vendor: install/server, one program folder for all of CRM Server
        meets(&one.server_nodes, &other.server_nodes).then(|| "CRM Server on one server".to_owned())
    };
    let web = || {
        if !meets(&one.web_nodes, &other.web_nodes) {
            return None;
        }
        same("the folder of Web", &one.web_path, &other.web_path)
            .or_else(|| same("the application of Web", &one.web_application, &other.web_application))
            .or_else(|| same("the pool of Web", &one.web_pool, &other.web_pool))
            .or_else(|| same("the batch task server", &one.batch_service, &other.batch_service))
    };
    let net_server = || {
        if !meets(&one.net_server_nodes, &other.net_server_nodes) {
            return None;
        }
        same("the folder of NetServer", &one.net_server_path, &other.net_server_path)
            .or_else(|| {
                same("the application of NetServer", &one.net_server_application, &other.net_server_application)
            })
            .or_else(|| same("the pool of NetServer", &one.net_server_pool, &other.net_server_pool))
    };
    let service = || {
        if !meets(&one.service_nodes, &other.service_nodes) {
            return None;
        }
        same("the folder of Service", &one.service_path, &other.service_path)
            .or_else(|| same("the IIS site of Service", &one.iis_site, &other.iis_site))
            .or_else(|| same("the pool of Service", &one.service_pool, &other.service_pool))
            .or_else(|| same("the scheduler", &one.scheduler, &other.scheduler))
    };
    everywhere.or_else(server).or_else(web).or_else(net_server).or_else(service)
}

impl State {
    /// Lets something happen with a site at hand, and turns back to the one that was. A name of no site changes nothing.
    pub(crate) fn at<R>(&mut self, site: &str, act: impl FnOnce(&mut State) -> R) -> R {
        let Some(place) = self.aside.iter().position(|parts| parts.layout.site == site) else { return act(self) };
        self.turn_to(place);
        let result = act(self);
        self.turn_to(place);
        result
    }

    fn turn_to(&mut self, place: usize) {
        let Some(parts) = self.aside.get_mut(place) else { return };
        std::mem::swap(&mut self.layout, &mut parts.layout);
        std::mem::swap(&mut self.former, &mut parts.former);
        std::mem::swap(&mut self.database, &mut parts.database);
        std::mem::swap(&mut self.credentials, &mut parts.credentials);
        std::mem::swap(&mut self.users, &mut parts.users);
    }

    /// Lets something happen at every site, one after the other.
    pub(crate) fn at_each(&mut self, mut act: impl FnMut(&mut State)) {
        for site in self.site_names.clone() {
            self.at(&site, &mut act);
        }
    }

    /// Names and places of every site, in the order of the scenario.
    pub(crate) fn layouts(&self) -> impl Iterator<Item = &Layout> {
        let here = |name: &&String| **name == self.layout.site;
        self.site_names.iter().filter_map(move |name| {
            if here(&name) {
                return Some(&self.layout);
            }
            self.aside.iter().map(|parts| &parts.layout).find(|layout| layout.site == *name)
        })
    }

    /// The first site of which that is so, beginning with the one at hand; the one at hand where it is so of none.
    fn site_of(&self, is: impl Fn(&Layout) -> bool) -> String {
        let found = std::iter::once(&self.layout).chain(self.layouts()).find(|layout| is(layout));
        found.unwrap_or(&self.layout).site.clone()
    }

    /// Whether the site at hand may have something on a machine: no machine that carries other sites only.
    pub(crate) fn is_here(&self, node: &str) -> bool {
        let on = |layout: &Layout| {
            [&layout.server_nodes, &layout.web_nodes, &layout.net_server_nodes, &layout.service_nodes]
                .iter()
                .any(|nodes| nodes.iter().any(|placed| placed == node))
        };
        on(&self.layout) || !self.aside.iter().any(|parts| on(&parts.layout))
    }

    /// The site that a path on a machine belongs to.
    pub(crate) fn site_of_path(&self, node: &str, path: &str) -> String {
        let has = |nodes: &[String], folder: &str| nodes.iter().any(|on| on == node) && is_below(path, folder);
        self.site_of(|layout| {
            has(&layout.service_nodes, &layout.service_path)
                || has(&layout.web_nodes, &layout.web_path)
                || has(&layout.net_server_nodes, &layout.net_server_path)
        })
    }

    /// The site whose backups lie on a share.
    pub(crate) fn site_of_share(&self, path: &str) -> String {
        self.site_of(|layout| key(&layout.backup) == key(path) || is_below(path, &layout.backup))
    }

    /// The site of a database.
    pub(crate) fn site_of_database(&self, name: &str) -> String {
        self.site_of(|layout| layout.database == name)
    }

    /// The site at which a login to a database arrives; a login to the server itself is that of any site.
    pub(crate) fn site_of_login(&self, database: &str, credentials: &Credentials) -> String {
        let theirs = self.aside.iter().find(|parts| parts.credentials == *credentials);
        match theirs {
            Some(parts) if database == crm_database::restore::MASTER && self.credentials != *credentials => {
                parts.layout.site.clone()
            }
            Some(_) | None => self.site_of_database(database),
        }
    }

    /// The site that an address means, asked for on a machine: by its host name, or by what that machine serves there.
    pub(crate) fn site_of_url(&self, from: &str, url: &str) -> String {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest).to_lowercase();
        let (host, path) = rest.split_once('/').unwrap_or((&rest, ""));
        let host = host.split(':').next().unwrap_or(host);
        if let Some(named) = self.layouts().find(|layout| layout.host_name.eq_ignore_ascii_case(host)) {
            return named.site.clone();
        }
        if let Some(led) = self.site_behind(host, &format!("/{path}")) {
            return led;
        }
        let local = matches!(host, "localhost" | "127.0.0.1");
        let short = host.split('.').next().unwrap_or(host);
        let asked = |node: &String| if local { node == from } else { *node == host || *node == short };
        let path = format!("/{path}/");
        let serves = |nodes: &[String], application: &str| {
            nodes.iter().any(asked) && path.starts_with(&format!("{}/", application.to_lowercase()))
        };
        let serves_net_server = |layout: &Layout| {
            serves(&layout.web_nodes, &layout.web_application)
                || serves(&layout.net_server_nodes, &layout.net_server_application)
        };
        if self.layouts().any(serves_net_server) {
            return self.site_of(serves_net_server);
        }
        self.site_of(|layout| layout.service_nodes.iter().any(asked))
    }

    /// The site that a program of the vendor works on.
    pub(crate) fn site_of_program(&self, node: &str, program: &str, role: Role, arguments: &[String]) -> String {
        let on = |nodes: &[String]| nodes.iter().any(|placed| placed == node);
        match role {
            Role::Plain => self.site_of_path(node, program),
            Role::Upgrade | Role::TermSetup => {
                self.named_instance(node, arguments).unwrap_or_else(|| self.site_of_path(node, program))
            }
            Role::Setup(Component::CrmServer) => self.site_of(|layout| on(&layout.server_nodes)),
            Role::Setup(Component::Web) => self.site_of(|layout| on(&layout.web_nodes)),
            Role::Setup(Component::NetServer) => self.site_of(|layout| on(&layout.net_server_nodes)),
            Role::Setup(Component::Service) => self
                .chosen_instance(node, arguments)
                .or_else(|| self.first_instance(node))
                .unwrap_or_else(|| self.site_of(|layout| on(&layout.service_nodes))),
        }
    }

    /// The instance that `-d` names, by its key in the registry (vendor: automated-tasks/upgrade).
    fn named_instance(&self, node: &str, arguments: &[String]) -> Option<String> {
        let place = arguments.iter().position(|argument| argument.eq_ignore_ascii_case("-d"))?;
        let host = arguments.get(place + 1)?;
        let values = self.machines.get(node)?.registry.get(&format!("{SERVICE_REGISTRY}\\{host}"))?;
        self.instance_in(node, values.get("basePath")?)
    }

    /// The instance that a person chooses in the wizard, or that a command line selects: by its path. The longest path
    /// counts, since one may begin like another.
    fn chosen_instance(&self, node: &str, arguments: &[String]) -> Option<String> {
        let says = |path: &str| arguments.iter().any(|argument| key(argument).contains(&key(path)));
        let here = |layout: &&Layout| layout.service_nodes.iter().any(|on| on == node) && says(&layout.service_path);
        self.layouts().filter(here).max_by_key(|layout| layout.service_path.len()).map(|layout| layout.site.clone())
    }

    /// The first instance in the registry of a machine: what an installer takes that nobody tells which.
    pub(crate) fn first_instance(&self, node: &str) -> Option<String> {
        let instances = self.machines.get(node)?.registry.subkeys(SERVICE_REGISTRY).ok()?;
        instances.values().find_map(|values| self.instance_in(node, values.get("basePath")?))
    }

    fn instance_in(&self, node: &str, path: &str) -> Option<String> {
        let is = |layout: &&Layout| {
            layout.service_nodes.iter().any(|on| on == node) && key(&layout.service_path) == key(path)
        };
        self.layouts().find(is).map(|layout| layout.site.clone())
    }
}

fn is_below(path: &str, folder: &str) -> bool {
    key(path).starts_with(&format!("{}\\", key(folder)))
}
