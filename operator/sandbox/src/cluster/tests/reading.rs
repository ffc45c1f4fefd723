//! Lists: selectors, pages, versions.

use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams, PostParams, VersionMatch};
use serde_json::json;

use super::{World, gadget, merge, refusal, resource, world};

async fn filled() -> World {
    let world = world();
    for (name, labels) in [("a", vec![("tier", "one"), ("x", "1")]), ("b", vec![("tier", "two")]), ("c", vec![])] {
        let mut object = gadget(name, json!({"size": 1}));
        let labels = labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
        object.metadata.labels = Some(labels.collect());
        world.gadgets().create(&PostParams::default(), &object).await.unwrap();
    }
    world
}

async fn names(api: &Api<DynamicObject>, params: &ListParams) -> String {
    let list = api.list(params).await.unwrap();
    list.items.into_iter().filter_map(|object| object.metadata.name).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn labels_and_fields_select() {
    let world = filled().await;
    let api = world.gadgets();
    for (selector, expected) in [
        ("tier=one", "a"),
        ("tier==two", "b"),
        ("tier!=one", "b c"),
        ("tier in (one, two)", "a b"),
        ("tier notin (one),x!=2", "b c"),
        ("tier", "a b"),
        ("!tier", "c"),
        ("tier,x=1", "a"),
    ] {
        assert_eq!(names(&api, &ListParams::default().labels(selector)).await, expected, "{selector}");
    }
    for (selector, expected) in [
        ("metadata.name=b", "b"),
        ("metadata.name!=b", "a c"),
        ("metadata.namespace=crm", "a b c"),
        ("metadata.namespace=other", ""),
    ] {
        assert_eq!(names(&api, &ListParams::default().fields(selector)).await, expected, "{selector}");
    }
    assert_eq!(refusal(api.list(&ListParams::default().fields("spec.size=1")).await).code, 400);
}

#[tokio::test]
async fn fields_that_a_definition_declares_select_and_a_missing_one_is_empty() {
    let world = world();
    world.create("a", json!({"size": 1, "code": "red", "counter": 7})).await.unwrap();
    world.create("b", json!({"size": 1, "code": "green"})).await.unwrap();
    world.create("c", json!({"size": 1})).await.unwrap();
    let api = world.gadgets();
    let phase = Patch::Merge(json!({"status": {"phase": "Over"}}));
    api.patch_status("b", &PatchParams::default(), &phase).await.unwrap();
    for (selector, expected) in [
        ("spec.code=red", "a"),
        ("spec.code!=red", "b c"),
        ("spec.code=", "c"),
        ("spec.counter=7", "a"),
        ("status.phase!=Over", "a c"),
        ("status.phase!=Over,spec.code!=red", "c"),
    ] {
        assert_eq!(names(&api, &ListParams::default().fields(selector)).await, expected, "{selector}");
    }
    let refused = refusal(api.list(&ListParams::default().fields("spec.owner=me")).await);
    assert_eq!((refused.code, refused.message.as_str()), (400, "field label not supported: spec.owner"));
}

#[tokio::test]
async fn a_selector_that_is_none_is_refused() {
    let world = filled().await;
    for (selector, expected) in [
        ("===", "found '==', expected: !, identifier, or 'end of string'"),
        ("tier=one,", "found '', expected: identifier after ','"),
        ("tier one", "unable to parse requirement: found 'one', expected: in, notin, =, ==, !=, gt, lt"),
        ("tier in one", "unable to parse requirement: found 'one' expected: '('"),
        ("tier in (one", "unable to parse requirement: found '', expected: ',' or ')'"),
    ] {
        let refused = refusal(world.gadgets().list(&ListParams::default().labels(selector)).await);
        assert_eq!((refused.code, refused.message.as_str()), (400, expected), "{selector}");
    }
}

#[tokio::test]
async fn a_list_spans_namespaces() {
    let world = filled().await;
    world.cluster.add_namespace("aaa");
    let there: Api<DynamicObject> = Api::namespaced_with(world.cluster.client("x"), "aaa", &resource());
    let mut object = gadget("z", json!({"size": 1}));
    object.metadata.namespace = Some("aaa".to_owned());
    there.create(&PostParams::default(), &object).await.unwrap();
    let everywhere: Api<DynamicObject> = Api::all_with(world.cluster.client("x"), &resource());
    assert_eq!(names(&everywhere, &ListParams::default()).await, "z a b c");
    assert_eq!(names(&everywhere, &ListParams::default().fields("metadata.name=b")).await, "b");
    assert_eq!(names(&world.gadgets(), &ListParams::default()).await, "a b c");
}

#[tokio::test]
async fn pages_show_one_moment() {
    let world = filled().await;
    let api = world.gadgets();
    let first = api.list(&ListParams::default().limit(2)).await.unwrap();
    assert_eq!((first.items.len(), first.metadata.remaining_item_count), (2, Some(1)));
    let selected = api.list(&ListParams::default().limit(1).labels("tier")).await.unwrap();
    assert_eq!((selected.items.len(), selected.metadata.remaining_item_count), (1, None));
    merge(&api, "c", json!({"spec": {"size": 9}})).await.unwrap();
    world.create("d", json!({"size": 1})).await.unwrap();
    let token = first.metadata.continue_.unwrap();
    let rest = api.list(&ListParams::default().limit(2).continue_token(&token)).await.unwrap();
    assert_eq!(rest.items.len(), 1);
    assert_eq!(rest.items[0].data["spec"]["size"], 1);
    // The last page of a custom kind has an empty token.
    let end = (rest.metadata.continue_.as_deref(), rest.metadata.resource_version);
    assert_eq!(end, (Some(""), first.metadata.resource_version));
    world.cluster.compact(world.cluster.resource_version());
    let expired = refusal(api.list(&ListParams::default().limit(2).continue_token(&token)).await);
    assert_eq!((expired.code, expired.reason.as_str()), (410, "Expired"));
}

#[tokio::test]
async fn a_list_of_the_past_and_of_the_future() {
    let world = filled().await;
    let api = world.gadgets();
    let then = world.cluster.resource_version().to_string();
    merge(&api, "a", json!({"spec": {"size": 9}})).await.unwrap();
    let past = api.list(&ListParams::default().at(&then).matching(VersionMatch::Exact)).await.unwrap();
    assert_eq!(past.items[0].data["spec"]["size"], 1);
    let newer = api.list(&ListParams::default().at(&then).matching(VersionMatch::NotOlderThan)).await.unwrap();
    assert_eq!(newer.items[0].data["spec"]["size"], 9);
    assert_eq!(names(&api, &ListParams::default().match_any()).await, "a b c");
    let future = ListParams::default().at("999999").matching(VersionMatch::NotOlderThan);
    assert_eq!(refusal(api.list(&future).await).code, 504);
}
