//! Several Service instances on one server: which one a change works on, and that it leaves the others as they are.

use std::collections::BTreeMap;

use crm_api::change::{ChangePhase, CrmChangeSpec, Executor, Step};
use crm_api::evidence::Expected;
use crm_api::order::{Action, Outcome};
use crm_api::probe::{Answer, Probe};
use crm_api::release::Method;
use crm_api::site::{Component, PartState};

use super::fixture::{NEW, Site};
use crate::intent::Standing;

const CS: &str = "contoso-cs";
pub(super) const OWN: &str = r"C:\SuperOffice\Customer Service";
pub(super) const OTHER: &str = r"C:\SuperOffice\Adatum Service";
pub(super) const KEY: &str = r"HKLM\SOFTWARE\Wow6432Node\SuperOffice Customer Service";

pub(super) fn registered(instances: &[(&str, &str)]) -> Answer {
    let values = |path: &str| BTreeMap::from([("basePath".to_owned(), path.to_owned())]);
    let mut subkeys: BTreeMap<_, _> = instances.iter().map(|(host, path)| ((*host).to_owned(), values(path))).collect();
    subkeys.insert("Installer values".to_owned(), values(OTHER));
    Answer::Subkeys { subkeys }
}

/// A site on whose Service server these instances are registered.
fn with(instances: &[(&str, &str)]) -> Site {
    let mut site = Site::at_rest();
    site.answer(CS, &Probe::RegistrySubkeys { key: KEY.to_owned() }, registered(instances));
    // The other instance is asked about, then the site that serves it, then its handlers.
    for _ in 0..3 {
        site.turn();
        site.wait(1);
    }
    site
}

/// Another customer's instance beside this site's own.
fn beside_another() -> Site {
    with(&[("crm.adatum.example", OTHER), ("crm.contoso.example", OWN)])
}

fn run_by_command_line(site: &mut Site, arguments: &[&str]) {
    for release in &mut site.snapshot.releases {
        for package in release.spec.packages.iter_mut().filter(|package| package.component == Component::Service) {
            package.method = Method::CommandLine {
                arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
                declared_by: "tried".to_owned(),
            };
        }
    }
}

fn planned(site: &mut Site) -> CrmChangeSpec {
    site.declare("8.0 SR6");
    match site.plan().standing {
        Standing::Proposed { change, .. } => *change,
        other => unreachable!("expected a plan: {other:?}"),
    }
}

fn step<'a>(change: &'a CrmChangeSpec, id: &str) -> &'a Step {
    change.steps.iter().find(|step| step.id == id).unwrap()
}

/// The questions whose answers a step must leave as they are.
fn left_alone(step: &Step) -> Vec<String> {
    use crm_api::evidence::Source;
    let relative = step.evidence.iter().filter(|one| one.expected == Expected::SameAsAtStart {});
    let id = |one: &crm_api::evidence::Expectation| match &one.source {
        Source::Node { node, probe } if node == CS => probe.id(),
        other => unreachable!("nothing else is watched: {other:?}"),
    };
    relative.map(id).collect()
}

fn own_instructions(step: &Step) -> String {
    match &step.executor {
        Executor::Attended { instructions } => instructions.join(" "),
        other => unreachable!("expected a person: {other:?}"),
    }
}

#[test]
fn with_several_instances_a_person_chooses_this_one_by_its_path_though_there_is_a_command_line() {
    let mut site = beside_another();
    run_by_command_line(&mut site, &["/s"]);
    let change = planned(&mut site);
    let told = own_instructions(step(&change, "upgrade-service@contoso-cs"));
    assert!(told.contains("\"Maintain or upgrade an existing instance\""), "{told}");
    assert!(told.contains(&format!("the instance in {OWN} (host crm.contoso.example)")), "{told}");
    assert!(told.contains("leave every other instance alone"), "{told}");
}

#[test]
fn a_command_line_that_names_the_instance_is_run_by_the_agent() {
    let mut site = beside_another();
    run_by_command_line(&mut site, &["/s", "/path={instancePath}"]);
    let change = planned(&mut site);
    let Executor::Agent { actions } = &step(&change, "upgrade-service@contoso-cs").executor else { panic!("agent") };
    let [Action::RunInstaller { arguments, .. }] = actions.as_slice() else { panic!("{actions:?}") };
    assert_eq!(*arguments, ["/s".to_owned(), format!("/path={OWN}")]);
}

#[test]
fn alone_on_its_server_or_under_a_second_host_name_an_instance_needs_nobody_to_choose_it() {
    let alone: &[(&str, &str)] = &[("crm.contoso.example", OWN)];
    let two_names: &[(&str, &str)] =
        &[("crm.contoso.example", OWN), ("www.contoso.example", r"C:\SuperOffice\Customer Service\")];
    for instances in [alone, two_names] {
        let mut site = with(instances);
        run_by_command_line(&mut site, &["/s"]);
        let change = planned(&mut site);
        let installer = step(&change, "upgrade-service@contoso-cs");
        assert!(matches!(installer.executor, Executor::Agent { .. }), "{instances:?}");
        assert!(left_alone(installer).is_empty(), "{instances:?}");
    }
}

#[test]
fn version_configuration_scheduler_and_handlers_of_the_other_instance_stay_as_they_are() {
    let change = planned(&mut beside_another());
    for id in ["upgrade-service@contoso-cs", "run-upgrade-exe@contoso-cs"] {
        let watched = left_alone(step(&change, id));
        for expected in [
            format!(r"fileVersion:{OTHER}\bin\upgrade.exe"),
            format!(r"fileVersion:{OTHER}\www\scripts\rms.exe"),
            format!(r"fileHash:{OTHER}\config"),
            "service:ejSchedule crm.adatum.example".to_owned(),
            format!(r"fastCgiHandlers:SuperOffice Service:{OTHER}\www\scripts"),
        ] {
            assert!(watched.contains(&expected), "{id} does not watch {expected}: {watched:?}");
        }
        assert!(watched.iter().all(|probe| !probe.contains(OWN)), "{watched:?}");
    }
}

#[test]
fn an_unreadable_file_of_the_other_instance_is_no_evidence_that_never_comes() {
    let mut site = beside_another();
    let config = Probe::FileHash { path: format!(r"{OTHER}\config") };
    site.answer(CS, &config, Answer::Unreadable { reason: "access is denied".to_owned() });
    let change = planned(&mut site);
    let watched = left_alone(step(&change, "upgrade-service@contoso-cs"));
    assert!(!watched.is_empty() && !watched.contains(&config.id()), "{watched:?}");
}

#[test]
fn the_entry_in_installed_programs_counts_only_where_the_instance_is_alone() {
    let mut site = beside_another();
    let entry = Probe::Program { name: "SuperOffice Customer Service".to_owned() };
    site.answer(CS, &entry, Answer::Program { version: NEW.to_owned(), location: OTHER.to_owned() });
    site.turn();
    let observed = site.snapshot.site.status.clone().unwrap().parts;
    let service = observed.iter().find(|part| part.part == "Service" && part.node.as_deref() == Some(CS)).unwrap();
    assert_eq!(service.state, PartState::Consistent, "{service:?}");
    let sources: Vec<&str> = service.sources.iter().map(|source| source.source.as_str()).collect();
    assert_eq!(sources, ["upgrade.exe", "rms.exe"]);
}

#[test]
fn a_run_that_touched_the_other_instance_fails_at_once_and_names_it() {
    let mut site = beside_another();
    run_by_command_line(&mut site, &["/s", "/path={instancePath}"]);
    site.declare("8.0 SR6");
    site.run_to("upgrade-service@contoso-cs");
    site.wait(1);
    let touched = Probe::FileVersion { path: format!(r"{OTHER}\bin\upgrade.exe") };
    site.answer(CS, &touched, Answer::Version { version: NEW.to_owned() });
    site.end_order(Outcome::Done);
    site.turn();
    let status = site.status();
    assert_eq!(status.phase, ChangePhase::Halted, "{:?}", status.waiting);
    let result = status.result("upgrade-service@contoso-cs").unwrap();
    assert_eq!((result.outcome, result.attempt), (Some(Outcome::Partial), 1), "it is not run again by itself");
    let named =
        ["what must be left alone was touched", r"fileVersion:C:\SuperOffice\Adatum Service\bin\upgrade.exe", NEW];
    assert!(named.iter().all(|text| result.evidence.contains(text)), "{}", result.evidence);
    assert!(
        status.findings.iter().any(|finding| finding.contains(OTHER)),
        "the record keeps it: {:?}",
        status.findings
    );
}

#[test]
fn the_backup_set_holds_the_registry_of_this_instance_only() {
    let change = planned(&mut beside_another());
    let Executor::Agent { actions } = &step(&change, "back-up-files@contoso-cs").executor else { panic!("agent") };
    let keys: Vec<&str> = actions
        .iter()
        .filter_map(|action| match action {
            Action::ExportRegistryKey { key, .. } => Some(key.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(keys, [format!(r"{KEY}\crm.contoso.example").as_str()]);
}
