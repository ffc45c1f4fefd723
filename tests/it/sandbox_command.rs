//! `kubectl crm sandbox run` as a person meets it: exit codes, plain lines in a pipe, the live view on a terminal.

use std::ffi::OsString;

use kubectl_crm::{Exit, Pace, Screen, Streams, run};

use crate::files::repository;

const SCENARIO: &str = "examples/superoffice/server-web-service-7.5-to-8.0.yaml";

fn call(words: &[&str], screen: Screen) -> (Exit, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let all = ["kubectl-crm", "sandbox"].iter().chain(words).map(OsString::from);
    let mut streams = Streams { input: &mut std::io::empty(), out: &mut out, err: &mut err, screen, attended: false };
    let exit = run(all, &mut streams);
    (exit, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

fn play(more: &[&str], screen: Screen) -> (Exit, String, String) {
    let scenario = repository().join(SCENARIO);
    let words: Vec<&str> = ["run", scenario.to_str().unwrap()].into_iter().chain(more.iter().copied()).collect();
    call(&words, screen)
}

fn terminal(columns: u16, rows: u16, colours: bool) -> Screen {
    Screen::Terminal { columns, rows, colours, pace: Pace::Unpaced }
}

/// What a terminal shows in the end: the cursor moves up and everything below is cleared.
fn shown(output: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut rest = output;
    while let Some(start) = rest.find("\r\x1b[") {
        lines.extend(rest[..start].lines().map(str::to_owned));
        let (up, after) = rest[start + 3..].split_once("A\x1b[J").unwrap();
        lines.truncate(lines.len() - up.parse::<usize>().unwrap());
        rest = after;
    }
    lines.extend(rest.lines().map(str::to_owned));
    lines
}

/// Without colours: `ESC [ numbers m`.
fn plain(text: &str) -> String {
    let mut pieces = text.split("\x1b[");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |all, piece| all + piece.split_once('m').map_or(piece, |(_, rest)| rest))
}

#[test]
fn in_a_pipe_there_are_plain_lines_and_the_report() {
    let (exit, out, err) = play(&[], Screen::Pipe);
    assert_eq!((exit, err.as_str()), (Exit::Good, ""));
    assert!(!out.contains('\u{1b}') && !out.contains('\r'));
    for part in [
        "adopted  the site is proven to be at 7.5 SR2",
        "version: 7.5 SR2 -> 8.0 SR6",
        "✓ 15/28  upgrade CRM Server and the database schema to 8.0 SR6",
        "reached: the goal is proven",
        "PART       NODE",
        "record      CrmChange contoso-",
    ] {
        assert!(out.contains(part), "{part:?} is missing in:\n{out}");
    }
    // Every step has its line, with number and title.
    for number in 1..=28 {
        assert!(out.contains(&format!("✓ {number:>2}/28  ")), "step {number} is missing in:\n{out}");
    }
}

#[test]
fn on_a_terminal_the_block_is_drawn_in_place_and_leaves_nothing_behind() {
    for columns in [40, 80, 140] {
        let (exit, out, _) = play(&[], terminal(columns, 24, true));
        assert_eq!(exit, Exit::Good);
        assert!(out.contains("step 15 of 28") || columns < 60, "the block was never drawn");
        let widest = plain(&out.replace("\r\x1b[7A\x1b[J", "")).lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(usize::from(columns)), "a line of {widest:?} on a screen of {columns}");
        let shown: Vec<String> = shown(&out).iter().map(|line| plain(line)).collect();
        assert!(!shown.iter().any(|line| line.starts_with('─') || line.contains(" why now ")), "{shown:#?}");
        assert!(shown.iter().any(|line| line.contains("reached: the goal is proven")), "{shown:#?}");
    }
}

#[test]
fn without_colours_and_on_a_low_terminal_nothing_moves() {
    let (_, uncoloured, _) = play(&[], terminal(100, 40, false));
    assert!(!plain(&uncoloured.replace("\r\x1b[7A\x1b[J", "")).contains('\u{1b}'));
    assert!(!uncoloured.contains("\x1b[1m") && !uncoloured.contains("\x1b[32m"));
    let (_, low, _) = play(&[], terminal(100, 8, false));
    assert!(!low.contains('\u{1b}'));
}

#[test]
fn the_story_is_the_same_for_every_screen_and_depends_on_the_seed() {
    let (exit, piped, _) = play(&["--story", "--seed", "3"], Screen::Pipe);
    let (_, on_terminal, _) = play(&["--story", "--seed", "3"], terminal(80, 24, true));
    let (_, other, _) = play(&["--story", "--seed", "4"], Screen::Pipe);
    assert_eq!(exit, Exit::Good);
    assert_eq!(piped, on_terminal);
    assert_ne!(piped, other);
}

#[test]
fn exit_codes_say_how_it_ended() {
    let (exit, out, _) = play(&["--no-people"], Screen::Pipe);
    assert_eq!(exit, Exit::Waiting, "{out}");
    assert!(out.contains("Ended by: an approver"), "{out}");
    let (exit, out, _) = play(&["--fault", "foreign-session"], Screen::Pipe);
    assert_eq!(exit, Exit::BackedOut, "{out}");
    let (exit, _, err) = play(&["--story", "--fault", "backup-truncated"], Screen::Pipe);
    assert_eq!(exit, Exit::BackedOut);
    assert!(err.starts_with("backed out: "), "{err}");
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_program_gets_the_outcome_as_one_document_and_the_same_exit_code() {
    let (exit, out, err) = play(&["-o", "json"], terminal(80, 24, true));
    assert_eq!((exit, err.as_str()), (Exit::Good, ""));
    let run = json(&out);
    assert_eq!((&run["kind"], &run["exitCode"]), (&"SandboxRun".into(), &0.into()));
    let site = &run["sites"][0];
    assert_eq!((&site["site"], &site["outcome"]), (&"crm/contoso".into(), &"Reached".into()));
    assert!(site["downtimeSeconds"].as_i64() > Some(600) && site["change"].is_string(), "{site}");
    assert_eq!(site["backup"]["verified"], true);
    let database = site["versions"].as_array().unwrap().iter().find(|one| one["part"] == "Database").unwrap();
    assert_ne!(database["before"], database["after"]);
    assert!(run["checked"].as_array().unwrap().iter().any(|one| one["times"].as_i64() > Some(0)), "{run}");

    let (exit, out, _) = play(&["-o", "json", "--no-people"], Screen::Pipe);
    assert_eq!((exit, &json(&out)["exitCode"]), (Exit::Waiting, &5.into()));
    let remedy = json(&out)["sites"][0]["remedy"].as_str().unwrap().to_owned();
    assert!(remedy.starts_with("ended by an approver"), "{remedy}");
    let (exit, out, _) = play(&["-o", "yaml", "--fault", "backup-truncated"], Screen::Pipe);
    assert_eq!(exit, Exit::BackedOut);
    assert!(out.contains("outcome: BackedOut") && out.contains("exitCode: 3"), "{out}");
    let (exit, _, err) = play(&["-o", "json", "--story"], Screen::Pipe);
    assert_eq!(exit, Exit::BadInput, "{err}");
    let (_, out, _) = call(&["run", "--list-faults", "-o", "json"], Screen::Pipe);
    assert!(json(&out).as_array().unwrap().iter().any(|one| one["name"] == "backup-truncated"), "{out}");
}

#[test]
fn a_program_gets_what_a_sweep_found() {
    let scenario = repository().join(SCENARIO);
    let (exit, out, _) =
        call(&["sweep", scenario.to_str().unwrap(), "--sample", "2", "-o", "json"], terminal(80, 24, true));
    let sweep = json(&out);
    assert_eq!((exit, &sweep["kind"], &sweep["exitCode"]), (Exit::Good, &"SandboxSweep".into(), &0.into()));
    assert_eq!((&sweep["points"], &sweep["different"]), (&2.into(), &0.into()));
}

#[test]
fn mistakes_of_the_command_line_and_of_the_file_are_told_from_outcomes() {
    let (exit, _, err) = play(&["--fault", "tea-break"], Screen::Pipe);
    assert_eq!(exit, Exit::BadInput);
    assert!(err.contains("no fault is called tea-break; there are"), "{err}");
    let (exit, _, err) = call(&["run", "/nowhere/scenario.yaml"], Screen::Pipe);
    assert_eq!(exit, Exit::BadInput);
    assert!(err.starts_with("/nowhere/scenario.yaml: cannot be opened"), "{err}");
    let (exit, out, _) = call(&["run", "--list-faults"], Screen::Pipe);
    assert_eq!(exit, Exit::Good);
    assert!(out.contains("backup-truncated  (usually at back-up-database)"), "{out}");
    let (exit, out, _) = call(&["run", "--help"], Screen::Pipe);
    assert_eq!(exit, Exit::Good);
    assert!(out.contains("Exit codes:") && out.contains("Examples:"), "{out}");
}
