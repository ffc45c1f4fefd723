//! Sets of fields, as `managedFields` lists them in its `fieldsV1` form.
//!
//! A set is a tree of path elements in their wire form: `f:name` for a field or map entry, `k:{...}` for an item of a
//! list map, `v:...` for an item of a set. Atomic lists and maps are leaves.

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Map, Value};

use super::schema::{ListType, Node};

/// A set of fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    /// The value at this place belongs to the set (written `.` where there is something below).
    pub(crate) here: bool,
    pub(crate) below: BTreeMap<String, Fields>,
}

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
    /// None but list items, as in a configuration that is applied.
    ItemsOnly,
    /// All, as in a part that an update added.
    All,
}

impl Fields {
    pub(crate) fn is_empty(&self) -> bool {
        !self.here && self.below.is_empty()
    }

    pub(crate) fn leaf() -> Self {
        Self { here: true, below: BTreeMap::new() }
    }

    /// The fields of a value.
    pub(crate) fn of(node: Option<&Node>, value: &Value, containers: Containers) -> Self {
        let mut fields = Self::default();
        match value {
            Value::Object(map) if !map.is_empty() && !is_atomic_map(node) => {
                for (key, child) in map {
                    let child = Self::of(node.and_then(|node| node.field(key)), child, containers);
                    fields.below.insert(format!("f:{key}"), child);
                }
            }
            Value::Array(items) if !items.is_empty() && !is_atomic_list(node) => {
                let node_of_items = node.and_then(|node| node.items.as_deref());
                for item in items {
                    let mut child = Self::default();
                    if is_list_map(node) {
                        child = Self::of(node_of_items, item, containers);
                    }
                    child.here = true;
                    fields.below.insert(item_element(node, item), child);
                }
            }
            // Nobody owns that a list is empty.
            Value::Array(items) if items.is_empty() && !is_atomic_list(node) => {}
            _ => fields.here = true,
        }
        fields.here |= containers == Containers::All && !node.is_some_and(|node| node.is_typed);
        fields
    }

    pub(crate) fn add(&mut self, other: &Fields) {
        self.here |= other.here;
        for (element, theirs) in &other.below {
            match self.below.get_mut(element) {
                Some(mine) => mine.add(theirs),
                None => {
                    self.below.insert(element.clone(), theirs.clone());
                }
            }
        }
    }

    pub(crate) fn subtract(&mut self, other: &Fields) {
        self.here &= !other.here;
        for (element, theirs) in &other.below {
            if let Some(mine) = self.below.get_mut(element) {
                mine.subtract(theirs);
                if mine.is_empty() {
                    self.below.remove(element);
                }
            }
        }
    }

    /// What both sets have.
    pub(crate) fn common(&self, other: &Fields) -> Fields {
        let mut common = Fields { here: self.here && other.here, below: BTreeMap::new() };
        for (element, mine) in &self.below {
            if let Some(theirs) = other.below.get(element) {
                let both = mine.common(theirs);
                if !both.is_empty() {
                    common.below.insert(element.clone(), both);
                }
            }
        }
        common
    }

    /// The paths of all members, in the form of conflict messages: `.spec.list[name="a"].size`.
    pub(crate) fn paths(&self) -> Vec<String> {
        fn walk(fields: &Fields, path: &str, paths: &mut Vec<String>) {
            if fields.here {
                paths.push(path.to_owned());
            }
            for (element, below) in &fields.below {
                walk(below, &format!("{path}{}", shown(element)), paths);
            }
        }
        let mut paths = Vec::new();
        walk(self, "", &mut paths);
        paths
    }
}

/// The `fieldsV1` form.
impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let has_mark = self.here && !self.below.is_empty();
        let mut map = serializer.serialize_map(Some(self.below.len() + usize::from(has_mark)))?;
        if has_mark {
            map.serialize_entry(".", &Fields::default())?;
        }
        for (element, fields) in &self.below {
            map.serialize_entry(element, fields)?;
        }
        map.end()
    }
}

/// Compares two values of the same place; either may be missing.
pub(crate) fn compare(node: Option<&Node>, old: Option<&Value>, new: Option<&Value>, difference: &mut Difference) {
    match (old, new) {
        (None, None) => {}
        (None, Some(new)) => difference.changed = Fields::of(node, new, Containers::All),
        (Some(old), None) => difference.removed = Fields::of(node, old, Containers::All),
        (Some(old), Some(new)) if old == new => {}
        (Some(Value::Object(old)), Some(Value::Object(new))) if !is_atomic_map(node) => {
            let added = new.keys().filter(|key| !old.contains_key(*key));
            for key in old.keys().chain(added) {
                let node = node.and_then(|node| node.field(key));
                descend(node, old.get(key), new.get(key), difference, || format!("f:{key}"));
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) if !is_atomic_list(node) => {
            let node_of_items = node.and_then(|node| node.items.as_deref());
            for item in old {
                let new = find_item(node, new, item);
                descend(node_of_items, Some(item), new, difference, || item_element(node, item));
            }
            for item in new.iter().filter(|item| find_item(node, old, item).is_none()) {
                descend(node_of_items, None, Some(item), difference, || item_element(node, item));
            }
        }
        (Some(_), Some(_)) => difference.changed = Fields::leaf(),
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

fn is_list_map(node: Option<&Node>) -> bool {
    node.is_some_and(|node| matches!(node.list_type, ListType::Map(_)))
}

fn shown(element: &str) -> String {
    if let Some(name) = element.strip_prefix("f:") {
        return format!(".{name}");
    }
    if let Some(Ok(Value::Object(key))) = element.strip_prefix("k:").map(serde_json::from_str) {
        let parts: Vec<String> = key.iter().map(|(name, value)| format!("{name}={value}")).collect();
        return format!("[{}]", parts.join(","));
    }
    format!("[={}]", element.trim_start_matches("v:"))
}
