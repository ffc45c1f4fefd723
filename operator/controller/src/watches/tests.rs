use super::{Index, Sight, Watched};
use crate::sketch::Sketch;
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

fn names(index: &mut Index, kind: Watched, sight: Sight) -> Vec<String> {
    index.concerned(kind, sight).into_iter().map(|key| key.name).collect()
}

fn two_sites() -> Index {
    let mut index = Index::default();
    let all = Sight::All(vec![site("b", "node-b"), site("a", "node-a")]);
    assert_eq!(names(&mut index, Watched::Site, all), ["a", "b"]);
    index
}

#[test]
fn a_node_wakes_the_sites_that_name_it() {
    let mut index = two_sites();
    let node = || object("node-b", json!({}), json!({}));
    assert_eq!(names(&mut index, Watched::Node, Sight::One(node())), ["b"]);
    assert_eq!(names(&mut index, Watched::Node, Sight::Gone(node())), ["b"]);
    let stranger = object("node-c", json!({}), json!({}));
    assert!(names(&mut index, Watched::Node, Sight::One(stranger)).is_empty());
}

#[test]
fn our_own_status_of_a_site_wakes_nobody() {
    let mut index = two_sites();
    assert!(names(&mut index, Watched::Site, Sight::One(site("a", "node-a"))).is_empty());
    let mut edited = site("a", "node-a");
    edited.meta_mut().generation = Some(2);
    assert_eq!(names(&mut index, Watched::Site, Sight::One(edited)), ["a"]);
}

#[test]
fn sites_that_a_new_list_lacks_are_woken_once_more() {
    let mut index = two_sites();
    assert_eq!(names(&mut index, Watched::Site, Sight::All(vec![site("a", "node-a")])), ["a", "b"]);
    let release = object("8.0", json!({}), json!({}));
    assert_eq!(names(&mut index, Watched::Release, Sight::One(release)), ["a"]);
}

#[test]
fn the_end_of_a_change_wakes_those_who_may_wait_for_its_claims() {
    let mut index = two_sites();
    let change = |site: &str, phase: &str| object(&format!("{site}-1"), json!({"site": site}), json!({"phase": phase}));
    assert_eq!(names(&mut index, Watched::Change, Sight::One(change("a", "Changing"))), ["a"]);
    assert_eq!(names(&mut index, Watched::Change, Sight::One(change("b", "Preparing"))), ["b"]);
    assert_eq!(names(&mut index, Watched::Change, Sight::One(change("a", "Succeeded"))), ["a", "b"]);
}

#[test]
fn a_decision_wakes_the_site_that_it_names() {
    let mut index = two_sites();
    let decision = object("d", json!({"site": "b", "word": "Approve"}), json!({}));
    assert_eq!(names(&mut index, Watched::Decision, Sight::One(decision)), ["b"]);
}

#[test]
fn a_stop_wakes_all_sites_of_its_namespace_and_all_sites_from_the_operators_own() {
    let mut index = Index::new("crm-operator");
    let mut elsewhere = site("c", "node-c");
    elsewhere.meta_mut().namespace = Some("other".to_owned());
    let all = Sight::All(vec![site("a", "node-a"), site("b", "node-b"), elsewhere]);
    assert_eq!(names(&mut index, Watched::Site, all).len(), 3);
    let stop = |namespace: &str| {
        let mut stop = object("stop", json!({"word": "Stop"}), json!({}));
        stop.meta_mut().namespace = Some(namespace.to_owned());
        stop
    };
    assert_eq!(names(&mut index, Watched::Decision, Sight::One(stop("crm"))), ["a", "b"]);
    assert_eq!(names(&mut index, Watched::Decision, Sight::Gone(stop("crm"))), ["a", "b"], "its end as well");
    assert_eq!(names(&mut index, Watched::Decision, Sight::One(stop("crm-operator"))).len(), 3);
    assert!(names(&mut index, Watched::Decision, Sight::One(stop("third"))).is_empty());
}
