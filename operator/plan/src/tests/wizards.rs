//! What a site chooses in the vendor's setups, and how it reaches them.

use crm_api::change::{CrmChangeSpec, Executor};
use crm_api::order::Action;
use crm_api::probe::{Answer, Probe};
use crm_api::release::Method;
use crm_api::site::{Component, CustomerCentreTemplates, Finding, StandardReports};

use super::fixture::Site;
use crate::intent::Standing;

const BOX: &str = "Install/overwrite customer center templates";

fn site(reports: Option<StandardReports>) -> Site {
    let mut site = Site::at_rest();
    site.spec().super_office.as_mut().unwrap().standard_reports = reports;
    site.declare("8.0 SR6");
    site
}

fn method(site: &mut Site, component: Component) -> &mut Method {
    let release = site.snapshot.releases.iter_mut().find(|release| release.spec.version == "8.0 SR6").unwrap();
    &mut release.spec.packages.iter_mut().find(|package| package.component == component).unwrap().method
}

fn attended(site: &mut Site) {
    *method(site, Component::CrmServer) = Method::Attended { instructions: vec!["Click through it.".to_owned()] };
}

fn silent_about_reports(site: &mut Site) {
    let Method::CommandLine { arguments, .. } = method(site, Component::CrmServer) else { unreachable!() };
    arguments.retain(|argument| argument != "{reports}");
}

fn change(site: &Site) -> CrmChangeSpec {
    let Standing::Proposed { change, .. } = site.plan().standing else { unreachable!("{:?}", site.plan().standing) };
    *change
}

fn blocking(site: &Site, check: &str) -> Vec<Finding> {
    let Standing::Refused { findings } = site.plan().standing else { return Vec::new() };
    findings.into_iter().filter(|found| found.check == check).collect()
}

/// What is done or told at the step of that kind.
fn told(change: &CrmChangeSpec, kind: &str) -> String {
    let step = change.steps.iter().find(|step| step.id.starts_with(kind)).unwrap();
    match &step.executor {
        Executor::Attended { instructions } => instructions.join(" "),
        Executor::Agent { actions } => match &actions[0] {
            Action::RunInstaller { arguments, .. } => arguments.join(" "),
            other => unreachable!("{other:?}"),
        },
        Executor::Controller { .. } => unreachable!("a setup"),
    }
}

#[test]
fn the_choice_about_reports_reaches_command_line_and_person() {
    let cases = [(None, "NEW"), (Some(StandardReports::NewOnly), "NEW"), (Some(StandardReports::UpgradeAll), "ALL")];
    for (declared, word) in cases {
        let mut site = site(declared);
        let arguments = told(&change(&site), "upgrade-database");
        assert!(arguments.ends_with(&format!(" /REPORTS:{word}")), "{arguments}");
        attended(&mut site);
        let instructions = told(&change(&site), "upgrade-database");
        assert!(instructions.contains(&format!("choose \"/REPORTS:{word}\"")), "{instructions}");
    }
}

#[test]
fn overwritten_reports_stand_in_front_of_the_approval() {
    let says = |site: &Site| change(site).notices.iter().any(|notice| notice.contains("overwritten"));
    assert!(!says(&site(None)) && !says(&site(Some(StandardReports::NewOnly))));
    assert!(says(&site(Some(StandardReports::UpgradeAll))));
    let mut silent = site(None);
    silent_about_reports(&mut silent);
    assert!(says(&silent), "nobody has declared that they stay, but nobody is to be surprised either");
}

#[test]
fn reports_that_shall_stay_are_not_left_to_a_command_line_that_says_nothing() {
    let mut declared = site(Some(StandardReports::NewOnly));
    assert!(blocking(&declared, "StandardReports").is_empty());
    silent_about_reports(&mut declared);
    let found = blocking(&declared, "StandardReports");
    assert!(found[0].remedy.contains("{reports}"), "{found:?}");
    attended(&mut declared);
    assert!(blocking(&declared, "StandardReports").is_empty(), "a person can be told");
}

fn templates(site: &mut Site, choice: CustomerCentreTemplates, has_box: bool) {
    site.spec().super_office.as_mut().unwrap().service.customer_centre = Some(choice);
    let release = site.snapshot.releases.iter_mut().find(|release| release.spec.version == "8.0 SR6").unwrap();
    release.spec.super_office.as_mut().unwrap().customer_centre_box = has_box.then(|| BOX.to_owned());
}

#[test]
fn the_box_about_templates_is_ticked_or_not_as_declared() {
    let mut kept = site(None);
    templates(&mut kept, CustomerCentreTemplates::Keep, true);
    let change_kept = change(&kept);
    assert!(told(&change_kept, "upgrade-service").contains(&format!("Untick {BOX:?}")));
    assert!(change_kept.notices.iter().any(|notice| notice.contains("keep their design, as declared")));
    let mut standard = site(None);
    templates(&mut standard, CustomerCentreTemplates::Overwrite, true);
    let change_standard = change(&standard);
    assert!(told(&change_standard, "upgrade-service").contains(&format!(" Tick {BOX:?}")));
    assert!(change_standard.notices.iter().any(|notice| notice.contains("the vendor's standard design")));
}

#[test]
fn templates_that_shall_stay_are_not_left_to_an_installer_that_nobody_can_tell() {
    let mut site = site(None);
    templates(&mut site, CustomerCentreTemplates::Keep, false);
    let found = blocking(&site, "CustomerCentre");
    assert!(found[0].remedy.contains("customerCentreBox"), "{found:?}");
    templates(&mut site, CustomerCentreTemplates::Keep, true);
    assert!(blocking(&site, "CustomerCentre").is_empty());
    *method(&mut site, Component::Service) =
        Method::CommandLine { arguments: Vec::new(), declared_by: "nobody".to_owned() };
    assert!(!blocking(&site, "CustomerCentre").is_empty(), "a command line unticks nothing");
}

#[test]
fn templates_that_an_earlier_change_has_kept_are_no_debt_of_this_one() {
    let mut site = Site::at_rest();
    let service = r"C:\SuperOffice\Customer Service";
    let folders = Probe::Folders { path: service.to_owned(), prefix: "templates_".to_owned() };
    site.answer("contoso-cs", &folders, Answer::Names { names: vec!["templates_2024".to_owned()] });
    site.wait(60);
    site.declare("8.0 SR6");
    site.run_to("never");
    let findings = site.status().findings.join(" ");
    assert!(!findings.contains("templates_2024"), "{findings}");
}
