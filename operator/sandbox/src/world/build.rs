//! Makes a world out of a scenario, a site and the releases of a catalogue.

use std::collections::{BTreeMap, BTreeSet};

use crm_api::CrmRelease;
use crm_api::CrmSite;
use crm_api::probe::Machine as MachineFacts;
use crm_api::release::CrmReleaseSpec;
use crm_api::site::{Component, FastCgi};
use crm_database::Credentials;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

use crate::world::faults::Faults;
use crate::world::files::{Content, FileSystem, sha256};
use crate::world::ghost::Ghost;
use crate::world::iis::Iis;
use crate::world::install::{DATA_SOURCES, install, put_attachments, spoil_handlers};
use crate::world::layout::Layout;
use crate::world::machine::{Machine, boot_id};
use crate::world::moving::{addresses, numbered};
use crate::world::network::Network;
use crate::world::process::Processes;
use crate::world::registry::Registry;
use crate::world::routes::Routes;
use crate::world::scenario::{API_VERSION, KIND, Scenario, ScenarioSpec, Server};
use crate::world::sites::SiteParts;
use crate::world::sql::Database;
use crate::world::state::{Package, State, World};
use crate::world::users::Users;
use crate::world::vendor::{Extent, FCGI, map_programs};

/// Days before the story's start on which Service was last upgraded.
const LAST_UPGRADE_DAYS: i64 = 400;

/// Why no world can be made of a scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// It is another document.
    #[error(
        "expected apiVersion {API_VERSION} and kind {KIND}, found {found}; correct the first lines of the scenario"
    )]
    NoScenario {
        /// What it says.
        found: String,
    },
    /// The site has no product block that this world knows.
    #[error("site {site} has no superOffice block; this world knows SuperOffice only")]
    NoSuperOffice {
        /// The site.
        site: String,
    },
    /// The site places a component on a server that the scenario lacks.
    #[error(
        "spec.components of the site places {component:?} on {node}, but the scenario has no such server; add it to spec.servers"
    )]
    NoServer {
        /// The component.
        component: Component,
        /// The node.
        node: String,
    },
    /// A server carries a component that the site does not place there.
    #[error("spec.servers: {server} carries {component:?}, but the site does not place it there")]
    NotPlaced {
        /// The server.
        server: String,
        /// The component.
        component: Component,
    },
    /// A number that no release has.
    #[error("{place} is {number}, which is the number of no release in the catalogue; there are {known}")]
    NoRelease {
        /// Where it stands.
        place: String,
        /// The number.
        number: String,
        /// Those of the catalogue.
        known: String,
    },
    /// The site's database is on another server.
    #[error("spec.sqlServer.name is {found}, but the site's database is on {expected}")]
    OtherSqlServer {
        /// What the scenario says.
        found: String,
        /// What the site says.
        expected: String,
    },
    /// Two sites cannot both have something.
    #[error("sites {site} and {other} both have {what}; one server or database carries it once only")]
    InItsPlace {
        /// The site that was added.
        site: String,
        /// The one that was there.
        other: String,
        /// What both have.
        what: String,
    },
    /// A package is not what the catalogue says of it.
    #[error(
        "{file}: the catalogue says sha256 {said}, the simulated package has {real}; write that into the catalogue"
    )]
    OtherPackage {
        /// The package.
        file: String,
        /// Hash in the catalogue.
        said: String,
        /// Its own.
        real: String,
    },
}

/// Content of a simulated package: small, and the same for ever, so that a catalogue can carry its true sha256.
#[must_use]
pub fn package_content(file: &str, number: &str) -> Vec<u8> {
    format!("simulated package {file} of SuperOffice {number}\n").into_bytes()
}

impl World {
    /// Makes a world. Call it inside the tokio runtime whose clock it shall follow; [`World::start`] lets it live.
    ///
    /// # Errors
    /// When scenario, site and releases do not fit together.
    pub fn new(
        scenario: &Scenario,
        site: &CrmSite,
        releases: &[CrmRelease],
        credentials: Credentials,
        seed: u64,
    ) -> Result<Self, BuildError> {
        let releases: Vec<CrmReleaseSpec> = releases.iter().map(|release| release.spec.clone()).collect();
        let layout = check(scenario, site, &releases)?;
        let mut state = empty(scenario, parts(&scenario.spec, layout, credentials), releases, seed);
        for server in &scenario.spec.servers {
            state.machines.insert(server.name.clone(), machine(server));
        }
        furnish(&mut state, &scenario.spec)?;
        Ok(World::of(state))
    }
}

/// Puts everything of the site at hand where it stands when the story begins.
pub(crate) fn furnish(state: &mut State, spec: &ScenarioSpec) -> Result<(), BuildError> {
    lay_out_media(state)?;
    for server in &spec.servers {
        install(state, server);
        if server.pocket_server {
            state.install_pocket_server(&server.name);
        }
        if let Some(machine) = state.machines.get_mut(&server.name) {
            for (path, text) in &server.files {
                machine.files.put_text(path, text.clone());
            }
        }
    }
    if spec.database.fast_cgi == FastCgi::Enabled {
        let site = state.layout.iis_site.clone();
        for node in state.layout.service_nodes.clone() {
            map_programs(state, &node, &site, Extent::All);
        }
    }
    spoil_handlers(state, &spec.database.handlers);
    state.share_clients();
    put_attachments(state, spec.database.attachments_flat);
    Ok(())
}

pub(crate) fn check(scenario: &Scenario, site: &CrmSite, releases: &[CrmReleaseSpec]) -> Result<Layout, BuildError> {
    let spec = &scenario.spec;
    if scenario.api_version != API_VERSION || scenario.kind != KIND {
        return Err(BuildError::NoScenario { found: format!("{} {}", scenario.api_version, scenario.kind) });
    }
    let name = site.metadata.name.clone().unwrap_or_default();
    let layout =
        Layout::of(site, &spec.assumptions.attachments_folder).ok_or(BuildError::NoSuperOffice { site: name })?;
    let layout = layout.with_edit(&spec.then);
    if spec.sql_server.name != layout.sql_server {
        let (found, expected) = (spec.sql_server.name.clone(), layout.sql_server);
        return Err(BuildError::OtherSqlServer { found, expected });
    }
    let mut placed = BTreeSet::new();
    for placement in &site.spec.components {
        for node in &placement.nodes {
            placed.insert((node.as_str(), placement.name));
            if !spec.servers.iter().any(|server| server.name == *node) {
                return Err(BuildError::NoServer { component: placement.name, node: node.clone() });
            }
        }
    }
    let known = || releases.iter().map(|release| release.number.as_str()).collect::<Vec<_>>().join(", ");
    let number = |place: String, number: &str| {
        if releases.iter().any(|release| release.number == number) {
            return Ok(());
        }
        Err(BuildError::NoRelease { place, number: number.to_owned(), known: known() })
    };
    number("spec.database.version".to_owned(), &spec.database.version)?;
    for server in &spec.servers {
        for installed in &server.components {
            let component = installed.component;
            number(format!("spec.servers {}, {component:?}: number", server.name), &installed.number)?;
            if !placed.contains(&(server.name.as_str(), component)) {
                return Err(BuildError::NotPlaced { server: server.name.clone(), component });
            }
        }
    }
    Ok(layout)
}

/// What is a site's own when its story begins.
pub(crate) fn parts(spec: &ScenarioSpec, layout: Layout, credentials: Credentials) -> SiteParts {
    let last_upgrade =
        spec.start.checked_sub(jiff::SignedDuration::from_hours(24 * LAST_UPGRADE_DAYS)).unwrap_or(spec.start);
    let extension = if spec.database.fast_cgi == FastCgi::Enabled { FCGI } else { "exe" };
    let service_versions = spec.servers.iter().flat_map(|server| &server.components);
    let service = service_versions.into_iter().find(|installed| installed.component == Component::Service);
    let service_version = service.map(|service| service.number.clone());
    let has_service = service_version.is_some();
    let registry = service_version.iter().flat_map(|number| {
        [
            ("UseExtension".to_owned(), extension.to_owned()),
            ("EjournalCronNow".to_owned(), spec.start.to_string()),
            (format!("UpgradeDone {number}"), "1".to_owned()),
        ]
    });
    let database = Database {
        server_version: spec.sql_server.version.clone(),
        bytes: spec.sql_server.database_mebibytes.saturating_mul(1024 * 1024),
        version: spec.database.version.clone(),
        partial: None,
        server_setup: vec![spec.database.version.clone()],
        modified_at: last_upgrade,
        registry: registry.collect(),
        service_version,
        service_installed_at: last_upgrade,
        attachment_path: layout.attachments.clone(),
        addresses: if has_service { addresses(&layout) } else { BTreeMap::new() },
        numbered: if has_service { numbered(&layout) } else { BTreeMap::new() },
        attachments: spec.database.attachments_flat,
        edited_reports: spec.database.edited_reports,
        maintenance_to: spec.database.maintenance_to,
        travellers_out: spec.database.travellers_out,
        satellites: spec.database.satellites,
        mailboxes: Vec::new(),
        lsn: 41_000,
        backups_running: BTreeMap::new(),
        backups_begun: 0,
        foreign_session: false,
        availability: crate::world::sql::Availability::Online,
        restore_running: false,
        last_restore: None,
    };
    SiteParts {
        layout,
        former: None,
        database,
        credentials,
        users: Users::of(spec.users.clone(), &spec.database.version),
    }
}

fn empty(scenario: &Scenario, first: SiteParts, releases: Vec<CrmReleaseSpec>, seed: u64) -> State {
    let spec = &scenario.spec;
    let SiteParts { layout, former, database, credentials, users } = first;
    State {
        now: spec.start,
        assumptions: spec.assumptions.clone(),
        former,
        routes: Routes { hosts: spec.hosts.clone(), proxies: spec.proxies.clone() },
        site_names: vec![layout.site.clone()],
        aside: Vec::new(),
        layout,
        releases,
        packages: BTreeMap::new(),
        machines: BTreeMap::new(),
        shares: FileSystem::default(),
        saved: BTreeMap::new(),
        scratch: BTreeMap::new(),
        database,
        credentials,
        network: Network::of(&scenario.spec),
        users,
        faults: Faults::default(),
        ghost: Ghost::default(),
        dice: ChaCha8Rng::seed_from_u64(seed),
        touched: false,
    }
}

/// Puts the packages of every release on the media share, and some documents into the archives.
fn lay_out_media(state: &mut State) -> Result<(), BuildError> {
    for release in state.releases.clone() {
        for package in &release.packages {
            let content = package_content(&package.file, &release.number);
            let real = sha256(&content);
            if real != package.sha256 {
                let (file, said) = (package.file.clone(), package.sha256.clone());
                return Err(BuildError::OtherPackage { file, said, real });
            }
            let path = format!("{}\\{}", state.layout.media, package.file.replace('/', "\\"));
            state.shares.put_text(&path, String::from_utf8_lossy(&content).into_owned());
            // A NetServer of its own is a setup type of Web's installer: they share a package.
            let component = if package.component == Component::NetServer { Component::Web } else { package.component };
            let number = release.number.clone();
            state.packages.insert(real, Package { component, number, program: package.program.clone() });
        }
    }
    for archive in state.layout.archives.clone() {
        let bulk = Content::Bulk { files: 40_000, size_bytes: 20_000_000_000 };
        let node = state.layout.server_nodes.first().cloned().unwrap_or_default();
        if let Some(files) = state.files_mut(&node, &archive) {
            files.put(&format!("{archive}\\DATA\\documents"), bulk);
        }
    }
    Ok(())
}

fn machine(server: &Server) -> Machine {
    let mut registry = Registry::default();
    for source in &server.data_sources {
        let values = [("Server", source.server.as_str()), ("Database", source.database.as_str())];
        registry.set(&format!("{DATA_SOURCES}\\{}", source.name), &values);
    }
    Machine {
        facts: MachineFacts {
            windows: server.windows.clone(),
            iis: server.iis.clone(),
            dot_net: server.dot_net.clone(),
            features: server.features.clone(),
            elevated: server.elevated,
            boot_id: boot_id(&server.name, 1),
            reboot_pending: false,
            hotfixes: server.hotfixes.clone(),
        },
        up: true,
        boots: 1,
        files: FileSystem::default(),
        programs: server
            .programs
            .iter()
            .map(|(name, version)| (name.clone(), (version.clone(), String::new())))
            .collect(),
        https: server.https,
        registry,
        services: Vec::new(),
        iis: Iis::default(),
        iis_exports: BTreeMap::new(),
        processes: Processes::default(),
        agent: 1,
        journal: None,
        order: None,
        free_disk_bytes: server.free_disk_mebibytes.saturating_mul(1024 * 1024),
        caches_flushed_at: BTreeMap::new(),
    }
}
