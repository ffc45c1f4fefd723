//! Facts about runs.

use std::path::Path;

use super::{Attendance, Options, Sandbox};
use crate::faults::{ArmedFault, Fault};
use crate::file::ScenarioFile;
use crate::report::{Outcome, RunReport};

pub(crate) fn sandbox() -> Sandbox {
    let path = "../../examples/superoffice/server-web-service-7.5-to-8.0.yaml";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    Sandbox::new(ScenarioFile::read(&path).unwrap()).unwrap()
}

pub(crate) fn story(report: &RunReport) -> String {
    report.story.iter().map(|event| format!("{event}\n")).collect()
}

#[test]
fn the_main_story_reaches_its_goal_and_the_same_seed_tells_it_in_the_same_bytes() {
    let sandbox = sandbox();
    let mut heard = String::new();
    let report = sandbox.run(&Options::default(), &mut |event| heard.push_str(&format!("{event}\n"))).unwrap();
    assert_eq!(report.outcome, Outcome::Reached, "{heard}");
    assert_eq!(heard, story(&report), "the callback hears the whole story");
    let again = sandbox.run(&Options::default(), &mut |_| {}).unwrap();
    assert_eq!(heard, story(&again));
    assert_eq!(report.to_string(), again.to_string());
    let other = sandbox.run(&Options { seed: 1, ..Options::default() }, &mut |_| {}).unwrap();
    assert_eq!(other.outcome, Outcome::Reached);
    assert_ne!(heard, story(&other), "another seed has other delays");
}

#[test]
fn without_people_the_first_wait_stands() {
    let options = Options { people: Attendance::Nobody, ..Options::default() };
    let report = sandbox().run(&options, &mut |_| {}).unwrap();
    let Outcome::Waiting { reason, .. } = &report.outcome else { panic!("{}", report.outcome) };
    assert_eq!(reason, "Approval");
}

#[test]
fn every_fault_ends_as_it_is_documented() {
    let sandbox = sandbox();
    let mut wrong = Vec::new();
    for fault in Fault::all() {
        let options = Options { faults: vec![ArmedFault { fault, step: None }], ..Options::default() };
        let report = sandbox.run(&options, &mut |_| {}).unwrap();
        if report.outcome.word() != fault.ends() {
            wrong.push(format!("{}: {}\n{}", fault.name(), report.outcome, story(&report)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
