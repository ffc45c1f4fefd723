//! S-6: a restore overwrites what is there, so it begins from a whole set only, with nobody connected, and only where a
//! person has said so about this very plan or the site declares it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Broken, Invariant, Verdict};
use crate::cluster;
use crate::world::Happening;

/// Sets, and who has allowed what.
#[derive(Default)]
pub(super) struct RestoreOnWord {
    /// Files that were written to their end and are still what was written.
    whole: BTreeSet<String>,
    /// Plan hashes that a person has said `Restore` about.
    said: BTreeSet<String>,
    by_policy: bool,
    /// Plan hash of each change that restores, by the file that it restores.
    plans: BTreeMap<String, String>,
    pub(super) times: u32,
}

impl RestoreOnWord {
    pub(super) fn stored(&mut self, change: &cluster::Change) {
        let Some(new) = change.new.as_ref() else { return };
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        match &*change.kind {
            "CrmDecision" if new["spec"]["word"] == "Restore" => {
                self.said.insert(text(&new["spec"]["planHash"]));
            }
            "CrmSite" => self.by_policy = new["spec"]["recovery"]["onHalt"] == "Restore",
            "CrmChange" if new["spec"]["purpose"] == "Restore" => {
                for step in new["spec"]["steps"].as_array().into_iter().flatten() {
                    let path = &step["executor"]["controller"]["task"]["restoreDatabase"]["path"];
                    if path.is_string() {
                        self.plans.insert(text(path), text(&new["spec"]["planHash"]));
                    }
                }
            }
            _ => {}
        }
    }

    pub(super) fn happened(&mut self, what: &Happening) -> Verdict {
        match what {
            Happening::BackupTaken { path, .. } => {
                self.whole.insert(path.clone());
            }
            Happening::BackupStarted { path, .. } | Happening::BackupTampered { path } => {
                self.whole.remove(path);
            }
            Happening::RestoreStarted { path, sessions } => {
                self.times += 1;
                if let Some(problem) = self.problem(path, sessions) {
                    return Err(Broken(Invariant::RestoreOnWord, format!("{path} was restored, but {problem}")));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn problem(&self, path: &str, sessions: &[String]) -> Option<String> {
        let plan = self.plans.get(path);
        let said = plan.is_some_and(|plan| self.said.iter().any(|said| plan.starts_with(said)));
        if plan.is_none() {
            Some("no change of this purpose names it".to_owned())
        } else if !said && !self.by_policy {
            Some("nobody has decided on it".to_owned())
        } else if !self.whole.contains(path) {
            Some("it is not what was written as a whole".to_owned())
        } else if !sessions.is_empty() {
            Some(format!("{} were connected", sessions.join(", ")))
        } else {
            None
        }
    }
}
