//! Pruning and defaulting: what happens to a custom resource between the wire and validation.
//!
//! As documented for structural schemas: unknown fields are dropped unless `x-kubernetes-preserve-unknown-fields` or
//! `additionalProperties` keeps them, nulls of fields that are not `nullable` are dropped, then missing fields get
//! their `default`. Defaults are applied on writes only (the real server also applies them when it reads).

use serde_json::Value;

use super::path::Path;
use super::schema::Node;

/// Drops what the schema does not know from `value`, and notes the path of each unknown field.
pub(crate) fn prune(node: &Node, value: &mut Value, path: &Path<'_>, unknown: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            let keeps = |key: &str| node.preserve_unknown || (node.embedded_resource && of_every_object(key));
            map.retain(|key, _| match node.field(key) {
                Some(_) => true,
                None if keeps(key) => true,
                None => {
                    unknown.push(path.key(key).to_string());
                    false
                }
            });
            for (key, child) in map.iter_mut() {
                if let Some(field) = node.field(key) {
                    prune(field, child, &path.key(key), unknown);
                }
            }
        }
        Value::Array(items) => {
            let Some(node) = node.items.as_deref() else {
                return;
            };
            for (index, item) in items.iter_mut().enumerate() {
                prune(node, item, &path.index(index), unknown);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Drops nulls where the schema knows none and has no default to put there.
pub(crate) fn drop_absent(node: &Node, value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, child| {
                let is_absent = |field: &Node| child.is_null() && !field.nullable && field.default.is_none();
                !node.field(key).is_some_and(is_absent)
            });
            for (key, child) in map.iter_mut() {
                if let Some(field) = node.field(key) {
                    drop_absent(field, child);
                }
            }
        }
        Value::Array(items) => {
            if let Some(node) = node.items.as_deref() {
                items.iter_mut().for_each(|item| drop_absent(node, item));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Fills in the defaults of missing fields, and of those that are null and must not be.
pub(crate) fn default(node: &Node, value: &mut Value) {
    if !node.holds.defaults {
        return;
    }
    match value {
        Value::Object(map) => {
            for (name, property) in &node.properties {
                if let Some(default) = &property.default
                    && map.get(name).is_none_or(|present| present.is_null() && !property.nullable)
                {
                    map.insert(name.clone(), default.clone());
                }
            }
            for (key, child) in map.iter_mut() {
                if let Some(field) = node.field(key) {
                    default(field, child);
                }
            }
        }
        Value::Array(items) => {
            let Some(node) = node.items.as_deref() else {
                return;
            };
            for item in items {
                default(node, item);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Drops every null: the typed objects of the built-in kinds do not store "absent" at all.
pub(crate) fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, child| !child.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn of_every_object(key: &str) -> bool {
    matches!(key, "apiVersion" | "kind" | "metadata")
}
