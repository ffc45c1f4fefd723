//! A backup of etcd, and a cluster that is set back to it: what was written since is forgotten, versions are given out a
//! second time, and nobody who watched is told. The machines, of course, have gone on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::intercept::{Change, Verb};
use super::store::Stored;
use super::{Cluster, lock, watch};

/// Who is said to have written what the backup brings back.
const BACKUP: &str = "etcd-backup";

/// What a cluster had stored at some moment.
#[derive(Clone, Debug)]
pub struct Backup {
    objects: Vec<BTreeMap<String, Arc<Stored>>>,
    version: u64,
}

impl Cluster {
    /// Takes a backup of everything that is stored.
    #[must_use]
    pub fn back_up(&self) -> Backup {
        let state = self.state();
        Backup { objects: state.objects.clone(), version: state.version }
    }

    /// Sets the cluster back to a backup. Open watches break with the server that is stopped for it, and the history begins
    /// anew.
    pub fn set_back(&self, backup: &Backup) {
        let mut changes = Vec::new();
        {
            let mut state = self.state();
            let before = std::mem::replace(&mut state.objects, backup.objects.clone());
            state.version = backup.version;
            state.history.iter_mut().for_each(std::collections::VecDeque::clear);
            state.compacted = backup.version;
            state.watchers.values_mut().for_each(watch::Watcher::break_off);
            for (kind, (before, after)) in self.inner.kinds.all().iter().zip(before.iter().zip(&backup.objects)) {
                for key in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
                    let value = |objects: &BTreeMap<String, Arc<Stored>>| {
                        objects.get(key).map(|stored| (stored.version, Arc::clone(&stored.value)))
                    };
                    let (old, new) = (value(before), value(after));
                    if old.as_ref().map(|(version, _)| version) != new.as_ref().map(|(version, _)| version) {
                        changes.push(Change {
                            identity: BACKUP.into(),
                            verb: Verb::Update,
                            kind: Arc::clone(&kind.kind),
                            subresource: String::new(),
                            old: old.map(|(_, value)| value),
                            new: new.map(|(_, value)| value),
                        });
                    }
                }
            }
        }
        let observers = lock(&self.inner.observers).clone();
        for change in &changes {
            observers.iter().for_each(|observer| observer(change));
        }
    }
}
