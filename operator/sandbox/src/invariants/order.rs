//! S-1: every start against the pinned order of steps, and every verified step against the world.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crm_api::order::Order;
use crm_api::site::Component;
use serde_json::Value;

use super::{Broken, Invariant, Verdict};
use crate::cluster;
use crate::file::ScenarioFile;
use crate::world::{Change, Happening, WorldFault};

/// What is true in the world, and what a change says about it.
pub(super) struct InOrder {
    /// Effects that have really happened, by node and release.
    effects: BTreeSet<(String, Change, String)>,
    frozen: BTreeSet<String>,
    /// Nodes whose caches were flushed since `upgrade.exe` last ended there.
    flushed: BTreeSet<String>,
    backup_taken: bool,
    /// Nodes on which `upgrade.exe` has ended by itself.
    ran_upgrade: BTreeSet<String>,
    /// Whether somebody works on the servers without the operator: until everybody is out for a backup, old programs may
    /// meet a new schema through no fault of ours.
    by_hand: bool,
    /// Users at work.
    at_work: BTreeSet<String>,
    service_nodes: Vec<String>,
    /// Number of each release, by the names it goes by.
    numbers: BTreeMap<String, String>,
    /// The latest version of each change.
    changes: BTreeMap<String, Arc<Value>>,
    pub(super) times: u32,
}

impl InOrder {
    pub(super) fn new(file: &ScenarioFile) -> Self {
        let placed = file.site.spec.components.iter().filter(|placed| placed.name == Component::Service);
        let numbers = file.releases.iter().flat_map(|release| {
            let names = std::iter::once(&release.spec.version).chain(&release.spec.aliases);
            names.map(|name| (name.clone(), release.spec.number.clone()))
        });
        Self {
            effects: BTreeSet::new(),
            frozen: BTreeSet::new(),
            flushed: BTreeSet::new(),
            backup_taken: false,
            ran_upgrade: BTreeSet::new(),
            by_hand: false,
            at_work: file.scenario.spec.users.iter().map(|user| user.name.clone()).collect(),
            service_nodes: placed.flat_map(|placed| placed.nodes.clone()).collect(),
            numbers: numbers.collect(),
            changes: BTreeMap::new(),
            times: 0,
        }
    }

    /// Keeps the changes; a step that is recorded as begun must not be ahead of what it depends on.
    pub(super) fn stored(&mut self, change: &cluster::Change) -> Verdict {
        let Some(new) = change.new.as_ref().filter(|_| &*change.kind == "CrmChange") else { return Ok(()) };
        let name = new["metadata"]["name"].as_str().unwrap_or_default();
        self.changes.insert(name.to_owned(), Arc::clone(new));
        let before = change.old.as_ref().map(|old| results(old)).unwrap_or_default();
        for (id, result) in results(new) {
            if result["phase"] == "Started" && !before.contains_key(id) {
                self.check(new, id, &format!("{id} was begun"))?;
            }
        }
        Ok(())
    }

    /// An agent begins an order: the step must not be ahead of what it depends on.
    pub(super) fn begins(&mut self, order: &Order) -> Verdict {
        let Some((change, step)) = order.id.split_once('/') else { return Ok(()) };
        if step.ends_with("/undo") {
            return Ok(());
        }
        let Some(change) = self.changes.get(change).cloned() else { return Ok(()) };
        self.check(&change, step, &format!("an agent began {step}"))
    }

    pub(super) fn happened(&mut self, what: &Happening) -> Verdict {
        match what {
            Happening::Effect { node, change, number, .. } => {
                if *change == Change::ServiceVersion || *change == Change::ServiceData {
                    self.flushed.remove(node);
                }
                self.effects.insert((node.clone(), change.clone(), number.clone()));
            }
            Happening::Frozen { node } => {
                self.frozen.insert(node.clone());
            }
            Happening::Unfrozen { node } => {
                self.frozen.remove(node);
                return self.opens(node);
            }
            Happening::CachesFlushed { node } => {
                self.flushed.insert(node.clone());
            }
            Happening::DatabaseRestored { .. } => {
                self.by_hand = false;
                self.effects.clear();
                self.flushed.clear();
            }
            Happening::ByHand { .. } => self.by_hand = true,
            Happening::FaultStruck { fault, .. } if fault == WorldFault::TakesFirstInstance.name() => {
                self.by_hand = true
            }
            Happening::BackupTaken { .. } => {
                self.backup_taken = true;
                self.by_hand = false;
            }
            Happening::Ended { node, program, exit: Some(_), .. } if program == "upgrade.exe" => {
                self.ran_upgrade.insert(node.clone());
            }
            Happening::UserOut { user } => {
                self.at_work.remove(user);
            }
            Happening::UserBack { user } => {
                self.at_work.insert(user.clone());
            }
            Happening::Started { node, program, component: Some(component), .. } => {
                return self.program(node, program, *component);
            }
            Happening::WrongSchemaTouched { .. } | Happening::NetServerCrashed { .. } if self.by_hand => {}
            Happening::WrongSchemaTouched { by, number, database } => {
                let what = format!("{by} of {number} touched a database of {database}");
                return Err(Broken(Invariant::Order, what));
            }
            Happening::NetServerCrashed { node, number } => {
                let what = format!("NetServer {number} on {node} met a database of another release");
                return Err(Broken(Invariant::Order, what));
            }
            _ => {}
        }
        Ok(())
    }

    /// A vendor program begins: the world must be as the vendor's order demands, whatever a record says.
    fn program(&mut self, node: &str, program: &str, component: Component) -> Verdict {
        self.times += 1;
        let problem = match component {
            Component::CrmServer if !self.at_work.is_empty() => {
                let who: Vec<&str> = self.at_work.iter().map(String::as_str).collect();
                Some(format!("{} are still at work", who.join(" and ")))
            }
            Component::CrmServer if self.service_nodes.iter().any(|node| !self.frozen.contains(node)) => {
                Some("Service is not frozen".to_owned())
            }
            Component::CrmServer => None,
            Component::Web | Component::NetServer => self.lacks(&Change::Schema),
            // With a new host for both the installer of Service makes the IIS site that Web is installed on (vendor:
            // upgrade to 8.1, using a new domain).
            Component::Service if program != "upgrade.exe" && self.both_move() => self.lacks(&Change::Schema),
            Component::Service => self.lacks(&Change::Schema).or_else(|| self.lacks(&Change::WebFiles)),
        };
        match problem {
            None => Ok(()),
            Some(problem) => Err(Broken(Invariant::Order, format!("{program} was started on {node}, but {problem}"))),
        }
    }

    fn both_move(&self) -> bool {
        self.changes.values().any(|change| {
            let steps = change["spec"]["steps"].as_array().map_or(&[][..], Vec::as_slice);
            let has = |kind: &str| steps.iter().any(|step| step["id"].as_str().is_some_and(|id| id.starts_with(kind)));
            has("move-service@") && has("move-web@")
        })
    }

    fn lacks(&self, change: &Change) -> Option<String> {
        // A run that changes settings only has no schema change, and none of the others either.
        let schema = self.effects.iter().any(|(_, other, _)| matches!(other, Change::SchemaPart { .. }));
        let begun = schema || self.changes.values().any(|change| change["spec"]["schemaChange"] == true);
        (begun && !self.has(None, change)).then(|| format!("{change:?} has not happened"))
    }

    fn has(&self, node: Option<&str>, change: &Change) -> bool {
        self.effects.iter().any(|(on, other, _)| other == change && node.is_none_or(|node| node == on))
    }

    /// Users come back: never to a half-changed site.
    fn opens(&mut self, node: &str) -> Verdict {
        let begun = self.effects.iter().any(|(_, change, _)| matches!(change, Change::SchemaPart { .. }));
        if !begun {
            return Ok(());
        }
        self.times += 1;
        let problem = if !self.has(None, &Change::ServiceVersion) {
            "upgrade.exe has not done its work"
        } else if !self.flushed.contains(node) {
            "its caches were not flushed after upgrade.exe"
        } else {
            return Ok(());
        };
        Err(Broken(Invariant::Order, format!("Service on {node} was opened, but {problem}")))
    }

    /// Everything that a step depends on is recorded as verified, and is so in the world.
    fn check(&mut self, change: &Value, step: &str, what: &str) -> Verdict {
        let steps = change["spec"]["steps"].as_array().map_or(&[][..], Vec::as_slice);
        let find = |id: &str| steps.iter().find(|one| one["id"] == id);
        let Some(pinned) = find(step) else { return Ok(()) };
        let results = results(change);
        let to = change["spec"]["to"].as_str().unwrap_or_default();
        for before in pinned["after"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            self.times += 1;
            let verified = results.get(before).is_some_and(|result| result["phase"] == "Verified");
            if !verified {
                return Err(Broken(Invariant::Order, format!("{what} before {before} was verified")));
            }
            if let Some(problem) = find(before).and_then(|before| self.untrue(before, to)) {
                return Err(Broken(
                    Invariant::Order,
                    format!("{what} after {before}, which counts as verified, but {problem}"),
                ));
            }
        }
        Ok(())
    }

    /// What a verified step claims and the world denies.
    fn untrue(&self, step: &Value, to: &str) -> Option<String> {
        let id = step["id"].as_str().unwrap_or_default();
        let (kind, node) = id.split_once('@').unwrap_or((id, ""));
        let number = self.numbers.get(to).map_or(to, String::as_str);
        let effect = |change: Change, text: &str| {
            let found = self.effects.contains(&(node.to_owned(), change, number.to_owned()));
            (!found).then(|| format!("{text} on {node} are not at {number}"))
        };
        let claim = |holds: bool, text: &str| (!holds).then(|| text.to_owned());
        if step["role"] == "ProveAlone" {
            return claim(self.at_work.is_empty(), "users are at work");
        }
        if step["executor"]["controller"]["task"].get("backUpDatabase").is_some() {
            return claim(self.backup_taken, "there is no backup");
        }
        match kind {
            "freeze" => claim(self.frozen.contains(node), "Service is open to its users"),
            "upgrade-database" => effect(Change::Schema, "schema and server"),
            "upgrade-web" | "install-web" | "move-web" => effect(Change::WebFiles, "the files of Web"),
            "upgrade-netserver" | "install-netserver" => effect(Change::NetServerFiles, "the files of NetServer"),
            "upgrade-service" | "install-service" | "move-service" => {
                effect(Change::ServiceFiles, "the files of Service")
            }
            "set-up-service" => effect(Change::ServiceVersion, "the data of Service"),
            "run-upgrade-exe" => {
                // What it keeps in the database is one for all Service nodes: a second node finds it done.
                let data = self.has(None, &Change::ServiceVersion) && self.ran_upgrade.contains(node);
                let done = !self.has(None, &Change::Schema) || self.has(Some(node), &Change::ServiceVersion) || data;
                claim(done, "upgrade.exe has not done its work")
            }
            "flush-caches" => claim(self.flushed.contains(node), "nobody has flushed the caches"),
            "unfreeze" => claim(!self.frozen.contains(node), "Service is closed"),
            _ => None,
        }
    }
}

/// The results of a change's steps, by id.
fn results(change: &Value) -> BTreeMap<&str, &Value> {
    let steps = change["status"]["steps"].as_array().map_or(&[][..], Vec::as_slice);
    steps.iter().filter_map(|step| Some((step["id"].as_str()?, step))).collect()
}
