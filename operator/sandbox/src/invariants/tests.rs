//! The checks bite: each planted bug removes one guard of the shipping system, and an invariant notices.

use crate::invariants::Invariant;
use crate::plants::Plant;
use crate::report::Outcome;
use crate::run::Options;
use crate::run::tests::{sandbox, story};

#[test]
fn every_planted_bug_is_caught_by_its_invariant() {
    let sandbox = sandbox();
    let mut wrong = Vec::new();
    for plant in Plant::ALL {
        let report = sandbox.run_planted(plant, 0).unwrap();
        let caught = matches!(&report.outcome, Outcome::Violated(it) if it.invariant == plant.caught_by());
        if !caught {
            wrong.push(format!("{}: {}\n{}", plant.name(), report.outcome, story(&report)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn the_undisturbed_story_puts_the_checks_to_the_test() {
    let report = sandbox().run(&Options::default(), &mut |_| {}).unwrap();
    assert_eq!(report.outcome, Outcome::Reached);
    for exercised in &report.exercised {
        // Nothing is run again, and nothing restored, where nothing goes wrong.
        let idle = matches!(exercised.invariant, Invariant::UnknownIsNotAbsent | Invariant::RestoreOnWord);
        let least = u32::from(!idle);
        assert!(exercised.times >= least, "{exercised:?}");
    }
}
