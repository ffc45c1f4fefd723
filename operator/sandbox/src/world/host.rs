//! A machine as its agent meets it: `crm_agent::host::Host`.

mod access;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crm_agent::host::{
    Answered, FileContent, FolderContent, HandlerMap, Host, HostError, Numbered, ProcessId, ProcessState,
};
use crm_agent::text::encoding::decode;
use crm_agent::text::iis::Handler as FastCgiHandler;
use crm_api::probe::{Machine as MachineFacts, RunState, StartType};

use crate::world::assumptions::Assumptions;
use crate::world::files::{Content, FileSystem, described_text, file_name};
use crate::world::machine::Machine;
use crate::world::process::Owner;
use crate::world::state::{State, World};
use crate::world::vendor::{Launch, Role, Starter};

/// One simulated machine, for one start of its agent. After [`World::kill_agent`] or a restart it answers no more.
#[derive(Clone)]
pub struct SimHost {
    world: World,
    node: String,
    agent: u32,
}

impl World {
    /// The machine of that name, for an agent that starts now; `None` where there is none or it is down.
    #[must_use]
    pub fn host(&self, node: &str) -> Option<SimHost> {
        let agent =
            self.with(|state| state.machines.get(node).filter(|machine| machine.up).map(|machine| machine.agent))?;
        Some(SimHost { world: self.clone(), node: node.to_owned(), agent })
    }
}

fn machine<'state>(state: &'state mut State, node: &str) -> Result<&'state mut Machine, HostError> {
    state.machines.get_mut(node).ok_or_else(|| HostError::NotFound(node.to_owned()))
}

impl Host for SimHost {
    fn machine(&self) -> Answered<'_, MachineFacts> {
        Box::pin(async move { self.ask(|machine| Ok(machine.facts.clone())) })
    }

    fn machine_id(&self) -> Answered<'_, String> {
        // No two machines of a world have one name.
        Box::pin(async move { self.ask(|_| Ok(format!("hardware of {}", self.node))) })
    }

    fn installed_program<'a>(&'a self, name: &'a str) -> Answered<'a, (String, String)> {
        Box::pin(async move {
            self.ask(|machine| {
                machine.programs.get(name).cloned().ok_or_else(|| HostError::NotFound(format!("program {name}")))
            })
        })
    }

    fn file_version<'a>(&'a self, path: &'a str) -> Answered<'a, String> {
        Box::pin(async move { self.look(path, |files| files.version(path)) })
    }

    fn file_content<'a>(&'a self, path: &'a str) -> Answered<'a, FileContent> {
        Box::pin(async move { self.look(path, |files| files.described(path)) })
    }

    fn read_file<'a>(&'a self, path: &'a str) -> Answered<'a, Vec<u8>> {
        Box::pin(async move { self.look(path, |files| files.bytes(path)) })
    }

    fn replace_file<'a>(&'a self, path: &'a str, content: Vec<u8>) -> Answered<'a, ()> {
        Box::pin(async move {
            let (text, encoding) = decode(&content).map_err(|error| HostError::Refused(error.to_string()))?;
            self.act(|state, node| state.replace_file(node, path, text, encoding))
        })
    }

    fn folders<'a>(&'a self, path: &'a str) -> Answered<'a, Vec<String>> {
        Box::pin(async move { self.look(path, |files| files.folders(path)) })
    }

    fn listing<'a>(&'a self, path: &'a str) -> Answered<'a, BTreeMap<String, i64>> {
        Box::pin(async move { self.look(path, |files| files.listing(path)) })
    }

    fn tree<'a>(&'a self, path: &'a str) -> Answered<'a, BTreeMap<String, FileContent>> {
        Box::pin(async move { self.look(path, |files| files.tree(path)) })
    }

    fn folder_size<'a>(&'a self, path: &'a str) -> Answered<'a, FolderContent> {
        Box::pin(async move { self.look(path, |files| files.size(path)) })
    }

    fn numbered_files<'a>(&'a self, path: &'a str) -> Answered<'a, Numbered> {
        Box::pin(async move { self.look(path, |files| files.numbered(path)) })
    }

    fn disk_free<'a>(&'a self, path: &'a str) -> Answered<'a, i64> {
        Box::pin(async move { self.act(|state, node| state.free_bytes(node, path)) })
    }

    fn copy_file<'a>(&'a self, from: &'a str, to: &'a str) -> Answered<'a, ()> {
        Box::pin(async move {
            let blob = self.look(from, |files| files.blob(from))?;
            self.pause(|assumptions| assumptions.copy_seconds).await;
            self.act(|state, node| {
                let target = state.files_mut(node, to).ok_or_else(|| HostError::NotFound(to.to_owned()))?;
                target.put_blob(to, blob);
                Ok(())
            })
        })
    }

    fn copy_tree<'a>(&'a self, from: &'a str, to: &'a str) -> Answered<'a, ()> {
        Box::pin(self.copy_all(from, to))
    }

    fn move_file<'a>(&'a self, from: &'a str, to: &'a str) -> Answered<'a, ()> {
        Box::pin(async move { self.act(|state, node| state.move_file(node, from, to)) })
    }

    fn unpack<'a>(&'a self, archive: &'a str, to: &'a str) -> Answered<'a, ()> {
        Box::pin(async move {
            let sha256 = self.look(archive, |files| files.described(archive))?.sha256;
            self.pause(|assumptions| assumptions.copy_seconds).await;
            self.act(|state, node| {
                let refused = || HostError::Refused(format!("{archive} is no archive"));
                let package = state.packages.get(&sha256).cloned().ok_or_else(refused)?;
                let target = state.files_mut(node, to).ok_or_else(|| HostError::NotFound(to.to_owned()))?;
                let role = Role::Setup(package.component);
                let program = Content::Program { version: package.number.clone(), role };
                target.put(&format!("{to}\\{}", package.program), program);
                target.put_text(&format!("{to}\\readme.txt"), format!("SuperOffice {}\r\n", package.number));
                Ok(())
            })
        })
    }

    fn registry_subkeys<'a>(&'a self, key: &'a str) -> Answered<'a, BTreeMap<String, BTreeMap<String, String>>> {
        Box::pin(async move { self.ask(|machine| machine.registry.subkeys(key)) })
    }

    fn export_registry<'a>(&'a self, key: &'a str, to: &'a str) -> Answered<'a, ()> {
        Box::pin(async move {
            let text = self.ask(|machine| machine.export_key(key))?;
            self.put_text(to, text)
        })
    }

    fn registry_content<'a>(&'a self, key: &'a str) -> Answered<'a, FileContent> {
        Box::pin(async move { self.ask(|machine| Ok(described_text(machine.export_key(key)?))) })
    }

    fn import_registry<'a>(&'a self, key: &'a str, from: &'a str) -> Answered<'a, ()> {
        Box::pin(async move {
            let text = self.look(from, |files| files.text(from).map(str::to_owned))?;
            self.administer(|machine| {
                machine.import_key(key, &text);
                Ok(())
            })?;
            self.act(|state, node| {
                state.at_each(|state| state.registry_came_back(node));
                Ok(())
            })
        })
    }

    fn service<'a>(&'a self, name: &'a str) -> Answered<'a, (RunState, StartType)> {
        Box::pin(async move {
            self.ask(|machine| {
                let found = machine.service(name).ok_or_else(|| HostError::NotFound(format!("service {name}")))?;
                Ok((found.state, found.start))
            })
        })
    }

    fn set_service_start<'a>(&'a self, name: &'a str, start: StartType) -> Answered<'a, ()> {
        Box::pin(async move {
            self.administer(|machine| {
                machine.service_mut(name)?.start = start;
                Ok(())
            })
        })
    }

    fn set_service_state<'a>(&'a self, name: &'a str, state: RunState) -> Answered<'a, ()> {
        Box::pin(async move {
            self.administer(|machine| machine.service_mut(name)?.turn(state))?;
            self.pause(|assumptions| assumptions.service_seconds).await;
            Ok(())
        })
    }

    fn processes_below<'a>(&'a self, folder: &'a str) -> Answered<'a, Vec<String>> {
        Box::pin(async move { self.act(|state, node| Ok(state.running_below(node, folder))) })
    }

    fn pool<'a>(&'a self, name: &'a str) -> Answered<'a, RunState> {
        Box::pin(async move {
            self.ask(|machine| {
                machine.iis.pool(name).ok_or_else(|| HostError::NotFound(format!("application pool {name}")))
            })
        })
    }

    fn set_pool_state<'a>(&'a self, name: &'a str, state: RunState) -> Answered<'a, ()> {
        Box::pin(async move {
            self.administer(|machine| machine.iis.turn(name, state).map(|_| ()))?;
            self.pause(|assumptions| assumptions.pool_seconds).await;
            Ok(())
        })
    }

    fn sites_serving<'a>(&'a self, folder: &'a str) -> Answered<'a, Vec<String>> {
        Box::pin(async move { self.ask(|machine| Ok(machine.iis.read()?.sites_serving(folder))) })
    }

    fn handlers<'a>(&'a self, site: &'a str, folder: &'a str) -> Answered<'a, HandlerMap> {
        Box::pin(async move {
            self.ask(|machine| {
                let missing = || HostError::NotFound(format!("site {site}"));
                let handlers = machine.iis.read()?.fast_cgi(site, folder).ok_or_else(missing)?;
                let name = |handler: &FastCgiHandler| file_name(&handler.program).to_owned();
                let without_options = handlers.iter().filter(|handler| !handler.accepts("OPTIONS")).map(name);
                Ok(HandlerMap {
                    programs: machine.programs_in(folder),
                    mapped: handlers.iter().map(name).collect(),
                    without_options: without_options.collect(),
                })
            })
        })
    }

    fn remove_handlers<'a>(&'a self, site: &'a str, folder: &'a str) -> Answered<'a, ()> {
        Box::pin(async move {
            self.administer(|machine| {
                let served = machine.iis.read()?.fast_cgi(site, folder);
                served.ok_or_else(|| HostError::NotFound(format!("site {site}")))?;
                let programs = machine.programs_in(folder);
                let site = machine.iis.sites.get_mut(site);
                if let Some(site) =
                    site.filter(|site| site.folders.values().any(|served| served.eq_ignore_ascii_case(folder)))
                {
                    site.handlers.retain(|program, _| !programs.contains(program));
                }
                Ok(())
            })
        })
    }

    fn export_iis<'a>(&'a self, to: &'a str) -> Answered<'a, ()> {
        Box::pin(async move {
            let text = self.administer(|machine| {
                let text = machine.iis.export();
                machine.iis_exports.insert(text.clone(), machine.iis.clone());
                Ok(text)
            })?;
            self.put_text(&format!("{to}\\applicationHost.config"), text)
        })
    }

    fn iis_content(&self) -> Answered<'_, BTreeMap<String, FileContent>> {
        Box::pin(async move {
            self.ask(|machine| {
                let export = described_text(machine.iis.export());
                Ok(BTreeMap::from([("applicationHost.config".to_owned(), export)]))
            })
        })
    }

    fn import_iis<'a>(&'a self, from: &'a str) -> Answered<'a, ()> {
        Box::pin(async move {
            let file = format!("{from}\\applicationHost.config");
            let text = self.look(&file, |files| files.text(&file).map(str::to_owned))?;
            self.administer(|machine| {
                let export = machine.iis_exports.get(&text).cloned();
                let export =
                    export.ok_or_else(|| HostError::Refused(format!("{file} is no export of this machine")))?;
                machine.iis.become_like(&export);
                Ok(())
            })
        })
    }

    fn get_url<'a>(&'a self, url: &'a str) -> Answered<'a, i32> {
        Box::pin(async move { self.act(|state, node| state.get_url(node, url)) })
    }

    fn get_text<'a>(&'a self, url: &'a str) -> Answered<'a, String> {
        Box::pin(async move { self.act(|state, node| state.get_text(node, url)) })
    }

    fn mail_replies<'a>(&'a self, host: &'a str, port: u16, commands: &'a [String]) -> Answered<'a, Vec<String>> {
        Box::pin(async move { self.act(|state, node| state.mail_replies(node, host, port, commands)) })
    }

    fn addresses<'a>(&'a self, name: &'a str) -> Answered<'a, Vec<IpAddr>> {
        Box::pin(async move { self.act(|state, _| state.network.addresses(name)) })
    }

    fn start_process<'a>(&'a self, program: &'a str, arguments: &'a [String]) -> Answered<'a, ProcessId> {
        Box::pin(async move {
            self.ask(|_| Ok(()))?;
            self.world.launch(Launch { node: &self.node, program, arguments, starter: Starter::Agent(self.agent) })
        })
    }

    fn process<'a>(&'a self, process: &'a ProcessId) -> Answered<'a, ProcessState> {
        Box::pin(async move { self.state_of(process) })
    }

    fn type_line<'a>(&'a self, process: &'a ProcessId, line: &'a str) -> Answered<'a, ()> {
        Box::pin(async move { self.console(process, |console| console.input.push_back(line.to_owned())) })
    }

    fn close_console<'a>(&'a self, process: &'a ProcessId) -> Answered<'a, ()> {
        Box::pin(async move { self.console(process, |console| console.input_open = false) })
    }

    fn read_journal(&self) -> Answered<'_, Option<String>> {
        Box::pin(async move { self.ask(|machine| Ok(machine.journal.clone())) })
    }

    fn write_journal(&self, text: String) -> Answered<'_, ()> {
        Box::pin(async move {
            self.act(|state, node| {
                machine(state, node)?.journal = Some(text);
                Ok(())
            })
        })
    }
}
