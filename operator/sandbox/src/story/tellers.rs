//! One story of several sites: each has a teller of its own, and what they tell stands in one line of time.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::teller::Teller;
use super::{StoryEvent, What};
use crate::cluster::Change;
use crate::file::ScenarioFile;
use crate::world::GhostEvent;

/// The tellers of all sites.
pub(crate) struct Tellers {
    /// In the order of the file; the first one tells what belongs to no other site.
    each: Vec<Teller>,
    /// Place of the first site of each machine.
    machines: BTreeMap<String, usize>,
    /// Site of each change, by the name of the change.
    changes: BTreeMap<String, String>,
    events: Vec<StoryEvent>,
    /// Events that nobody has taken yet begin here.
    taken: usize,
    date_line: Option<String>,
}

impl Tellers {
    pub(crate) fn new(file: &ScenarioFile) -> Self {
        let width = file.each().map(|file| file.site_name().chars().count()).max().unwrap_or(0);
        let mut machines = BTreeMap::new();
        for (place, file) in file.each().enumerate() {
            for node in file.site.spec.components.iter().flat_map(|placed| &placed.nodes) {
                machines.entry(node.clone()).or_insert(place);
            }
        }
        Self {
            each: file.each().map(|file| Teller::new(file, width)).collect(),
            machines,
            changes: BTreeMap::new(),
            events: Vec::new(),
            taken: 0,
            date_line: None,
        }
    }

    /// Something that the runner itself brings about.
    pub(crate) fn note(&mut self, at: Timestamp, node: Option<&str>, what: What, why: &str) {
        self.tell(self.place_of_machine(node), |teller| teller.note(at, node, what, why));
    }

    /// The same at a site.
    pub(crate) fn note_at(&mut self, site: &str, at: Timestamp, what: What, why: &str) {
        self.tell(self.place(site), |teller| teller.note(at, None, what, why));
    }

    /// An object was written.
    pub(crate) fn object(&mut self, at: Timestamp, change: &Change) {
        if let ("CrmChange", Some(new)) = (&*change.kind, &change.new) {
            self.changes.insert(text(&new["metadata"]["name"]), text(&new["spec"]["site"]));
        }
        self.tell(self.place(self.site_of(change)), |teller| teller.object(at, change));
    }

    /// Something really happened.
    pub(crate) fn ghost(&mut self, event: &GhostEvent) {
        let place = match event.what.machine() {
            Some(node) => self.place_of_machine(Some(node)),
            None => self.place(&event.site),
        };
        self.tell(place, |teller| teller.ghost(event));
    }

    /// A process is there again.
    pub(crate) fn back(&mut self, at: Timestamp, node: Option<&str>, who: &str) {
        self.tell(self.place_of_machine(node), |teller| teller.back(at, node, who));
    }

    /// A controller is gone.
    pub(crate) fn controller_lost(&mut self, at: Timestamp, who: &str) {
        self.tell(0, |teller| teller.controller_lost(at, who));
    }

    /// The site that an object is about; empty where it is about none.
    pub(crate) fn site_of<'a>(&'a self, change: &'a Change) -> &'a str {
        let Some(new) = &change.new else { return "" };
        let of_change = |name: &Value| self.changes.get(name.as_str().unwrap_or_default()).map_or("", String::as_str);
        match &*change.kind {
            "CrmSite" => new["metadata"]["name"].as_str().unwrap_or_default(),
            "CrmChange" | "CrmDecision" => new["spec"]["site"].as_str().unwrap_or_default(),
            "Event" if new["regarding"]["kind"] == "CrmSite" => new["regarding"]["name"].as_str().unwrap_or_default(),
            "Event" => of_change(&new["regarding"]["name"]),
            "CrmNode" => refused_change(change).and_then(|name| self.changes.get(name)).map_or("", String::as_str),
            _ => "",
        }
    }

    /// Whether a user of a site cannot work at this moment.
    pub(crate) fn somebody_is_out(&self, site: &str) -> bool {
        self.each.get(self.place(site)).is_some_and(Teller::somebody_is_out)
    }

    /// How long at least one user of a site could not work, up to a moment.
    pub(crate) fn downtime(&self, site: &str, at: Timestamp) -> SignedDuration {
        self.each.get(self.place(site)).map_or(SignedDuration::ZERO, |teller| teller.downtime(at))
    }

    /// The events that came since the last call.
    pub(crate) fn take_new(&mut self) -> Vec<StoryEvent> {
        let new = self.events.get(self.taken..).unwrap_or_default().to_vec();
        self.taken = self.events.len();
        new
    }

    pub(crate) fn has_new(&self) -> bool {
        self.taken < self.events.len()
    }

    pub(crate) fn events(&self) -> &[StoryEvent] {
        &self.events
    }

    fn place(&self, site: &str) -> usize {
        self.each.iter().position(|teller| teller.site == site).unwrap_or(0)
    }

    fn place_of_machine(&self, node: Option<&str>) -> usize {
        node.and_then(|node| self.machines.get(node)).copied().unwrap_or(0)
    }

    /// Lets one of them tell; the line of a date stands once, whoever comes first on that day.
    fn tell(&mut self, place: usize, tell: impl FnOnce(&mut Teller)) {
        let Some(teller) = self.each.get_mut(place) else { return };
        tell(teller);
        for mut event in teller.take_new() {
            if event.date_line.is_some() && event.date_line == self.date_line {
                event.date_line = None;
            } else if event.date_line.is_some() {
                self.date_line.clone_from(&event.date_line);
            }
            self.events.push(event);
        }
    }
}

/// The change of the first order that a node newly refuses.
fn refused_change(change: &Change) -> Option<&str> {
    let results = |node: &'_ Value| node["status"]["results"].as_array().cloned().unwrap_or_default();
    let known = change.old.as_ref().map(|old| results(old)).unwrap_or_default();
    let new = change.new.as_ref()?["status"]["results"].as_array()?;
    let refused = new.iter().find(|result| result["phase"] == "Refused" && !known.contains(result))?;
    refused["id"].as_str()?.split_once('/').map(|(change, _)| change)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
