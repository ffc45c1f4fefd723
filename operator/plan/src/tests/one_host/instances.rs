//! What a move makes of instances: what a half-made one leaves, who else has one, and what becomes of the former one.

use std::collections::BTreeMap;

use crm_api::evidence::{Expectation, Expected};
use crm_api::probe::{Answer, Probe, RunState, StartType};
use crm_api::release::Method;
use crm_api::site::Component;

use super::{
    NEW_FOLDER, NODE, block, declare, findings, has, node, plan, register_new, step, to_new, to_sales, told, two_hosts,
};
use crate::tests::fixture::Site;

const KEY: &str = r"HKLM\SOFTWARE\Wow6432Node\SuperOffice Customer Service";

fn expects(all: &[Expectation], probe: &Probe, expected: &Expected) -> bool {
    all.iter().any(|one| one.source == node(probe) && one.expected == *expected)
}

#[test]
fn a_half_made_instance_is_not_nothing() {
    let mut site = two_hosts();
    to_new(&mut site);
    let change = plan(&site);
    let absent = &step(&change, "move-service").absent_when;
    for probe in [
        Probe::SitesServing { folder: format!(r"{NEW_FOLDER}\www\scripts") },
        Probe::Service { name: "ejSchedule socrm.contoso.example".to_owned() },
        Probe::RegistrySubkeys { key: format!(r"{KEY}\socrm.contoso.example") },
    ] {
        assert!(expects(absent, &probe, &Expected::Absent {}), "{probe:?}: {absent:?}");
    }
    let web = Probe::SitesServing { folder: r"C:\SuperOffice\SuperOffice Web".to_owned() };
    let former = Expected::OnlyName { is: "Default Web Site".to_owned() };
    assert!(expects(&step(&change, "move-web").absent_when, &web, &former), "Web's files tell nothing of its IIS site");
}

#[test]
fn what_stood_there_before_is_no_trace_of_an_installer() {
    let mut site = two_hosts();
    to_new(&mut site);
    let scheduler = Probe::Service { name: "ejSchedule socrm.contoso.example".to_owned() };
    let stopped = Answer::Service { state: RunState::Stopped, start: StartType::Manual };
    site.answer(NODE, &scheduler, stopped);
    let change = plan(&site);
    assert!(!expects(&step(&change, "move-service").absent_when, &scheduler, &Expected::Absent {}));
}

/// Another customer's instance beside the one that moves.
fn register_other(site: &mut Site, path: &str) {
    let at = |path: &str| BTreeMap::from([("basePath".to_owned(), path.to_owned())]);
    let own = ("crm.contoso.example".to_owned(), at(r"C:\SuperOffice\Customer Service"));
    let subkeys = BTreeMap::from([own, ("crm.adatum.example".to_owned(), at(path))]);
    site.answer(NODE, &Probe::RegistrySubkeys { key: KEY.to_owned() }, Answer::Subkeys { subkeys });
    for _ in 0..3 {
        site.turn();
        site.wait(1);
    }
}

#[test]
fn a_move_leaves_another_customers_instance_alone() {
    let mut site = two_hosts();
    register_other(&mut site, r"C:\SuperOffice\Adatum Service");
    to_new(&mut site);
    let change = plan(&site);
    let config = Probe::FileHash { path: r"C:\SuperOffice\Adatum Service\config".to_owned() };
    assert!(expects(&step(&change, "move-service").evidence, &config, &Expected::SameAsAtStart {}));
    assert!(expects(&step(&change, "move-service").absent_when, &config, &Expected::SameAsAtStart {}));
}

#[test]
fn the_folder_of_another_customers_instance_is_no_place_for_a_new_one() {
    let mut site = two_hosts();
    register_other(&mut site, NEW_FOLDER);
    to_new(&mut site);
    let found = findings(&site);
    let finding = found.iter().find(|finding| finding.check == "InstanceFolder").unwrap_or_else(|| panic!("{found:?}"));
    for expected in ["spec.superOffice.service.path", NEW_FOLDER, "crm.adatum.example"] {
        assert!(finding.message.contains(expected), "{}", finding.message);
    }
    assert!(finding.remedy.contains("a folder of its own"), "{}", finding.remedy);
}

#[test]
fn a_command_line_makes_none_of_the_choices_of_a_move() {
    for component in [Component::Service, Component::Web] {
        let mut site = two_hosts();
        for package in site.snapshot.releases.iter_mut().flat_map(|release| &mut release.spec.packages) {
            if package.component == component {
                package.install =
                    Some(Method::CommandLine { arguments: vec!["/s".to_owned()], declared_by: "tried".to_owned() });
            }
        }
        to_new(&mut site);
        let found = findings(&site);
        let finding = found.iter().find(|finding| finding.check == "WizardChoices").unwrap();
        for expected in [component.name(), "moves", "install: commandLine", "8.5 R17", "IIS site"] {
            assert!(finding.message.contains(expected), "{}", finding.message);
        }
        assert!(finding.remedy.contains("install: attended"), "{}", finding.remedy);
    }
}

#[test]
fn the_former_scheduler_that_runs_again_is_drift() {
    let mut site = two_hosts();
    to_sales(&mut site);
    site.turn();
    site.run_to("move-service@contoso-app");
    register_new(&mut site);
    site.run_to("never");
    site.turn();
    let former = Probe::Service { name: "ejSchedule crm.contoso.example".to_owned() };
    let asked = site.node(NODE).node.spec.asked_by("contoso").unwrap().probes.clone();
    assert!(asked.contains(&former), "it is looked at: {asked:?}");
    let drift = |site: &Site| {
        let findings = site.snapshot.site.status.clone().unwrap().findings;
        findings.into_iter().find(|finding| finding.check == "FormerScheduler")
    };
    assert_eq!(drift(&site), None, "it rests");
    site.answer(NODE, &former, Answer::Service { state: RunState::Running, start: StartType::Automatic });
    site.turn();
    let finding = drift(&site).unwrap();
    assert!(finding.message.contains("ejSchedule crm.contoso.example is running"), "{}", finding.message);
    assert_eq!(finding.class.as_deref(), Some("Scheduler"));
}

#[test]
fn names_of_folders_are_quoted_in_statements_for_a_person() {
    let mut site = two_hosts();
    declare(&mut site, "sales.contoso.example", |block| {
        block.service.path = Some(r"C:\O'Neil\Service 8.5".to_owned());
        block.service.application = Some("/service".to_owned());
    });
    let paths = told(step(&plan(&site), "move-paths"));
    assert!(paths.contains(r"SET [template_path] = N'C:\O''Neil\Service 8.5\templates'"), "{paths}");
    assert!(!has(&plan(&site), "upgrade-service"));
    assert!(block(&mut site).service.path.is_some());
}

#[test]
fn a_path_that_only_begins_like_services_own_is_left_in_its_address() {
    use crm_api::change::{Executor, Task};
    use crm_api::database::superoffice::{CGI_URL, WWW_PATH};

    let mut site = two_hosts();
    site.fact(WWW_PATH, Some("/serv/"));
    site.fact(CGI_URL, Some("http://crm.contoso.example/service/scripts/"));
    site.turn();
    to_sales(&mut site);
    let Executor::Controller { task: Task::SetDatabaseSetting { value, .. } } =
        step(&plan(&site), "set-address").executor.clone()
    else {
        panic!("the controller sets it")
    };
    assert_eq!(value, "http://sales.contoso.example/service/service/scripts/", "`/serv` is no part of `/service`");
}
