//! What a scenario says about each site but the first one: its own database, people and users. Servers, SQL Server, clock and
//! assumptions are those of the world.

use serde::{Deserialize, Serialize};

use crate::world::scenario::{Database, Ends, Installed, People, Scenario, User};

/// A site beside the first one, on the same servers or on others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OtherSite {
    /// Name of its `CrmSite` in the same file.
    pub site: String,
    /// Whether the operator knows it. `false`: nobody has declared it to the cluster, it is only there.
    #[serde(default = "yes")]
    pub managed: bool,
    /// JSON merge patch of its spec, applied together with the one of the first site.
    #[serde(default)]
    pub then: serde_json::Value,
    /// How its story ends when nothing goes wrong.
    #[serde(default)]
    pub ends: Ends,
    /// Its database at the start.
    pub database: Database,
    /// Size of that database.
    pub database_mebibytes: i64,
    /// Who approves and who attends.
    #[serde(default)]
    pub people: People,
    /// Who works with it.
    #[serde(default)]
    pub users: Vec<User>,
}

fn yes() -> bool {
    true
}

impl Scenario {
    /// The world as one site is concerned: the first one, or another one.
    #[must_use]
    pub fn about(&self, other: Option<&OtherSite>) -> Self {
        let mut about = self.clone();
        let spec = &mut about.spec;
        spec.other_sites.clear();
        let name = other.map(|other| other.site.as_str());
        let is_its = |installed: &Installed| installed.site.as_deref() == name;
        for server in &mut spec.servers {
            server.components.retain(is_its);
        }
        let Some(other) = other else { return about };
        for server in &mut spec.servers {
            // What people have put there is there already.
            server.files.clear();
        }
        spec.then = other.then.clone();
        spec.ends = other.ends;
        spec.database = other.database.clone();
        spec.sql_server.database_mebibytes = other.database_mebibytes;
        spec.people = other.people.clone();
        spec.users = other.users.clone();
        spec.by_hand = None;
        spec.assumptions.attachments_folder = format!("{} {}", spec.assumptions.attachments_folder, other.site);
        about
    }
}
