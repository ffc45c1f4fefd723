//! A site at rest, as its agents and its database would report it, and small changes to it.

mod played;
mod seen;

use std::collections::BTreeMap;

use crm_api::change::{CrmChangeStatus, StepPhase};
use crm_api::database::{
    DATABASE_BYTES, DatabaseFact, DatabaseFacts, SCHEMA_MODIFIED_AT, SQL_SERVER_VERSION, superoffice,
};
use crm_api::decision::{CrmDecisionSpec, Word};
use crm_api::node::{CrmNodeSpec, CrmNodeStatus};
use crm_api::order::{Action, OrderPhase, OrderResult, Outcome};
use crm_api::probe::{Answer, Machine, Observation, Probe, RunState, StartType};
use crm_api::site::{Component, CrmSiteSpec, FastCgi};
use crm_api::{CrmBackup, CrmChange, CrmDecision, CrmNode, CrmRelease, CrmSite, Time};
use jiff::{SignedDuration, Timestamp};

use crate::intent::{Intent, Plan};
use crate::snapshot::{DeliveryState, NodeView, Snapshot, TaskDone, TaskState};
use crate::view::View;
use crate::{plan, products};
use seen::{database, new_node, usual};

pub(super) const OLD: &str = "7.5.5885";
pub(super) const NEW: &str = "8.0.6465";

/// Saturday 28 November 2026, 20:00 in Oslo.
pub(super) fn saturday() -> Timestamp {
    "2026-11-28T19:00:00Z".parse().unwrap()
}

pub(super) fn after(minutes: i64) -> Timestamp {
    saturday().checked_add(SignedDuration::from_mins(minutes)).unwrap()
}

/// A site under test: its snapshot and the time.
pub(super) struct Site {
    pub(super) snapshot: Snapshot,
    pub(super) now: Timestamp,
}

pub(super) fn catalogue() -> Vec<CrmRelease> {
    let first = include_str!("../../../../examples/superoffice/catalogue.yaml");
    serde_saphyr::from_multiple(first).unwrap()
}

/// All four parts of the catalogue.
pub(super) fn whole_catalogue() -> Vec<CrmRelease> {
    let mut releases = catalogue();
    for text in [
        include_str!("../../../../examples/superoffice/catalogue-8.1-to-8.5.yaml"),
        include_str!("../../../../examples/superoffice/catalogue-9-and-10.yaml"),
        include_str!("../../../../examples/superoffice/catalogue-11.yaml"),
    ] {
        releases.extend(serde_saphyr::from_multiple::<CrmRelease>(text).unwrap());
    }
    releases
}

pub(super) fn example() -> CrmSite {
    let text = include_str!("../../../../examples/superoffice/server-web-service-7.5-to-8.0.yaml");
    let first = text.split("\n---").next().unwrap();
    serde_saphyr::from_str(first).unwrap()
}

impl Site {
    /// The site of the main example, all at 7.5 SR2, adopted.
    pub(super) fn at_rest() -> Self {
        Self::with_placement(&[
            (Component::CrmServer, &["contoso-app"]),
            (Component::Web, &["contoso-app"]),
            (Component::Service, &["contoso-cs"]),
        ])
    }

    /// A site with its components on these nodes.
    pub(super) fn with_placement(placement: &[(Component, &[&str])]) -> Self {
        let mut site = example();
        site.spec.components = placement
            .iter()
            .map(|(name, nodes)| crm_api::site::Placement {
                name: *name,
                nodes: nodes.iter().map(|node| (*node).to_owned()).collect(),
            })
            .collect();
        site.metadata.uid = Some("site-uid".to_owned());
        site.metadata.generation = Some(1);
        let snapshot = Snapshot {
            site,
            nodes: Vec::new(),
            releases: catalogue(),
            changes: Vec::new(),
            backups: Vec::new(),
            decisions: Vec::new(),
            database: Ok(database(OLD)),
            foreign_claims: Vec::new(),
            same_database: Vec::new(),
            tasks: Vec::new(),
            deliveries: Vec::new(),
            epoch: 1,
        };
        let mut site = Self { snapshot, now: saturday() };
        let names: Vec<String> =
            View::new(&site.snapshot, site.now).node_names().iter().map(|n| (*n).to_owned()).collect();
        site.snapshot.nodes = names.iter().map(|name| new_node(name)).collect();
        site.turn();
        site.turn();
        site
    }

    pub(super) fn spec(&mut self) -> &mut CrmSiteSpec {
        &mut self.snapshot.site.spec
    }

    /// Declares another version.
    pub(super) fn declare(&mut self, version: &str) {
        self.spec().version = version.to_owned();
        let generation = self.snapshot.site.metadata.generation.unwrap_or(0);
        self.snapshot.site.metadata.generation = Some(generation + 1);
    }

    pub(super) fn plan(&self) -> Plan {
        plan(&self.snapshot, self.now)
    }

    /// One round of the controller, with every intent carried out, and the agents looking again.
    pub(super) fn turn(&mut self) -> Plan {
        let plan = self.plan();
        for intent in plan.intents.clone() {
            self.carry_out(intent);
        }
        self.look();
        plan
    }

    pub(super) fn wait(&mut self, minutes: i64) {
        self.now = self.now.checked_add(SignedDuration::from_mins(minutes)).unwrap();
        self.look();
    }

    /// Every answer is what it was at rest again.
    pub(super) fn forget(&mut self) {
        for view in &mut self.snapshot.nodes {
            view.node.status.get_or_insert_with(CrmNodeStatus::default).observations.clear();
        }
        self.look();
    }

    /// Every agent answers every question and gives a sign of life.
    pub(super) fn look(&mut self) {
        let now = self.now;
        let services = View::new(&self.snapshot, now).nodes_of(Component::Service).to_vec();
        for view in &mut self.snapshot.nodes {
            let has_service = view.node.metadata.name.as_ref().is_some_and(|name| services.contains(name));
            let status = view.node.status.get_or_insert_with(CrmNodeStatus::default);
            for probe in view.node.spec.asked.iter().flat_map(|asked| &asked.probes) {
                if status.answer(probe).is_none() {
                    status.observations.push(Observation {
                        id: probe.id(),
                        answer: if is_scheduler(probe) && !has_service { Answer::Absent {} } else { usual(probe) },
                        since: Time::from(now),
                    });
                }
            }
            view.heartbeat = Some(now);
        }
        if let Ok(facts) = &mut self.snapshot.database {
            facts.read_at = Time::from(now);
            for fact in facts.facts.iter_mut().filter(|fact| fact.name == superoffice::SCHEDULER_HEARTBEAT) {
                fact.value = Some(now.to_string());
            }
        }
    }

    pub(super) fn carry_out(&mut self, intent: Intent) {
        match intent {
            Intent::CreateChange { name, spec } => {
                let mut change = CrmChange::new(&name, *spec);
                change.metadata.generation = Some(1);
                change.metadata.creation_timestamp = Some(Time::from(self.now));
                self.snapshot.changes.push(change);
            }
            Intent::RecordChange { name, status } => self.change_named(&name).status = Some(*status),
            Intent::CreateBackup { name, spec } => self.snapshot.backups.push(CrmBackup::new(&name, *spec)),
            Intent::RecordBackup { name, status } => {
                let stored =
                    self.snapshot.backups.iter_mut().find(|backup| backup.metadata.name.as_deref() == Some(&name));
                stored.unwrap().status = Some(*status);
            }
            Intent::InstructNode { node, spec } => self.node(&node).node.spec = *spec,
            Intent::RecordSite { status } => self.snapshot.site.status = Some(*status),
            Intent::HoldSite => self.snapshot.site.metadata.finalizers = Some(vec![crm_api::SITE_FINALIZER.to_owned()]),
            Intent::ReleaseSite => self.snapshot.site.metadata.finalizers = None,
            Intent::RunTask { step, attempt, .. } => {
                if !self.snapshot.tasks.iter().any(|task| task.step == step && task.attempt == attempt) {
                    self.snapshot.tasks.push(TaskState { step, attempt, result: None });
                }
            }
            Intent::DeliverNotice { change, number, attempt, .. } => {
                let state = DeliveryState { change, number, attempt, result: None };
                if !self.snapshot.deliveries.contains(&state) {
                    self.snapshot.deliveries.push(state);
                }
            }
            Intent::Announce(_) => {}
        }
    }

    pub(super) fn node(&mut self, name: &str) -> &mut NodeView {
        let found = self.snapshot.nodes.iter_mut().find(|view| view.node.metadata.name.as_deref() == Some(name));
        found.unwrap()
    }

    fn change_named(&mut self, name: &str) -> &mut CrmChange {
        let found = self.snapshot.changes.iter_mut().find(|change| change.metadata.name.as_deref() == Some(name));
        found.unwrap()
    }

    /// Replaces an agent's answer.
    pub(super) fn answer(&mut self, node: &str, probe: &Probe, answer: Answer) {
        let since = Time::from(self.now);
        let status = self.node(node).node.status.get_or_insert_with(CrmNodeStatus::default);
        status.observations.retain(|observation| observation.id != probe.id());
        status.observations.push(Observation { id: probe.id(), answer, since });
    }

    pub(super) fn machine(&mut self, node: &str, change: impl FnOnce(&mut Machine)) {
        let mut answer = usual(&Probe::Machine {});
        if let Answer::Machine(machine) = &mut answer {
            change(machine);
        }
        self.answer(node, &Probe::Machine {}, answer);
    }

    /// Every part shows another release.
    pub(super) fn move_to(&mut self, number: &str) {
        for view in &mut self.snapshot.nodes {
            let status = view.node.status.get_or_insert_with(CrmNodeStatus::default);
            for observation in &mut status.observations {
                match &mut observation.answer {
                    Answer::Program { version, .. } | Answer::Version { version } => *version = number.to_owned(),
                    Answer::Value { value } if value == OLD => *value = number.to_owned(),
                    _ => {}
                }
            }
        }
        for name in [superoffice::DATABASE_VERSION, superoffice::SERVER_SETUP_VERSION, superoffice::SERVICE_VERSION] {
            self.fact(name, Some(number));
        }
    }

    /// A further server on which nothing of the product is installed.
    pub(super) fn add_bare_node(&mut self, name: &str) {
        self.snapshot.nodes.push(new_node(name));
        let view = View::new(&self.snapshot, self.now);
        let probes = products::of(self.snapshot.site.spec.product).probes(&view).remove(name).unwrap_or_default();
        for probe in probes {
            let answer = match &probe {
                Probe::Machine {}
                | Probe::DiskFree { .. }
                | Probe::MailRelay { .. }
                | Probe::HostAddresses { .. }
                | Probe::DataSource { .. } => usual(&probe),
                Probe::Processes { .. } => Answer::Processes { running: Vec::new() },
                _ => Answer::Absent {},
            };
            self.answer(name, &probe, answer);
        }
        self.turn();
    }

    /// Replaces a fact of the database; `None` takes it away.
    pub(super) fn fact(&mut self, name: &str, value: Option<&str>) {
        let facts = self.snapshot.database.as_mut().unwrap();
        let value = value.map(str::to_owned);
        match facts.facts.iter_mut().find(|fact| fact.name == name) {
            Some(fact) => fact.value = value,
            None => facts.facts.push(DatabaseFact { name: name.to_owned(), value, source: "table.column".to_owned() }),
        }
    }

    pub(super) fn status(&self) -> &CrmChangeStatus {
        self.snapshot.changes.last().unwrap().status.as_ref().unwrap()
    }

    /// A person says a word about the last change.
    pub(super) fn say(&mut self, word: Word, step: Option<&str>) {
        let plan_hash = self.snapshot.changes.last().unwrap().spec.plan_hash.clone();
        self.say_of(&plan_hash, word);
        self.snapshot.decisions.last_mut().unwrap().spec.step = step.map(str::to_owned);
    }

    /// A person says a word about a plan.
    pub(super) fn say_of(&mut self, plan_hash: &str, word: Word) {
        let spec = CrmDecisionSpec {
            site: Some("contoso".to_owned()),
            word,
            plan_hash: Some(plan_hash.to_owned()),
            step: None,
            reason: Some("seen".to_owned()),
            expires_at: None,
            user: "Astrid".to_owned(),
        };
        let mut decision = CrmDecision::new(&format!("word-{}", self.snapshot.decisions.len()), spec);
        decision.metadata.creation_timestamp = Some(Time::from(self.now));
        self.snapshot.decisions.push(decision);
    }
}

fn is_scheduler(probe: &Probe) -> bool {
    matches!(probe, Probe::Service { name } if name.starts_with("ejSchedule"))
}

/// FastCGI as the site's product sees it.
pub(super) fn fast_cgi(site: &Site) -> Option<FastCgi> {
    products::of(site.snapshot.site.spec.product).fast_cgi(&View::new(&site.snapshot, site.now))
}
