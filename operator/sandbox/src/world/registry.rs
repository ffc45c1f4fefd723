//! The Windows registry of one machine, string values only.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crm_agent::host::HostError;

/// Keys with their values; names are compared without regard to case.
#[derive(Default)]
pub(crate) struct Registry {
    keys: BTreeMap<String, (String, BTreeMap<String, String>)>,
}

impl Registry {
    pub(crate) fn set(&mut self, key: &str, values: &[(&str, &str)]) {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.keys.insert(key.to_lowercase(), (key.to_owned(), values));
    }

    pub(crate) fn remove(&mut self, key: &str) {
        self.keys.remove(&key.to_lowercase());
    }

    pub(crate) fn get(&self, key: &str) -> Option<&BTreeMap<String, String>> {
        self.keys.get(&key.to_lowercase()).map(|(_, values)| values)
    }

    fn below(&self, key: &str) -> impl Iterator<Item = &(String, BTreeMap<String, String>)> {
        let prefix = format!("{}\\", key.to_lowercase());
        self.keys.iter().filter(move |(name, _)| name.starts_with(&prefix)).map(|(_, entry)| entry)
    }

    pub(crate) fn subkeys(&self, key: &str) -> Result<BTreeMap<String, BTreeMap<String, String>>, HostError> {
        let length = key.chars().count() + 1;
        let subkeys: BTreeMap<_, _> = self
            .below(key)
            .map(|(path, values)| (path.chars().skip(length).collect::<String>(), values.clone()))
            .filter(|(name, _)| !name.contains('\\'))
            .collect();
        if subkeys.is_empty() && self.get(key).is_none() {
            return Err(HostError::NotFound(key.to_owned()));
        }
        Ok(subkeys)
    }

    /// Makes a key and everything below it what an export of it says.
    pub(crate) fn import(&mut self, key: &str, text: &str) {
        let prefix = format!("{}\\", key.to_lowercase());
        self.keys.retain(|name, _| !name.starts_with(&prefix) && *name != key.to_lowercase());
        let mut path = String::new();
        for line in text.lines() {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                name.clone_into(&mut path);
                self.set(&path, &[]);
            } else if let Some((name, value)) = line.split_once("\"=\"")
                && let Some((_, values)) = self.keys.get_mut(&path.to_lowercase())
            {
                let value = value.trim_end_matches('"').replace("\\\\", "\\");
                values.insert(name.trim_start_matches('"').to_owned(), value);
            }
        }
    }

    /// The text of an export.
    pub(crate) fn export(&self, key: &str) -> Result<String, HostError> {
        self.subkeys(key)?;
        let mut text = "Windows Registry Editor Version 5.00\n".to_owned();
        let itself = self.keys.get(&key.to_lowercase());
        for (path, values) in itself.into_iter().chain(self.below(key)) {
            let _ = write!(text, "\n[{path}]\n");
            for (name, value) in values {
                let _ = writeln!(text, "\"{name}\"=\"{}\"", value.replace('\\', "\\\\"));
            }
        }
        Ok(text)
    }
}
