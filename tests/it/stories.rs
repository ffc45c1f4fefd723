//! Whole changes in the sandbox, told as stories: the shipping controller and agents against the simulated world.

use std::fmt::Write as _;

use crm_sandbox::faults::{ArmedFault, Fault};
use crm_sandbox::file::{ScenarioFile, scenarios_in};
use crm_sandbox::report::{Outcome, RunReport};
use crm_sandbox::run::{Attendance, Options, Sandbox};
use kubectl_crm::{Exit, Screen, Streams};
use similar::{ChangeTag, TextDiff};

use crate::files::{compare, golden, repository};

const MAIN: &str = "examples/superoffice/server-web-service-7.5-to-8.0.yaml";

/// The main scenario, as `cargo crm sandbox run` reads it.
pub(crate) fn main_scenario() -> Sandbox {
    Sandbox::new(ScenarioFile::read(&repository().join(MAIN)).unwrap()).unwrap()
}

fn run(options: &Options) -> RunReport {
    main_scenario().run(options, &mut |_| {}).unwrap()
}

/// What the command line prints, and how it ends.
fn command(words: &[&str]) -> (Exit, String) {
    let file = repository().join(MAIN);
    let mut all = vec!["kubectl-crm".into(), "sandbox".into(), "run".into(), file.into_os_string()];
    all.extend(words.iter().map(Into::into));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut streams =
        Streams { input: &mut std::io::empty(), out: &mut out, err: &mut err, screen: Screen::Pipe, attended: false };
    let exit = kubectl_crm::run(all, &mut streams);
    (exit, String::from_utf8(out).unwrap())
}

/// The lines of a story without their times: a fault moves everything behind it.
fn timeless(story: &str) -> Vec<String> {
    story.lines().map(|line| format!("{}\n", line.get(10..).unwrap_or(line))).collect()
}

/// Every scenario among the examples tells the story in `tests/golden`, and ends as it says. Its crash sweep is a test of
/// the sandbox.
#[test]
fn every_example_tells_its_story_and_ends_as_it_says() {
    let mut wrong = String::new();
    for path in scenarios_in(&repository().join("examples/superoffice")).unwrap() {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let sandbox = Sandbox::new(ScenarioFile::read(&path).unwrap()).unwrap();
        let report = sandbox.run(&Options::default(), &mut |_| {}).unwrap();
        let ends = sandbox.file().scenario.spec.ends;
        if !report.ends_as_announced {
            let _ = writeln!(wrong, "{stem}: shall end {ends:?}; {}", report.outcome);
        }
        let story: String = report.story.iter().map(|event| format!("{event}\n")).collect();
        if let Err(difference) = compare(&repository().join(format!("tests/golden/{stem}.txt")), &story) {
            let _ = writeln!(wrong, "{difference}");
        }
    }
    assert_eq!(wrong, "");
}

#[test]
fn the_same_seed_tells_the_same_bytes_and_another_seed_ends_at_the_same_goal() {
    assert_eq!(command(&["--story"]).1, command(&["--story"]).1);
    let mut other_times = false;
    for seed in 1..4 {
        let report = run(&Options { seed, ..Options::default() });
        assert_eq!(report.outcome, Outcome::Reached, "seed {seed}");
        assert_eq!(report.digest, run(&Options::default()).digest, "seed {seed} leaves the same world");
        other_times |= report.duration != run(&Options::default()).duration;
    }
    assert!(other_times, "the seed decides about durations");
}

#[test]
fn the_report_shows_what_an_administrator_asks_for() {
    let (_, text) = command(&[]);
    for expected in ["7.5.5885", "8.0.6465", "could not work", "contoso-", "41250 attachments", "templates_", ".bak"] {
        assert!(text.contains(expected), "the report does not show {expected}:\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "no escape codes in a pipe");
}

/// Each fault as its difference from the main story, and its documented outcome.
#[test]
fn every_fault_ends_as_documented() {
    let usual = timeless(&command(&["--story"]).1);
    for fault in Fault::all() {
        let (exit, story) = command(&["--story", "--fault", fault.name()]);
        let told = timeless(&story);
        let (old, new): (String, String) = (usual.concat(), told.concat());
        let diff = TextDiff::from_lines(&old, &new);
        let mut text = format!("fault: {}\noutcome: {}\nends: {exit:?}\n\n", fault.name(), fault.outcome());
        for change in diff.iter_all_changes() {
            let sign = match change.tag() {
                ChangeTag::Delete => "-",
                ChangeTag::Insert => "+",
                ChangeTag::Equal => continue,
            };
            let _ = write!(text, "{sign} {}", change.value());
        }
        golden(&repository().join(format!("tests/golden/faults/{}.txt", fault.name())), &text);
        let expected = match fault.name() {
            "backup-truncated" | "foreign-session" => Exit::BackedOut,
            "reboot-in-mid-step" | "ended-in-mid-step" => Exit::Halted,
            _ => Exit::Good,
        };
        assert_eq!(exit, expected, "{}: {}", fault.name(), fault.outcome());
    }
}

#[test]
fn a_change_that_was_taken_back_leaves_the_site_open_at_its_old_version() {
    for fault in ["backup-truncated", "foreign-session"] {
        let armed: ArmedFault = fault.parse().unwrap();
        let report = run(&Options { faults: vec![armed], ..Options::default() });
        assert!(matches!(report.outcome, Outcome::BackedOut(_)), "{fault}: {:?}", report.outcome);
        let site = report.first.final_site.unwrap();
        assert_eq!(site["status"]["verified"]["version"], "7.5 SR2", "{fault}");
        assert_eq!(site["status"]["drift"], "none", "{fault}: open and at work");
    }
}

#[test]
fn without_people_every_wait_stands() {
    let report = run(&Options { people: Attendance::Nobody, ..Options::default() });
    let Outcome::Waiting { .. } = &report.outcome else { panic!("{:?}", report.outcome) };
    assert_eq!(report.happened.programs, 0, "no vendor program was started");
    let site = report.first.final_site.unwrap();
    assert_eq!(site["status"]["verified"]["version"], "7.5 SR2");
}
