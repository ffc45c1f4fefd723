//! What the papers name exists: files that they link to, and the checks, steps, rules, fields and examples by which the
//! coverage table says that the vendor's guides are held.

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

/// The text of all files of a folder, tests of crates left out.
fn all_text(folder: &str, extension: &str) -> String {
    let mut waiting = vec![repository().join(folder)];
    let mut text = String::new();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "tests") {
                waiting.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            }
        } else if path.extension().is_some_and(|found| found == extension) {
            text.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
    text
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
    let product = all_text("operator/plan/src/products/superoffice", "rs");
    let kinds = all_text("operator/api/src", "rs");
    let definitions = all_text("crds", "yaml");
    let references = references();
    assert!(references.len() > 45, "the table was not read: {references:?}");
    let missing: Vec<String> = references
        .into_iter()
        .filter(|(kind, name)| {
            let quoted = format!("\"{name}\"");
            !match kind.as_str() {
                "check" | "step" | "drift" => product.contains(&quoted),
                "rule" => product.contains(&format!("\"rule {name}\"")),
                "field" => definitions.contains(&format!("{name}:")),
                "condition" => kinds.contains(name.as_str()) || product.contains(&quoted),
                "example" => repository().join(format!("examples/superoffice/{name}.yaml")).exists(),
                _ => false,
            }
        })
        .map(|(kind, name)| format!("{kind} {name}"))
        .collect();
    assert!(missing.is_empty(), "{COVERAGE} names what does not exist: {}", missing.join(", "));
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
