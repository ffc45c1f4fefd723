//! Creating, replacing and patching: versions, generation, status, defaults, pruning, validation.

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Namespace, ObjectReference, Secret};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, DynamicObject, ObjectMeta, Patch, PatchParams, PostParams, ValidationDirective};
use serde_json::{Value, json};

use super::{apply, causes, gadget, merge, refusal, world};

#[tokio::test]
async fn a_new_object_gets_its_metadata_from_the_server() {
    let world = world();
    let made = world.create("a", json!({"size": 1})).await.unwrap();
    let metadata = &made.metadata;
    assert_eq!(metadata.generation, Some(1));
    assert_eq!(metadata.namespace.as_deref(), Some("crm"));
    assert_eq!(metadata.uid.as_ref().map(String::len), Some(36));
    assert_eq!(metadata.creation_timestamp.as_ref().unwrap().0.to_string(), "2023-11-14T22:13:20Z");
    let read = world.gadgets().get("a").await.unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), serde_json::to_value(&made).unwrap());
}

#[tokio::test]
async fn the_same_calls_give_the_same_bytes() {
    async fn run() -> Vec<u8> {
        let world = world();
        let mut nameless = gadget("", json!({"size": 1}));
        nameless.metadata.name = None;
        nameless.metadata.generate_name = Some("g-".to_owned());
        world.gadgets().create(&PostParams::default(), &nameless).await.unwrap();
        world.gadgets().create(&PostParams::default(), &nameless).await.unwrap();
        let name = world.cluster.list("Gadget")[0]["metadata"]["name"].as_str().unwrap().to_owned();
        merge(&world.gadgets(), &name, json!({"spec": {"size": 3}})).await.unwrap();
        let list = world.gadgets().list(&Default::default()).await.unwrap();
        serde_json::to_vec(&list).unwrap()
    }
    let text = String::from_utf8(run().await).unwrap();
    assert_eq!(text.as_bytes(), run().await);
    assert_eq!(text.matches("\"name\":\"g-").count(), 2);
}

#[tokio::test]
async fn refusals_of_names_places_and_namespaces() {
    let world = world();
    world.create("a", json!({"size": 1})).await.unwrap();
    let again = refusal(world.create("a", json!({"size": 1})).await);
    assert!(again.is_already_exists());
    assert_eq!(again.message, "gadgets.example.org \"a\" already exists");
    let wrong = refusal(world.create("A_b", json!({"size": 1})).await);
    assert_eq!((wrong.code, wrong.reason.as_str()), (422, "Invalid"));
    assert!(causes(&wrong)[0].starts_with("metadata.name: Invalid value: \"A_b\": a lowercase RFC 1123 subdomain"));
    let missing = refusal(world.gadgets().get("zzz").await);
    assert_eq!((missing.code, missing.message.as_str()), (404, "gadgets.example.org \"zzz\" not found"));
    let elsewhere: Api<Lease> = Api::namespaced(world.cluster.client("x"), "nowhere");
    let lost = refusal(elsewhere.create(&PostParams::default(), &lease("l")).await);
    assert_eq!(lost.message, "namespaces \"nowhere\" not found");
    let unknown: Api<k8s_openapi::api::core::v1::Pod> = Api::namespaced(world.cluster.client("x"), "crm");
    assert_eq!(refusal(unknown.get("p").await).code, 404);
    let mut labelled = gadget("b", json!({"size": 1}));
    labelled.metadata.labels = Some([("release".to_owned(), "8.0 SR6".to_owned())].into());
    let refused = refusal(world.gadgets().create(&PostParams::default(), &labelled).await);
    assert!(causes(&refused)[0].starts_with("metadata.labels: Invalid value: \"8.0 SR6\": a valid label must be"));
}

#[tokio::test]
async fn replacing_needs_the_version_that_was_read() {
    let world = world();
    let first = world.create("a", json!({"size": 1})).await.unwrap();
    let api = world.gadgets();
    let mut second = first.clone();
    second.data["spec"]["size"] = 2.into();
    let stored = api.replace("a", &PostParams::default(), &second).await.unwrap();
    assert_eq!(stored.metadata.generation, Some(2));
    let stale = refusal(api.replace("a", &PostParams::default(), &second).await);
    assert_eq!((stale.code, stale.reason.as_str()), (409, "Conflict"));
    let mut blind = stored.clone();
    blind.metadata.resource_version = None;
    let refused = refusal(api.replace("a", &PostParams::default(), &blind).await);
    assert_eq!(causes(&refused), ["metadata.resourceVersion: Invalid value: 0: must be specified for an update"]);
    let mut other = stored.clone();
    other.metadata.uid = Some("another".to_owned());
    assert!(refusal(api.replace("a", &PostParams::default(), &other).await).message.contains("Precondition failed"));
    let stale_patch = json!({"metadata": {"resourceVersion": "1"}, "spec": {"size": 5}});
    assert!(refusal(merge(&api, "a", stale_patch).await).is_conflict());
    assert!(
        refusal(api.replace("zzz", &PostParams::default(), &gadget("zzz", json!({"size": 1}))).await).is_not_found()
    );
}

#[tokio::test]
async fn status_and_the_rest_are_written_apart_and_only_content_raises_the_generation() {
    let world = world();
    let api = world.gadgets();
    let mut with_status = gadget("a", json!({"size": 1}));
    with_status.data["status"] = json!({"phase": "Sneaky"});
    let made = api.create(&PostParams::default(), &with_status).await.unwrap();
    assert_eq!(made.data["status"], Value::Null);
    let ignored = merge(&api, "a", json!({"status": {"phase": "Sneaky"}})).await.unwrap();
    assert_eq!(ignored.metadata.resource_version, made.metadata.resource_version);
    let patch =
        json!({"status": {"phase": "Good", "bogus": 1}, "spec": {"size": 9}, "metadata": {"labels": {"a": "b"}}});
    let told = api.patch_status("a", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    assert_eq!(told.data, json!({"spec": {"size": 1, "color": "red"}, "status": {"phase": "Good"}}));
    assert_eq!((told.metadata.generation, told.metadata.labels.clone()), (Some(1), None));
    let labelled = merge(&api, "a", json!({"metadata": {"labels": {"a": "b"}}})).await.unwrap();
    assert_eq!(labelled.metadata.generation, Some(1));
    let changed = merge(&api, "a", json!({"spec": {"size": 4}})).await.unwrap();
    assert_eq!((changed.metadata.generation, &changed.data["status"]["phase"]), (Some(2), &json!("Good")));
}

#[tokio::test]
async fn a_write_that_changes_nothing_is_not_stored() {
    let world = world();
    let made = world.create("a", json!({"size": 1})).await.unwrap();
    let before = world.cluster.resource_version();
    let same = merge(&world.gadgets(), "a", json!({"spec": {"size": 1}})).await.unwrap();
    world.gadgets().replace("a", &PostParams::default(), &made).await.unwrap();
    assert_eq!(same.metadata.resource_version, made.metadata.resource_version);
    assert_eq!(world.cluster.resource_version(), before);
}

#[tokio::test]
async fn unknown_fields_are_dropped_and_defaults_filled_in() {
    let world = world();
    let spec = json!({
        "size": 1, "bogus": true, "limit": null, "order": null, "box": {"a": 1, "zzz": 1},
        "parts": [{"name": "x", "zzz": 1}], "settings": {"free": "text"}, "anything": {"goes": {"here": null}},
    });
    let made = world.create("a", spec).await.unwrap();
    let expected = json!({
        "size": 1, "color": "red", "limit": null, "box": {"a": 1}, "parts": [{"name": "x", "weight": 7}],
        "settings": {"free": "text"}, "anything": {"goes": {"here": null}},
    });
    assert_eq!(made.data["spec"], expected);
}

#[tokio::test]
async fn strict_field_validation_refuses_unknown_fields() {
    let world = world();
    let strict = PatchParams { field_validation: Some(ValidationDirective::Strict), ..PatchParams::default() };
    world.create("a", json!({"size": 1})).await.unwrap();
    let patch = Patch::Merge(json!({"spec": {"bogus": 1}}));
    let refused = refusal(world.gadgets().patch("a", &strict, &patch).await);
    assert_eq!((refused.code, refused.reason.as_str()), (422, "Invalid"));
    let told = &causes(&refused)[0];
    assert!(told.starts_with("patch: Invalid value: \"{\\\"apiVersion\\\""), "{told}");
    assert!(told.ends_with(": strict decoding error: unknown field \"spec.bogus\""), "{told}");
    let body = serde_json::to_vec(&gadget("b", json!({"size": 1, "bogus": 1}))).unwrap();
    let path = "/apis/example.org/v1/namespaces/crm/gadgets?fieldValidation=Strict";
    let request = http::Request::post(path).body(body).unwrap();
    let refused = refusal(world.cluster.client("x").request::<Value>(request).await);
    assert_eq!((refused.code, refused.reason.as_str()), (400, "BadRequest"));
    let expected =
        "Gadget in version \"v1\" cannot be handled as a Gadget: strict decoding error: unknown field \"spec.bogus\"";
    assert_eq!(refused.message, expected);
    let refused = refusal(apply(&world.gadgets(), "m", "a", json!({"spec": {"bogus": 1}})).await);
    assert_eq!(refused.code, 500);
    assert!(refused.message.ends_with(".spec.bogus: field not declared in schema"), "{}", refused.message);
}

fn bad_specs() -> Vec<(Value, &'static str)> {
    vec![
        (json!({}), "spec.size: Required value"),
        (
            json!({"size": "x"}),
            "spec.size: Invalid value: \"string\": spec.size in body must be of type integer: \"string\"",
        ),
        (json!({"size": true}), "spec.size: Invalid value: \"\": spec.size in body must be of type int32: \"\""),
        (
            json!({"size": 1.5}),
            "spec.size: Invalid value: \"float64\": spec.size in body must be of type int32: \"float64\"",
        ),
        (json!({"size": 0}), "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"),
        (json!({"size": 101}), "spec.size: Invalid value: 101: spec.size in body should be less than or equal to 100"),
        (
            json!({"size": 1, "color": "blue"}),
            "spec.color: Unsupported value: \"blue\": supported values: \"red\", \"green\"",
        ),
        (
            json!({"size": 1, "code": "ABC"}),
            "spec.code: Invalid value: \"ABC\": spec.code in body should match '^[a-z]+$'",
        ),
        (
            json!({"size": 1, "code": "a"}),
            "spec.code: Invalid value: \"a\": spec.code in body should be at least 2 chars long",
        ),
        (json!({"size": 1, "code": "abcdef"}), "spec.code: Too long: may not be more than 5 bytes"),
        (
            json!({"size": 1, "parts": [{"name": "a"}, {"name": "a"}]}),
            "spec.parts[1]: Duplicate value: {\"name\":\"a\"}",
        ),
        (json!({"size": 1, "parts": [{"weight": 1}]}), "spec.parts[0].name: Required value"),
        (
            json!({"size": 1, "parts": [{"name": "a"}, {"name": "b"}, {"name": "c"}, {"name": "d"}]}),
            "spec.parts: Too many: 4: must have at most 3 items",
        ),
        (json!({"size": 1, "tags": ["a", "a"]}), "spec.tags[1]: Duplicate value: \"a\""),
        (
            json!({"size": 1, "port": true}),
            "spec.port: Invalid value: \"boolean\": spec.port in body must be of type integer,string: \"boolean\"",
        ),
        (
            json!({"size": 1, "choice": {"x": 1, "y": 1}}),
            "<nil>: Invalid value: \"\": \"spec.choice\" must validate one and only one schema (oneOf). Found 2 valid alternatives",
        ),
        (
            json!({"size": 1, "until": "yesterday"}),
            "spec.until: Invalid value: \"yesterday\": spec.until in body must be of type date-time: \"yesterday\"",
        ),
    ]
}

#[tokio::test]
async fn schemas_are_enforced_with_the_real_wording() {
    let world = world();
    for (spec, expected) in bad_specs() {
        let refused = refusal(world.create("a", spec.clone()).await);
        assert_eq!((refused.code, refused.reason.as_str()), (422, "Invalid"));
        assert_eq!(causes(&refused)[0], expected, "{spec}");
        assert!(refused.message.starts_with("Gadget.example.org \"a\" is invalid: "), "{}", refused.message);
    }
    world.create("a", json!({"size": 1, "port": "http", "choice": {"y": 2}})).await.unwrap();
}

fn lease(name: &str) -> Lease {
    Lease { metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }, spec: None }
}

#[tokio::test]
async fn built_in_kinds_need_no_schema() {
    let world = world();
    let client = world.cluster.client("x");
    let leases: Api<Lease> = Api::namespaced(client.clone(), "crm");
    let mut held = leases.create(&PostParams::default(), &lease("l")).await.unwrap();
    assert_eq!(held.metadata.generation, None);
    held.spec.get_or_insert_default().holder_identity = Some("me".to_owned());
    let held = leases.replace("l", &PostParams::default(), &held).await.unwrap();
    assert_eq!(held.spec.unwrap().holder_identity.as_deref(), Some("me"));
    let secrets: Api<Secret> = Api::namespaced(client.clone(), "crm");
    let secret = Secret {
        metadata: ObjectMeta { name: Some("s".to_owned()), ..ObjectMeta::default() },
        string_data: Some([("user".to_owned(), "sa".to_owned())].into()),
        ..Secret::default()
    };
    let secret = secrets.create(&PostParams::default(), &secret).await.unwrap();
    assert_eq!(secret.data.unwrap()["user"].0, b"sa");
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let names: Vec<String> =
        namespaces.list(&Default::default()).await.unwrap().into_iter().filter_map(|n| n.metadata.name).collect();
    assert_eq!(names, ["crm", "default", "kube-node-lease", "kube-public", "kube-system"]);
}

#[tokio::test]
async fn events_are_refused_as_the_real_server_does() {
    let world = world();
    let events: Api<Event> = Api::namespaced(world.cluster.client("x"), "crm");
    let regarding =
        |namespace: &str| Some(ObjectReference { namespace: Some(namespace.to_owned()), ..ObjectReference::default() });
    let good = Event {
        metadata: lease("e").metadata,
        action: Some("Upgrade".to_owned()),
        event_time: Some(MicroTime(jiff::Timestamp::UNIX_EPOCH)),
        reason: Some("Started".to_owned()),
        regarding: regarding("crm"),
        reporting_controller: Some("example.org/tester".to_owned()),
        reporting_instance: Some("tester-1".to_owned()),
        type_: Some("Normal".to_owned()),
        ..Event::default()
    };
    let long = Event { note: Some("x".repeat(1025)), type_: None, ..good.clone() };
    let refused = causes(&refusal(events.create(&PostParams::default(), &long).await));
    assert_eq!(refused, ["type: Required value", "note: Too long: may not be more than 1024 bytes"]);
    let lost = Event { regarding: regarding("other"), ..good.clone() };
    let refused = causes(&refusal(events.create(&PostParams::default(), &lost).await));
    assert_eq!(refused, ["involvedObject.namespace: Invalid value: \"other\": does not match event.namespace"]);
    events.create(&PostParams::default(), &good).await.unwrap();
    let repeated = json!({"series": {"count": 2, "lastObservedTime": "2023-11-14T22:13:20.000000Z"}});
    events.patch("e", &PatchParams::default(), &Patch::Merge(repeated)).await.unwrap();
    let other = events.patch("e", &PatchParams::default(), &Patch::Merge(json!({"reason": "Ended"}))).await;
    assert_eq!(causes(&refusal(other)), ["reason: Invalid value: \"Ended\": field is immutable"]);
}

#[tokio::test]
async fn a_dry_run_stores_nothing() {
    let world = world();
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    world.gadgets().create(&dry, &gadget("a", json!({"size": 1}))).await.unwrap();
    assert!(world.cluster.get("Gadget", "crm", "a").is_none());
    let all: Vec<DynamicObject> = world.gadgets().list(&Default::default()).await.unwrap().items;
    assert!(all.is_empty());
}
