//! First installations on a server that carries another customer's instance, and what a half-made one leaves.

use std::collections::BTreeMap;

use crm_api::database::superoffice::CGI_URL;
use crm_api::evidence::{Expectation, Expected, Source};
use crm_api::probe::{Answer, Probe};
use crm_api::release::Method;
use crm_api::site::Component;

use super::{CS, found, ids, place, proposed, setup, with_new_service, without_service};
use crate::evidence::{Verdict, judge};
use crate::tests::fixture::Site;

/// A Service of another customer stands on the server that shall carry the first one of this site.
fn beside_another(folder: &str) -> Site {
    let mut site = without_service();
    // A database without a Service knows no address of one.
    site.fact(CGI_URL, None);
    place(&mut site, Component::Service, CS);
    let block = site.spec().super_office.as_mut().unwrap();
    block.service.setup = Some(setup());
    block.service.path = Some(r"C:\SuperOffice\Contoso Service".to_owned());
    site.declare("8.0 SR6");
    site.add_bare_node(CS);
    let values = BTreeMap::from([("basePath".to_owned(), folder.to_owned())]);
    let subkeys = BTreeMap::from([("crm.adatum.example".to_owned(), values)]);
    let key = r"HKLM\SOFTWARE\Wow6432Node\SuperOffice Customer Service".to_owned();
    site.answer(CS, &Probe::RegistrySubkeys { key }, Answer::Subkeys { subkeys });
    site.snapshot.changes.clear();
    site
}

const ADATUM: &str = r"C:\SuperOffice\Adatum Service";

#[test]
fn a_lone_instance_of_somebody_else_is_not_taken_for_the_one_to_come() {
    let site = beside_another(ADATUM);
    let change = proposed(&site);
    assert!(ids(&change).contains(&"install-service@contoso-cs"), "{:?}", ids(&change));
    let step = |id: &str| change.steps.iter().find(|step| step.id == id).unwrap();
    let config = Probe::FileHash { path: format!(r"{ADATUM}\config") };
    for id in ["install-service@contoso-cs", "set-up-service@contoso-cs"] {
        let watched = &step(id).evidence;
        let same = watched.iter().any(|one| {
            let is_it = matches!(&one.source, Source::Node { probe, .. } if *probe == config);
            is_it && one.expected == Expected::SameAsAtStart {}
        });
        assert!(same, "{id} leaves the other instance alone: {watched:?}");
    }
    let set_up = serde_json::to_string(&step("set-up-service@contoso-cs").executor).unwrap();
    assert!(set_up.contains("Contoso Service") && !set_up.contains("Adatum"), "{set_up}");
}

#[test]
fn the_folder_of_another_customers_instance_is_refused_for_a_first_service() {
    let mut site = beside_another(r"C:\SuperOffice\Contoso Service\");
    // What that instance makes worth knowing is asked and answered.
    for _ in 0..3 {
        site.turn();
        site.wait(1);
    }
    let finding = found(&site, "InstanceFolder");
    assert_eq!(finding.node.as_deref(), Some(CS));
    for expected in ["spec.superOffice.service.path", "Contoso Service", "crm.adatum.example"] {
        assert!(finding.message.contains(expected), "{}", finding.message);
    }
}

#[test]
fn an_iis_site_that_the_installer_has_made_already_is_not_nothing() {
    let site = with_new_service();
    let change = proposed(&site);
    let step = change.steps.iter().find(|step| step.id == "install-service@contoso-cs").unwrap();
    let serving = Probe::SitesServing { folder: r"C:\SuperOffice\Customer Service\www\scripts".to_owned() };
    let absent = |answer: &Answer| judge(&Expected::Absent {}, Some(answer));
    let asked = |one: &&Expectation| {
        matches!(&one.source, Source::Node { probe, .. } if *probe == serving) && one.expected == Expected::Absent {}
    };
    assert!(step.absent_when.iter().any(|one| asked(&one)), "{:?}", step.absent_when);
    assert!(matches!(absent(&Answer::Names { names: Vec::new() }), Verdict::Holds(_)));
    let made = Answer::Names { names: vec!["SuperOffice Service".to_owned()] };
    assert!(matches!(absent(&made), Verdict::Fails(_)));
}

#[test]
fn a_first_installation_is_for_a_person_because_of_the_choices_in_its_wizard() {
    let mut site = with_new_service();
    site.snapshot.changes.clear();
    for package in site.snapshot.releases.iter_mut().flat_map(|release| &mut release.spec.packages) {
        if package.component == Component::Service {
            let arguments = vec!["/s".to_owned(), "/path={instancePath}".to_owned()];
            package.install = Some(Method::CommandLine { arguments, declared_by: "tried".to_owned() });
        }
    }
    let finding = found(&site, "WizardChoices");
    for expected in ["Service is installed for the first time", "install: commandLine", "8.0 SR6", "host name"] {
        assert!(finding.message.contains(expected), "{}", finding.message);
    }
    assert!(finding.remedy.contains("install: attended"), "{}", finding.remedy);
}
