//! Properties of every plan over random sites: topologies, releases to start from and to reach, settings, what other hands
//! have left. A plan obeys every rule of the vendor, planned and carried out, says why, has no step twice, ends at its goal
//! hop by hop; a refusal names a remedy.

mod sketch;

use std::collections::BTreeSet;

use crm_api::change::{ChangePhase, CrmChangeSpec, Executor, Purpose};
use crm_api::database::Session;
use crm_api::database::superoffice::DATABASE_VERSION;
use crm_api::site::{Attachments, FastCgi, Finding, Product};
use proptest::prelude::*;

use super::fixture::{OLD, whole_catalogue};
use super::{one_host, vendor_order};
use crate::intent::Standing;
use crate::products;
use sketch::{OVER_HTTPS, Sketch, WITH_KEYS, number, site, sketches};

fn is_sound(change: &CrmChangeSpec) -> Result<(), TestCaseError> {
    let kind = |id: &str| id.split('@').next().unwrap_or_default().to_owned();
    for rule in products::of(Product::SuperOffice).rules(change.purpose) {
        let last_before = change.steps.iter().rposition(|step| kind(&step.id) == rule.before);
        let first_after = change.steps.iter().position(|step| kind(&step.id) == rule.after);
        if let (Some(before), Some(after)) = (last_before, first_after) {
            prop_assert!(before < after, "{}: {} must come before {}", rule.name, rule.before, rule.after);
        }
    }
    let mut ids = BTreeSet::new();
    for (place, step) in change.steps.iter().enumerate() {
        prop_assert!(ids.insert(&step.id), "{} is there twice", step.id);
        prop_assert!(!step.why.is_empty() && !step.rules.is_empty(), "{} says no reason", step.id);
        for before in &step.after {
            prop_assert!(change.steps[..place].iter().any(|earlier| earlier.id == *before));
        }
    }
    vendor_allows(change)
}

/// The vendor's rules, stated without the planner's table.
fn vendor_allows(change: &CrmChangeSpec) -> Result<(), TestCaseError> {
    if change.purpose == Purpose::Restore {
        return Ok(());
    }
    let ids: Vec<&str> = change.steps.iter().map(|step| step.id.as_str()).collect();
    vendor_order::places(&ids).and_then(|()| vendor_order::counts(change)).map_err(TestCaseError::fail)
}

/// Rules that are facts: where one is missing, nothing is planned.
fn has_what_the_vendor_demands(sketch: &Sketch, change: &CrmChangeSpec) -> Result<(), TestCaseError> {
    let (to, around) = (sketch.to, sketch.around);
    let upgrades = change.purpose == Purpose::Upgrade;
    let has_service = !sketch.service.is_empty();
    prop_assert!(!upgrades || sketch.travellers == 0, "rule 3: {} travellers are out", sketch.travellers);
    let needs = upgrades && OVER_HTTPS.contains(&to) && has_service;
    prop_assert!(!needs || around.https, "rule 5: {to} without HTTPS");
    let drops_remote = OVER_HTTPS.contains(&to);
    prop_assert!(
        !(upgrades && drops_remote && around.remote && !sketch.web.is_empty()),
        "rule 6: {to} with a remote NetServer behind Web"
    );
    let asks = upgrades && WITH_KEYS.contains(&change.to.as_str()) && has_service;
    prop_assert!(!asks || around.key.is_some(), "rule 14: nobody could read whether there is a key");
    for step in change.steps.iter().filter(|step| step.id.starts_with("run-upgrade-exe@") && asks) {
        let by_hand = matches!(step.executor, Executor::Attended { .. });
        prop_assert!(by_hand || around.key == Some(true), "rule 14: {} would ask for a key", step.id);
    }
    // Rule 25: nobody is told to uninstall a client while Web does not serve yet; it is owed afterwards.
    for step in &change.steps {
        let text = format!("{} {:?}", step.title, step.executor).to_lowercase();
        prop_assert!(!(text.contains("uninstall") && text.contains("windows client")), "rule 25: {}", step.id);
    }
    Ok(())
}

fn say_what_to_do(findings: &[Finding]) -> Result<(), TestCaseError> {
    prop_assert!(!findings.is_empty(), "a refusal without a reason");
    for finding in findings {
        prop_assert!(!finding.message.is_empty() && !finding.remedy.is_empty(), "{}: no remedy", finding.check);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_site_is_its_plan_is_sound_and_a_refusal_names_a_remedy(sketch in sketches()) {
        let mut site = site(&sketch);
        if sketch.clients.is_some() {
            let at_work = Session { id: 61, host: "PC-1".to_owned(), program: "SuperOffice CRM".to_owned(), login: "ann".to_owned() };
            site.snapshot.database.as_mut().unwrap().sessions = vec![at_work];
        }
        match site.plan().standing {
            Standing::Proposed { change, .. } => {
                is_sound(&change)?;
                has_what_the_vendor_demands(&sketch, &change)?;
            }
            Standing::Refused { findings } => say_what_to_do(&findings)?,
            Standing::HalfDone { found } => {
                say_what_to_do(&found.findings())?;
                for plan in [&found.forward, &found.back].into_iter().flatten() {
                    is_sound(plan)?;
                    let schema = plan.steps.iter().any(|step| step.id.starts_with("upgrade-database"));
                    let shows = site.snapshot.database.as_ref().ok().and_then(|facts| facts.value(DATABASE_VERSION));
                    prop_assert!(!schema || shows != Some(plan.to_number.as_str()), "the schema is there already");
                }
                for why in [&found.forward, &found.back].into_iter().filter_map(|way| way.as_ref().err()) {
                    prop_assert!(!why.is_empty());
                }
            }
            Standing::Settled => prop_assert_eq!(number(sketch.from).or(Some(OLD.to_owned())), number(sketch.to)),
            Standing::Observing { missing } => prop_assert!(missing.iter().all(|text| !text.is_empty())),
            other => prop_assert!(false, "nothing is under way: {other:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_that_is_carried_out_ends_at_its_goal(sketch in sketches()) {
        let mut site = site(&sketch);
        let goal = match site.plan().standing {
            Standing::Proposed { change, .. } => change,
            Standing::HalfDone { found } => match found.forward {
                Ok(plan) => {
                    site.say_of(&plan.plan_hash, crm_api::decision::Word::Forward);
                    plan
                }
                Err(_) => return Ok(()),
            },
            _ => return Ok(()),
        };
        site.turn();
        site.run_to("never");
        let first = site.snapshot.changes.first().unwrap().clone();
        prop_assert_eq!(&first.spec.plan_hash, &goal.plan_hash);
        prop_assert_eq!(&first.spec.to, &goal.to);
        carried_out(&first)?;
        // A path goes on by itself, each hop a change of its own.
        for hop in 1..=HOPS_MAX {
            site.turn();
            site.turn();
            if site.snapshot.changes.len() == hop {
                break;
            }
            site.run_to("never");
            let last = site.snapshot.changes.last().unwrap().clone();
            prop_assert_eq!(last.spec.from.clone(), site.snapshot.changes[hop - 1].spec.to.clone());
            carried_out(&last)?;
        }
        if goal.purpose != Purpose::Forward {
            let end = site.plan().standing;
            prop_assert_eq!(&end, &Standing::Settled);
            let verified = site.snapshot.site.status.as_ref().and_then(|status| status.verified.clone());
            prop_assert_eq!(verified.map(|verified| verified.version), declared(&sketch));
        }
    }

    #[test]
    fn a_site_that_moves_to_one_host_obeys_the_vendor_too(
        way in 0..3_usize,
        fast_cgi in proptest::sample::select(vec![FastCgi::Enabled, FastCgi::Disabled]),
        attachments in proptest::sample::select(vec![None, Some(Attachments::Deferred), Some(Attachments::DuringUpgrade)]),
    ) {
        let mut site = one_host::on_the_way(way);
        site.spec().fast_cgi = Some(fast_cgi);
        site.spec().super_office.as_mut().unwrap().attachments = attachments;
        match site.plan().standing {
            Standing::Proposed { change, .. } => {
                is_sound(&change)?;
                prop_assert!(change.steps.iter().any(|step| step.id.starts_with("move-")), "nothing moves");
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }
}

/// Hops from the oldest release to the newest.
const HOPS_MAX: usize = 6;

/// The name of the release that is declared.
fn declared(sketch: &Sketch) -> Option<String> {
    let releases = whole_catalogue();
    releases.iter().find(|known| known.spec.is_called(sketch.to)).map(|known| known.spec.version.clone())
}

/// A change that succeeded, with its steps in the order in which they were begun.
fn carried_out(change: &crm_api::CrmChange) -> Result<(), TestCaseError> {
    let record = change.status.clone().unwrap_or_default();
    prop_assert_eq!(record.phase, ChangePhase::Succeeded, "{:?}", record);
    let begun: Vec<&str> = record.steps.iter().map(|result| result.id.as_str()).collect();
    prop_assert_eq!(begun.len(), change.spec.steps.len());
    vendor_order::places(&begun).map_err(TestCaseError::fail)
}
