//! What each product consists of: parts, probes, checks, steps, ordering rules, drift. This is the only place in which a
//! product is known by name.

pub mod superoffice;

use std::collections::BTreeMap;

use crm_api::change::{Purpose, Step};
use crm_api::condition::Wanted;
use crm_api::probe::Probe;
use crm_api::release::CrmReleaseSpec;
use crm_api::site::{FastCgi, Finding, ObservedPart, Product};

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
    /// Folder of the backup set of this hop.
    pub backup_folder: &'a str,
}

impl Hop<'_> {
    /// Whether only settings change.
    #[must_use]
    pub fn is_configuration_only(&self) -> bool {
        self.purpose == Purpose::Configure
    }
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
    /// FastCGI as observed; `None` where it cannot be told.
    fn fast_cgi(&self, view: &View<'_>) -> Option<FastCgi>;
    /// The named checks that a hop must pass, each with its remedy. Only those that found something.
    fn checks(&self, view: &View<'_>, hop: &Hop<'_>) -> Vec<Finding>;
    /// Drift at rest: observation against the verified state.
    fn drift(&self, view: &View<'_>) -> Vec<Finding>;
    /// Conditions for debts that a change left behind.
    fn debts(&self, view: &View<'_>) -> Vec<Wanted>;
    /// The steps of a hop.
    fn steps(&self, view: &View<'_>, hop: &Hop<'_>) -> Vec<Draft>;
    /// The ordering rules.
    fn rules(&self) -> &'static [Rule];
    /// What whoever approves has to know beforehand.
    fn notices(&self, view: &View<'_>, hop: &Hop<'_>) -> Vec<String>;
    /// What a successful change leaves behind for people to do or to know.
    fn aftermath(&self, view: &View<'_>) -> Vec<String>;
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
