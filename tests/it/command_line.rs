//! The command line itself: help with examples for every command, completion, exit codes told in one place, and the
//! reference that is generated from it.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;

use clap::CommandFactory as _;
use kubectl_crm::arguments::Arguments;
use kubectl_crm::{Exit, Screen, Streams, exit_codes, run};

use crate::files::{golden, repository};

fn call(line: &str) -> (Exit, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let words = ["kubectl-crm"].into_iter().chain(line.split(' ')).map(OsString::from);
    let mut streams =
        Streams { input: &mut std::io::empty(), out: &mut out, err: &mut err, screen: Screen::Pipe, attended: false };
    let exit = run(words, &mut streams);
    (exit, String::from_utf8(out).unwrap() + &String::from_utf8(err).unwrap())
}

/// Every command that does something, with its words.
fn leaves(command: &clap::Command, path: &str, found: &mut Vec<(String, clap::Command)>) {
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        let path = format!("{path} {}", inner.get_name());
        if inner.has_subcommands() {
            leaves(inner, &path, found);
        } else {
            found.push((path, inner.clone()));
        }
    }
}

fn all() -> Vec<(String, clap::Command)> {
    let mut found = Vec::new();
    let mut whole = Arguments::command();
    whole.build();
    leaves(&whole, "kubectl crm", &mut found);
    found
}

#[test]
fn every_command_has_help_with_an_example_that_names_it() {
    for (path, command) in all() {
        if path.ends_with("exit-codes") {
            continue;
        }
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.contains("Examples:") && help.contains(&path), "{path} has no example: {help}");
    }
}

#[test]
fn every_command_says_its_exit_codes_and_speaks_to_programs() {
    let answers: Vec<_> =
        all().into_iter().filter(|(path, _)| !path.ends_with("completion") && !path.ends_with("exit-codes")).collect();
    assert!(answers.len() > 15, "{}", answers.len());
    for (path, command) in answers {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.contains("Exit codes:"), "{path} does not say its exit codes: {help}");
        let output = command.get_arguments().find(|argument| argument.get_id() == "output");
        let values = output.map(|output| output.get_possible_values()).unwrap_or_default();
        assert!(values.iter().any(|value| value.get_name() == "json"), "{path} has no -o json");
        // Whoever can change something can look first, and has to say yes.
        let says = ["approve", "attend", "attest", "retry", "restore", "forward", "hold", "resume", "stop", "override"];
        let changes = says.iter().any(|word| path.ends_with(&format!(" {word}")));
        for option in ["dry_run", "yes", "reason"] {
            let has = command.get_arguments().any(|argument| argument.get_id() == option);
            assert_eq!(has, changes, "{path}: {option}");
        }
    }
}

#[test]
fn the_reference_is_what_the_help_says() {
    let mut text = "# kubectl crm: every command\n\nGenerated from the command line's own help: \
                    `UPDATE=1 cargo test -p crm-tests command_line`.\n\n## Exit codes\n\n```\n"
        .to_owned();
    text += exit_codes::TEXT;
    text += "```\n";
    for (path, mut command) in all() {
        let help = command.render_long_help().to_string();
        let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
        let _ = write!(text, "\n## {path}\n\n```\n{}\n```\n", lines.join("\n").trim_end());
    }
    golden(&repository().join("operator/guides/kubectl-crm.md"), &text);
}

#[test]
fn exit_codes_are_told_in_one_place_and_the_readme_has_them() {
    let (exit, text) = call("exit-codes");
    assert_eq!((exit, text.as_str()), (Exit::Good, exit_codes::TEXT));
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    assert!(readme.contains(exit_codes::TEXT), "README.md tells other exit codes than `kubectl crm exit-codes`");
}

#[test]
fn completion_scripts_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let (exit, text) = call(&format!("completion {shell}"));
        assert_eq!(exit, Exit::Good);
        assert!(text.contains("kubectl-crm") && text.contains("approve") && text.contains("drift"), "{shell}: {text}");
    }
    assert_eq!(call("completion nushell").0, Exit::BadInput);
}

#[test]
fn without_a_cluster_the_way_to_one_is_named() {
    let (exit, text) = call("explain contoso --kubeconfig /nowhere/config");
    assert_eq!(exit, Exit::Unanswered, "{text}");
    assert!(text.contains("no way to a cluster") && text.contains("KUBECONFIG"), "{text}");
}

#[test]
fn an_empty_file_is_no_declaration() {
    let empty = std::env::temp_dir().join(format!("kubectl-crm-empty-{}.yaml", std::process::id()));
    fs::write(&empty, "# nothing yet\n").unwrap();
    let (exit, text) = call(&format!("plan -f {}", empty.display()));
    fs::remove_file(&empty).unwrap();
    assert_eq!(exit, Exit::BadInput);
    assert!(text.contains("holds no document"), "{text}");
}

#[test]
fn a_fault_at_a_step_that_no_plan_has_is_refused_with_the_steps() {
    let scenario = repository().join("examples/superoffice/server-web-service-7.5-to-8.0.yaml");
    let (exit, text) = call(&format!("sandbox run {} --fault agent-lost@upgrade-wbe", scenario.display()));
    assert_eq!(exit, Exit::BadInput, "{text}");
    assert!(text.contains("no plan of this run has such a step") && text.contains("upgrade-web@contoso-app"), "{text}");
}
