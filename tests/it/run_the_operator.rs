//! The guide to the two programs shows flags, metrics and exit codes as the programs themselves have them.

use std::fmt::Write as _;

use crate::files::{golden, repository};

const GUIDE: &str = "operator/guides/run-the-operator.md";

/// The guide with what stands between two markers replaced.
fn with(guide: &str, name: &str, table: &str) -> String {
    let begin = format!("<!-- begin: {name} -->\n");
    let (before, rest) = guide.split_once(&begin).unwrap_or_else(|| panic!("{GUIDE} has no marker {begin}"));
    let (_, after) = rest.split_once("<!-- end -->").unwrap_or_else(|| panic!("{name} has no end in {GUIDE}"));
    format!("{before}{begin}{table}<!-- end -->{after}")
}

fn exit_codes() -> String {
    let mut text = "| code | meaning |\n| --- | --- |\n".to_owned();
    for (code, meaning) in crm_process::exit::CODES {
        writeln!(text, "| {code} | {meaning} |").unwrap();
    }
    text
}

#[test]
fn the_guide_shows_flags_metrics_and_exit_codes_of_the_programs() {
    let mut guide = std::fs::read_to_string(repository().join(GUIDE)).unwrap();
    for (name, table) in [
        ("flags of crm-operator", crm_controller::program::flags_table()),
        ("metrics of crm-operator", crm_controller::program::metrics_table()),
        ("flags of crm-agent", crm_agent::program::flags_table()),
        ("metrics of crm-agent", crm_agent::program::metrics_table()),
        ("exit codes", exit_codes()),
    ] {
        assert!(table.lines().count() > 2, "{name}: {table}");
        guide = with(&guide, name, &table);
    }
    golden(&repository().join(GUIDE), &guide);
}

#[test]
fn metrics_that_the_guide_speaks_of_exist() {
    let guide = std::fs::read_to_string(repository().join(GUIDE)).unwrap();
    let known = crm_controller::program::metrics_table() + &crm_agent::program::metrics_table();
    let words = guide.split(|sign: char| !(sign.is_ascii_alphanumeric() || sign == '_'));
    let named: Vec<&str> =
        words.filter(|word| word.starts_with("crm_operator_") || word.starts_with("crm_agent_")).collect();
    assert!(named.len() > 4, "{named:?}");
    for name in named {
        assert!(known.contains(&format!("`{name}`")), "{GUIDE} names {name}, which no program has");
    }
}
