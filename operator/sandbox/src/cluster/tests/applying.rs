//! Server-side apply and ownership.

use std::sync::atomic::Ordering;

use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::{apply, causes, merge, refusal, world};

/// `manager operation subresource: fields` of each entry.
fn owners(object: &DynamicObject) -> Vec<String> {
    let entries = object.metadata.managed_fields.clone().unwrap_or_default();
    let show = |entry: k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry| {
        let subresource = entry.subresource.map(|name| format!(" {name}")).unwrap_or_default();
        let fields = entry.fields_v1.unwrap().0;
        format!("{} {}{subresource}: {fields}", entry.manager.unwrap(), entry.operation.unwrap())
    };
    entries.into_iter().map(show).collect()
}

async fn force(api: &Api<DynamicObject>, manager: &str, spec: Value) -> DynamicObject {
    let body = json!({"apiVersion": "example.org/v1", "kind": "Gadget", "metadata": {"name": "a"}, "spec": spec});
    api.patch("a", &PatchParams::apply(manager).force(), &Patch::Apply(body)).await.unwrap()
}

#[tokio::test]
async fn an_apply_creates_and_owns_what_it_sent() {
    let world = world();
    let body = json!({
        "metadata": {"labels": {"l": "x"}},
        "spec": {"size": 1, "parts": [{"name": "p", "weight": 2}], "tags": ["t"], "order": ["o"], "settings": {"k": "v"}},
    });
    let made = apply(&world.gadgets(), "ann", "a", body).await.unwrap();
    assert_eq!(made.data["spec"]["color"], "red");
    let fields = json!({
        "f:metadata": {"f:labels": {"f:l": {}}},
        "f:spec": {
            "f:size": {}, "f:parts": {"k:{\"name\":\"p\"}": {".": {}, "f:name": {}, "f:weight": {}}},
            "f:tags": {"v:\"t\"": {}}, "f:order": {}, "f:settings": {"f:k": {}},
        },
    });
    assert_eq!(owners(&made), [format!("ann Apply: {fields}")]);
}

#[tokio::test]
async fn an_apply_that_changes_nothing_is_not_stored() {
    let world = world();
    let api = world.gadgets();
    let first = apply(&api, "ann", "a", json!({"spec": {"size": 1}})).await.unwrap();
    apply(&api, "bob", "a", json!({"spec": {"limit": 9}})).await.unwrap();
    let before = world.cluster.resource_version();
    world.clock.fetch_add(60, Ordering::Relaxed);
    apply(&api, "ann", "a", json!({"spec": {"size": 1}})).await.unwrap();
    assert_eq!(world.cluster.resource_version(), before);
    let other = apply(&api, "carl", "a", json!({"spec": {"size": 1}})).await.unwrap();
    assert_ne!(other.metadata.resource_version, first.metadata.resource_version);
    assert_eq!(other.metadata.generation, Some(2));
}

#[tokio::test]
async fn another_owner_is_a_conflict_unless_forced() {
    let world = world();
    let api = world.gadgets();
    apply(&api, "ann", "a", json!({"spec": {"size": 1, "code": "abc"}})).await.unwrap();
    let refused = refusal(apply(&api, "bob", "a", json!({"spec": {"size": 2}})).await);
    assert_eq!((refused.code, refused.reason.as_str()), (409, "Conflict"));
    assert_eq!(refused.message, "Apply failed with 1 conflict: conflict with \"ann\": .spec.size");
    assert_eq!(causes(&refused), [".spec.size: conflict with \"ann\""]);
    assert_eq!(refused.details.unwrap().causes[0].reason, "FieldManagerConflict");
    let taken = force(&api, "bob", json!({"size": 2})).await;
    assert_eq!(owners(&taken), ["ann Apply: {\"f:spec\":{\"f:code\":{}}}", "bob Apply: {\"f:spec\":{\"f:size\":{}}}"]);
}

#[tokio::test]
async fn an_update_takes_ownership_and_conflicts_with_its_own_applies() {
    let world = world();
    let api = world.gadgets();
    apply(&api, "ann", "a", json!({"spec": {"size": 1}})).await.unwrap();
    let params = PatchParams { field_manager: Some("ann".to_owned()), ..PatchParams::default() };
    let patched = api.patch("a", &params, &Patch::Merge(json!({"spec": {"size": 2, "box": {"a": 1}}}))).await.unwrap();
    let fields = "{\"f:spec\":{\"f:box\":{\".\":{},\"f:a\":{}},\"f:size\":{}}}";
    assert_eq!(owners(&patched), [format!("ann Update: {fields}")]);
    let refused = refusal(apply(&api, "ann", "a", json!({"spec": {"size": 3}})).await);
    assert_eq!(causes(&refused), [".spec.size: conflict with \"ann\" using example.org/v1"]);
}

#[tokio::test]
async fn what_is_no_longer_applied_goes_unless_another_owns_it() {
    let world = world();
    let api = world.gadgets();
    let spec = json!({
        "size": 1, "code": "abc", "box": {"a": 1}, "tags": ["x", "y"], "settings": {"k": "v"},
        "parts": [{"name": "p", "weight": 1}, {"name": "q"}],
    });
    apply(&api, "ann", "a", json!({"spec": spec, "metadata": {"labels": {"l": "x"}}})).await.unwrap();
    apply(&api, "bob", "a", json!({"spec": {"size": 1, "parts": [{"name": "q", "note": "mine"}], "tags": ["y"]}}))
        .await
        .unwrap();
    let left = apply(&api, "ann", "a", json!({"spec": {"parts": [{"name": "r"}]}})).await.unwrap();
    let expected = json!({
        "size": 1, "color": "red", "tags": ["y"],
        "parts": [{"name": "q", "note": "mine", "weight": 7}, {"name": "r", "weight": 7}],
    });
    assert_eq!(left.data["spec"], expected);
    assert_eq!(left.metadata.labels, None);
    merge(&api, "a", json!({"spec": {"size": 5}})).await.unwrap();
    let kept = apply(&api, "bob", "a", json!({"spec": {}})).await.unwrap();
    assert_eq!(kept.data["spec"]["size"], 5);
}

#[tokio::test]
async fn a_required_field_cannot_be_given_up() {
    let world = world();
    let api = world.gadgets();
    apply(&api, "ann", "a", json!({"spec": {"size": 1, "code": "abc"}})).await.unwrap();
    let refused = refusal(apply(&api, "ann", "a", json!({"spec": {"code": "abc"}})).await);
    assert_eq!(causes(&refused)[0], "spec.size: Required value");
}

#[tokio::test]
async fn list_maps_merge_by_key_and_atomic_lists_as_a_whole() {
    let world = world();
    let api = world.gadgets();
    apply(&api, "ann", "a", json!({"spec": {"size": 1, "parts": [{"name": "x"}, {"name": "y"}], "order": ["1"]}}))
        .await
        .unwrap();
    let spec = json!({"parts": [{"name": "z"}, {"name": "x", "note": "hello"}]});
    let both = apply(&api, "bob", "a", json!({"spec": spec})).await.unwrap();
    let names: Vec<&str> =
        both.data["spec"]["parts"].as_array().unwrap().iter().filter_map(|p| p["name"].as_str()).collect();
    assert_eq!(names, ["z", "x", "y"]);
    let refused = refusal(
        apply(&api, "bob", "a", json!({"spec": {"order": ["2"], "parts": [{"name": "y", "weight": 9}]}})).await,
    );
    assert_eq!(causes(&refused), [".spec.order: conflict with \"ann\""]);
}

#[tokio::test]
async fn status_is_applied_on_its_own() {
    let world = world();
    let api = world.gadgets();
    apply(&api, "ann", "a", json!({"spec": {"size": 1}, "status": {"phase": "Ignored"}})).await.unwrap();
    let body = json!({
        "apiVersion": "example.org/v1", "kind": "Gadget", "metadata": {"name": "a"},
        "spec": {"size": 9}, "status": {"phase": "Good"},
    });
    let told = api.patch_status("a", &PatchParams::apply("agent"), &Patch::Apply(body.clone())).await.unwrap();
    assert_eq!(told.data, json!({"spec": {"size": 1, "color": "red"}, "status": {"phase": "Good"}}));
    assert_eq!(owners(&told)[0], "agent Apply status: {\"f:status\":{\"f:phase\":{}}}");
    let missing = api.patch_status("zzz", &PatchParams::apply("agent"), &Patch::Apply(body)).await;
    assert_eq!(refusal(missing).code, 400);
}

#[tokio::test]
async fn an_apply_can_carry_the_version_that_was_read() {
    let world = world();
    let api = world.gadgets();
    let made = apply(&api, "ann", "a", json!({"spec": {"size": 1}})).await.unwrap();
    merge(&api, "a", json!({"spec": {"code": "abc"}})).await.unwrap();
    let stale = json!({"metadata": {"resourceVersion": made.metadata.resource_version}, "spec": {"size": 2}});
    assert!(refusal(apply(&api, "ann", "a", stale).await).is_conflict());
    let unnamed = PatchParams::default();
    let body =
        json!({"apiVersion": "example.org/v1", "kind": "Gadget", "metadata": {"name": "a"}, "spec": {"size": 1}});
    assert_eq!(refusal(api.patch("a", &unnamed, &Patch::Apply(body)).await).code, 422);
}

#[tokio::test]
async fn nobody_owns_that_a_list_with_keys_is_empty() {
    let world = world();
    let api = world.gadgets();
    let made =
        apply(&api, "ann", "a", json!({"spec": {"size": 1, "parts": [], "tags": [], "order": [], "box": {}}})).await;
    assert_eq!(owners(&made.unwrap()), [r#"ann Apply: {"f:spec":{"f:box":{},"f:order":{},"f:size":{}}}"#]);
    // An update does own the list that it brings.
    let taken = merge(&api, "a", json!({"spec": {"parts": null}})).await.unwrap();
    assert_eq!(taken.metadata.managed_fields.unwrap().len(), 1);
    let brought = merge(&api, "a", json!({"spec": {"parts": []}})).await.unwrap();
    assert_eq!(owners(&brought)[1], r#"unknown Update: {"f:spec":{"f:parts":{}}}"#);
}

#[tokio::test]
async fn whoever_owns_nothing_is_no_manager_until_somebody_applies() {
    let world = world();
    let api = world.gadgets();
    apply(&api, "ann", "a", json!({"spec": {"size": 1}})).await.unwrap();
    let left = apply(&api, "ann", "b", json!({"spec": {"tags": []}})).await;
    assert_eq!(causes(&refusal(left))[0], "spec.size: Required value");
    // The last manager goes with the last field of his.
    let unowned = merge(&api, "a", json!({"spec": {"size": 2}})).await.unwrap();
    assert_eq!(owners(&unowned), [r#"unknown Update: {"f:spec":{"f:size":{}}}"#]);
}

#[tokio::test]
async fn an_apply_of_what_is_so_already_has_no_time() {
    let world = world();
    let api = world.gadgets();
    apply(&api, "ann", "a", json!({"spec": {"size": 1}})).await.unwrap();
    let shared = apply(&api, "bob", "a", json!({"spec": {"size": 1}})).await.unwrap();
    let times = shared.metadata.managed_fields.unwrap().into_iter().map(|entry| (entry.manager.unwrap(), entry.time));
    let timed: Vec<(String, bool)> = times.map(|(manager, time)| (manager, time.is_some())).collect();
    assert_eq!(timed, [("bob".to_owned(), false), ("ann".to_owned(), true)]);
}

#[tokio::test]
async fn values_of_the_wrong_type_cannot_be_applied() {
    let world = world();
    for (spec, expected) in [
        (json!(7), ".spec: expected map, got &{7}"),
        (json!({"size": "x"}), ".spec.size: expected numeric (int or float), got string"),
        (
            json!({"code": {"a": [1]}}),
            r#".spec.code: expected string, got &value.valueUnstructured{Value:map[string]interface {}{"a":[]interface {}{1}}}"#,
        ),
        (json!({"code": 8.0}), ".spec.code: expected string, got &value.valueUnstructured{Value:8}"),
        (json!({"code": 8.5}), ".spec.code: expected string, got &value.valueUnstructured{Value:8.5}"),
        (json!({"order": {"a": "b"}}), ".spec.order: expected list, got &{map[a:b]}"),
        (json!({"until": []}), ".spec.until: expected any scalar, got &{[]}"),
        (
            json!({"parts": [{"name": {}}]}),
            ".spec.parts[name=].name: expected string, got &value.valueUnstructured{Value:map[string]interface {}{}}",
        ),
        (json!({"parts": [{"name": "x"}, {"name": "x"}]}), r#".spec.parts: duplicate entries for key [name="x"]"#),
        (json!({"tags": ["a", "a"]}), r#".spec.tags: duplicate entries for key [="a"]"#),
    ] {
        let refused = refusal(apply(&world.gadgets(), "ann", "a", json!({"spec": spec})).await);
        let expected = format!("failed to create typed patch object (/a; example.org/v1, Kind=Gadget): {expected}");
        assert_eq!((refused.code, refused.message), (500, expected));
    }
}

#[tokio::test]
async fn null_is_a_value_in_what_is_applied() {
    let world = world();
    let refused = refusal(apply(&world.gadgets(), "ann", "a", json!({"spec": {"size": 1, "code": null}})).await);
    assert_eq!(
        causes(&refused)[0],
        "spec.code: Invalid value: \"null\": spec.code in body must be of type string: \"null\""
    );
    let made = apply(&world.gadgets(), "ann", "a", json!({"spec": {"size": 1, "color": null}})).await.unwrap();
    assert_eq!(made.data["spec"]["color"], "red");
}

#[tokio::test]
async fn conflicts_are_told_by_the_names_of_the_managers() {
    let world = world();
    let api = world.gadgets();
    apply(&api, "zoe", "a", json!({"spec": {"size": 1, "box": {"a": 1}}})).await.unwrap();
    let params = PatchParams { field_manager: Some("bob".to_owned()), ..PatchParams::default() };
    api.patch("a", &params, &Patch::Merge(json!({"spec": {"code": "abc"}}))).await.unwrap();
    let refused = refusal(apply(&api, "ann", "a", json!({"spec": {"size": 2, "code": "xyz", "box": {"a": 2}}})).await);
    let expected = "Apply failed with 3 conflicts: conflicts with \"bob\" using example.org/v1:\n- .spec.code\nconflicts \
                    with \"zoe\":\n- .spec.size\n- .spec.box.a";
    assert_eq!(refused.message, expected);
}

#[tokio::test]
async fn of_a_write_with_a_value_of_the_wrong_type_the_owners_are_not_noted() {
    let world = world();
    let api = world.gadgets();
    let made = apply(&api, "ann", "a", json!({"spec": {"size": 1}})).await.unwrap();
    let before = owners(&made);
    let mut next = made;
    // The spec is not the business of this endpoint, and is not kept; still it decides.
    next.data["spec"]["code"] = json!(7);
    next.data["status"] = json!({"phase": "Busy"});
    next.metadata.managed_fields = None;
    let written = api.replace_status("a", &PostParams::default(), &next).await.unwrap();
    assert_eq!((&written.data["status"]["phase"], owners(&written)), (&json!("Busy"), before));
}
