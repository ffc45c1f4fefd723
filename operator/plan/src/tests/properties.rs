//! Properties of every plan, over random topologies.

use crm_api::change::CrmChangeSpec;
use crm_api::site::{Component, FastCgi, Product};
use proptest::prelude::*;

use super::fixture::Site;
use super::vendor_order;
use crate::intent::Standing;
use crate::products;

const NODES: [&str; 4] = ["node-a", "node-b", "node-c", "node-d"];

fn subset() -> impl Strategy<Value = Vec<&'static str>> {
    proptest::sample::subsequence(NODES.to_vec(), 1..=3).prop_shuffle()
}

fn placements() -> impl Strategy<Value = (&'static str, Vec<&'static str>, Vec<&'static str>, bool)> {
    (proptest::sample::select(NODES.to_vec()), subset(), subset(), any::<bool>())
}

fn planned(server: &'static str, web: &[&'static str], service: &[&'static str], fast_cgi: bool) -> CrmChangeSpec {
    let mut site = Site::with_placement(&[
        (Component::CrmServer, &[server]),
        (Component::Web, web),
        (Component::Service, service),
    ]);
    site.spec().fast_cgi = Some(if fast_cgi { FastCgi::Enabled } else { FastCgi::Disabled });
    site.declare("8.0 SR6");
    match site.plan().standing {
        Standing::Proposed { change, .. } => *change,
        other => unreachable!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_plan_obeys_every_rule_and_says_why((server, web, service, fast_cgi) in placements()) {
        let change = planned(server, &web, &service, fast_cgi);
        let kind = |id: &str| id.split('@').next().unwrap_or_default().to_owned();
        for rule in products::of(Product::SuperOffice).rules(change.purpose) {
            let last_before = change.steps.iter().rposition(|step| kind(&step.id) == rule.before);
            let first_after = change.steps.iter().position(|step| kind(&step.id) == rule.after);
            if let (Some(before), Some(after)) = (last_before, first_after) {
                prop_assert!(before < after, "{}: {} must come before {}", rule.name, rule.before, rule.after);
            }
        }
        let ids: Vec<&str> = change.steps.iter().map(|step| step.id.as_str()).collect();
        let allowed = vendor_order::places(&ids).and_then(|()| vendor_order::counts(&change));
        prop_assert_eq!(allowed, Ok(()));
        for (place, step) in change.steps.iter().enumerate() {
            prop_assert!(!step.why.is_empty() && !step.rules.is_empty(), "{} says no reason", step.id);
            for before in &step.after {
                prop_assert!(change.steps[..place].iter().any(|earlier| earlier.id == *before));
            }
        }
    }

    #[test]
    fn the_same_site_gives_the_same_bytes((server, web, service, fast_cgi) in placements()) {
        let bytes = || serde_json::to_string(&planned(server, &web, &service, fast_cgi)).unwrap();
        prop_assert_eq!(bytes(), bytes());
    }

    #[test]
    fn a_schema_change_stands_alone_behind_freeze_proof_and_backup((server, web, service, fast_cgi) in placements()) {
        let change = planned(server, &web, &service, fast_cgi);
        let place = |id: &str| change.steps.iter().position(|step| step.id.starts_with(id)).unwrap();
        let database = place("upgrade-database@");
        let count = change.steps.iter().filter(|step| step.id.starts_with("upgrade-database")).count();
        prop_assert_eq!(count, 1);
        for earlier in ["stop-scheduler@", "freeze@", "stop-writers@", "prove-alone", "back-up-database", "verify-backup"] {
            prop_assert!(place(earlier) < database);
        }
    }

    #[test]
    fn every_plan_ends_at_the_goal_and_there_is_nothing_left_to_do((server, web, service, fast_cgi) in placements()) {
        let mut site = Site::with_placement(&[
            (Component::CrmServer, &[server]),
            (Component::Web, &web),
            (Component::Service, &service),
        ]);
        site.spec().fast_cgi = Some(if fast_cgi { FastCgi::Enabled } else { FastCgi::Disabled });
        site.declare("8.0 SR6");
        site.run_to("never");
        site.turn();
        prop_assert_eq!(site.plan().standing, Standing::Settled);
    }
}
