//! What the architecture promises about who knows whom, held by the manifests and sources themselves.

use std::path::{Path, PathBuf};

use crate::files::repository;

fn dependencies(name: &str) -> Vec<String> {
    let manifest = std::fs::read_to_string(repository().join("operator").join(name).join("Cargo.toml")).unwrap();
    let section = manifest.split("[dependencies]").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    section.lines().filter_map(|line| line.split(['.', ' ', '=']).next()).map(str::to_owned).collect()
}

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found.sort();
    found
}

fn own(name: &str) -> Vec<String> {
    dependencies(name).into_iter().filter(|dependency| dependency.starts_with("crm-")).collect()
}

#[test]
fn crates_know_only_whom_they_may_know() {
    assert_eq!(own("api"), Vec::<String>::new());
    assert_eq!(own("plan"), ["crm-api"]);
    assert_eq!(own("database"), ["crm-api"]);
    assert_eq!(own("process"), ["crm-api"]);
    assert_eq!(own("controller"), ["crm-api", "crm-database", "crm-plan", "crm-process"]);
    assert_eq!(own("agent"), ["crm-api", "crm-plan", "crm-process"]);
}

#[test]
fn the_pure_crates_have_no_runtime_and_no_client() {
    for name in ["api", "plan"] {
        let all = dependencies(name);
        for impure in ["tokio", "futures", "tracing", "tower", "rand_chacha"] {
            assert!(!all.contains(&impure.to_owned()), "{name} depends on {impure}");
        }
    }
}

#[test]
fn the_loops_need_nothing_of_the_programs_around_them() {
    for name in ["controller", "agent"] {
        for (path, text) in sources(&repository().join("operator").join(name).join("src")) {
            let place = path.to_string_lossy();
            let is_program = ["/program/", "/main.rs", "/host/os"].iter().any(|part| place.contains(part));
            for part in ["crm_process", "clap::", "std::env", "std::fs", "TcpStream"] {
                assert!(is_program || !text.contains(part), "{place} contains {part}");
            }
        }
        let sandbox = std::fs::read_to_string(repository().join("operator/sandbox/Cargo.toml")).unwrap();
        assert!(
            sandbox.contains(&format!("crm-{name}.workspace = true")),
            "the sandbox takes the loop without its program"
        );
    }
}

#[test]
fn decisions_read_no_clock_and_no_environment() {
    for (path, text) in sources(&repository().join("operator/plan/src")) {
        for impure in ["Timestamp::now", "SystemTime", "Instant::now", "std::env", "async fn", "HashMap", "HashSet"] {
            assert!(!text.contains(impure), "{} contains {impure}", path.display());
        }
    }
}

#[test]
fn the_agent_knows_no_product() {
    let words = ["superoffice", "sage crm", "sagecrm", "ejschedule", "netserver", "upgrade.exe", "\"frozen\"", "crm7"];
    for (path, text) in sources(&repository().join("operator/agent/src")) {
        for word in words {
            assert!(!text.to_lowercase().contains(word), "{} contains {word}", path.display());
        }
    }
}

#[test]
fn no_decision_outside_the_products_depends_on_one() {
    for name in ["plan", "controller", "agent"] {
        for (path, text) in sources(&repository().join("operator").join(name).join("src")) {
            let allowed = path.to_string_lossy().contains("/products/") || path.to_string_lossy().contains("/tests");
            assert!(allowed || !text.contains("Product::SuperOffice"), "{} names a product", path.display());
        }
    }
}

#[test]
fn no_word_of_a_product_stands_where_all_products_meet() {
    let words = ["superoffice", "netserver", "pocket", "customer centre", "customer-centre", "windows client"];
    let condition = repository().join("operator/api/src/condition.rs");
    let text = std::fs::read_to_string(&condition).unwrap();
    let plan = sources(&repository().join("operator/plan/src")).into_iter().filter(|(path, _)| {
        let path = path.to_string_lossy();
        !path.contains("/products/") && !path.contains("/tests")
    });
    for (path, text) in plan.chain([(condition, text)]) {
        for word in words {
            assert!(!text.to_lowercase().contains(word), "{} contains {word}", path.display());
        }
    }
}

#[test]
fn every_file_fits_a_sitting() {
    let long: Vec<String> = ["operator", "tests"]
        .iter()
        .flat_map(|folder| sources(&repository().join(folder)))
        .filter(|(_, text)| text.lines().count() > 400)
        .map(|(path, text)| format!("{}: {} lines", path.display(), text.lines().count()))
        .collect();
    assert_eq!(long, Vec::<String>::new());
}
