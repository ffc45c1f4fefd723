//! How a value is divided into fields that can be owned: its set of fields, what differs between two values, and a value
//! without some of its fields.
//!
//! As in the real server, a manager that applies owns values, list items and map entries, and of containers only those
//! that are empty maps; nobody owns that a list with keys is empty. A manager that updates owns everything that it
//! changed or added, containers and empty lists among them.

use serde_json::{Map, Value};

use super::fields::Fields;
use super::schema::{ListType, Node};

/// What a write changed between two versions of an object.
#[derive(Debug, Default)]
pub(crate) struct Difference {
    /// Added or with another value.
    pub(crate) changed: Fields,
    pub(crate) removed: Fields,
}

/// Which containers count as members of a set made from a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Containers {
    /// List items, map entries and empty maps, as in a configuration that is applied.
    Applied,
    /// All, as in a part that an update added.
    All,
}

/// The fields of a value.
pub(crate) fn fields_of(node: Option<&Node>, value: &Value, containers: Containers) -> Fields {
    let mut fields = Fields::default();
    match value {
        Value::Object(map) if !is_atomic_map(node) => {
            for (key, child) in map {
                let mut below = fields_of(node.and_then(|node| node.field(key)), child, containers);
                let is_empty = child.is_null() || child.as_object().is_some_and(Map::is_empty);
                below.here |= is_empty || !node.is_some_and(|node| node.declares(key));
                if !below.is_empty() {
                    fields.below.insert(format!("f:{key}"), below);
                }
            }
        }
        Value::Array(items) if !is_atomic_list(node) => {
            let node_of_items = node.and_then(|node| node.items.as_deref());
            for item in items {
                let mut below = fields_of(node_of_items, item, containers);
                below.here = true;
                fields.below.insert(item_element(node, item), below);
            }
        }
        Value::Null => {}
        _ => fields.here = true,
    }
    let is_added = containers == Containers::All && !node.is_some_and(|node| node.is_typed);
    fields.here |= is_added;
    fields
}

/// Compares two values of the same place; either may be missing.
pub(crate) fn compare(node: Option<&Node>, old: Option<&Value>, new: Option<&Value>, difference: &mut Difference) {
    let (old, new) = match (old, new) {
        (None, None) => return,
        (None, Some(new)) => {
            difference.changed = fields_of(node, new, Containers::All);
            return;
        }
        (Some(old), None) => {
            difference.removed = fields_of(node, old, Containers::All);
            return;
        }
        (Some(old), Some(new)) if old == new => return,
        (Some(old), Some(new)) => (old, new),
    };
    let is_entries = |value: &Value| value.is_object() || value.is_null();
    let is_items = |value: &Value| value.is_array() || value.is_null();
    let is_filled = |value: &Value| match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    // Where one side is null or empty, only what the other one has differs; which of both it is, is a value of its own.
    let is_granular = is_filled(old) || is_filled(new);
    if is_granular && is_entries(old) && is_entries(new) && !is_atomic_map(node) {
        compare_entries(node, old, new, difference);
    } else if is_granular && is_items(old) && is_items(new) && !is_atomic_list(node) {
        compare_items(node, old, new, difference);
    } else {
        difference.changed = Fields::leaf();
    }
}

fn compare_entries(node: Option<&Node>, old: &Value, new: &Value, difference: &mut Difference) {
    let keys = |value: &Value| value.as_object().into_iter().flat_map(Map::keys).cloned().collect::<Vec<_>>();
    let added = keys(new).into_iter().filter(|key| old.get(key).is_none());
    for key in keys(old).into_iter().chain(added) {
        let node = node.and_then(|node| node.field(&key));
        descend(node, old.get(&key), new.get(&key), difference, || format!("f:{key}"));
    }
}

fn compare_items(node: Option<&Node>, old: &Value, new: &Value, difference: &mut Difference) {
    let items = |value| Value::as_array(value).map(Vec::as_slice).unwrap_or_default();
    let (old, new): (&[Value], &[Value]) = (items(old), items(new));
    let node_of_items = node.and_then(|node| node.items.as_deref());
    for item in old {
        let new = find_item(node, new, item);
        descend(node_of_items, Some(item), new, difference, || item_element(node, item));
    }
    for item in new.iter().filter(|item| find_item(node, old, item).is_none()) {
        descend(node_of_items, None, Some(item), difference, || item_element(node, item));
    }
}

fn descend(
    node: Option<&Node>,
    old: Option<&Value>,
    new: Option<&Value>,
    difference: &mut Difference,
    element: impl Fn() -> String,
) {
    if old == new {
        return;
    }
    let mut below = Difference::default();
    compare(node, old, new, &mut below);
    if !below.changed.is_empty() {
        difference.changed.below.insert(element(), below.changed);
    }
    if !below.removed.is_empty() {
        difference.removed.below.insert(element(), below.removed);
    }
}

/// A value without the fields of a set. Of a container that loses everything, null is left, as in the real server.
pub(crate) fn without(node: Option<&Node>, value: &Value, gone: &Fields) -> Value {
    let node_of_items = node.and_then(|node| node.items.as_deref());
    match value {
        Value::Object(map) if !is_atomic_map(node) => {
            let kept = map.iter().filter_map(|(key, child)| {
                let child = match gone.below.get(&format!("f:{key}")) {
                    None => child.clone(),
                    Some(gone) if gone.here => return None,
                    Some(gone) => without(node.and_then(|node| node.field(key)), child, gone),
                };
                Some((key.clone(), child))
            });
            let kept: Map<String, Value> = kept.collect();
            if kept.is_empty() { Value::Null } else { Value::Object(kept) }
        }
        Value::Array(items) if !is_atomic_list(node) => {
            let kept = items.iter().filter_map(|item| match gone.below.get(&item_element(node, item)) {
                None => Some(item.clone()),
                Some(gone) if gone.here => None,
                Some(gone) => Some(without(node_of_items, item, gone)),
            });
            let kept: Vec<Value> = kept.collect();
            if kept.is_empty() { Value::Null } else { Value::Array(kept) }
        }
        Value::Object(_) | Value::Array(_) => Value::Null,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// The item of `items` with the same key (or, in a set, the same value) as `item`.
pub(crate) fn find_item<'a>(node: Option<&Node>, items: &'a [Value], item: &Value) -> Option<&'a Value> {
    items.iter().find(|candidate| is_same_item(node, candidate, item))
}

/// Whether two items of a list are the same one: by key in a list map, by value in a set.
pub(crate) fn is_same_item(node: Option<&Node>, one: &Value, other: &Value) -> bool {
    match node.map(|node| &node.list_type) {
        Some(ListType::Map(keys)) => keys.iter().all(|key| one.get(key) == other.get(key)),
        Some(ListType::Set | ListType::Atomic) | None => one == other,
    }
}

/// The path element of an item of a list that is not atomic.
pub(crate) fn item_element(node: Option<&Node>, item: &Value) -> String {
    match node.map(|node| &node.list_type) {
        Some(ListType::Map(keys)) => {
            let key: Map<String, Value> =
                keys.iter().filter_map(|key| Some((key.clone(), item.get(key)?.clone()))).collect();
            format!("k:{}", Value::Object(key))
        }
        Some(ListType::Set | ListType::Atomic) | None => format!("v:{item}"),
    }
}

/// True for maps that are owned as a whole.
pub(crate) fn is_atomic_map(node: Option<&Node>) -> bool {
    node.is_some_and(|node| node.atomic_map)
}

/// True for lists that are owned as a whole; lists without a schema are.
pub(crate) fn is_atomic_list(node: Option<&Node>) -> bool {
    node.is_none_or(|node| node.list_type == ListType::Atomic)
}

/// A path element as messages show it.
pub(crate) fn shown(element: &str) -> String {
    if let Some(name) = element.strip_prefix("f:") {
        return format!(".{name}");
    }
    if let Some(Ok(Value::Object(key))) = element.strip_prefix("k:").map(serde_json::from_str) {
        let parts: Vec<String> = key.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect();
        return format!("[{}]", parts.join(","));
    }
    format!("[={}]", element.trim_start_matches("v:"))
}

/// A key's value as messages show it: a map without its braces.
fn plain(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(",")),
        Value::Object(map) => map.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}
