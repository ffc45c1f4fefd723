use crm_api::site::Product;

use super::fixture::{catalogue, whole_catalogue};
use crate::catalogue::{Catalogue, NoPath};

fn path(from: &str, to: &str) -> Result<Vec<String>, NoPath> {
    let releases = whole_catalogue();
    let catalogue = Catalogue::of(Product::SuperOffice, &releases);
    let path = catalogue.path(catalogue.find(from).unwrap(), catalogue.find(to).unwrap());
    path.map(|path| path.iter().map(|release| release.version.clone()).collect())
}

#[test]
fn a_path_stops_where_the_vendor_demands_it() {
    assert_eq!(path("7.5 SR2", "8.0 SR6").unwrap(), ["8.0 SR6"]);
    for old in ["7.0", "7.0 SR3", "7.1", "7.1 SR2", "7.2 Visma"] {
        assert_eq!(path(old, "8.0 SR6").unwrap(), ["7.5 SR2", "8.0 SR6"], "{old}");
    }
    assert_eq!(path("8.1 R01", "11.13").unwrap(), ["11.13"], "from 8.1 on every newer release is one hop away");
    for new in ["9.2 R12", "10.2.9", "11.13"] {
        let way = path("8.0 SR6", new).unwrap();
        assert!(way.len() == 2 && way[0].starts_with("8.5"), "from 8.0 there is a stop between 8.1 and 8.5: {way:?}");
        let way = path("7.0", new).unwrap();
        assert_eq!(way[..2], ["7.5 SR2", "8.0 SR6"]);
        assert_eq!(way.len(), 4);
    }
    assert_eq!(path("7.5 SR2", "8.1 R01").unwrap(), ["8.0 SR6", "8.1 R01"]);
}

#[test]
fn there_is_no_way_down() {
    assert_eq!(path("8.0 SR6", "7.5 SR2"), Err(NoPath::Downgrade));
}

#[test]
fn an_edge_that_is_not_listed_is_no_way() {
    let mut releases = catalogue();
    for release in &mut releases {
        if release.spec.version.starts_with("7.5") {
            release.spec.from_since = None;
        }
    }
    let catalogue = Catalogue::of(Product::SuperOffice, &releases);
    let no_path = catalogue.path(catalogue.find("7.1 SR2").unwrap(), catalogue.find("8.0 SR6").unwrap()).unwrap_err();
    assert!(matches!(no_path, NoPath::Unlisted { predecessors } if predecessors.contains(&"7.5 SR2".to_owned())));
}

#[test]
fn aliases_name_the_same_release_and_order_is_not_by_number() {
    let releases = whole_catalogue();
    let catalogue = Catalogue::of(Product::SuperOffice, &releases);
    assert_eq!(catalogue.find("7.5.5885.b").unwrap().version, "7.5 SR2");
    // The number of 8.1 R01 says 8.0: it is a release of its own all the same.
    assert_eq!(catalogue.by_number("8.0.6499").unwrap().version, "8.1 R01");
}

#[test]
fn a_mistyped_version_finds_its_neighbours() {
    let releases = catalogue();
    let catalogue = Catalogue::of(Product::SuperOffice, &releases);
    assert_eq!(catalogue.nearest("8.0 sr 6").first(), Some(&"8.0 SR6"));
    assert_eq!(catalogue.nearest("7.5SR2").first(), Some(&"7.5 SR2"));
}

#[test]
fn what_is_not_for_on_site_is_no_goal_and_no_stop() {
    let no_path = path("8.1 R01", "8.5 R08").unwrap_err();
    assert_eq!(no_path, NoPath::NotOnSite { next: Some("8.5 R09".to_owned()) });
    assert_eq!(path("7.0", "7.2 Visma").unwrap_err(), NoPath::NotOnSite { next: Some("7.5".to_owned()) });
}

#[test]
fn a_stop_that_has_packages_is_preferred_to_a_newer_one_without() {
    let mut releases = whole_catalogue();
    let packages = releases.iter().find(|release| release.spec.version == "8.0 SR6").unwrap().spec.packages.clone();
    releases.iter_mut().find(|release| release.spec.version == "8.5 R09").unwrap().spec.packages = packages;
    for release in releases.iter_mut().filter(|release| release.spec.version == "8.5 R17") {
        release.spec.packages.clear();
    }
    let catalogue = Catalogue::of(Product::SuperOffice, &releases);
    let way = catalogue.path(catalogue.find("8.0 SR6").unwrap(), catalogue.find("11.13").unwrap()).unwrap();
    assert_eq!(way.first().map(|stop| stop.version.as_str()), Some("8.5 R09"));
}

/// The vendor's table of web services endpoints (requirements), and what a release brings or ends.
#[test]
fn the_catalogue_says_what_the_vendor_published() {
    let releases = whole_catalogue();
    let catalogue = Catalogue::of(Product::SuperOffice, &releases);
    let block = |version: &str| catalogue.find(version).unwrap().super_office.clone().unwrap();
    for (version, services) in [
        ("8.0 SR2", "Services80"),
        ("8.0 SR3", "Services82"),
        ("8.2 R06", "Services84"),
        ("8.3 R01", "Services85"),
        ("8.3 R02", "Services86"),
        ("8.4 R06", "Services86"),
        ("8.4 R07", "Services87"),
        ("8.5 R07", "Services87"),
        ("8.5 R09", "Services88"),
        ("10.2.9", "Services88"),
        ("11.13", "Services88"),
    ] {
        assert_eq!(block(version).services_endpoint.as_deref(), Some(services), "{version}");
    }
    assert!(!block("10.2.1").https && block("10.2.5").https && block("11.6").https);
    assert!(!block("8.0 SR6").one_domain && block("8.1 R01").one_domain && block("9.1 R02").one_domain);
    assert!(!block("7.5 SR2").full_stack && block("8.0").full_stack);
    assert!(!block("10.5.4").web_view2 && block("11.6").web_view2);
    let dot_net = |version: &str| catalogue.find(version).unwrap().requires.dot_net.clone().unwrap();
    assert_eq!([dot_net("8.3 R02"), dot_net("8.3 R04"), dot_net("8.5 R05")], ["4.5.1", "4.7.1", "4.8"]);
}

#[test]
fn no_two_releases_share_a_rank_a_number_or_a_name() {
    let releases = whole_catalogue();
    let mut names = std::collections::BTreeSet::new();
    let mut ranks = std::collections::BTreeSet::new();
    for release in &releases {
        assert!(ranks.insert(release.spec.rank), "{}", release.spec.version);
        let mut own = std::collections::BTreeSet::from([&release.spec.version, &release.spec.number]);
        own.extend(&release.spec.aliases);
        for name in own {
            assert!(names.insert(name.clone()), "{name} is said twice");
        }
    }
}

#[test]
fn a_site_is_known_however_its_programs_write_their_number() {
    use crm_api::database::superoffice::DATABASE_VERSION;
    use crm_api::probe::{Answer, Probe};

    let mut site = super::fixture::Site::at_rest();
    let program = Probe::Program { name: "SuperOffice Web".to_owned() };
    site.answer("contoso-app", &program, Answer::Program { version: "7.5.5885.b".to_owned(), location: String::new() });
    site.fact(DATABASE_VERSION, Some("7.5.5885.0"));
    site.turn();
    let status = site.snapshot.site.status.clone().unwrap();
    let web = status.parts.iter().find(|part| part.part == "Web").unwrap();
    assert_eq!(web.version.as_deref(), Some("7.5.5885"), "as the catalogue writes it");
    assert!(web.sources.iter().any(|source| source.value.as_deref() == Some("7.5.5885.b")), "and as it was read");
    assert_eq!(status.drift, "none");
    site.declare("8.0 SR6");
    site.run_to("nothing of this name");
    assert_eq!(site.snapshot.site.status.unwrap().verified.unwrap().version, "8.0 SR6");
}

#[test]
fn no_two_releases_of_the_catalogue_are_taken_for_each_other() {
    let releases = super::fixture::whole_catalogue();
    let catalogue = crate::catalogue::Catalogue::of(crm_api::site::Product::SuperOffice, &releases);
    for release in releases.iter().map(|release| &release.spec) {
        let found = catalogue.by_number(&release.number).map(|found| found.version.as_str());
        assert_eq!(found, Some(release.version.as_str()));
        if crate::version_text::telling_numbers(&release.number) == 3 {
            let built = catalogue.by_number(&format!("{}.77", release.number)).map(|found| found.version.as_str());
            assert_eq!(built, Some(release.version.as_str()), "{}.77", release.number);
        }
    }
    assert!(catalogue.by_number("7.9.1").is_none() && catalogue.by_number("8").is_none());
}

/// An administrator's own release beside the vendor's, with the first three numbers of another one.
fn with_build(version: &str, number: &str) -> super::fixture::Site {
    let mut site = super::fixture::Site::at_rest();
    let mut build = site.snapshot.releases.iter().find(|release| release.spec.version == "8.0 SR6").unwrap().clone();
    build.spec.version = version.to_owned();
    build.spec.number = number.to_owned();
    build.spec.aliases = Vec::new();
    build.spec.rank += 1;
    site.snapshot.releases.push(build);
    site
}

#[test]
fn a_release_that_programs_do_not_tell_from_another_is_no_goal_and_both_are_named() {
    use crate::intent::Standing;

    let mut site = with_build("8.0 SR6 build 12", "8.0.6465.12");
    assert_eq!(site.plan().standing, Standing::Settled, "it stands in nobody's way who does not go there");
    site.declare("8.0 SR6");
    let Standing::Refused { findings } = site.plan().standing else { panic!("{:?}", site.plan().standing) };
    let finding = findings.iter().find(|finding| finding.check == "ReleaseNumber").unwrap();
    for expected in ["8.0 SR6 build 12", "8.0.6465.12", "\"8.0.6465\""] {
        assert!(finding.message.contains(expected), "{}", finding.message);
    }
    assert!(finding.remedy.contains("spec.number"), "{}", finding.remedy);
    let mut site = with_build("8.0 SR6 build 12", "8.0.6466.12");
    site.declare("8.0 SR6");
    assert!(matches!(site.plan().standing, Standing::Proposed { .. }), "another third number tells them apart");
}

#[test]
fn a_site_whose_number_two_releases_show_is_told_so_with_both_names() {
    use crate::intent::Standing;
    use crm_api::database::superoffice::DATABASE_VERSION;

    let mut site = with_build("8.0 SR6 build 12", "8.0.6465.12");
    site.snapshot.site.status = None;
    site.move_to("8.0.6465.7");
    site.fact(DATABASE_VERSION, Some("8.0.6465.7"));
    let Standing::Refused { findings } = site.plan().standing else { panic!("{:?}", site.plan().standing) };
    let message = &findings.first().unwrap().message;
    assert!(message.contains("8.0 SR6 (8.0.6465) and 8.0 SR6 build 12 (8.0.6465.12)"), "{message}");
}
