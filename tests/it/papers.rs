//! What the papers name exists: files that they link to, and the checks, steps, rules, fields and examples by which the
//! coverage table says that the vendor's guides are held.

use std::path::{Path, PathBuf};

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
                "condition" => kinds.contains(name.as_str()),
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
