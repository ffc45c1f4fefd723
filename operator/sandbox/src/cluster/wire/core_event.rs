//! `v1` Events: the older form of `events.k8s.io/v1`, in which `kubectl describe` and `kubectl events` read them. Both
//! are the same stored objects; in this form they are read and deleted, not written.

use http::Method;
use serde_json::{Map, Value, json};

use super::super::refusal::Refusal;

/// Where they are.
pub(super) const API_VERSION: &str = "v1";
/// Their name in paths.
pub(super) const PLURAL: &str = "events";

/// The path of the same events in their newer form, if it is one of the older.
pub(super) fn newer_path(path: &str) -> Option<String> {
    let rest = path.strip_prefix("/api/v1/")?;
    let parts: Vec<&str> = rest.split('/').collect();
    let is_events = matches!(parts.as_slice(), [PLURAL] | ["namespaces", _, PLURAL] | ["namespaces", _, PLURAL, _]);
    is_events.then(|| format!("/apis/events.k8s.io/v1/{rest}"))
}

/// Refuses what cannot be done in this form.
pub(super) fn check(method: &Method) -> Result<(), Refusal> {
    if matches!(*method, Method::GET | Method::DELETE) {
        return Ok(());
    }
    let message = "the sandbox takes Events as events.k8s.io/v1 only; as v1 they are read and deleted";
    Err(Refusal::plain(405, "MethodNotAllowed", message))
}

/// A field selector of the older form in words of the newer.
pub(super) fn newer_selector(text: &str) -> String {
    text.replace("involvedObject.", "regarding.").replace("reportingComponent", "reportingController")
}

/// An event, or a list of events, in the older form.
pub(super) fn older(value: Value) -> Value {
    match value {
        Value::Object(mut list) if list.get("kind").is_some_and(|kind| kind == "EventList") => {
            list.insert("apiVersion".to_owned(), API_VERSION.into());
            if let Some(Value::Array(items)) = list.get_mut("items") {
                items.iter_mut().for_each(|item| *item = one(item));
            }
            Value::Object(list)
        }
        value if value["kind"] == "Event" => one(&value),
        other => other,
    }
}

fn one(event: &Value) -> Value {
    let mut older = Map::new();
    older.insert("apiVersion".to_owned(), API_VERSION.into());
    older.insert("kind".to_owned(), "Event".into());
    for (from, to) in [
        ("metadata", "metadata"),
        ("regarding", "involvedObject"),
        ("related", "related"),
        ("reason", "reason"),
        ("note", "message"),
        ("type", "type"),
        ("action", "action"),
        ("eventTime", "eventTime"),
        ("series", "series"),
        ("reportingController", "reportingComponent"),
        ("reportingInstance", "reportingInstance"),
        ("deprecatedFirstTimestamp", "firstTimestamp"),
        ("deprecatedLastTimestamp", "lastTimestamp"),
        ("deprecatedCount", "count"),
        ("deprecatedSource", "source"),
    ] {
        if let Some(value) = event.get(from) {
            older.insert(to.to_owned(), value.clone());
        }
    }
    older.entry("source").or_insert_with(|| json!({}));
    Value::Object(older)
}
