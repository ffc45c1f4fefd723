//! Facts about runs.

use std::path::Path;
use std::time::Instant;

use super::{Options, Sandbox};
use crate::file::ScenarioFile;
use crate::report::Outcome;

pub(crate) fn sandbox() -> Sandbox {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/superoffice/server-web-service-7.5-to-8.0.yaml");
    Sandbox::new(ScenarioFile::read(&path).unwrap()).unwrap()
}

#[test]
fn the_main_story_reaches_its_goal() {
    let sandbox = sandbox();
    let begun = Instant::now();
    let mut story = String::new();
    let report = sandbox.run(&Options::default(), &mut |event| story.push_str(&format!("{event}\n"))).unwrap();
    let spent = begun.elapsed();
    std::fs::write("/tmp/story.txt", &story).unwrap();
    assert_eq!(report.outcome, Outcome::Reached, "{story}");
    eprintln!("{spent:?}");
}

#[test]
#[ignore = "a tool: counts calls"]
fn count_calls() {
    let sandbox = sandbox();
    for _ in 0..3 {
        let begun = Instant::now();
        sandbox.run(&Options::default(), &mut |_| {}).unwrap();
        eprintln!("{:?}", begun.elapsed());
    }
    eprintln!("{:#?}", super::stage::COUNTS.lock().unwrap());
}
