use super::{Fleet, claims_of};
use crate::queue::SiteKey;
use crate::sketch::Sketch;
use crate::watches::{Sight, Watched};
use kube::Resource as _;
use serde_json::{Value, json};

fn object(name: &str, spec: Value, status: Value) -> Sketch {
    serde_json::from_value(json!({
        "metadata": {"name": name, "namespace": "crm", "generation": 1}, "spec": spec, "status": status,
    }))
    .unwrap()
}

fn site(name: &str, node: &str) -> Sketch {
    object(name, json!({"components": [{"name": "Web", "nodes": [node]}]}), json!({}))
}

fn names(fleet: &mut Fleet, kind: Watched, sight: Sight) -> Vec<String> {
    fleet.concerned(kind, sight).into_iter().map(|key| key.name).collect()
}

fn two_sites() -> Fleet {
    let mut fleet = Fleet::default();
    let all = Sight::All(vec![site("b", "node-b"), site("a", "node-a")]);
    assert_eq!(names(&mut fleet, Watched::Site, all), ["a", "b"]);
    fleet
}

#[test]
fn a_node_wakes_the_sites_that_name_it() {
    let mut fleet = two_sites();
    let node = || object("node-b", json!({}), json!({}));
    assert_eq!(names(&mut fleet, Watched::Node, Sight::One(node())), ["b"]);
    assert_eq!(names(&mut fleet, Watched::Node, Sight::Gone(node())), ["b"]);
    let stranger = object("node-c", json!({}), json!({}));
    assert!(names(&mut fleet, Watched::Node, Sight::One(stranger)).is_empty());
}

#[test]
fn our_own_status_of_a_site_wakes_nobody() {
    let mut fleet = two_sites();
    assert!(names(&mut fleet, Watched::Site, Sight::One(site("a", "node-a"))).is_empty());
    let mut edited = site("a", "node-a");
    edited.meta_mut().generation = Some(2);
    assert_eq!(names(&mut fleet, Watched::Site, Sight::One(edited)), ["a"]);
}

#[test]
fn sites_that_a_new_list_lacks_are_woken_once_more() {
    let mut fleet = two_sites();
    assert_eq!(names(&mut fleet, Watched::Site, Sight::All(vec![site("a", "node-a")])), ["a", "b"]);
    let release = object("8.0", json!({}), json!({}));
    assert_eq!(names(&mut fleet, Watched::Release, Sight::One(release)), ["a"]);
}

fn change(site: &str, claims: &[&str], status: &Value) -> Sketch {
    object(&format!("{site}-1"), json!({"site": site, "claims": claims}), status.clone())
}

#[test]
fn the_end_of_a_change_wakes_those_who_want_what_it_held() {
    let mut fleet = two_sites();
    let seen = |site: &str, claims: &[&str], phase: &str| Sight::One(change(site, claims, &json!({"phase": phase})));
    assert_eq!(names(&mut fleet, Watched::Change, seen("a", &["sql1"], "Changing")), ["a"]);
    assert_eq!(names(&mut fleet, Watched::Change, seen("b", &["sql1", "b-app"], "Preparing")), ["b"]);
    assert_eq!(names(&mut fleet, Watched::Change, seen("c", &["sql2"], "Preparing")), ["c"]);
    assert_eq!(names(&mut fleet, Watched::Change, seen("a", &["sql1"], "Succeeded")), ["a", "b"]);
    let gone = Sight::Gone(change("b", &["sql1", "b-app"], &json!({})));
    assert_eq!(names(&mut fleet, Watched::Change, gone), ["b"]);
}

fn foreign(fleet: &Fleet, site: &str) -> Vec<(String, String, bool)> {
    let claims = fleet.foreign_claims(&SiteKey::new("crm", site));
    claims.into_iter().map(|claim| (claim.claim, claim.holder, claim.waits_since.is_some())).collect()
}

#[test]
fn claims_of_changes_that_are_over_are_free_and_unknown_phases_hold_on() {
    let mut fleet = two_sites();
    let all = vec![
        change("a", &[], &json!({"phase": "Changing", "claimsHeld": ["sql1"]})),
        change("b", &[], &json!({"phase": "Succeeded", "claimsHeld": ["sql1"]})),
        change("c", &[], &json!({"phase": "Levitating", "claimsHeld": ["iis1"]})),
        change("d", &[], &json!(null)),
    ];
    fleet.concerned(Watched::Change, Sight::All(all));
    let held = |claim: &str, holder: &str| (claim.to_owned(), holder.to_owned(), false);
    assert_eq!(foreign(&fleet, "b"), [held("iis1", "crm/c"), held("sql1", "crm/a")]);
    assert_eq!(foreign(&fleet, "a"), [held("iis1", "crm/c")], "its own are not foreign");
    fleet.concerned(Watched::Change, Sight::All(Vec::new()));
    assert_eq!(foreign(&fleet, "b"), [], "what a new list lacks is gone");
}

#[test]
fn changes_that_hold_nothing_yet_wait_in_the_order_of_their_creation() {
    let waiting: Sketch = serde_json::from_value(json!({
        "metadata": {"name": "b-1", "namespace": "crm", "creationTimestamp": "2026-11-28T19:00:00Z"},
        "spec": {"site": "b", "claims": ["sql1"]},
    }))
    .unwrap();
    let holding = change("a", &["sql1"], &json!({"phase": "Changing", "claimsHeld": ["sql1"]}));
    let open: Vec<_> = [waiting, holding].iter().filter_map(Sketch::open_change).collect();
    let claims = claims_of(open.iter());
    let seen: Vec<_> = claims.iter().map(|claim| (claim.holder.as_str(), claim.waits_since.is_some())).collect();
    assert_eq!(seen, [("crm/a", false), ("crm/b", true)]);
}

#[test]
fn a_change_of_a_site_that_is_gone_holds_nothing_whatever_has_its_name_now() {
    let mut fleet = Fleet::default();
    let mut of_second = site("a", "node-a");
    of_second.meta_mut().uid = Some("second".to_owned());
    fleet.concerned(Watched::Site, Sight::One(of_second));
    let mut with_uid = |uid: &str| {
        let spec = json!({"site": "a", "siteUid": uid});
        let held = object("a-1", spec, json!({"phase": "Preparing", "claimsHeld": ["sql1"]}));
        fleet.concerned(Watched::Change, Sight::One(held));
        foreign(&fleet, "b").len()
    };
    assert_eq!(with_uid("first"), 0);
    assert_eq!(with_uid("second"), 1);
}

#[test]
fn sites_with_one_database_know_of_each_other_however_they_write_it() {
    let mut fleet = Fleet::default();
    let of =
        |name: &str, server: &str| object(name, json!({"database": {"server": server, "name": "CRM7"}}), json!({}));
    fleet.concerned(Watched::Site, Sight::All(vec![of("a", "SQL1"), of("b", "sql1,1433"), of("c", "sql2")]));
    let others = |fleet: &Fleet| fleet.same_database(&SiteKey::new("crm", "a"), "sql1", "crm7");
    assert_eq!(others(&fleet), ["crm/b"]);
    let mut moved = of("b", "sql2");
    moved.meta_mut().generation = Some(2);
    fleet.concerned(Watched::Site, Sight::One(moved));
    assert!(others(&fleet).is_empty());
    fleet.concerned(Watched::Site, Sight::One(of("d", "sql1")));
    assert_eq!(others(&fleet), ["crm/d"]);
    fleet.concerned(Watched::Site, Sight::Gone(of("d", "sql1")));
    assert!(others(&fleet).is_empty());
}

#[test]
fn a_node_is_known_by_the_sites_for_which_it_is_asked_something() {
    let mut fleet = two_sites();
    let node = |sites: &[&str]| {
        let asked: Vec<Value> = sites.iter().map(|site| json!({"site": site})).collect();
        object("node-b", json!({"asked": asked}), json!({}))
    };
    let asked =
        |fleet: &Fleet, site: &str| fleet.nodes_asked(&SiteKey::new("crm", site)).into_iter().collect::<Vec<_>>();
    fleet.concerned(Watched::Node, Sight::One(node(&["a", "b"])));
    assert_eq!(asked(&fleet, "a"), ["node-b"]);
    fleet.concerned(Watched::Node, Sight::One(node(&["b"])));
    assert!(asked(&fleet, "a").is_empty());
    assert_eq!(asked(&fleet, "b"), ["node-b"]);
    fleet.concerned(Watched::Node, Sight::One(object("node-b", json!({"asked": "what?"}), json!({}))));
    assert!(asked(&fleet, "b").is_empty(), "what cannot be read asks nothing, and stops nobody");
    fleet.concerned(Watched::Node, Sight::One(node(&["b"])));
    assert_eq!(asked(&fleet, "b"), ["node-b"]);
    fleet.concerned(Watched::Node, Sight::Gone(node(&["b"])));
    assert!(asked(&fleet, "b").is_empty());
}

#[test]
fn a_fleet_is_known_when_sites_nodes_and_changes_were_listed() {
    let mut fleet = two_sites();
    fleet.concerned(Watched::Node, Sight::All(Vec::new()));
    fleet.concerned(Watched::Change, Sight::One(change("a", &["sql1"], &json!({}))));
    assert!(!fleet.is_known());
    fleet.concerned(Watched::Change, Sight::All(Vec::new()));
    assert!(fleet.is_known());
}

#[test]
fn a_decision_wakes_the_site_that_it_names() {
    let mut fleet = two_sites();
    let decision = object("d", json!({"site": "b", "word": "Approve"}), json!({}));
    assert_eq!(names(&mut fleet, Watched::Decision, Sight::One(decision)), ["b"]);
}

#[test]
fn a_stop_wakes_all_sites_of_its_namespace_and_all_sites_from_the_operators_own() {
    let mut fleet = Fleet::new("crm-operator");
    let mut elsewhere = site("c", "node-c");
    elsewhere.meta_mut().namespace = Some("other".to_owned());
    let all = Sight::All(vec![site("a", "node-a"), site("b", "node-b"), elsewhere]);
    assert_eq!(names(&mut fleet, Watched::Site, all).len(), 3);
    let stop = |namespace: &str| {
        let mut stop = object("stop", json!({"word": "Stop"}), json!({}));
        stop.meta_mut().namespace = Some(namespace.to_owned());
        stop
    };
    assert_eq!(names(&mut fleet, Watched::Decision, Sight::One(stop("crm"))), ["a", "b"]);
    assert_eq!(names(&mut fleet, Watched::Decision, Sight::Gone(stop("crm"))), ["a", "b"], "its end as well");
    assert_eq!(names(&mut fleet, Watched::Decision, Sight::One(stop("crm-operator"))).len(), 3);
    assert!(names(&mut fleet, Watched::Decision, Sight::One(stop("third"))).is_empty());
}
