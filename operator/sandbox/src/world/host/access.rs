//! How an agent's questions and deeds reach its machine: only while it lives, the machine is up, and it has the rights.

use super::*;

impl SimHost {
    /// Acts on the world, if this agent still lives and its machine is up.
    pub(super) fn act<T>(&self, act: impl FnOnce(&mut State, &str) -> Result<T, HostError>) -> Result<T, HostError> {
        self.world.with(|state| {
            match state.machines.get(&self.node) {
                Some(machine) if machine.up && machine.agent == self.agent => {}
                Some(_) | None => {
                    return Err(HostError::Refused("the machine does not answer".to_owned()));
                }
            }
            act(state, &self.node)
        })
    }

    pub(super) fn ask<T>(&self, ask: impl FnOnce(&Machine) -> Result<T, HostError>) -> Result<T, HostError> {
        self.act(|state, node| machine(state, node).and_then(|machine| ask(machine)))
    }

    pub(super) fn look<T>(
        &self,
        path: &str,
        look: impl FnOnce(&FileSystem) -> Result<T, HostError>,
    ) -> Result<T, HostError> {
        self.act(|state, node| {
            let files = state.files(node, path).ok_or_else(|| HostError::NotFound(path.to_owned()))?;
            look(files)
        })
    }

    /// What only an administrator may do.
    pub(super) fn administer<T>(&self, act: impl FnOnce(&mut Machine) -> Result<T, HostError>) -> Result<T, HostError> {
        self.act(|state, node| {
            let machine = machine(state, node)?;
            if !machine.facts.elevated {
                return Err(HostError::Refused("access is denied (5)".to_owned()));
            }
            let result = act(machine);
            state.touched = true;
            result
        })
    }

    pub(super) async fn pause(&self, seconds: impl FnOnce(&Assumptions) -> u64) {
        let seconds = self.world.with(|state| seconds(&state.assumptions));
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    /// Copies in two halves, so that whoever is cut off in between leaves half a copy.
    pub(super) async fn copy_all(&self, from: &str, to: &str) -> Result<(), HostError> {
        let mut files = self.look(from, |files| Ok(files.below(from)))?;
        if files.is_empty() {
            return Err(HostError::NotFound(from.to_owned()));
        }
        let second = files.split_off(files.len() / 2);
        for half in [files, second] {
            self.pause(|assumptions| assumptions.copy_seconds / 2).await;
            self.act(|state, node| {
                let target = state.files_mut(node, to).ok_or_else(|| HostError::NotFound(to.to_owned()))?;
                for (relative, blob) in half {
                    target.put_blob(&format!("{to}\\{relative}"), blob);
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    pub(super) fn put_text(&self, path: &str, text: String) -> Result<(), HostError> {
        self.act(|state, node| state.replace_text(node, path, text))
    }

    pub(super) fn state_of(&self, process: &ProcessId) -> Result<ProcessState, HostError> {
        let agent = self.agent;
        self.ask(|machine| {
            if machine.facts.boot_id != process.boot_id {
                return Ok(ProcessState::Gone);
            }
            let Some(found) = machine.processes.all.get(&process.pid) else {
                return Ok(ProcessState::Gone);
            };
            if found.started_at != process.started_at {
                return Ok(ProcessState::Gone);
            }
            let mine = found.owner == Owner::Agent(agent);
            let output = if mine { found.output.clone() } else { String::new() };
            Ok(match (found.exit, mine) {
                (None, _) => ProcessState::Running { output },
                (Some(exit), true) => ProcessState::Ended { exit_code: Some(exit), output },
                (Some(_), false) => ProcessState::Gone,
            })
        })
    }

    pub(super) fn console<T>(
        &self,
        process: &ProcessId,
        act: impl FnOnce(&mut crate::world::process::Process) -> T,
    ) -> Result<T, HostError> {
        let agent = self.agent;
        self.act(|state, node| {
            let machine = machine(state, node)?;
            let gone = || HostError::NotFound(format!("a console of process {}", process.pid));
            if machine.facts.boot_id != process.boot_id {
                return Err(gone());
            }
            let found = machine.processes.alive(process.pid).ok_or_else(gone)?;
            if found.owner != Owner::Agent(agent) || !found.input_open {
                return Err(gone());
            }
            let result = act(found);
            found.wake.notify_one();
            Ok(result)
        })
    }
}
