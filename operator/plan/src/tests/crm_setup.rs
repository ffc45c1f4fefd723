//! CrmSetup's own words beside what the database shows.

use super::fixture::Site;
use super::paths::{ask, ready_for_11};

const STEP: &str = "upgrade-database@contoso-app";

/// What the record says of the step that upgrades the database, where its agent reports this.
fn noted(message: &str) -> Vec<String> {
    let (mut site, _) = ready_for_11();
    ask(&mut site, "11.13");
    site.run_to(STEP);
    site.help_on();
    reported(&mut site, message);
    site.wait(1);
    site.turn();
    let result = site.status().result(STEP).unwrap();
    assert_eq!(result.phase, crm_api::change::StepPhase::Verified, "the database shows it: {}", result.evidence);
    site.status().findings.iter().filter(|finding| finding.starts_with(STEP)).cloned().collect()
}

fn reported(site: &mut Site, message: &str) {
    for view in &mut site.snapshot.nodes {
        for result in view.node.status.iter_mut().flat_map(|status| &mut status.results) {
            message.clone_into(&mut result.message);
        }
    }
}

#[test]
fn a_setup_that_did_not_say_that_it_succeeded_is_named_beside_the_proof() {
    assert!(noted("exit code 0; output ends:\nStep 3 of 3\nUpgrade completed successfully").is_empty());
    assert!(noted("exit code 0; output ends:\nNo pending upgrades").is_empty(), "what a second run says");
    let silent = noted("exit code 0; output ends:\nStep 2 of 3");
    assert_eq!(silent.len(), 1, "{silent:?}");
    assert!(silent[0].contains("did not print \"Upgrade completed successfully\""), "{silent:?}");
    assert!(noted("its end was not seen").is_empty(), "what nobody has seen is no silence");
}
