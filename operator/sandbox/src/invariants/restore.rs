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
        let said = plan.is_some_and(|plan| self.said.contains(plan));
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::RestoreOnWord;
    use crate::cluster::{Change, Verb};
    use crate::world::Happening;

    const FILE: &str = r"\\backup\crm\CRM7.bak";

    fn stored(kind: &str, new: Value) -> Change {
        Change {
            identity: "somebody".into(),
            verb: Verb::Create,
            kind: kind.into(),
            subresource: String::new(),
            old: None,
            new: Some(Arc::new(new)),
        }
    }

    /// A restore of a whole set that a person has decided on.
    fn decided() -> RestoreOnWord {
        let mut checks = RestoreOnWord::default();
        let task = json!({"controller": {"task": {"restoreDatabase": {"path": FILE}}}});
        let spec = json!({"purpose": "Restore", "planHash": "4f1c09aa", "steps": [{"executor": task}]});
        checks.stored(&stored("CrmChange", json!({"spec": spec})));
        checks.stored(&stored("CrmDecision", json!({"spec": {"word": "Restore", "planHash": "4f1c09aa"}})));
        let taken = Happening::BackupTaken {
            path: FILE.to_owned(),
            size_bytes: 1,
            started_at: jiff::Timestamp::UNIX_EPOCH,
            last_lsn: "1".to_owned(),
            database: "CRM7".to_owned(),
            sha256: "0".repeat(64),
        };
        assert_eq!(checks.happened(&taken), Ok(()));
        checks
    }

    fn begins(checks: &mut RestoreOnWord, sessions: &[&str]) -> Option<String> {
        let sessions = sessions.iter().map(|session| (*session).to_owned()).collect();
        checks.happened(&Happening::RestoreStarted { path: FILE.to_owned(), sessions }).err().map(|broken| broken.1)
    }

    #[test]
    fn a_restore_of_a_whole_set_on_a_persons_word_with_nobody_connected_is_as_it_should_be() {
        let mut checks = decided();
        assert_eq!(begins(&mut checks, &[]), None);
        assert_eq!(checks.times, 1);
    }

    #[test]
    fn a_restore_without_a_word_from_a_damaged_set_or_over_people_at_work_is_noticed() {
        let mut nobody = decided();
        nobody.said.clear();
        assert!(begins(&mut nobody, &[]).unwrap().contains("nobody has decided"));
        let mut other_plan = decided();
        other_plan.said = ["abcdef".to_owned()].into();
        assert!(begins(&mut other_plan, &[]).unwrap().contains("nobody has decided"));
        let mut damaged = decided();
        assert_eq!(damaged.happened(&Happening::BackupTampered { path: FILE.to_owned() }), Ok(()));
        assert!(begins(&mut damaged, &[]).unwrap().contains("not what was written"));
        assert!(begins(&mut decided(), &["Kari"]).unwrap().contains("Kari were connected"));
        assert!(begins(&mut RestoreOnWord::default(), &[]).unwrap().contains("no change of this purpose"));
    }
}
