//! Parts of a machine as exports hold them, and back.

use std::fmt::Write as _;

use crm_agent::host::HostError;

use crate::world::machine::Machine;
use crate::world::state::State;

/// Key below which Windows keeps its list of installed programs.
const UNINSTALL: &str = r"HKLM\SOFTWARE\Wow6432Node\Microsoft\Windows\CurrentVersion\Uninstall\";

impl Machine {
    /// The text of an export of a registry key. An entry of the list of installed programs is a key of its own.
    pub(crate) fn export_key(&self, key: &str) -> Result<String, HostError> {
        let Some(name) = key.strip_prefix(UNINSTALL) else { return self.registry.export(key) };
        let (version, location) = self.programs.get(name).ok_or_else(|| HostError::NotFound(key.to_owned()))?;
        let mut text = format!("Windows Registry Editor Version 5.00\n\n[{key}]\n");
        let _ = writeln!(text, "DisplayVersion={version}\nInstallLocation={location}");
        Ok(text)
    }

    /// Makes a key what an export of it says.
    pub(crate) fn import_key(&mut self, key: &str, text: &str) {
        let Some(name) = key.strip_prefix(UNINSTALL) else { return self.registry.import(key, text) };
        let value = |of: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(of)?.strip_prefix('='));
            line.unwrap_or_default().to_owned()
        };
        self.programs.insert(name.to_owned(), (value("DisplayVersion"), value("InstallLocation")));
    }
}

impl State {
    /// Moves one file, on one machine or to a share.
    pub(crate) fn move_file(&mut self, node: &str, from: &str, to: &str) -> Result<(), HostError> {
        let not_found = |path: &str| HostError::NotFound(path.to_owned());
        let blob = self.files(node, from).ok_or_else(|| not_found(from))?.blob(from)?;
        self.files_mut(node, to).ok_or_else(|| not_found(to))?.put_blob(to, blob);
        self.files_mut(node, from).ok_or_else(|| not_found(from))?.remove(from);
        Ok(())
    }
}
