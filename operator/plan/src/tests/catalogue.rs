use crm_api::site::Product;

use super::fixture::catalogue;
use crate::catalogue::{Catalogue, NoPath};

fn path(from: &str, to: &str) -> Result<Vec<String>, NoPath> {
    let releases = catalogue();
    let catalogue = Catalogue::of(Product::SuperOffice, &releases);
    let path = catalogue.path(catalogue.find(from).unwrap(), catalogue.find(to).unwrap());
    path.map(|path| path.iter().map(|release| release.version.clone()).collect())
}

#[test]
fn a_path_stops_where_the_vendor_demands_it() {
    assert_eq!(path("7.5 SR2", "8.0 SR6").unwrap(), ["8.0 SR6"]);
    assert_eq!(path("7.1 SR2", "8.0 SR6").unwrap(), ["7.5 SR2", "8.0 SR6"]);
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
            release.spec.from.clear();
        }
    }
    let catalogue = Catalogue::of(Product::SuperOffice, &releases);
    let no_path = catalogue.path(catalogue.find("7.1 SR2").unwrap(), catalogue.find("8.0 SR6").unwrap()).unwrap_err();
    assert!(matches!(no_path, NoPath::Unlisted { predecessors } if predecessors.contains(&"7.5 SR2".to_owned())));
}

#[test]
fn aliases_name_the_same_release_and_order_is_not_by_number() {
    let releases = catalogue();
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
