//! Every named check of the product has a test in which it finds nothing, one in which it fails and
//! one in which it cannot tell: a new one without its rows does not get past this list.

use std::collections::BTreeSet;

use crate::files::repository;

/// What becomes of a check that cannot tell.
enum Unknown {
    /// The test that shows it.
    Shown(&'static str),
    /// Nothing of a machine or database is read for it, so it can always tell: what it judges instead.
    Never(&'static str),
}
use Unknown::{Never, Shown};

/// Name, the test in which it passes and fails, and what it does where it cannot tell.
type Row = (&'static str, &'static str, Unknown);

const MACHINE: &str = "machine_checks";
const SERVICE: &str = "service_checks";
const DATABASE: &str = "database_checks";
const DECLARED: &str = "the declaration";
const CATALOGUE: &str = "the catalogue";

const CHECKS: &[Row] = &[
    ("Elevated", MACHINE, Shown(MACHINE)),
    ("SiteName", SERVICE, Shown(SERVICE)),
    ("FastCgiSupport", MACHINE, Shown(MACHINE)),
    ("Instance", SERVICE, Shown(SERVICE)),
    ("NotFrozen", SERVICE, Shown(SERVICE)),
    ("NobodyAtWork", SERVICE, Shown(SERVICE)),
    ("SchedulerRunning", SERVICE, Shown(SERVICE)),
    (
        "ServerBehind",
        "what_cannot_be_told_apart_has_no_forward_plan",
        Never("parts as they were seen; one that was not read is refused as such"),
    ),
    ("FullStack", "the_full_stack_is_demanded_from_8_0_on", Never(DECLARED)),
    (
        "OneDomain",
        "two_hosts_are_refused_from_8_1_on_with_the_three_ways",
        Shown("what_a_move_needs_is_declared_or_refused_with_a_remedy"),
    ),
    (
        "ReverseProxy",
        "two_servers_need_a_reverse_proxy_that_leads_to_both",
        Shown("two_servers_need_a_reverse_proxy_that_leads_to_both"),
    ),
    (
        "HostName",
        "a_host_changes_nowhere_else",
        Never("the host that was adopted; a registry that was not read is refused by Instance"),
    ),
    (
        "Https",
        "https_and_webview2_are_facts_of_the_service_node",
        Shown("https_and_webview2_are_facts_of_the_service_node"),
    ),
    (
        "WebView2",
        "https_and_webview2_are_facts_of_the_service_node",
        Shown("https_and_webview2_are_facts_of_the_service_node"),
    ),
    (
        "SymmetricKeys",
        "whether_there_is_a_symmetric_key_is_read_before_anybody_is_asked_for_it",
        Shown("whether_there_is_a_symmetric_key_is_read_before_anybody_is_asked_for_it"),
    ),
    (
        "ArgumentFile",
        "crm_setup_takes_only_a_file_that_names_this_database",
        Shown("crm_setup_takes_only_a_file_that_names_this_database"),
    ),
    (
        "ServiceNetServer",
        "the_net_server_of_service_is_one_of_the_site_over_http",
        Shown("the_net_server_of_service_is_one_of_the_site_over_http"),
    ),
    (
        "NetServerOverHttp",
        "the_net_server_of_service_is_one_of_the_site_over_http",
        Shown("the_net_server_of_service_is_one_of_the_site_over_http"),
    ),
    (
        "NetServerMerge",
        "a_merge_needs_an_address_and_a_web_that_runs_net_server_itself",
        Shown("a_merge_needs_an_address_and_a_web_that_runs_net_server_itself"),
    ),
    (
        "RemoteNetServer",
        "a_remote_net_server_behind_web_is_allowed_until_a_release_drops_it",
        Shown("a_remote_net_server_behind_web_is_allowed_until_a_release_drops_it"),
    ),
    (
        "OrphansStopped",
        "an_orphan_is_stopped_by_a_person_before_the_next_version",
        Shown("an_orphan_is_stopped_by_a_person_before_the_next_version"),
    ),
    (
        "PocketServer",
        "without_an_address_or_an_answer_it_is_refused_before_anything_is_touched",
        Shown("without_an_address_or_an_answer_it_is_refused_before_anything_is_touched"),
    ),
    ("StandardReports", "reports_that_shall_stay_are_not_left_to_a_command_line_that_says_nothing", Never(CATALOGUE)),
    ("CustomerCentre", "templates_that_shall_stay_are_not_left_to_an_installer_that_nobody_can_tell", Never(CATALOGUE)),
    ("Packages", "a_release_that_does_not_say_how_cannot_install", Never(CATALOGUE)),
    ("WizardChoices", "a_first_installation_is_for_a_person_because_of_the_choices_in_its_wizard", Never(CATALOGUE)),
    (
        "InstanceFolder",
        "the_folder_of_another_customers_instance_is_refused_for_a_first_service",
        Never("instances that were seen; a registry that was not read is refused by Instance"),
    ),
    (
        "NewService",
        "a_service_is_never_set_up_a_second_time",
        Never("parts as they were seen; one that was not read is refused as such"),
    ),
    (
        "MailRelay",
        "what_a_first_service_needs_is_asked_on_its_own_node_and_blocks",
        Shown("what_a_first_service_needs_is_asked_on_its_own_node_and_blocks"),
    ),
    (
        "HostAddress",
        "what_a_first_service_needs_is_asked_on_its_own_node_and_blocks",
        Shown("what_a_first_service_needs_is_asked_on_its_own_node_and_blocks"),
    ),
    (
        "DataSource",
        "what_a_first_service_needs_is_asked_on_its_own_node_and_blocks",
        Shown("what_a_first_service_needs_is_asked_on_its_own_node_and_blocks"),
    ),
    ("WebConfig", "configuration_file_checks", Shown("configuration_file_checks")),
    ("WebConfigRead", "configuration_file_checks", Shown("configuration_file_checks")),
    ("SchedulerTable", "configuration_file_checks", Shown("configuration_file_checks")),
    ("UpgradeAnswers", "a_release_without_answers_to_upgrade_exe_is_refused_with_the_field_to_fill", Never(CATALOGUE)),
    (
        "AttachmentsRoom",
        "a_store_without_room_for_its_copy_is_refused_with_both_ways_out",
        Shown("a_store_without_room_for_its_copy_is_refused_with_both_ways_out"),
    ),
    (
        "AttachmentsCounted",
        "attachments_are_counted_before_they_are_moved",
        Shown("attachments_are_counted_before_they_are_moved"),
    ),
    ("Licence", DATABASE, Shown(DATABASE)),
    ("TravellersHome", DATABASE, Shown(DATABASE)),
    ("Satellites", DATABASE, Shown(DATABASE)),
    ("WindowsVersion", MACHINE, Shown(MACHINE)),
    ("SqlServerVersion", DATABASE, Shown(DATABASE)),
    ("DotNet", MACHINE, Shown(MACHINE)),
    ("IisFeatures", MACHINE, Shown(MACHINE)),
    ("RebootPending", MACHINE, Shown(MACHINE)),
    ("DiskRoom", SERVICE, Shown(SERVICE)),
    ("BackupRoom", DATABASE, Shown(DATABASE)),
];

fn tests_of_the_planner() -> String {
    let mut waiting = vec![repository().join("operator/plan/src/tests")];
    let mut text = String::new();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            text.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
    text
}

/// The test of a name with what it consists of.
fn body<'a>(tests: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = tests.split_once(&format!("#[test]\nfn {name}() {{\n"))?;
    rest.split_once("\n}\n").map(|(body, _)| body)
}

/// Whether a test names a check, itself or by a function of the tests that it calls.
fn speaks_of(tests: &str, body: &str, check: &str) -> bool {
    let quoted = format!("\"{check}\"");
    let functions = tests.split("\nfn ").skip(1).filter_map(|rest| rest.split_once("\n}\n"));
    let mut helpers =
        functions.filter(|(text, _)| text.contains(&quoted)).filter_map(|(text, _)| text.split('(').next());
    body.contains(&quoted) || helpers.any(|helper| body.contains(&format!("{helper}(")))
}

#[test]
fn every_check_passes_fails_and_cannot_tell_somewhere() {
    let table = std::fs::read_to_string(repository().join("operator/plan/src/products/superoffice/checks.rs")).unwrap();
    let named: BTreeSet<&str> = ["    block(\"", "    warn(\""]
        .iter()
        .flat_map(|row| table.split(row).skip(1))
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(named.len() > 40, "the table of checks was not read: {named:?}");
    let rows: BTreeSet<&str> = CHECKS.iter().map(|(name, _, _)| *name).collect();
    assert_eq!(rows.len(), CHECKS.len(), "a check has two rows");
    let without: Vec<&&str> = named.difference(&rows).collect();
    assert!(without.is_empty(), "no row for {without:?}: name its tests in tests/it/check_rows.rs");
    assert!(rows.is_subset(&named), "a row for no check: {:?}", rows.difference(&named).collect::<Vec<_>>());
    let tests = tests_of_the_planner();
    for (name, fails, unknown) in CHECKS {
        let shown = match unknown {
            Shown(test) => Some(*test),
            Never(judges) => {
                assert!(!judges.is_empty(), "{name}");
                None
            }
        };
        for test in std::iter::once(*fails).chain(shown) {
            let body = body(&tests, test).unwrap_or_else(|| panic!("{name}: there is no test {test}"));
            assert!(speaks_of(&tests, body, name), "{test} says nothing of {name}");
        }
    }
    assert!(body(&tests, "there_is_no_such_test").is_none());
}
