//! A snapshot with the questions that decisions ask of it: answers, freshness, versions of parts.

use crm_api::database::DatabaseFacts;
use crm_api::probe::{Answer, Machine, Observation, Probe};
use crm_api::site::{Component, CrmSiteSpec, ObservedPart, PartState, SourceValue};
use jiff::{SignedDuration, Timestamp};

use crate::catalogue::Catalogue;
use crate::snapshot::{NodeView, Snapshot};

/// An agent at rest gives a sign of life every 5 minutes; three missed ones make its facts stale.
pub const STALE_AT_REST: SignedDuration = SignedDuration::from_mins(15);
/// An attentive agent gives one every 30 seconds.
pub const STALE_UNDER_CHANGE: SignedDuration = SignedDuration::from_secs(90);

/// A sign of life from further ahead than this is none: a clock is wrong, or somebody wrote what no agent writes.
pub const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(5);

/// A snapshot, looked at from `now`.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// What was observed.
    pub snapshot: &'a Snapshot,
    /// The site's declaration.
    pub spec: &'a CrmSiteSpec,
    /// The releases of its product.
    pub catalogue: Catalogue<'a>,
    /// The time of the decision.
    pub now: Timestamp,
}

impl<'a> View<'a> {
    /// Looks at a snapshot.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot, now: Timestamp) -> Self {
        let spec = &snapshot.site.spec;
        Self { snapshot, spec, catalogue: Catalogue::of(spec.product, &snapshot.releases), now }
    }

    /// Name of the site.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.snapshot.site.metadata.name.as_deref().unwrap_or_default()
    }

    /// The nodes of a component, in declared order.
    #[must_use]
    pub fn nodes_of(&self, component: Component) -> &'a [String] {
        self.spec.components.iter().find(|placed| placed.name == component).map_or(&[], |placed| &placed.nodes)
    }

    /// All node names of the site, each once, sorted.
    #[must_use]
    pub fn node_names(&self) -> Vec<&'a str> {
        let mut names: Vec<&str> =
            self.spec.components.iter().flat_map(|placed| placed.nodes.iter().map(String::as_str)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// What an agent answered to a question.
    #[must_use]
    pub fn answer(&self, node: &str, probe: &Probe) -> Option<&'a Answer> {
        self.snapshot.node(node)?.node.status.as_ref()?.answer(probe)
    }

    /// What an agent answered to a question, and since when it does.
    #[must_use]
    pub fn observation(&self, node: &str, probe: &Probe) -> Option<&'a Observation> {
        let id = probe.id();
        let status = self.snapshot.node(node)?.node.status.as_ref()?;
        status.observations.iter().find(|observation| observation.id == id)
    }

    /// What an agent says of its machine.
    #[must_use]
    pub fn machine(&self, node: &str) -> Option<&'a Machine> {
        match self.answer(node, &Probe::Machine {})? {
            Answer::Machine(machine) => Some(machine),
            _ => None,
        }
    }

    /// The database, if it could be read.
    #[must_use]
    pub fn database(&self) -> Option<&'a DatabaseFacts> {
        self.snapshot.database.as_ref().ok()
    }

    /// A named fact of the database.
    #[must_use]
    pub fn fact(&self, name: &str) -> Option<&'a str> {
        self.database()?.value(name)
    }

    /// How old a node's facts are; `None` where its agent was never heard.
    #[must_use]
    pub fn age(&self, view: &NodeView) -> Option<SignedDuration> {
        view.heartbeat.map(|at| self.now.duration_since(at))
    }

    /// Whether a node's facts can be leaned on.
    #[must_use]
    pub fn is_fresh(&self, node: &str) -> bool {
        self.snapshot.node(node).is_some_and(|view| {
            let limit = if view.node.spec.is_attentive() { STALE_UNDER_CHANGE } else { STALE_AT_REST };
            self.age(view).is_some_and(|age| age <= limit && age >= -AHEAD_MAX)
        })
    }

    /// Whether a node has answered all the questions that this site asks it now. One that is asked nothing has told
    /// nothing.
    #[must_use]
    pub fn is_answered(&self, node: &str) -> bool {
        let asked = self.snapshot.node(node).and_then(|view| Some((view, view.node.spec.asked_by(self.name())?)));
        asked.filter(|(_, asked)| !asked.probes.is_empty()).is_some_and(|(view, asked)| {
            let status = view.node.status.as_ref();
            status.is_some_and(|status| asked.probes.iter().all(|probe| status.answer(probe).is_some()))
        })
    }

    /// Whether a node's facts were confirmed after a moment.
    #[must_use]
    pub fn confirmed_since(&self, node: &str, since: Timestamp) -> bool {
        let heartbeat = self.snapshot.node(node).and_then(|view| view.heartbeat);
        heartbeat.is_some_and(|at| at >= since && self.now.duration_since(at) >= -AHEAD_MAX)
    }

    /// One part of the site from its sources: all must show the same release, however each of them writes its number.
    #[must_use]
    pub fn part(&self, part: &str, node: Option<&str>, sources: Vec<SourceValue>) -> ObservedPart {
        let stale = node.is_some_and(|node| !self.is_fresh(node));
        let shown = sources.iter().filter_map(|source| source.value.as_deref());
        let mut seen: Vec<&str> = shown.map(|shown| self.catalogue.number_of(shown)).collect();
        seen.sort_unstable();
        seen.dedup();
        let unread = sources.iter().any(|source| source.value.is_none());
        let state = match (stale, seen.len(), unread) {
            (true, _, _) => PartState::Stale,
            (false, 1, false) => PartState::Consistent,
            (false, 0, _) => PartState::Unknown,
            (false, _, _) => PartState::Inconsistent,
        };
        let version = (state == PartState::Consistent).then(|| seen[0].to_owned());
        ObservedPart { part: part.to_owned(), node: node.map(str::to_owned), state, version, sources }
    }
}

/// The key of a part: `Part`, or `Part@node`.
#[must_use]
pub fn part_key(part: &ObservedPart) -> String {
    match &part.node {
        Some(node) => format!("{}@{node}", part.part),
        None => part.part.clone(),
    }
}
