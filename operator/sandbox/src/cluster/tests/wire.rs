//! The API as other clients than ours meet it: discovery, OpenAPI, tables, the older form of Events.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use super::super::wire::{WireBody, answer};
use super::{World, merge, world};

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

async fn ask(world: &World, method: &str, path: &str, accept: &str, body: Value) -> http::Response<WireBody> {
    let request = Request::builder().method(method).uri(path).header("accept", accept);
    let (parts, ()) = request.header("content-type", "application/json").body(()).unwrap().into_parts();
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    answer(&world.cluster, &Arc::from("eva"), parts, &body).await.unwrap()
}

async fn get(world: &World, path: &str, accept: &str) -> (u16, Value) {
    let response = ask(world, "GET", path, accept, Value::Null).await;
    let code = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (code, serde_json::from_slice(&body).unwrap())
}

async fn line(body: &mut WireBody) -> Value {
    let frame = tokio::time::timeout(Duration::from_secs(1), body.frame()).await.unwrap();
    let bytes = frame.unwrap().unwrap().into_data().unwrap();
    assert_eq!(bytes.last(), Some(&b'\n'));
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test(start_paused = true)]
async fn discovery_names_every_kind_and_nothing_else() {
    let world = world();
    let (_, groups) = get(&world, "/apis", "*/*").await;
    let names: Vec<&str> = groups["groups"].as_array().unwrap().iter().filter_map(|g| g["name"].as_str()).collect();
    let expected =
        ["example.org", "coordination.k8s.io", "events.k8s.io", "authentication.k8s.io", "authorization.k8s.io"];
    assert_eq!(names, expected);
    let (_, list) = get(&world, "/apis/example.org/v1", "*/*").await;
    let resources: Vec<&str> =
        list["resources"].as_array().unwrap().iter().filter_map(|r| r["name"].as_str()).collect();
    assert_eq!(resources, ["gadgets", "gadgets/status"]);
    assert_eq!(list["resources"][0]["singularName"], "gadget");
    let (_, core) = get(&world, "/api/v1", "*/*").await;
    assert_eq!(core["resources"].as_array().unwrap().len(), 3);
    for path in ["/apis/example.org/v2", "/apis/nobody.org", "/api/v2", "/openapi/v3/apis/nobody.org/v1", "/metrics"] {
        assert_eq!(get(&world, path, "*/*").await.0, 404, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_document_of_the_index_is_there_with_its_schemas() {
    let world = world();
    let (_, index) = get(&world, "/openapi/v3", "*/*").await;
    let paths = index["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 4);
    for place in paths.values() {
        let url = place["serverRelativeURL"].as_str().unwrap();
        let (code, document) = get(&world, url, "*/*").await;
        assert_eq!(code, 200, "{url}");
        let schemas = document["components"]["schemas"].as_object().unwrap();
        for (name, schema) in schemas.iter().filter(|(name, _)| !name.ends_with("ObjectMeta")) {
            let reference = schema["properties"]["metadata"]["allOf"][0]["$ref"].as_str().unwrap();
            let name_of = reference.rsplit('/').next().unwrap();
            assert!(schemas.contains_key(name_of), "{name} refers to {name_of}");
        }
    }
    let (_, document) = get(&world, "/openapi/v3/apis/example.org/v1", "*/*").await;
    let schema = &document["components"]["schemas"]["org.example.v1.Gadget"];
    assert_eq!(schema["properties"]["spec"]["properties"]["color"]["default"], "red");
    let path = "/apis/example.org/v1/namespaces/{namespace}/gadgets/{name}";
    let parameters = document["paths"][path]["patch"]["parameters"].as_array().unwrap();
    for wanted in ["dryRun", "fieldValidation"] {
        assert!(parameters.iter().any(|parameter| parameter["name"] == wanted), "{wanted}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_table_has_one_row_per_object_and_a_watch_names_its_columns_once() {
    let world = world();
    world.create("a", json!({"size": 1})).await.unwrap();
    world.clock.fetch_add(90, std::sync::atomic::Ordering::Relaxed);
    let path = "/apis/example.org/v1/namespaces/crm/gadgets";
    let (_, table) = get(&world, path, TABLE).await;
    assert_eq!((&table["kind"], &table["rows"][0]["cells"]), (&json!("Table"), &json!(["a", "90s"])));
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    let (_, whole) = get(&world, &format!("{path}/a?includeObject=Object"), TABLE).await;
    assert_eq!(whole["rows"][0]["object"]["spec"]["size"], 1);
    // Without the word it is the object, and a refusal is no table.
    assert_eq!(get(&world, path, "application/json").await.1["kind"], "GadgetList");
    let (code, refusal) = get(&world, &format!("{path}/b"), TABLE).await;
    assert_eq!((code, &refusal["kind"]), (404, &json!("Status")));
    let version = table["metadata"]["resourceVersion"].as_str().unwrap();
    // The time of the simulation does not end a watch of the wire: whoever holds the connection does.
    let path = format!("{path}?watch=true&timeoutSeconds=1&resourceVersion={version}");
    let mut body = ask(&world, "GET", &path, TABLE, Value::Null).await.into_body();
    assert!(body.is_watch());
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    for columns in [2, 0] {
        merge(&world.gadgets(), "a", json!({"spec": {"size": 3 + columns}})).await.unwrap();
        let event = line(&mut body).await;
        assert_eq!((&event["type"], &event["object"]["kind"]), (&json!("MODIFIED"), &json!("Table")));
        assert_eq!(event["object"]["columnDefinitions"].as_array().unwrap().len(), columns);
    }
}

#[tokio::test(start_paused = true)]
async fn events_are_the_same_in_both_forms_and_chosen_by_what_they_are_about() {
    let world = world();
    let event = |name: &str, about: &str| {
        json!({
            "metadata": {"name": name, "namespace": "crm"}, "eventTime": "2026-11-28T20:00:00.000000Z",
            "reportingController": "example.org/tester", "reportingInstance": "t", "action": "Tried",
            "reason": "Tried", "type": "Normal", "note": "it was tried",
            "regarding": {"kind": "Gadget", "namespace": "crm", "name": about},
        })
    };
    for (name, about) in [("one", "a"), ("two", "b")] {
        let path = "/apis/events.k8s.io/v1/namespaces/crm/events";
        assert_eq!(ask(&world, "POST", path, "*/*", event(name, about)).await.status(), 201);
    }
    let older = "/api/v1/namespaces/crm/events";
    let (_, list) = get(&world, &format!("{older}?fieldSelector=involvedObject.name%3Db"), "*/*").await;
    assert_eq!((&list["kind"], &list["apiVersion"]), (&json!("EventList"), &json!("v1")));
    let found = &list["items"][0];
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!((&found["apiVersion"], &found["message"]), (&json!("v1"), &json!("it was tried")));
    assert_eq!((&found["involvedObject"]["name"], &found["note"]), (&json!("b"), &Value::Null));
    let newer = "/apis/events.k8s.io/v1/events?fieldSelector=regarding.name!=b,reason=Tried";
    assert_eq!(get(&world, newer, "*/*").await.1["items"][0]["metadata"]["name"], "one");
    let unknown = get(&world, "/apis/example.org/v1/gadgets?fieldSelector=reason=Tried", "*/*").await;
    assert_eq!((unknown.0, unknown.1["message"].as_str()), (400, Some("field label not supported: reason")));
    let (_, table) = get(&world, older, TABLE).await;
    assert_eq!(table["rows"][0]["cells"][3], "gadget/a");
    let refused = ask(&world, "POST", older, "*/*", event("three", "c")).await;
    assert_eq!(refused.status(), 405);
}

#[tokio::test(start_paused = true)]
async fn built_in_kinds_take_a_strategic_patch_that_merges_no_lists() {
    let world = world();
    let secret = json!({"metadata": {"name": "s"}, "stringData": {"a": "b"}});
    assert_eq!(ask(&world, "POST", "/api/v1/namespaces/crm/secrets", "*/*", secret).await.status(), 201);
    let patch = async |path: &str, patch: Value| {
        let request = Request::patch(path).header("content-type", "application/strategic-merge-patch+json");
        let (parts, ()) = request.body(()).unwrap().into_parts();
        answer(&world.cluster, &Arc::from("eva"), parts, &Bytes::from(patch.to_string()))
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    let path = "/api/v1/namespaces/crm/secrets/s";
    assert_eq!(patch(path, json!({"stringData": {"a": "c"}})).await, 200);
    assert_eq!(get(&world, path, "*/*").await.1["data"]["a"], "Yw==");
    let order = json!({"metadata": {"$setElementOrder/finalizers": ["x"]}});
    assert_eq!(patch(path, order).await, 415);
    world.create("a", json!({"size": 1})).await.unwrap();
    assert_eq!(patch("/apis/example.org/v1/namespaces/crm/gadgets/a", json!({})).await, 415);
}
