//! Merging: a merge patch, and a configuration that is applied.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::granular::{is_atomic_list, is_atomic_map, item_element};
use super::schema::Node;

/// JSON merge patch (RFC 7386): null removes, objects merge, everything else replaces.
pub(crate) fn merge_patch(value: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        value.clone_from(patch);
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    let Some(map) = value.as_object_mut() else {
        return;
    };
    for (key, change) in patch {
        if change.is_null() {
            map.remove(key);
        } else {
            merge_patch(map.entry(key.clone()).or_insert(Value::Null), change);
        }
    }
}

/// The first directive of a strategic merge patch that says how lists are merged: `$patch`, `$setElementOrder/...`.
pub(crate) fn directive(patch: &Value) -> Option<&str> {
    match patch {
        Value::Object(map) => {
            map.iter().find_map(|(key, value)| if key.starts_with('$') { Some(key.as_str()) } else { directive(value) })
        }
        Value::Array(items) => items.iter().find_map(directive),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// `live` with `config` merged in: maps and structs by field, list maps by key, sets by value, the rest as a whole. Null
/// takes nothing away from what has parts of its own.
pub(crate) fn merged(node: Option<&Node>, live: &Value, config: &Value) -> Value {
    match (live, config) {
        (Value::Object(live), Value::Object(config)) if !is_atomic_map(node) => {
            let mut whole = live.clone();
            for (key, wanted) in config {
                let child = match live.get(key) {
                    Some(live) => merged(node.and_then(|node| node.field(key)), live, wanted),
                    None => wanted.clone(),
                };
                whole.insert(key.clone(), child);
            }
            Value::Object(whole)
        }
        (Value::Array(live), Value::Array(config)) if !is_atomic_list(node) => {
            Value::Array(merged_items(node, live, config))
        }
        (Value::Object(map), Value::Null) if !map.is_empty() && !is_atomic_map(node) => live.clone(),
        (Value::Array(items), Value::Null) if !items.is_empty() && !is_atomic_list(node) => live.clone(),
        _ => config.clone(),
    }
}

/// The items of both lists: those of the configuration in its order, those of the live list alone where they stood.
fn merged_items(node: Option<&Node>, live: &[Value], config: &[Value]) -> Vec<Value> {
    let node_of_items = node.and_then(|node| node.items.as_deref());
    let named = |items: &[Value]| -> Vec<String> { items.iter().map(|item| item_element(node, item)).collect() };
    let (live_names, config_names) = (named(live), named(config));
    let live_at = |name: &String| live_names.iter().position(|candidate| candidate == name);
    let mut shared = config_names.iter().filter(|name| live_at(name).is_some());
    let mut next_shared = shared.next();
    let (mut done, mut whole) = (BTreeSet::new(), Vec::with_capacity(live.len().max(config.len())));
    let (mut l, mut c) = (0, 0);
    while l < live.len() || c < config.len() {
        if let (Some(name), Some(wanted)) = (live_names.get(l), config_names.get(c)) {
            let is_other_shared =
                name != wanted && config_names.contains(name) && next_shared.is_some_and(|next| next != name);
            if is_other_shared {
                // It comes when the configuration comes to it.
                l += 1;
                continue;
            }
        }
        if let Some(name) = live_names.get(l) {
            if !config_names.contains(name) {
                whole.push(live[l].clone());
                l += 1;
                continue;
            }
            if done.contains(name) {
                l += 1;
            }
        }
        if let Some(name) = config_names.get(c) {
            whole.push(match live_at(name) {
                Some(at) => merged(node_of_items, &live[at], &config[c]),
                None => config[c].clone(),
            });
            if live_names.get(l) == Some(name) {
                l += 1;
            }
            if next_shared == Some(name) {
                next_shared = shared.next();
            }
            done.insert(name);
            c += 1;
        }
    }
    whole
}
