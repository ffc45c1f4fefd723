//! Merging: a merge patch, a configuration that is applied, and the removal of fields that a manager gave up.

use serde_json::Value;

use super::fields::{Fields, find_item, is_atomic_list, is_atomic_map, is_same_item, item_element};
use super::schema::Node;

/// JSON merge patch (RFC 7386): null removes, objects merge, everything else replaces.
pub(crate) fn merge_patch(value: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        value.clone_from(patch);
        return;
    };
    if !value.is_object() {
        *value = Value::Object(serde_json::Map::new());
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

/// Merges `config` into `live`: maps and structs by field, list maps by key, sets by value, the rest as a whole.
pub(crate) fn merge(node: Option<&Node>, live: &mut Value, config: &Value) {
    match (live, config) {
        (Value::Object(live), Value::Object(config)) if !is_atomic_map(node) => {
            for (key, wanted) in config {
                match live.get_mut(key) {
                    Some(existing) => merge(node.and_then(|node| node.field(key)), existing, wanted),
                    None => {
                        live.insert(key.clone(), wanted.clone());
                    }
                }
            }
        }
        (Value::Array(live), Value::Array(config)) if !is_atomic_list(node) => {
            *live = merge_items(node, std::mem::take(live), config);
        }
        (live, config) => {
            if live != config {
                live.clone_from(config);
            }
        }
    }
}

/// The items of both lists: those of the configuration in its order, those of the live list alone where they stood.
fn merge_items(node: Option<&Node>, live: Vec<Value>, config: &[Value]) -> Vec<Value> {
    let node_of_items = node.and_then(|node| node.items.as_deref());
    let mut merged = Vec::with_capacity(live.len().max(config.len()));
    let mut next = 0;
    for item in &live {
        if find_item(node, config, item).is_none() {
            merged.push(item.clone());
            continue;
        }
        while let Some(wanted) = config.get(next)
            && !merged.iter().any(|done| is_same_item(node, done, item))
        {
            merged.push(merge_item(node, node_of_items, &live, wanted));
            next += 1;
        }
    }
    merged.extend(config.iter().skip(next).map(|wanted| merge_item(node, node_of_items, &live, wanted)));
    merged
}

fn merge_item(node: Option<&Node>, node_of_items: Option<&Node>, live: &[Value], wanted: &Value) -> Value {
    match find_item(node, live, wanted) {
        Some(existing) => {
            let mut item = existing.clone();
            merge(node_of_items, &mut item, wanted);
            item
        }
        None => wanted.clone(),
    }
}

/// Removes the fields of `gone` from `value`; a struct of which nothing is left goes too, unless `kept` has it.
pub(crate) fn remove(node: Option<&Node>, value: &mut Value, gone: &Fields, kept: &Fields) {
    match value {
        Value::Object(map) => {
            for (element, gone) in &gone.below {
                let Some(key) = element.strip_prefix("f:") else {
                    continue;
                };
                let node = node.and_then(|node| node.field(key));
                let kept_here = kept.below.get(element);
                let is_gone = match map.get_mut(key) {
                    Some(child) => remove_child(node, child, gone, kept_here),
                    None => false,
                };
                if is_gone {
                    map.remove(key);
                }
            }
        }
        Value::Array(items) => {
            let node_of_items = node.and_then(|node| node.items.as_deref());
            items.retain_mut(|item| {
                let element = item_element(node, item);
                match gone.below.get(&element) {
                    Some(gone) => !remove_child(node_of_items, item, gone, kept.below.get(&element)),
                    None => true,
                }
            });
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Removes below `child`; true when `child` itself must go.
fn remove_child(node: Option<&Node>, child: &mut Value, gone: &Fields, kept: Option<&Fields>) -> bool {
    if kept.is_none() && gone.here {
        return true;
    }
    let nothing = Fields::default();
    remove(node, child, gone, kept.unwrap_or(&nothing));
    let is_struct = node.is_some_and(|node| !node.properties.is_empty());
    kept.is_none() && is_struct && child.as_object().is_some_and(serde_json::Map::is_empty)
}
