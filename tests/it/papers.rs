//! What the papers name exists: files that they link to, and the checks, steps, rules, fields and examples by which the
//! coverage table says that the vendor's guides are held.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use clap::error::ErrorKind;
use kubectl_crm::arguments::Arguments;

use crate::files::repository;

const COVERAGE: &str = "operator/guides/superoffice-guide-coverage.md";

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(repository().join(path.as_ref()))
        .unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

/// The sources of a folder, tests of crates left out.
fn sources(folder: &str, with_tests: bool) -> String {
    let mut waiting = vec![repository().join(folder)];
    let mut text = String::new();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            if with_tests || path.file_name().is_none_or(|name| name != "tests") {
                waiting.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            }
        } else if path.extension().is_some_and(|found| found == "rs") {
            text.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
    text
}

/// What follows each place of a text, up to the next quotation mark.
fn quoted_after<'a>(text: &'a str, before: &str) -> BTreeSet<&'a str> {
    text.split(before).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

/// Everything that the coverage table may name, by what it is: each name as it is declared, not as it is mentioned.
struct Declared {
    checks: BTreeSet<String>,
    drift: BTreeSet<String>,
    steps: BTreeSet<String>,
    rules: BTreeSet<String>,
    conditions: BTreeSet<String>,
    fields: BTreeSet<String>,
    tests: BTreeSet<String>,
}

impl Declared {
    fn read() -> Self {
        let owned = |names: BTreeSet<&str>| -> BTreeSet<String> { names.into_iter().map(str::to_owned).collect() };
        let product = sources("operator/plan/src/products/superoffice", false);
        let one_line = product.split_whitespace().collect::<Vec<_>>().join(" ");
        let drift = read("operator/plan/src/products/superoffice/drift.rs");
        let mut found = owned(quoted_after(&one_line, "finding( \""));
        let of_drift = drift.split("pub mod check {").nth(1).unwrap().split("\n}").next().unwrap();
        found.extend(owned(quoted_after(of_drift, ": &str = \"")));
        found.extend(owned(quoted_after(&one_line, "Finding { check: \"")));
        let checks = read("operator/plan/src/products/superoffice/checks.rs");
        let kinds = read("operator/plan/src/products/superoffice/steps/mod.rs");
        let kinds = kinds.split("pub mod kind {").nth(1).unwrap().split("\n}").next().unwrap();
        let conditions = read("operator/api/src/condition.rs");
        let definitions: String =
            std::fs::read_dir(repository().join("crds")).unwrap().map(|entry| read(entry.unwrap().path())).collect();
        let keys = definitions.lines().filter_map(|line| line.trim().strip_suffix(':'));
        let tests = sources("operator", true) + &sources("tests/it", true);
        let functions = tests.split("\nfn ").chain(tests.split("    fn ")).skip(1);
        Self {
            checks: ["    block(\"", "    warn(\""].iter().flat_map(|row| owned(quoted_after(&checks, row))).collect(),
            drift: found,
            steps: owned(quoted_after(kinds, ": &str = \"")),
            rules: owned(quoted_after(&one_line, "rule( \"rule "))
                .union(&owned(quoted_after(&one_line, "rule(\"rule ")))
                .cloned()
                .collect(),
            conditions: owned(quoted_after(conditions.split("pub fn as_str").nth(1).unwrap(), "=> \""))
                .union(&owned(quoted_after(&one_line, "Kind::Debt(\"")))
                .cloned()
                .collect(),
            fields: keys.map(str::to_owned).collect(),
            tests: functions.filter_map(|rest| rest.split('(').next()).map(str::to_owned).collect(),
        }
    }

    fn has(&self, kind: &str, name: &str) -> bool {
        match kind {
            "check" => self.checks.contains(name),
            "step" => self.steps.contains(name),
            "drift" => self.drift.contains(name),
            "rule" => self.rules.contains(name),
            "field" => self.fields.contains(name),
            "condition" => self.conditions.contains(name),
            "test" => self.tests.contains(name),
            "example" => {
                let story = format!("tests/golden/{name}.txt");
                repository().join(format!("examples/superoffice/{name}.yaml")).is_file()
                    && repository().join(story).is_file()
            }
            _ => false,
        }
    }
}

/// The names in backticks of the right column, as kind and name.
fn references() -> Vec<(String, String)> {
    let table = read(COVERAGE);
    let rows = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    let right = rows.filter_map(|row| row.trim_end_matches(" |").rsplit_once(" | ").map(|(_, right)| right.to_owned()));
    right
        .flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>())
        .map(|name| name.split_once(' ').map(|(kind, name)| (kind.to_owned(), name.to_owned())).unwrap())
        .collect()
}

#[test]
fn every_demand_of_the_guides_is_held_by_something_that_exists() {
    let declared = Declared::read();
    let references = references();
    assert!(references.len() > 45, "the table was not read: {references:?}");
    let missing: Vec<String> = references
        .into_iter()
        .filter(|(kind, name)| !declared.has(kind, name))
        .map(|(kind, name)| format!("{kind} {name}"))
        .collect();
    assert!(missing.is_empty(), "{COVERAGE} names what does not exist: {}", missing.join(", "));
    // A name that is only mentioned somewhere is none.
    for (kind, name) in [
        ("check", "FrozenLeftOn"),
        ("check", "Healthy"),
        ("step", "rule 11"),
        ("drift", "SiteName"),
        ("rule", "1"),
        ("rule", "99"),
        ("field", "Enabled"),
        ("condition", "Healthy"),
        ("example", "catalogue"),
        ("test", "no_such_test"),
    ] {
        assert!(!declared.has(kind, name), "{kind} {name}");
    }
}

fn papers() -> Vec<PathBuf> {
    let guides = std::fs::read_dir(repository().join("operator/guides")).unwrap();
    let mut papers: Vec<PathBuf> = guides.map(|entry| entry.unwrap().path()).collect();
    papers.extend(["README.md", "operator/ARCHITECTURE.md"].map(|name| repository().join(name)));
    papers
}

#[test]
fn links_and_example_files_in_the_papers_lead_somewhere() {
    let mut dead = Vec::new();
    for paper in papers() {
        let text = std::fs::read_to_string(&paper).unwrap();
        let folder = paper.parent().unwrap();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(link, _)| link));
        for link in links.filter(|link| !link.starts_with("http") && !link.starts_with('#')) {
            let file = link.split('#').next().unwrap_or_default();
            if !folder.join(file).exists() {
                dead.push(format!("{}: {link}", paper.display()));
            }
        }
        let words = text.split(|letter: char| letter.is_whitespace() || "`()|,;'\"".contains(letter));
        for word in words.map(|word| word.trim_end_matches(['.', ':'])).filter(|word| word.starts_with("examples/")) {
            if !word.contains(['*', '<', 'N']) && !repository().join(word).exists() {
                dead.push(format!("{}: {word}", paper.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}

/// The command lines of ours in a paper's blocks of code, as somebody would type them.
fn commands(text: &str) -> Vec<String> {
    let blocks = text.split("```").skip(1).step_by(2);
    let lines = blocks.flat_map(str::lines).map(|line| line.trim_start_matches("$ ").replace("$f", "FILE"));
    lines
        .filter(|line| line.starts_with("cargo crm ") || line.starts_with("kubectl crm "))
        .map(|line| line.split(['#', '|', '>', ';']).next().unwrap_or_default().trim().to_owned())
        .collect()
}

#[test]
fn every_command_that_the_papers_show_is_one_that_the_command_line_knows() {
    let mut wrong = Vec::new();
    let mut read = 0;
    for paper in papers().into_iter().filter(|paper| !paper.ends_with("kubectl-crm.md")) {
        for line in commands(&std::fs::read_to_string(&paper).unwrap()) {
            read += 1;
            let words = shell_words(&line);
            let answer = Arguments::command().try_get_matches_from(words.into_iter().skip(1));
            let told = |error: &clap::Error| matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            if let Some(error) = answer.err().filter(|error| !told(error)) {
                wrong.push(format!("{}: {line}\n{error}", paper.display()));
            }
        }
    }
    assert!(read > 20, "the papers were not read");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Words of a line; what stands in quotes is one.
fn shell_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split(['"', '\'']).enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}
