//! Deletion, finalizers, and dependents.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{DeleteParams, ListParams, PostParams, Preconditions, PropagationPolicy};
use serde_json::json;

use super::{World, causes, gadget, merge, refusal, world};

#[tokio::test]
async fn an_object_with_finalizers_stays_until_the_last_one_is_gone() {
    let world = world();
    let api = world.gadgets();
    let mut held = gadget("a", json!({"size": 1}));
    held.metadata.finalizers = Some(vec!["example.org/one".to_owned(), "example.org/two".to_owned()]);
    api.create(&PostParams::default(), &held).await.unwrap();
    let marked = api.delete("a", &DeleteParams::default()).await.unwrap().left().unwrap();
    assert_eq!(marked.metadata.deletion_timestamp.as_ref().unwrap().0.to_string(), "2023-11-14T22:13:20Z");
    assert_eq!(marked.metadata.generation, Some(2));
    let again = api.delete("a", &DeleteParams::default()).await.unwrap().left().unwrap();
    assert_eq!(again.metadata.resource_version, marked.metadata.resource_version);
    let more = json!({"metadata": {"finalizers": ["example.org/one", "example.org/two", "example.org/three"]}});
    let refused = refusal(merge(&api, "a", more).await);
    assert!(causes(&refused)[0].starts_with("metadata.finalizers: Forbidden: no new finalizers can be added"));
    merge(&api, "a", json!({"metadata": {"finalizers": ["example.org/two"]}})).await.unwrap();
    assert!(world.cluster.get("Gadget", "crm", "a").is_some());
    merge(&api, "a", json!({"metadata": {"finalizers": null}})).await.unwrap();
    assert!(world.cluster.get("Gadget", "crm", "a").is_none());
}

#[tokio::test]
async fn a_dry_run_deletes_nothing_wherever_it_is_asked_for() {
    let world = world();
    world.create("a", json!({"size": 1})).await.unwrap();
    let looked = DeleteParams { dry_run: true, ..DeleteParams::default() };
    world.gadgets().delete("a", &looked).await.unwrap();
    world.gadgets().delete_collection(&looked, &ListParams::default()).await.unwrap();
    assert!(world.cluster.get("Gadget", "crm", "a").is_some());
}

#[tokio::test]
async fn preconditions_guard_a_delete() {
    let world = world();
    let made = world.create("a", json!({"size": 1})).await.unwrap();
    let with = |uid: Option<String>, version: Option<String>| DeleteParams {
        preconditions: Some(Preconditions { uid, resource_version: version }),
        ..DeleteParams::default()
    };
    let api = world.gadgets();
    assert!(refusal(api.delete("a", &with(Some("other".to_owned()), None)).await).is_conflict());
    let refused = refusal(api.delete("a", &with(None, Some("1".to_owned()))).await);
    assert!(refused.is_conflict());
    let version = made.metadata.resource_version.as_deref().unwrap();
    let expected = format!(
        "Operation cannot be fulfilled on Gadget.example.org \"a\": the ResourceVersion in the precondition (1) does \
         not match the ResourceVersion in record ({version}). The object might have been modified"
    );
    assert_eq!((refused.message, refused.details.unwrap().kind.as_str()), (expected, "Gadget"));
    let done = api.delete("a", &with(made.metadata.uid, made.metadata.resource_version)).await.unwrap();
    assert!(done.right().unwrap().is_success());
    assert!(refusal(api.delete("a", &DeleteParams::default()).await).is_not_found());
}

async fn owned(world: &World, name: &str, owners: &[&str]) {
    let mut object = gadget(name, json!({"size": 1}));
    let mut references = Vec::new();
    for owner in owners {
        let owner = world.gadgets().get(owner).await.unwrap();
        references.push(OwnerReference {
            api_version: "example.org/v1".to_owned(),
            kind: "Gadget".to_owned(),
            name: owner.metadata.name.unwrap(),
            uid: owner.metadata.uid.unwrap(),
            ..OwnerReference::default()
        });
    }
    object.metadata.owner_references = Some(references).filter(|references| !references.is_empty());
    world.gadgets().create(&PostParams::default(), &object).await.unwrap();
}

#[tokio::test]
async fn dependents_go_with_their_last_owner() {
    let world = world();
    for (name, owners) in
        [("a", vec![]), ("b", vec![]), ("child", vec!["a"]), ("shared", vec!["a", "b"]), ("grandchild", vec!["child"])]
    {
        owned(&world, name, &owners).await;
    }
    world.gadgets().delete("a", &DeleteParams::default()).await.unwrap();
    let names = |world: &World| -> Vec<String> {
        world.cluster.list("Gadget").iter().map(|g| g["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&world), ["b", "shared"]);
    let orphan = DeleteParams { propagation_policy: Some(PropagationPolicy::Orphan), ..DeleteParams::default() };
    world.gadgets().delete("b", &orphan).await.unwrap();
    assert_eq!(names(&world), ["shared"]);
    assert!(world.cluster.get("Gadget", "crm", "shared").unwrap()["metadata"]["ownerReferences"].is_null());
}

#[tokio::test]
async fn a_collection_is_deleted_by_selector() {
    let world = world();
    for (name, label) in [("a", "x"), ("b", "y"), ("c", "x")] {
        let mut object = gadget(name, json!({"size": 1}));
        object.metadata.labels = Some([("l".to_owned(), label.to_owned())].into());
        world.gadgets().create(&PostParams::default(), &object).await.unwrap();
    }
    let gone = world.gadgets().delete_collection(&DeleteParams::default(), &ListParams::default().labels("l=x")).await;
    assert_eq!(gone.unwrap().left().unwrap().items.len(), 2);
    assert_eq!(world.cluster.list("Gadget").len(), 1);
}
