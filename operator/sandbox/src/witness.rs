//! The witness of a run: everything that is stored in the API and everything that really happens passes here, in order,
//! at the moment at which it happens. It tells the story, checks the invariants, and keeps what the runner judges by.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crm_api::order::Order;
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;

use crate::cluster::{Change, Observer};
use crate::edge::Deeds;
use crate::file::ScenarioFile;
use crate::invariants::{Invariants, Violation};
use crate::run::Cue;
use crate::story::{StoryEvent, Tellers, What};
use crate::world::{self, GhostEvent, Happening};

/// The witness; clones are the same one.
#[derive(Clone)]
pub(crate) struct Witness {
    shared: Arc<Shared>,
}

struct Shared {
    now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    cues: UnboundedSender<Cue>,
    stir: Notify,
    notes: Mutex<Notes>,
}

/// What the witness has written down.
pub(crate) struct Notes {
    pub(crate) teller: Tellers,
    pub(crate) invariants: Invariants,
    pub(crate) violation: Option<Violation>,
    /// The sites as they stand in the API, by name.
    sites: BTreeMap<String, Arc<Value>>,
    /// Changes of all sites, by name.
    pub(crate) changes: BTreeMap<String, Arc<Value>>,
    /// When the story last went on.
    pub(crate) progress_at: Timestamp,
    /// Stored writes, by who wrote: controller, agents, people.
    pub(crate) writes: Writes,
    /// Who holds the controller's lease.
    pub(crate) leader: Option<String>,
}

/// Stored writes by who wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Writes {
    /// By the controller.
    pub controller: u32,
    /// Of these, renewals of its lease.
    pub renewals: u32,
    /// By agents.
    pub agents: u32,
    /// By people and by whoever set the stage.
    pub people: u32,
}

impl Witness {
    pub(crate) fn new(
        file: &ScenarioFile,
        cues: UnboundedSender<Cue>,
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        let notes = Notes {
            teller: Tellers::new(file),
            invariants: Invariants::new(file),
            violation: None,
            sites: BTreeMap::new(),
            changes: BTreeMap::new(),
            progress_at: now(),
            writes: Writes::default(),
            leader: None,
        };
        let shared = Shared { now: Box::new(now), cues, stir: Notify::new(), notes: Mutex::new(notes) };
        Self { shared: Arc::new(shared) }
    }

    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.shared.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is something new to judge.
    pub(crate) async fn stirred(&self) {
        self.shared.stir.notified().await;
    }

    /// The events of the story that came since the last call.
    pub(crate) fn take_events(&self) -> Vec<StoryEvent> {
        self.notes().teller.take_new()
    }

    /// Whether that process holds the controller's lease.
    pub(crate) fn is_leading(&self, identity: &str) -> bool {
        self.notes().leader.as_deref() == Some(identity)
    }

    /// Something that the runner brings about.
    pub(crate) fn note(&self, node: Option<&str>, what: What, why: &str) {
        let at = (self.shared.now)();
        self.notes().teller.note(at, node, what, why);
        self.shared.stir.notify_one();
    }

    /// The same at a site.
    pub(crate) fn note_at(&self, site: &str, what: What, why: &str) {
        let at = (self.shared.now)();
        self.notes().teller.note_at(site, at, what, why);
        self.shared.stir.notify_one();
    }

    pub(crate) fn with_teller(&self, tell: impl FnOnce(&mut Tellers, Timestamp)) {
        let at = (self.shared.now)();
        tell(&mut self.notes().teller, at);
        self.shared.stir.notify_one();
    }

    /// The observer of the cluster.
    pub(crate) fn of_cluster(&self) -> Observer {
        let witness = self.clone();
        Arc::new(move |change| witness.stored(change))
    }

    /// The observer of the world.
    pub(crate) fn of_world(&self) -> world::Observer {
        let witness = self.clone();
        Arc::new(move |event| witness.happened(event))
    }

    fn stored(&self, change: &Change) {
        let at = (self.shared.now)();
        let mut notes = self.notes();
        notes.writes.count(change);
        if let ("Lease", Some(new)) = (&*change.kind, &change.new)
            && new["metadata"]["name"] == crm_api::CONTROLLER
        {
            notes.leader = new["spec"]["holderIdentity"].as_str().map(str::to_owned);
        }
        let violation = notes.invariants.stored(at, change);
        notes.keep(change);
        for step in started_steps(change) {
            let _ = self.shared.cues.send(Cue::StepStarted(step));
        }
        if &*change.kind == "Event" && change.new.as_ref().is_some_and(|event| event["reason"] == "PlannedDowntime") {
            let site = notes.teller.site_of(change).to_owned();
            let _ = self.shared.cues.send(Cue::UsersAreTold(site));
        }
        notes.teller.object(at, change);
        self.close(notes, at, violation, matches!(&*change.kind, "CrmSite" | "CrmChange"));
    }

    /// Somebody of ours shows a text to others.
    pub(crate) fn shown(&self, place: &str, text: &[u8]) {
        let at = (self.shared.now)();
        let mut notes = self.notes();
        let violation = notes.invariants.shows(at, place, text);
        self.close(notes, at, violation, false);
    }

    fn happened(&self, event: &GhostEvent) {
        let mut notes = self.notes();
        let violation = notes.invariants.happened(event);
        match &event.what {
            Happening::RebootStarted { node } => {
                let _ = self.shared.cues.send(Cue::GoesDown(node.clone()));
            }
            Happening::Booted { node, .. } => {
                let _ = self.shared.cues.send(Cue::IsUp(node.clone()));
            }
            _ => {}
        }
        notes.teller.ghost(event);
        self.close(notes, event.at, violation, false);
    }

    fn close(&self, mut notes: MutexGuard<'_, Notes>, at: Timestamp, violation: Option<Violation>, stir: bool) {
        if notes.violation.is_none() {
            notes.violation = violation;
        }
        let told = notes.teller.has_new();
        if told {
            notes.progress_at = at;
        }
        let stir = stir || told || notes.violation.is_some();
        drop(notes);
        if stir {
            self.shared.stir.notify_one();
        }
    }
}

impl Deeds for Witness {
    fn begins(&self, node: &str, order: &Order) {
        let at = (self.shared.now)();
        let mut notes = self.notes();
        let violation = notes.invariants.begins(at, node, order);
        self.close(notes, at, violation, false);
    }

    fn shows(&self, node: &str, place: &str, text: &[u8]) {
        self.shown(&format!("{place} on {node}"), text);
    }
}

impl Notes {
    fn keep(&mut self, change: &Change) {
        match (&*change.kind, &change.new) {
            ("CrmSite", Some(new)) => {
                let name = new["metadata"]["name"].as_str().unwrap_or_default().to_owned();
                self.sites.insert(name, Arc::clone(new));
            }
            ("CrmSite", None) => self.sites.retain(|_, site| Some(&*site) != change.old.as_ref()),
            ("CrmChange", Some(new)) => {
                let name = new["metadata"]["name"].as_str().unwrap_or_default().to_owned();
                self.changes.insert(name, Arc::clone(new));
            }
            _ => {}
        }
    }

    /// Whether no notice of a change of that site waits for its receiver.
    pub(crate) fn has_told_all(&self, site: &str) -> bool {
        let changes = self.changes.values().filter(|change| change["spec"]["site"] == site);
        let mut told = changes.flat_map(|change| change["status"]["told"].as_array().into_iter().flatten());
        told.all(|notice| notice["delivery"] != "Pending")
    }

    /// A site, as it stands in the API.
    pub(crate) fn site(&self, name: &str) -> Option<&Arc<Value>> {
        self.sites.get(name)
    }

    /// The change that a site's status names.
    pub(crate) fn change(&self, site: &str) -> Option<&Arc<Value>> {
        let name = self.sites.get(site)?["status"]["change"].as_str()?;
        self.changes.get(name)
    }
}

impl Writes {
    fn count(&mut self, change: &Change) {
        if change.identity.starts_with(crate::run::CONTROLLER_PREFIX) {
            self.controller += 1;
            let holder =
                |lease: &Option<Arc<Value>>| lease.as_ref().map(|lease| lease["spec"]["holderIdentity"].clone());
            if &*change.kind == "Lease" && holder(&change.old) == holder(&change.new) {
                self.renewals += 1;
            }
        } else if change.identity.starts_with(crate::run::AGENT_PREFIX) {
            self.agents += 1;
        } else {
            self.people += 1;
        }
    }
}

/// Ids of the steps that this write records as begun or begun again.
fn started_steps(change: &Change) -> Vec<String> {
    let (Some(old), Some(new)) = (&change.old, &change.new) else { return Vec::new() };
    if &*change.kind != "CrmChange" {
        return Vec::new();
    }
    let empty = Vec::new();
    let before = old["status"]["steps"].as_array().unwrap_or(&empty);
    let after = new["status"]["steps"].as_array().unwrap_or(&empty);
    let is_new = |step: &&Value| {
        let earlier = before.iter().find(|earlier| earlier["id"] == step["id"]);
        step["phase"] == "Started" && earlier.is_none_or(|earlier| earlier["attempt"] != step["attempt"])
    };
    after.iter().filter(is_new).filter_map(|step| step["id"].as_str()).map(str::to_owned).collect()
}
