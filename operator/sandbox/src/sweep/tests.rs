//! The whole sweep of the main scenario.

use crate::run::tests::sandbox;

#[test]
fn a_kill_anywhere_comes_to_the_same_end() {
    let report = sandbox().sweep(0, &|_, _| {}).unwrap();
    assert!(report.controller_writes > 50 && report.agent_deeds > 50, "{report}");
    assert!(report.is_clean(), "{report}");
}
