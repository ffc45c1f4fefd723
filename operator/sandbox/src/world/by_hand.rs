//! Somebody works on the servers by hand, without the operator and without closing the site: what is found half done
//! afterwards was left by them. And what an administrator does who reads why a change is refused.

use crm_api::probe::RunState;

use crate::world::ghost::{Change, Happening};
use crate::world::install::automatic;
use crate::world::scenario::{ByHand, Deed};
use crate::world::state::{State, World};
use crate::world::vendor::{
    write_server_files, write_service_files, write_service_program, write_web_files, write_web_program,
};

impl World {
    /// Somebody does what the scenario says that they do, all at once.
    pub(crate) fn work_by_hand(&self, by_hand: &ByHand) {
        self.with(|state| {
            for deed in &by_hand.does {
                state.write(Happening::ByHand { who: by_hand.who.clone(), what: deed.to_string() });
                state.do_by_hand(deed, &by_hand.to);
            }
            state.touched = true;
        });
    }
}

impl State {
    fn do_by_hand(&mut self, deed: &Deed, number: &str) {
        match deed {
            Deed::UpgradeDatabase {} => {
                let node = self.layout.server_nodes.first().cloned().unwrap_or_default();
                write_server_files(self, &node, number);
                self.database.version = number.to_owned();
                self.database.server_setup.push(number.to_owned());
                self.database.modified_at = self.now;
                self.database.lsn += 401;
                self.effect_by_hand(&node, Change::ServerFiles, number);
                self.effect_by_hand(&node, Change::Schema, number);
                self.crash_old_net_servers();
            }
            Deed::UpgradeWeb { node } => {
                write_web_files(self, node, number);
                write_web_program(self, node, number);
                self.effect_by_hand(node, Change::WebFiles, number);
                self.effect_by_hand(node, Change::WebProgram, number);
                let (pool, batch) = (self.layout.web_pool.clone(), self.layout.batch_service.clone());
                if let Some(machine) = self.machines.get_mut(node) {
                    let _ = machine.iis.turn(&pool, RunState::Running);
                    if let Ok(service) = machine.service_mut(&batch) {
                        service.state = RunState::Running;
                    }
                }
            }
            Deed::UpgradeServiceFiles { node } => {
                write_service_files(self, node, number);
                write_service_program(self, node, number);
                self.effect_by_hand(node, Change::ServiceFiles, number);
                self.effect_by_hand(node, Change::ServiceProgram, number);
            }
            Deed::Freeze { node } => {
                let path = self.layout.config();
                let text =
                    self.machines.get(node).and_then(|machine| machine.files.text(&path).ok()).map(str::to_owned);
                if let Some(text) = text {
                    let _ = self.replace_text(node, &path, format!("{text}frozen\r\n"));
                }
            }
            Deed::StopScheduler { node } => {
                let name = self.layout.scheduler.clone();
                if let Some(Ok(service)) = self.machines.get_mut(node).map(|machine| machine.service_mut(&name)) {
                    service.state = RunState::Stopped;
                }
            }
            Deed::StartSecondScheduler { node } => {
                let name = self.layout.scheduler.clone();
                if let Some(machine) = self.machines.get_mut(node) {
                    machine.services.push(automatic(name, "C:\\Old\\Customer Service\\bin\\ejSchedule.exe".to_owned()));
                }
            }
            Deed::BringTravellersHome {}
            | Deed::ServeHttps { .. }
            | Deed::InstallDotNet { .. }
            | Deed::AddFeature { .. }
            | Deed::InstallProgram { .. }
            | Deed::WriteFile { .. } => self.do_what_was_missing(deed),
        }
    }

    /// What a remedy asks for, before a change is begun.
    fn do_what_was_missing(&mut self, deed: &Deed) {
        match deed {
            Deed::BringTravellersHome {} => self.database.travellers_out = 0,
            Deed::ServeHttps { node } => {
                if let Some(machine) = self.machines.get_mut(node) {
                    machine.https = true;
                }
            }
            Deed::InstallDotNet { node, version } => {
                if let Some(machine) = self.machines.get_mut(node) {
                    machine.facts.dot_net = Some(version.clone());
                }
            }
            Deed::AddFeature { node, feature } => {
                if let Some(machine) = self.machines.get_mut(node) {
                    machine.facts.features.push(feature.clone());
                }
            }
            Deed::InstallProgram { node, name, version } => {
                if let Some(machine) = self.machines.get_mut(node) {
                    machine.programs.insert(name.clone(), (version.clone(), String::new()));
                }
            }
            Deed::WriteFile { node, path, text } => {
                let _ = self.replace_text(node, path, text.clone());
            }
            Deed::UpgradeDatabase {}
            | Deed::UpgradeWeb { .. }
            | Deed::UpgradeServiceFiles { .. }
            | Deed::Freeze { .. }
            | Deed::StopScheduler { .. }
            | Deed::StartSecondScheduler { .. } => {}
        }
    }

    fn effect_by_hand(&mut self, node: &str, change: Change, number: &str) {
        self.write(Happening::Effect {
            node: node.to_owned(),
            pid: 0,
            program: "somebody's hand".to_owned(),
            change,
            number: number.to_owned(),
        });
    }
}
