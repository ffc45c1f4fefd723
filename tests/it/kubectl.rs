//! The sandbox that is opened for kubectl, and what is true of the sandbox alone.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crm_tests::kubectl::reading::{self, Place};
use crm_tests::kubectl::terminal::Terminal;
use crm_tests::kubectl::{change, writing};
use serde_json::Value;

use crate::files::repository;

/// `kubectl crm sandbox start`, as a process of its own.
struct Home {
    child: Child,
    opened: Value,
}

impl Home {
    fn open(words: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_crm-under-test"))
            .args(["sandbox", "start", "-o", "json"])
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut text = String::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
            text.push_str(&line);
            if line == "}" {
                break;
            }
        }
        let opened = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        Self { child, opened }
    }

    fn text(&self, field: &str) -> &str {
        self.opened[field].as_str().unwrap()
    }

    /// A terminal at this sandbox, with the plugin on its PATH.
    fn terminal(&self, name: &str) -> Terminal {
        let folder = std::env::temp_dir().join(format!("crm-kubectl-{}-{name}", std::process::id()));
        let program = Path::new(env!("CARGO_BIN_EXE_crm-under-test"));
        Terminal::with_plugin(Path::new(self.text("kubeconfig")), folder, program)
    }

    /// Ends it as a person or a service manager does.
    fn end(mut self, signal: &str) -> Option<i32> {
        let ended = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(ended.success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const AT_REST: Place<'_> = Place { namespace: "crm", site: "contoso", version: "7.5 SR2", node: "contoso-app" };

fn at_rest(terminal: &Terminal) {
    let ready = ["wait", "--for=condition=Ready", "crmsite/contoso", "--timeout=500s"];
    terminal.run(&ready);
    terminal.run(&["wait", "--for=jsonpath={.status.verified.version}=7.5 SR2", "crmsite/contoso", "--timeout=500s"]);
}

#[test]
fn kubectl_reads_what_is_at_rest() {
    let home = Home::open(&[]);
    let terminal = home.terminal("reads");
    at_rest(&terminal);
    reading::the_server_says_what_it_is(&terminal);
    reading::objects_are_listed_in_the_columns_of_their_definitions(&terminal, &AT_REST);
    reading::every_field_is_explained(&terminal);
    reading::what_happened_is_told(&terminal, &AT_REST);
    reading::an_administrator_may_do_everything(&terminal, &AT_REST);
    change::the_plugin_finds_the_same_cluster(&terminal, &AT_REST);
}

#[test]
fn kubectl_writes_what_nobody_else_works_on() {
    let home = Home::open(&[]);
    let terminal = home.terminal("writes");
    writing::what_is_applied_is_merged(&terminal);
    writing::the_server_applies_and_knows_who_owns_what(&terminal);
    writing::single_fields_are_changed(&terminal);
    writing::what_is_deleted_is_gone(&terminal);
    writing::secrets_and_namespaces_are_made(&terminal);
}

#[test]
fn a_person_changes_one_line_and_the_site_is_upgraded() {
    let home = Home::open(&["--speed", "max"]);
    let terminal = home.terminal("change");
    at_rest(&terminal);
    change::one_patched_line_is_all_it_takes(&terminal, &AT_REST, "8.0 SR6");
    change::the_plugin_finds_the_same_cluster(&terminal, &Place { version: "8.0 SR6", ..AT_REST });
    assert_eq!(home.end("-INT"), Some(0));
}

/// What the guide shows works: every line of kubectl, in its order.
#[test]
fn every_command_of_the_guide_works() {
    let home = Home::open(&["--speed", "max"]);
    let terminal = home.terminal("guide");
    at_rest(&terminal);
    let guide = std::fs::read_to_string(repository().join("operator/guides/kubectl-at-home.md")).unwrap();
    let blocks = guide.split("```sh\n").skip(1).filter_map(|block| block.split("```").next());
    let lines: Vec<&str> = blocks.flat_map(str::lines).filter(|line| line.starts_with("kubectl ")).collect();
    assert!(lines.len() > 10, "{lines:?}");
    for line in lines {
        let command = line.split(" #").next().unwrap_or_default().trim_end();
        match command.strip_prefix("kubectl ").and_then(|words| words.strip_suffix(" -w")) {
            Some(words) => {
                let words: Vec<&str> = words.split_whitespace().chain(["-w"]).collect();
                terminal.follow(&words).until(&["contoso"]);
            }
            None => terminal.shell(command),
        }
    }
}

#[test]
fn only_who_has_a_token_comes_in_and_the_kubeconfig_goes_with_the_sandbox() {
    let home = Home::open(&[]);
    let kubeconfig = PathBuf::from(home.text("kubeconfig"));
    let terminal = home.terminal("tokens");
    terminal.run(&["__complete", "get", "crmsite", ""]).shows(&["contoso"]);
    let may = terminal.run(&["auth", "can-i", "delete", "crmsite"]);
    assert!(may.err.contains("Warning: the sandbox allows everybody everything"), "{may:?}");
    for (context, user) in [("sandbox", "administrator"), ("sandbox-Astrid", "Astrid")] {
        terminal.run(&["auth", "whoami", "--context", context]).shows(&[user]);
    }
    let guessed = terminal.says(&["get", "crmsite", "--token", &"0".repeat(64), "--user", "nobody"]);
    assert!(guessed.code != 0, "{guessed:?}");
    let mut config: Value = serde_json::from_str(&std::fs::read_to_string(&kubeconfig).unwrap()).unwrap();
    config["users"][0]["user"]["token"] = "0".repeat(64).into();
    let file = terminal.file("guessed", &config.to_string());
    let guessed = terminal.says(&["get", "crmsite", "--kubeconfig", &file]);
    assert!(
        guessed.code != 0 && guessed.err.contains("provide credentials") || guessed.err.contains("Unauthorized"),
        "{guessed:?}"
    );
    let as_other = terminal.says(&["get", "crmsite", "--as", "eva"]);
    assert!(
        as_other.code != 0 && as_other.err.contains("the sandbox lets nobody act as somebody else"),
        "{as_other:?}"
    );
    assert!(kubeconfig.exists());
    assert_eq!(home.end("-TERM"), Some(0));
    assert!(!kubeconfig.exists() && !kubeconfig.parent().unwrap().exists());
    let gone = terminal.says(&["get", "crmsite"]);
    assert_ne!(gone.code, 0, "{gone:?}");
}
