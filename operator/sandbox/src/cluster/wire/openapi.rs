//! OpenAPI v3: what `kubectl explain` shows, and by which `kubectl apply` learns that the server checks fields itself.
//!
//! One document per group and version. The schemas of custom kinds are those of their definitions, word for word; of the
//! built-in kinds only the few that are served, with what is known of them.

use serde_json::{Map, Value, json};

use super::super::kinds::{Kind, Kinds};
use super::super::schema::METADATA;

const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
/// A client that keeps documents asks for them again when this changes.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Which documents there are.
pub(super) fn index(kinds: &Kinds) -> Value {
    let mut paths = Map::new();
    for kind in kinds.all() {
        let place = place_of(&kind.api_version);
        let url = format!("/openapi/v3/{place}?hash={VERSION}");
        paths.insert(place, json!({"serverRelativeURL": url}));
    }
    json!({"paths": paths})
}

/// The document of `apis/GROUP/VERSION` or `api/VERSION`.
pub(super) fn document(kinds: &Kinds, place: &str) -> Option<Value> {
    let (mut paths, mut schemas) = (Map::new(), Map::new());
    for kind in kinds.all().iter().filter(|kind| place_of(&kind.api_version) == place) {
        schemas.insert(schema_name(kind), schema_of(kind));
        paths.insert(path_of(kind), operations(kind));
    }
    if schemas.is_empty() {
        return None;
    }
    let mut metadata = METADATA.clone();
    metadata["description"] =
        "Name, namespace, labels, annotations, owners and finalizers, and what the server keeps beside them.".into();
    schemas.insert(OBJECT_META.to_owned(), metadata);
    Some(json!({
        "openapi": "3.0.0", "info": {"title": "crm-operator sandbox", "version": VERSION},
        "paths": paths, "components": {"schemas": schemas},
    }))
}

fn place_of(api_version: &str) -> String {
    if api_version.contains('/') { format!("apis/{api_version}") } else { format!("api/{api_version}") }
}

fn path_of(kind: &Kind) -> String {
    let scope = if kind.namespaced { "/namespaces/{namespace}" } else { "" };
    format!("/{}{scope}/{}/{{name}}", place_of(&kind.api_version), kind.plural)
}

/// `io.crm-operator.v1alpha1.CrmSite`: the group backwards, then version and kind.
fn schema_name(kind: &Kind) -> String {
    let (group, version) = kind.api_version.split_once('/').unwrap_or(("core.k8s.io", &kind.api_version));
    let backwards: Vec<&str> = group.rsplit('.').collect();
    format!("{}.{version}.{}", backwards.join("."), kind.kind)
}

fn group_version_kind(kind: &Kind) -> Value {
    let version = kind.api_version.rsplit('/').next().unwrap_or_default();
    json!({"group": kind.group, "version": version, "kind": &*kind.kind})
}

/// The schema of a definition with the fields that every object has.
fn schema_of(kind: &Kind) -> Value {
    let mut schema = kind.document.clone();
    schema["x-kubernetes-group-version-kind"] = json!([group_version_kind(kind)]);
    if !schema["properties"].is_object() {
        schema["properties"] = json!({});
    }
    let text = |description: &str| json!({"type": "string", "description": description});
    schema["properties"]["apiVersion"] = text("Group and version of the kind.");
    schema["properties"]["kind"] = text("The kind of the object.");
    let reference = json!({"$ref": format!("#/components/schemas/{OBJECT_META}")});
    schema["properties"]["metadata"] =
        json!({"description": "Name and everything else that every object has.", "allOf": [reference], "default": {}});
    schema
}

/// What can be done to one object; a client looks here for the parameters that it may send.
fn operations(kind: &Kind) -> Value {
    let parameters: Vec<Value> = ["dryRun", "fieldManager", "fieldValidation", "force"]
        .iter()
        .map(|name| {
            let schema = json!({"type": if *name == "force" { "boolean" } else { "string" }});
            json!({"name": name, "in": "query", "schema": schema})
        })
        .collect();
    let operation = |action: &str| {
        json!({
            "parameters": parameters, "responses": {"200": {"description": "OK"}},
            "x-kubernetes-action": action, "x-kubernetes-group-version-kind": group_version_kind(kind),
        })
    };
    json!({"get": operation("get"), "put": operation("put"), "patch": operation("patch"), "delete": operation("delete")})
}
