//! The whole sweep of the main scenario.

use crate::run::tests::sandbox;

#[test]
fn a_kill_anywhere_comes_to_the_same_end() {
    let report = sandbox().sweep(0, &|_, _| {}).unwrap();
    std::fs::write("/tmp/sweep.txt", report.to_string()).unwrap();
    assert!(report.is_clean(), "{report}");
}
