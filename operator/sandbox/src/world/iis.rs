//! IIS on one machine: application pools, sites, FastCGI handlers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crm_agent::host::HostError;
use crm_api::probe::RunState;

use crate::world::files::key;

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
    /// Programs with a FastCGI handler, by file name.
    pub(crate) handlers: BTreeSet<String>,
}

/// IIS of one machine.
#[derive(Default)]
pub(crate) struct Iis {
    pools: BTreeMap<String, Pool>,
    pub(crate) sites: BTreeMap<String, Site>,
}

impl Iis {
    pub(crate) fn add_pool(&mut self, name: &str) {
        self.pools.insert(name.to_owned(), Pool { state: RunState::Running, wanted: true });
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

    /// Sites that serve a folder or one above it.
    pub(crate) fn serving(&self, folder: &str) -> Vec<String> {
        let folder = key(folder);
        let serves = |site: &Site| {
            site.folders
                .values()
                .map(|served| key(served))
                .any(|served| folder == served || folder.starts_with(&format!("{served}\\")))
        };
        self.sites.iter().filter(|(_, site)| serves(site)).map(|(name, _)| name.clone()).collect()
    }

    /// The text of an export.
    pub(crate) fn export(&self) -> String {
        let mut text = "<configuration>\n".to_owned();
        for (name, pool) in &self.pools {
            let _ = writeln!(text, "  <applicationPool name=\"{name}\" autoStart=\"{}\"/>", pool.wanted);
        }
        for (name, site) in &self.sites {
            let _ = writeln!(text, "  <site name=\"{name}\">");
            for (address, folder) in &site.folders {
                let _ = writeln!(text, "    <application path=\"{address}\" physicalPath=\"{folder}\"/>");
            }
            for program in &site.handlers {
                let _ = writeln!(text, "    <fastCgi fullPath=\"{program}\"/>");
            }
            text.push_str("  </site>\n");
        }
        text.push_str("</configuration>\n");
        text
    }
}
