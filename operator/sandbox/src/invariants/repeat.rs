//! S-2, S-4 and S-11: programs that run at the same time, effects that happen twice, runs that are repeated.

use std::collections::{BTreeMap, BTreeSet};

use super::{Broken, Invariant, Verdict};
use crate::cluster;
use crate::world::{Change, Happening, StartedBy};

/// What was started, and what came of it.
#[derive(Default)]
pub(super) struct Repeats {
    /// Destructive programs that run, by node and process id.
    running: BTreeMap<(String, u32), String>,
    /// Effects that have happened, by node, effect and release.
    happened: BTreeSet<(String, Change, String)>,
    /// Runs of each program on each node, oldest first.
    runs: BTreeMap<(String, String), Vec<Run>>,
    /// Starts of orders (`id#attempt`) that a person has allowed.
    allowed: BTreeSet<String>,
    /// Programs that the vendor calls safe to run again, by file name.
    repeatable: BTreeSet<String>,
    pub(super) starts: u32,
    pub(super) effects: u32,
    pub(super) again: u32,
}

#[derive(Debug)]
struct Run {
    pid: u32,
    effects: u32,
}

impl Repeats {
    /// Notes what a change calls repeatable, and what a person has allowed.
    pub(super) fn stored(&mut self, change: &cluster::Change) {
        let Some(new) = change.new.as_ref().filter(|_| &*change.kind == "CrmChange") else { return };
        if change.old.is_none() {
            for step in new["spec"]["steps"].as_array().into_iter().flatten() {
                for action in step["executor"]["agent"]["actions"].as_array().into_iter().flatten() {
                    let console = &action["runConsole"];
                    if console["repeatable"] == true
                        && let Some(program) = console["program"].as_str()
                    {
                        self.repeatable.insert(file_name(program).to_owned());
                    }
                }
            }
        }
        let succeeded = |change: &serde_json::Value| change["status"]["phase"] == "Succeeded";
        if succeeded(new) && !change.old.as_deref().is_some_and(succeeded) {
            // What was proven is over: the next hop runs a program of the same name, from another release's package.
            self.runs.clear();
        }
        let name = new["metadata"]["name"].as_str().unwrap_or_default();
        for step in new["status"]["steps"].as_array().into_iter().flatten() {
            if step["grantedBy"].is_string() {
                let (id, attempt) = (step["id"].as_str().unwrap_or_default(), step["attempt"].as_i64().unwrap_or(0));
                self.allowed.insert(format!("{name}/{id}#{attempt}"));
            }
        }
    }

    pub(super) fn happened(&mut self, what: &Happening) -> Verdict {
        match what {
            Happening::Started { node, pid, program, by, destructive: true, .. } => {
                self.started(node, *pid, program, by)
            }
            Happening::Ended { node, pid, .. } => {
                self.running.remove(&(node.clone(), *pid));
                Ok(())
            }
            // What a restore has taken back may happen again.
            Happening::DatabaseRestored { .. } => {
                self.happened.clear();
                self.runs.clear();
                Ok(())
            }
            Happening::Effect { node, pid, program, change, number } => {
                self.effect(node, *pid, program, change, number)
            }
            _ => Ok(()),
        }
    }

    fn started(&mut self, node: &str, pid: u32, program: &str, by: &StartedBy) -> Verdict {
        self.starts += 1;
        let busy = self.running.iter().next().map(|((node, pid), program)| format!("{program} ({pid}) on {node}"));
        self.running.insert((node.to_owned(), pid), program.to_owned());
        if let Some(busy) = busy {
            let what = format!("{program} ({pid}) was started on {node} while {busy} was running");
            return Err(Broken(Invariant::OneAtATime, what));
        }
        let runs = self.runs.entry((node.to_owned(), program.to_owned())).or_default();
        let effects: u32 = runs.iter().map(|run| run.effects).sum();
        let is_again = !runs.is_empty();
        runs.push(Run { pid, effects: 0 });
        let StartedBy::Agent { order } = by else { return Ok(()) };
        if !is_again {
            return Ok(());
        }
        self.again += 1;
        let allowed = order.as_ref().is_some_and(|order| self.allowed.contains(order));
        if effects == 0 || allowed || self.repeatable.contains(program) {
            return Ok(());
        }
        let what = format!("{program} was started again on {node} though an earlier run had {effects} effects");
        Err(Broken(Invariant::UnknownIsNotAbsent, what))
    }

    fn effect(&mut self, node: &str, pid: u32, program: &str, change: &Change, number: &str) -> Verdict {
        self.effects += 1;
        let runs = self.runs.get_mut(&(node.to_owned(), program.to_owned()));
        if let Some(run) = runs.and_then(|runs| runs.iter_mut().find(|run| run.pid == pid)) {
            run.effects += 1;
        }
        // Attachments move in many portions, each of them once.
        let is_first = self.happened.insert((node.to_owned(), change.clone(), number.to_owned()));
        if is_first || matches!(change, Change::Attachments { .. }) {
            return Ok(());
        }
        let what = format!("{program} on {node} has brought {change:?} to {number} for a second time");
        Err(Broken(Invariant::EffectOnce, what))
    }
}

pub(super) fn file_name(path: &str) -> &str {
    path.rsplit(['\\', '/']).next().unwrap_or(path)
}
