//! SuperOffice CRM on-site, from 7.5: CRM Server and database, Web with NetServer inside, NetServer of its own, Service.
//!
//! - [`layout`]: where things are, and what they are called. [`parts`]: what is asked, and which part shows what version.
//! - [`checks`]: what must be so before a change. [`steps`]: what a change does. [`rules`]: in which order, and why.
//! - [`one_host`]: the move of Web and Service to one host.
//! - [`net_server`]: which NetServer Service works through, and what becomes of one of its own.
//! - [`first_service`]: what a Service that is installed for the first time needs of its node.
//! - [`orphaned`]: what is left of a component that is not declared.
//! - [`settings`]: what a site at its release still lacks against its declaration.
//! - [`clients`]: Windows clients on people's own machines. [`pocket`]: Pocket Server 7 and its phones.
//! - [`half_done`]: what other hands left half done. [`instances`]: Service instances that share a server.
//! - [`drift`]: what is looked for at rest, and what of it is corrected. [`aftermath`]: debts that stay visible.
//! - [`crm_setup`]: what CrmSetup prints.
//! - [`notices`]: what stands before an approval. [`wizards`]: what a site chooses in the vendor's setups.

pub mod address;
pub mod aftermath;
pub mod checks;
pub mod clients;
pub mod crm_setup;
pub mod drift;
pub mod first_service;
pub mod half_done;
pub mod instances;
pub mod layout;
pub mod net_server;
pub mod notices;
pub mod one_host;
pub mod orphaned;
pub mod parts;
pub mod pocket;
pub mod rules;
pub mod settings;
pub mod steps;
pub mod wizards;

use std::collections::BTreeMap;

use crm_api::change::{Purpose, Step};
use crm_api::condition::{Kind, Wanted};
use crm_api::database::superoffice::{ATTACHMENTS, SCHEDULER_HEARTBEAT};
use crm_api::probe::Probe;
use crm_api::release::CrmReleaseSpec;
use crm_api::site::{Component, FastCgi, Finding, ObservedPart};

use super::{Correctable, Draft, Hop, LeftBehind, ProductRules, Rule};
use crate::view::View;
use layout::Layout;

/// The product.
#[derive(Clone, Copy, Debug)]
pub struct SuperOffice;

impl ProductRules for SuperOffice {
    fn probes(&self, view: &View<'_>) -> BTreeMap<String, Vec<Probe>> {
        Layout::of(view).map(|layout| parts::probes(view, &layout)).unwrap_or_default()
    }

    fn parts(&self, view: &View<'_>) -> Vec<ObservedPart> {
        Layout::of(view).map(|layout| parts::parts(view, &layout)).unwrap_or_default()
    }

    fn demands_all(&self, release: &CrmReleaseSpec) -> bool {
        release.super_office.as_ref().is_some_and(|block| block.full_stack)
    }

    fn wanted_fast_cgi(&self, view: &View<'_>, absent: &[String], installs: &[String]) -> Option<FastCgi> {
        parts::wanted_fast_cgi(view, absent, installs)
    }

    fn fast_cgi(&self, view: &View<'_>) -> Option<FastCgi> {
        parts::fast_cgi(view)
    }

    fn differences(&self, view: &View<'_>) -> Vec<String> {
        let all = Layout::of(view).map(|layout| settings::differences(view, &layout)).unwrap_or_default();
        all.iter().map(|difference| difference.message().to_owned()).collect()
    }

    fn checks(&self, view: &View<'_>, hop: &Hop<'_>) -> Vec<Finding> {
        Layout::of(view).map(|layout| checks::run(view, &layout, hop)).unwrap_or_default()
    }

    fn drift(&self, view: &View<'_>) -> Vec<Finding> {
        Layout::of(view).map(|layout| drift::at_rest(view, &layout)).unwrap_or_default()
    }

    fn correctable(&self, view: &View<'_>, finding: &Finding) -> Correctable {
        Layout::of(view).map_or(Correctable::No, |layout| drift::correct::correctable(view, &layout, finding))
    }

    fn debts(&self, view: &View<'_>) -> Vec<Wanted> {
        Layout::of(view).map(|layout| aftermath::debts(view, &layout)).unwrap_or_default()
    }

    fn owes(&self, view: &View<'_>, hop: &Hop<'_>) -> Vec<Kind> {
        Layout::of(view).and_then(|layout| clients::owed(view, &layout, hop)).into_iter().collect()
    }

    fn attested_afterwards(&self) -> &'static [(&'static str, &'static str)] {
        &aftermath::AFTERWARDS
    }

    fn is_restless(&self, fact: &str) -> bool {
        [ATTACHMENTS, SCHEDULER_HEARTBEAT].contains(&fact)
    }

    fn removes(&self, view: &View<'_>, hop: &Hop<'_>) -> Vec<String> {
        let nodes = Layout::of(view).map(|layout| net_server::retired(view, &layout, hop)).unwrap_or_default();
        nodes.iter().map(|node| format!("{}@{node}", Component::NetServer.name())).collect()
    }

    fn steps(&self, view: &View<'_>, hop: &Hop<'_>) -> Vec<Draft> {
        Layout::of(view).map(|layout| steps::steps(view, &layout, hop)).unwrap_or_default()
    }

    fn left_behind(&self, view: &View<'_>, parts: &[ObservedPart], behind: &[String]) -> Vec<LeftBehind> {
        Layout::of(view).map(|layout| half_done::left_behind(view, &layout, parts, behind)).unwrap_or_default()
    }

    fn rules(&self, purpose: Purpose) -> &'static [Rule] {
        rules::of(purpose)
    }

    fn notices(&self, view: &View<'_>, hop: &Hop<'_>) -> Vec<String> {
        Layout::of(view).map(|layout| notices::notices(view, &layout, hop)).unwrap_or_default()
    }

    fn left_on(&self, view: &View<'_>, component: Component, node: &str) -> Option<Vec<String>> {
        orphaned::left_on(view, &Layout::of(view)?, component, node)
    }

    fn aftermath(&self, view: &View<'_>) -> Vec<String> {
        Layout::of(view).map(|layout| aftermath::aftermath(view, &layout)).unwrap_or_default()
    }

    fn heard(&self, step: &Step, message: &str) -> Option<String> {
        crm_setup::silent_about_success(step, message)
    }

    fn claims(&self, view: &View<'_>) -> Vec<String> {
        let database = &view.spec.database;
        let mut claims = vec![format!("database {}/{}", database.server, database.name)];
        claims.extend(view.node_names().iter().map(|node| format!("node {node}")));
        claims
    }
}
