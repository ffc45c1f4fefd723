//! What each product consists of: parts, probes, checks, steps, ordering rules, drift. This is the only place in which a
//! product is known by name.

pub mod superoffice;

use std::collections::BTreeMap;

use crm_api::CrmBackup;
use crm_api::change::{Purpose, Step};
use crm_api::condition::{Kind, Wanted};
use crm_api::probe::Probe;
use crm_api::release::CrmReleaseSpec;
use crm_api::site::{Component, FastCgi, Finding, ObservedPart, Product};

use crate::view::View;

/// The goal of one hop.
#[derive(Clone, Copy, Debug)]
pub struct Hop<'a> {
    /// What it is for.
    pub purpose: Purpose,
    /// Where the site is.
    pub from: &'a CrmReleaseSpec,
    /// Where it shall be; equal to `from` where only settings change.
    pub to: &'a CrmReleaseSpec,
    /// FastCGI as it is.
    pub fast_cgi_now: Option<FastCgi>,
    /// FastCGI as it shall be.
    pub fast_cgi: Option<FastCgi>,
    /// Declared parts that are not there, `Part` or `Part@node`.
    pub absent: &'a [String],
    /// Those of them that this hop installs.
    pub installs: &'a [String],
    /// Keys of the parts that do not show the new release yet; only where a half-done site is finished.
    pub behind: &'a [String],
    /// The drift that it takes away, `Check` or `Check@node`; only where the purpose is a correction.
    pub corrects: &'a [String],
    /// Folder of the backup set of this hop.
    pub backup_folder: &'a str,
    /// The set that everything comes back from; only where the purpose is a restore.
    pub set: Option<&'a CrmBackup>,
    /// The change that leaves the site closed for this hop.
    pub takes_over: Option<&'a str>,
}

impl<'a> Hop<'a> {
    /// From one release to another, with nothing said beyond that: whoever plans one says what else there is.
    #[must_use]
    pub fn between(purpose: Purpose, from: &'a CrmReleaseSpec, to: &'a CrmReleaseSpec) -> Self {
        Self {
            purpose,
            from,
            to,
            fast_cgi_now: None,
            fast_cgi: None,
            absent: &[],
            installs: &[],
            behind: &[],
            corrects: &[],
            backup_folder: "",
            set: None,
            takes_over: None,
        }
    }
}

impl Hop<'_> {
    /// Whether a component is installed on a node by this hop, as opposed to upgraded there.
    #[must_use]
    pub fn is_new(&self, component: Component, node: &str) -> bool {
        is_in(self.installs, component, node)
    }

    /// The nodes that carry a component before this hop, in declared order.
    #[must_use]
    pub fn standing<'v>(&self, view: &View<'v>, component: Component) -> Vec<&'v str> {
        let nodes = view.nodes_of(component).iter().map(String::as_str);
        nodes.filter(|node| !is_in(self.absent, component, node)).collect()
    }

    /// The nodes that receive a component by this hop, in declared order.
    #[must_use]
    pub fn newcomers<'v>(&self, view: &View<'v>, component: Component) -> Vec<&'v str> {
        view.nodes_of(component).iter().map(String::as_str).filter(|node| self.is_new(component, node)).collect()
    }

    /// The nodes on which this hop touches a component: all that carry it, or, where the release stays, the newcomers.
    /// A hop that changes settings only touches all of them.
    #[must_use]
    pub fn changed<'v>(&self, view: &View<'v>, component: Component) -> Vec<&'v str> {
        if self.is_configuration_only() && !self.installs.is_empty() {
            return self.newcomers(view, component);
        }
        self.carriers(view, component)
    }

    /// The nodes that carry a component after this hop, in declared order.
    #[must_use]
    pub fn carriers<'v>(&self, view: &View<'v>, component: Component) -> Vec<&'v str> {
        let nodes = view.nodes_of(component).iter().map(String::as_str);
        nodes.filter(|node| self.is_new(component, node) || !is_in(self.absent, component, node)).collect()
    }

    /// Whether only settings change, be it to what is declared or back to what was proven.
    #[must_use]
    pub fn is_configuration_only(&self) -> bool {
        matches!(self.purpose, Purpose::Configure | Purpose::Correct)
    }

    /// The nodes on which a correction takes a kind of drift away; an empty name stands for the site as a whole.
    pub fn corrected(&self, check: &str) -> impl Iterator<Item = &str> {
        self.corrects.iter().filter_map(move |key| match key.split_once('@') {
            Some((name, node)) => (name == check).then_some(node),
            None => (key == check).then_some(""),
        })
    }
}

/// Whether and when drift can be taken away without a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Correctable {
    /// Never: a person has to.
    No,
    /// Not as things stand, and why.
    NotYet(String),
    /// At any time: nobody is interrupted.
    AtOnce,
    /// Inside a window: somebody may be interrupted.
    InWindow,
}

pub(crate) fn is_in(parts: &[String], component: Component, node: &str) -> bool {
    parts.iter().any(|part| part.split_once('@') == Some((component.name(), node)))
}

/// Something that other hands left half done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftBehind {
    /// CamelCase word.
    pub reason: &'static str,
    /// Drift class.
    pub class: &'static str,
    /// Node concerned, where there is one.
    pub node: Option<String>,
    /// What was seen.
    pub message: String,
}

/// Whose place the reason of a rule explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Explains {
    /// That of the step that comes first.
    Before,
    /// That of the step that follows.
    After,
    /// That of both.
    Both,
}

/// One rule of the order, with its source.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Name by which steps and texts refer to it.
    pub name: &'static str,
    /// Whose place the reason explains.
    pub explains: Explains,
    /// Kind of the step that comes first.
    pub before: &'static str,
    /// Kind of the step that follows.
    pub after: &'static str,
    /// Why.
    pub because: &'static str,
    /// Who says so.
    pub source: &'static str,
}

/// The steps of one hop before they are sorted: declared order breaks ties.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Kind, without the node.
    pub kind: &'static str,
    /// The step; `after`, `why` and `rules` are filled in by sorting.
    pub step: Step,
}

/// What the planner asks of a product.
pub trait ProductRules: Sync {
    /// The questions that each node's agent shall answer, at rest and during a change.
    fn probes(&self, view: &View<'_>) -> BTreeMap<String, Vec<Probe>>;
    /// The parts of the site and the versions that they show.
    fn parts(&self, view: &View<'_>) -> Vec<ObservedPart>;
    /// Whether a release demands components that a hop to it therefore installs where they are missing.
    fn demands_all(&self, release: &CrmReleaseSpec) -> bool;
    /// FastCGI as it shall be: as declared, or else as observed, or else as the vendor recommends for a new install.
    /// `None` where nothing answers web requests by it.
    fn wanted_fast_cgi(&self, view: &View<'_>, absent: &[String], installs: &[String]) -> Option<FastCgi>;
    /// FastCGI as observed; `None` where it cannot be told.
    fn fast_cgi(&self, view: &View<'_>) -> Option<FastCgi>;
    /// What differs between declaration and observation at the same release, in sentences; a change can mend it.
    fn differences(&self, view: &View<'_>) -> Vec<String>;
    /// The named checks that a hop must pass, each with its remedy. Only those that found something.
    fn checks(&self, view: &View<'_>, hop: &Hop<'_>) -> Vec<Finding>;
    /// Drift at rest: observation against the verified state.
    fn drift(&self, view: &View<'_>) -> Vec<Finding>;
    /// Whether and when a finding of `drift` can be taken away without a person.
    fn correctable(&self, view: &View<'_>, finding: &Finding) -> Correctable;
    /// Conditions for debts that a change left behind.
    fn debts(&self, view: &View<'_>) -> Vec<Wanted>;
    /// Debts that a hop leaves, and that nothing but its record shows: each stays until a person attests it.
    fn owes(&self, view: &View<'_>, hop: &Hop<'_>) -> Vec<Kind>;
    /// What people attest after a change, no step of its plan: its name, and what it is that they say.
    fn attested_afterwards(&self) -> &'static [(&'static str, &'static str)];
    /// Whether a fact of the database moves while nothing else does: it is worth no write of its own.
    fn is_restless(&self, fact: &str) -> bool;
    /// Keys of the parts that a hop takes away for good.
    fn removes(&self, view: &View<'_>, hop: &Hop<'_>) -> Vec<String>;
    /// The steps of a hop.
    fn steps(&self, view: &View<'_>, hop: &Hop<'_>) -> Vec<Draft>;
    /// What other hands left half done, the worst first; `behind` are the parts that the furthest one has left behind.
    fn left_behind(&self, view: &View<'_>, parts: &[ObservedPart], behind: &[String]) -> Vec<LeftBehind>;
    /// The ordering rules of a change for a purpose.
    fn rules(&self, purpose: Purpose) -> &'static [Rule];
    /// What whoever approves has to know beforehand.
    fn notices(&self, view: &View<'_>, hop: &Hop<'_>) -> Vec<String>;
    /// What an orphaned component has left on its node, by the names of Windows and IIS; `None` where it is gone.
    fn left_on(&self, view: &View<'_>, component: Component, node: &str) -> Option<Vec<String>>;
    /// What a successful change leaves behind for people to do or to know.
    fn aftermath(&self, view: &View<'_>) -> Vec<String>;
    /// What an agent's report of a step says beside the evidence that it is done, where a person has to know it.
    fn heard(&self, step: &Step, message: &str) -> Option<String>;
    /// Things that no other change may use at the same time.
    fn claims(&self, view: &View<'_>) -> Vec<String>;
}

/// The rules of a product.
#[must_use]
pub fn of(product: Product) -> &'static dyn ProductRules {
    match product {
        Product::SuperOffice => &superoffice::SuperOffice,
    }
}
