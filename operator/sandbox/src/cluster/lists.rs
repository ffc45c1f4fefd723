//! Lists whose items must differ: sets by value, maps by key (`x-kubernetes-list-type`).
//!
//! An object that had such a list wrong already may keep it, as in the real server.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::path::Path;
use super::refusal::{Cause, CauseReason};
use super::schema::{ListType, Node};

/// The items that are there twice in the lists of an object.
pub(crate) fn duplicates(node: &Node, value: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    walk(node, value, &Path::Root, &mut causes);
    if let (Some(old), false) = (old, causes.is_empty()) {
        let mut before = Vec::new();
        walk(node, old, &Path::Root, &mut before);
        if !before.is_empty() {
            causes.clear();
        }
    }
    causes
}

fn walk(node: &Node, value: &Value, path: &Path<'_>, causes: &mut Vec<Cause>) {
    match value {
        Value::Object(map) => {
            for (key, child) in map {
                if let Some(field) = node.field(key) {
                    walk(field, child, &path.of(node, key), causes);
                }
            }
        }
        Value::Array(items) => {
            check(&node.list_type, items, path, causes);
            if let Some(node) = node.items.as_deref() {
                for (index, item) in items.iter().enumerate() {
                    walk(node, item, &path.index(index), causes);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Each value is told once, at its second place.
fn check(list_type: &ListType, items: &[Value], path: &Path<'_>, causes: &mut Vec<Cause>) {
    if let ListType::Map(_) = list_type
        && let Some(at) = items.iter().position(|item| !item.is_object() && !item.is_null())
    {
        let field = path.index(at).to_string();
        return causes.push(Cause::invalid(field, &items[at], "must be an object for an array of list-type map"));
    }
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        let name = match list_type {
            ListType::Atomic => return,
            ListType::Set => item.clone(),
            ListType::Map(keys) => {
                let named: Map<String, Value> =
                    keys.iter().filter_map(|key| Some((key.clone(), item.get(key)?.clone()))).collect();
                Value::Object(named)
            }
        };
        let text = name.to_string();
        let times = seen.entry(text.clone()).or_default();
        *times += 1;
        if *times == 2 {
            let message = format!("Duplicate value: {text}");
            causes.push(Cause::new(CauseReason::Duplicate, path.index(index).to_string(), message));
        }
    }
}
