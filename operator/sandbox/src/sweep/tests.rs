//! Sweeps over samples of every example. The whole of one: `cargo crm sandbox sweep FILE`.

use std::path::Path;

use super::Sample;
use crate::file::{ScenarioFile, scenarios_in};
use crate::run::Sandbox;

/// The story whose sample is larger.
const MAIN: &str = "server-web-service-7.5-to-8.0";
/// Kills of the main story.
const OF_MAIN: usize = 40;
/// Kills of each other story.
const OF_OTHERS: usize = 4;

/// `SWEEP_SEED=N` takes another sample, and other chances with it.
#[expect(clippy::print_stdout, reason = "whoever asks for the output of a sweep sees how far it went")]
#[test]
fn a_kill_anywhere_comes_to_the_same_end() {
    let seed = std::env::var("SWEEP_SEED").map_or(0, |number| number.parse().unwrap());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/superoffice");
    let mut wrong = String::new();
    for path in scenarios_in(&folder).unwrap() {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let sample = if stem == MAIN { OF_MAIN } else { OF_OTHERS };
        let sandbox = Sandbox::new(ScenarioFile::read(&path).unwrap()).unwrap();
        match sandbox.sweep(seed, Sample::Some(sample), &|_, _| {}) {
            Ok(report) if report.is_clean() => {
                assert!(report.controller_writes > 0 && (stem != MAIN || report.agent_deeds > 0), "{report}");
                println!("{report}");
            }
            Ok(report) => wrong.push_str(&format!("{report}\n")),
            Err(error) => wrong.push_str(&format!("{stem}, seed {seed}: {error}\n")),
        }
    }
    assert_eq!(wrong, "");
}

#[test]
fn a_sample_is_chosen_by_its_seed_and_never_larger_than_the_whole() {
    let points: Vec<_> =
        (0..50).map(|number| crate::edge::KillPoint::Agent(number, crate::edge::Moment::After)).collect();
    let one = Sample::Some(20).of(points.clone(), 1);
    assert_eq!(one.len(), 20);
    assert_eq!(one, Sample::Some(20).of(points.clone(), 1));
    assert_ne!(one, Sample::Some(20).of(points.clone(), 2));
    assert_eq!(Sample::Some(60).of(points.clone(), 1), points);
}
