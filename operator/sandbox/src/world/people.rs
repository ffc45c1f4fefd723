//! A person's hands in the world: what a scripted attendant does at a machine. It acts on the world only; what people
//! say to the operator goes through the API.

use std::time::Duration;

use crm_agent::host::HostError;
use crm_api::order::PromptAnswer;
use crm_api::probe::RunState;
use crm_api::site::Component;

use crate::world::files::Content;
use crate::world::ghost::{Change, Happening};
use crate::world::install::automatic;
use crate::world::layout::SERVICE_REGISTRY;
use crate::world::state::{State, World};
use crate::world::vendor::{Launch, Role, Starter};

/// How often a person looks whether a program is over.
const LOOK_SECONDS: u64 = 15;
/// How long a person waits for a program before they turn to something else.
const PATIENCE_SECONDS: u64 = 12 * 60 * 60;

impl World {
    /// A person runs a program to its end: clicks through a wizard, or answers a console's questions. Gives its exit
    /// code; `None` where it was cut off or a person's patience was at its end.
    ///
    /// # Errors
    /// When there is no such machine or program, or the machine is down.
    pub async fn run_attended(
        &self,
        node: &str,
        program: &str,
        arguments: &[String],
        answers: Vec<PromptAnswer>,
    ) -> Result<Option<i32>, HostError> {
        let up = self.with(|state| state.machines.get(node).is_some_and(|machine| machine.up));
        if !up {
            return Err(HostError::Refused(format!("{node} does not answer")));
        }
        let id = self.launch(Launch { node, program, arguments, starter: Starter::Person(answers) })?;
        for _ in 0..PATIENCE_SECONDS / LOOK_SECONDS {
            tokio::time::sleep(Duration::from_secs(LOOK_SECONDS)).await;
            let seen = self.with(|state| {
                let machine = state.machines.get(node)?;
                if machine.facts.boot_id != id.boot_id {
                    return None;
                }
                machine.processes.all.get(&id.pid).map(|process| process.exit)
            });
            match seen {
                None => return Ok(None),
                Some(Some(exit)) => return Ok(Some(exit)),
                Some(None) => {}
            }
        }
        Ok(None)
    }

    /// Where a person finds the installer of a component: the one that is unpacked on the machine already, or else one
    /// that they unpack from the media share. `None` where there is neither.
    #[must_use]
    pub fn find_installer(&self, node: &str, component: Component, number: &str) -> Option<String> {
        let wanted = Content::Program { version: number.to_owned(), role: Role::Setup(component) };
        self.with(|state| {
            let layout_media = state.layout.media.clone();
            let file = state.release(number)?.package(component)?.clone();
            let machine = state.machines.get_mut(node)?;
            let found = machine.files.below("C:").into_iter().find(|(_, blob)| blob.content == wanted);
            if let Some((relative, _)) = found {
                return Some(format!("C:\\{relative}"));
            }
            state.shares.get(&format!("{layout_media}\\{}", file.file.replace('/', "\\")))?;
            let path = format!("C:\\Install\\{number}\\{}", file.program);
            machine.files.put(&path, wanted);
            Some(path)
        })
    }

    /// A person opens `rms.exe?action=debug` of a site's instance and clicks "Flush caches" (vendor: upgrade/service, step
    /// 4). Whether the page was there to click on.
    pub fn flush_caches(&self, site: &str, node: &str) -> bool {
        self.at(site, |state| {
            let page = state.get_url(node, "http://localhost/scripts/rms.exe?action=debug");
            if page != Ok(200) {
                return false;
            }
            let (now, site) = (state.now, state.layout.site.clone());
            if let Some(machine) = state.machines.get_mut(node) {
                machine.caches_flushed_at.insert(site, now);
            }
            state.write(Happening::CachesFlushed { node: node.to_owned() });
            true
        })
    }

    /// A person uninstalls a NetServer of its own: programs, folder, application and pool. Whether there was one.
    pub fn uninstall_net_server(&self, site: &str, node: &str) -> bool {
        self.at(site, |state| {
            let (layout, program) = (state.layout.clone(), state.assumptions.net_server_program.clone());
            let Some(machine) = state.machines.get_mut(node).filter(|machine| machine.up) else { return false };
            machine.programs.remove(&program);
            for (relative, _) in machine.files.below(&layout.net_server_path) {
                machine.files.remove(&format!("{}\\{relative}", layout.net_server_path));
            }
            machine.iis.remove_application(&layout.net_server_application);
            machine.iis.remove_pool(&layout.net_server_pool);
            state.write(Happening::Effect {
                node: node.to_owned(),
                pid: 0,
                program: "a person's hand".to_owned(),
                change: Change::NetServerRemoved,
                number: String::new(),
            });
            state.touched = true;
            true
        })
    }

    /// A person logs in to a mailbox from their own mail program. Whether that works.
    #[must_use]
    pub fn log_in_to_mailbox(&self, address: &str) -> bool {
        self.with(|state| state.network.has_mailbox(address))
    }

    /// A person makes a mailbox in Service. Whether Service was there to make it in.
    pub fn make_mailbox(&self, site: &str, node: &str, address: &str) -> bool {
        self.at(site, |state| {
            if state.get_url(node, "http://localhost/scripts/rms.exe") != Ok(200) {
                return false;
            }
            if !state.database.mailboxes.iter().any(|known| known == address) {
                state.database.mailboxes.push(address.to_owned());
                state.database_write("rms.exe");
            }
            true
        })
    }

    /// A person brings the instance of Service from one server to another: configuration, scheduler's table, key in the
    /// registry, and the scheduler itself, not started.
    pub fn copy_instance(&self, site: &str, from: &str, to: &str) {
        self.at(site, |state| {
            let layout = state.layout.clone();
            let table = format!("{}\\ejCrontab.txt", layout.service_path);
            let key = format!("{SERVICE_REGISTRY}\\{}", layout.host_name);
            let Some(source) = state.machines.get(from) else { return };
            let text = |path: &str| source.files.text(path).map(str::to_owned).unwrap_or_default();
            let (config, table_text) = (text(&layout.config()), text(&table));
            let instance = source.registry.get(&key).cloned().unwrap_or_default();
            let open: Vec<&str> = config.lines().filter(|line| line.trim() != "frozen").collect();
            let config = open.iter().fold(String::new(), |text, line| text + line + "\r\n");
            let Some(target) = state.machines.get_mut(to) else { return };
            target.files.put_text(&layout.config(), config);
            target.files.put_text(&table, table_text);
            let values: Vec<(&str, &str)> =
                instance.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            target.registry.set(&key, &values);
            if target.service(&layout.scheduler).is_none() {
                let mut scheduler = automatic(layout.scheduler.clone(), format!("{}\\ejSchedule.exe", layout.bin()));
                scheduler.state = RunState::Stopped;
                target.services.push(scheduler);
            }
        });
    }

    /// A person looks in IIS manager whether the site of Service is there.
    #[must_use]
    pub fn has_service_site(&self, site: &str, node: &str) -> bool {
        self.at(site, |state| {
            let machine = state.machines.get(node);
            machine.is_some_and(|machine| machine.iis.sites.contains_key(&state.layout.iis_site))
        })
    }

    /// A person ends a program in the task manager, by its file name or path. How many were ended.
    pub fn end_process(&self, node: &str, program: &str) -> usize {
        self.with(|state| {
            let Some(machine) = state.machines.get_mut(node) else {
                return 0;
            };
            let mut ended = Vec::new();
            for pid in machine.processes.running(program) {
                let process = machine.processes.all.get(&pid);
                let site = process.filter(|process| process.role.is_vendor()).map(|process| process.site.clone());
                // 1 is the exit code that the task manager gives.
                if let Some(program) = machine.processes.end(pid, 1) {
                    ended.push((pid, program, site));
                }
            }
            let count = ended.len();
            for (pid, program, site) in ended {
                let ended = Happening::Ended { node: node.to_owned(), pid, program, exit: None };
                if let Some(site) = site {
                    state.at(&site, |state| state.write(ended));
                }
            }
            count
        })
    }

    /// A person asks around and reports who still works; Windows clients that were told are closed when their time is
    /// up, whoever reports.
    #[must_use]
    pub fn report_users_out(&self) -> Vec<String> {
        self.with(State::users_look);
        self.users_at_work()
    }

    /// A database administrator ends the report server's session.
    pub fn end_foreign_session(&self) {
        self.with(|state| state.database.foreign_session = false);
    }

    /// A person calls the travellers home.
    pub fn bring_travellers_home(&self) {
        self.with(|state| state.database.travellers_out = 0);
    }

    /// A person stops a Windows service; its start type stays.
    pub fn stop_service(&self, site: &str, node: &str, name: &str) {
        self.at(site, |state| {
            if let Some(Ok(service)) = state.machines.get_mut(node).map(|machine| machine.service_mut(name)) {
                service.state = RunState::Stopped;
            }
            state.touched = true;
        });
    }

    /// A person makes room on the backup share.
    pub fn free_backup_share(&self, mebibytes: u64) {
        self.with(|state| {
            let share = &mut state.assumptions.backup_share_free_mebibytes;
            *share = share.saturating_add(mebibytes);
        });
    }

    /// A person edits a text file of a machine, for example `config`.
    ///
    /// # Errors
    /// When there is no such machine.
    pub fn edit_file(&self, node: &str, path: &str, text: &str) -> Result<(), HostError> {
        self.with(|state| {
            let site = state.site_of_path(node, path);
            let by_hand = Happening::ByHand { who: "somebody".to_owned(), what: format!("edits {path} on {node}") };
            state.at(&site, |state| state.write(by_hand));
            state.replace_text(node, path, text.to_owned())
        })
    }

    /// A person removes a sub-key of a Service instance from the registry.
    pub fn remove_registry_key(&self, node: &str, key: &str) {
        self.with(|state| {
            if let Some(machine) = state.machines.get_mut(node) {
                machine.registry.remove(key);
            }
        });
    }

    /// A person deletes a file.
    pub fn delete_file(&self, node: &str, path: &str) {
        self.with(|state| {
            if let Some(files) = state.files_mut(node, path) {
                files.remove(path);
            }
        });
    }
}
