//! One Windows server: what is on it, and what a restart does to it.

use std::collections::BTreeMap;
use std::time::Duration;

use crm_api::probe::{RunState, StartType};
use jiff::Timestamp;

use crate::world::files::FileSystem;
use crate::world::ghost::Happening;
use crate::world::iis::Iis;
use crate::world::process::Processes;
use crate::world::registry::Registry;
use crate::world::services::Service;
use crate::world::state::{State, World};

/// A Windows server.
pub(crate) struct Machine {
    /// Windows, IIS, .NET, features, rights.
    pub(crate) facts: crm_api::probe::Machine,
    pub(crate) up: bool,
    pub(crate) boots: u32,
    pub(crate) files: FileSystem,
    /// Installed programs: display name to version and location.
    pub(crate) programs: BTreeMap<String, (String, String)>,
    /// Whether its IIS sites answer over HTTPS.
    pub(crate) https: bool,
    pub(crate) registry: Registry,
    pub(crate) services: Vec<Service>,
    pub(crate) iis: Iis,
    /// What each export of the configuration holds, by its text.
    pub(crate) iis_exports: BTreeMap<String, Iis>,
    pub(crate) processes: Processes,
    /// Which start of the agent this is.
    pub(crate) agent: u32,
    pub(crate) journal: Option<String>,
    pub(crate) order: Option<String>,
    pub(crate) free_disk_bytes: i64,
    /// When the caches of each Service instance were flushed, by the name of its site.
    pub(crate) caches_flushed_at: BTreeMap<String, Timestamp>,
}

/// Name of the n-th boot of a machine.
pub(crate) fn boot_id(node: &str, boots: u32) -> String {
    format!("{node}-boot-{boots}")
}

impl World {
    /// Restarts Windows. Every process is gone at once; services that start automatically come back with it, the
    /// scheduler too (vendor: install/service).
    pub fn reboot(&self, node: &str) {
        let Some(seconds) = self.with(|state| state.go_down(node)) else {
            return;
        };
        let world = self.clone();
        let node = node.to_owned();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            world.with(|state| state.come_up(&node));
        });
    }

    /// Ends an agent's process. Its installers run on; its console programs read the end of their input; hosts that it
    /// was given answer no more.
    pub fn kill_agent(&self, node: &str) {
        self.with(|state| {
            let Some(machine) = state.machines.get_mut(node) else {
                return;
            };
            machine.agent += 1;
            machine.order = None;
            machine.processes.close_consoles();
            state.write(Happening::AgentKilled { node: node.to_owned() });
        });
    }
}

impl State {
    fn go_down(&mut self, node: &str) -> Option<u64> {
        let machine = self.machines.get_mut(node)?;
        if !machine.up {
            return None;
        }
        machine.up = false;
        machine.agent += 1;
        machine.order = None;
        for service in &mut machine.services {
            service.state = RunState::Stopped;
        }
        machine.iis.all_down();
        let cut_off = machine.processes.all_gone();
        self.write(Happening::RebootStarted { node: node.to_owned() });
        for (pid, program, site) in cut_off {
            let ended = Happening::Ended { node: node.to_owned(), pid, program, exit: None };
            self.at(&site, |state| state.write(ended));
        }
        self.touched = true;
        Some(self.assumptions.reboot_seconds)
    }

    fn come_up(&mut self, node: &str) {
        let stays = self.assumptions.pool_stays_stopped;
        let Some(machine) = self.machines.get_mut(node) else {
            return;
        };
        machine.up = true;
        machine.boots += 1;
        machine.facts.boot_id = boot_id(node, machine.boots);
        machine.facts.reboot_pending = false;
        for service in &mut machine.services {
            if service.start == StartType::Automatic {
                service.state = RunState::Running;
            }
        }
        if !stays {
            machine.iis.want_all();
        }
        machine.iis.all_up();
        let boot_id = machine.facts.boot_id.clone();
        self.write(Happening::Booted { node: node.to_owned(), boot_id });
        self.touched = true;
    }
}
