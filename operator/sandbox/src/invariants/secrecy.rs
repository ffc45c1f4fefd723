//! S-10: whatever the operator stores, sends, types or writes to a file is searched for every secret of the scenario.

use super::{Broken, Invariant, Verdict};
use crate::cluster::Change;
use crate::file::ScenarioFile;
use crate::secrets::Secrets;

/// What is searched for, and how often it was.
pub(super) struct Secrecy {
    secrets: Secrets,
    pub(super) times: u32,
}

impl Secrecy {
    pub(super) fn new(file: &ScenarioFile) -> Self {
        Self { secrets: Secrets::of(file), times: 0 }
    }

    /// Secrets themselves are made by people.
    pub(super) fn stored(&mut self, change: &Change) -> Verdict {
        let Some(new) = change.new.as_ref().filter(|_| &*change.kind != "Secret") else { return Ok(()) };
        self.times += 1;
        let name = new["metadata"]["name"].as_str().unwrap_or_default();
        let found = match &change.old {
            Some(old) => self.secrets.in_news(old, new),
            None => self.secrets.in_object(new),
        };
        match found {
            None => Ok(()),
            Some(found) => Err(leak(&format!("{} {name}, written by {}", change.kind, change.identity), found)),
        }
    }

    pub(super) fn shows(&mut self, place: &str, text: &[u8]) -> Verdict {
        self.times += 1;
        self.secrets.in_text(text).map_or(Ok(()), |found| Err(leak(place, found)))
    }
}

fn leak(place: &str, found: &str) -> Broken {
    Broken(Invariant::Secrecy, format!("{place} holds {found}"))
}
