//! S-9: a change touches nothing but its own site. Whatever changes a site for good, closes or opens it, happens under a
//! change of that site which holds its claims; and no two sites have a destructive program on one server at one time (S-2).

use std::collections::{BTreeMap, BTreeSet};

use super::{Broken, Invariant, Verdict};
use crate::cluster;
use crate::world::{Happening, WorldFault};

/// Changes at work, and programs that run.
#[derive(Default)]
pub(super) struct Confinement {
    /// Changes that hold their claims, and restores, which stand under those of the halted change: name to site.
    at_work: BTreeMap<String, String>,
    /// Sites at which somebody else was at work: what follows from it is not ours.
    strangers: BTreeSet<String>,
    /// Sites of the destructive programs that run, by node and process id.
    running: BTreeMap<(String, u32), String>,
    pub(super) times: u32,
}

impl Confinement {
    pub(super) fn stored(&mut self, change: &cluster::Change) {
        let Some(new) = change.new.as_ref().filter(|_| &*change.kind == "CrmChange") else { return };
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let (name, site, status) = (text(&new["metadata"]["name"]), text(&new["spec"]["site"]), &new["status"]);
        let is_over =
            status["phase"].as_str().is_some_and(|phase| ["Succeeded", "Failed", "Superseded"].contains(&phase));
        let holds = status["claimsHeld"].as_array().is_some_and(|claims| !claims.is_empty());
        if holds || (new["spec"]["purpose"] == "Restore" && !is_over) {
            self.at_work.insert(name, site);
        } else {
            self.at_work.remove(&name);
        }
    }

    pub(super) fn happened(&mut self, site: &str, what: &Happening) -> Verdict {
        let deed = match what {
            Happening::Started { node, pid, program, destructive: true, .. } => {
                self.on_one_server(site, node, *pid, program)?;
                format!("{program} was started on {node}")
            }
            Happening::Ended { node, pid, .. } => {
                self.running.remove(&(node.clone(), *pid));
                return Ok(());
            }
            Happening::Effect { program, node, change, .. } => format!("{program} on {node} has changed {change}"),
            Happening::Frozen { node } => format!("Service on {node} was closed"),
            Happening::Unfrozen { node } => format!("Service on {node} was opened"),
            // An installer that takes another instance than it was told is no deed of ours; that it is noticed is.
            Happening::ByHand { .. } | Happening::FaultStruck { .. } if is_stranger(what) => {
                self.strangers.insert(site.to_owned());
                return Ok(());
            }
            _ => return Ok(()),
        };
        self.times += 1;
        if self.strangers.contains(site) || self.at_work.values().any(|other| other == site) {
            return Ok(());
        }
        Err(Broken(Invariant::Confinement, format!("{deed} at {site}, though no change of it is at work")))
    }

    fn on_one_server(&mut self, site: &str, node: &str, pid: u32, program: &str) -> Verdict {
        let other = self.running.iter().find(|((on, _), of)| on == node && of.as_str() != site);
        let what = other.map(|(_, other)| format!("{program} was started on {node} while one of {other} was running"));
        self.running.insert((node.to_owned(), pid), site.to_owned());
        what.map_or(Ok(()), |what| Err(Broken(Invariant::OneAtATime, what)))
    }
}

fn is_stranger(what: &Happening) -> bool {
    match what {
        Happening::FaultStruck { fault, .. } => fault == WorldFault::TakesFirstInstance.name(),
        _ => true,
    }
}
