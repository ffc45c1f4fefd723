//! What the API server does for single built-in kinds.
//!
//! Secret: `stringData` is written as text and stored as base64 in `data`; the type defaults to `Opaque`. Event
//! (`events.k8s.io/v1`): required fields and lengths; the object it is about must be in its namespace (`default` or
//! `kube-system` for cluster-scoped ones); of a stored event only metadata and series change. Lease: durations and
//! times.

use serde_json::{Map, Value, json};

use super::kinds::{Kind, Origin};
use super::refusal::Cause;
use super::schema::TYPED;

/// Of a stored event these stay as they are.
const FIXED_IN_EVENTS: [&str; 9] = [
    "action",
    "eventTime",
    "note",
    "reason",
    "regarding",
    "related",
    "reportingController",
    "reportingInstance",
    "type",
];

/// The schema of a built-in kind: unknown fields are kept, known limits are checked.
pub(crate) fn schema_of(kind: &str) -> Value {
    let mut schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true, TYPED: true});
    match kind {
        "Event" => {
            // A reference is owned as a whole.
            let reference = json!({
                "type": "object", "x-kubernetes-preserve-unknown-fields": true, "x-kubernetes-map-type": "atomic",
            });
            schema["required"] =
                json!(["eventTime", "reportingController", "reportingInstance", "action", "reason", "type"]);
            schema["properties"] = json!({
                "regarding": reference, "related": reference,
                "note": {"type": "string", "maxLength": 1024},
                "reason": {"type": "string", "minLength": 1, "maxLength": 128},
                "action": {"type": "string", "minLength": 1, "maxLength": 128},
                "reportingController": {"type": "string", "minLength": 1},
                "reportingInstance": {"type": "string", "minLength": 1, "maxLength": 128},
                "type": {"type": "string", "enum": ["Normal", "Warning"]},
            });
        }
        "Lease" => {
            let time = json!({"type": "string", "format": "date-time"});
            schema["properties"] = json!({"spec": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": true, TYPED: true,
                "properties": {
                    "leaseDurationSeconds": {"type": "integer", "format": "int32", "minimum": 1},
                    "leaseTransitions": {"type": "integer", "format": "int32", "minimum": 0},
                    "acquireTime": time, "renewTime": time,
                },
            }});
        }
        _ => {}
    }
    schema
}

/// Checks what a schema cannot say.
pub(crate) fn validate(kind: &Kind, value: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    if kind.origin != Origin::BuiltIn || &*kind.kind != "Event" {
        return;
    }
    let namespace = value["metadata"]["namespace"].as_str().unwrap_or_default();
    let fits = match value["regarding"]["namespace"].as_str() {
        None | Some("") => matches!(namespace, "default" | "kube-system"),
        Some(regarding) => regarding == namespace,
    };
    if !fits {
        let regarding = value["regarding"]["namespace"].as_str().unwrap_or_default();
        let field = "involvedObject.namespace".to_owned();
        causes.push(Cause::invalid(field, &regarding.into(), "does not match event.namespace"));
    }
    let Some(old) = old else { return };
    for field in FIXED_IN_EVENTS.into_iter().filter(|field| old.get(field) != value.get(field)) {
        causes.push(Cause::invalid(field.to_owned(), &value[field], "field is immutable"));
    }
}

/// Completes a Secret; a Lease has a spec, be it empty, and an Event what older clients read; any other kind stays as it is.
pub(crate) fn complete(kind: &Kind, value: &mut Value) {
    if let Some(lease) = value.as_object_mut().filter(|_| &*kind.kind == "Lease") {
        lease.entry("spec").or_insert_with(|| Value::Object(Map::new()));
    }
    if let Some(event) = value.as_object_mut().filter(|_| &*kind.kind == "Event") {
        event.entry("deprecatedSource").or_insert_with(|| Value::Object(Map::new()));
        for time in ["deprecatedFirstTimestamp", "deprecatedLastTimestamp"] {
            event.entry(time).or_insert(Value::Null);
        }
    }
    let Some(secret) = value.as_object_mut().filter(|_| &*kind.kind == "Secret") else {
        return;
    };
    secret.entry("type").or_insert_with(|| "Opaque".into());
    let Some(Value::Object(texts)) = secret.remove("stringData") else {
        return;
    };
    let data = secret.entry("data").or_insert_with(|| Value::Object(Map::new()));
    if let Some(data) = data.as_object_mut() {
        for (key, text) in texts {
            data.insert(key, base64(text.as_str().unwrap_or_default().as_bytes()).into());
        }
    }
}

/// The letters of base64, with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| chunk.get(at).copied().map_or(0, u32::from);
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let index = usize::try_from(bits >> (18 - 6 * place) & 63).unwrap_or_default();
            let letter = if place > chunk.len() { b'=' } else { ALPHABET[index] };
            text.push(char::from(letter));
        }
    }
    text
}
