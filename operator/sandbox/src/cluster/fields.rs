//! Sets of fields, as `managedFields` lists them in its `fieldsV1` form.
//!
//! A set is a tree of path elements in their wire form: `f:name` for a field or map entry, `k:{...}` for an item of a
//! list map, `v:...` for an item of a set. Atomic lists and maps are leaves.

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::granular::shown;
use super::schema::Node;

/// A set of fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    /// The value at this place belongs to the set (written `.` where there is something below).
    pub(crate) here: bool,
    pub(crate) below: BTreeMap<String, Fields>,
}

impl Fields {
    pub(crate) fn is_empty(&self) -> bool {
        !self.here && self.below.is_empty()
    }

    pub(crate) fn leaf() -> Self {
        Self { here: true, below: BTreeMap::new() }
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

    /// The set with each declared field that has members below it: a field goes with the last of them, a map entry and
    /// an item of a list only when it is a member itself.
    pub(crate) fn with_named(&self, node: Option<&Node>) -> Fields {
        let with_named = |(element, below): (&String, &Fields)| {
            let (node_below, is_declared) = match element.strip_prefix("f:") {
                Some(key) => (node.and_then(|node| node.field(key)), node.is_some_and(|node| node.declares(key))),
                None if element.starts_with("k:") => (node.and_then(|node| node.items.as_deref()), false),
                None => (None, false),
            };
            let mut below = below.with_named(node_below);
            below.here |= is_declared && !below.below.is_empty();
            (element.clone(), below)
        };
        Fields { here: self.here, below: self.below.iter().map(with_named).collect() }
    }

    /// The paths of all members, in the form of conflict messages: `.spec.list[name="a"].size`. The members of one level
    /// come before what lies below any of them.
    pub(crate) fn paths(&self) -> Vec<String> {
        fn walk(fields: &Fields, path: &str, paths: &mut Vec<String>) {
            let path_of = |element: &str| format!("{path}{}", shown(element));
            let members = fields.below.iter().filter(|(_, below)| below.here);
            paths.extend(members.map(|(element, _)| path_of(element)));
            for (element, below) in &fields.below {
                walk(below, &path_of(element), paths);
            }
        }
        let mut paths = Vec::new();
        if self.here {
            paths.push(String::new());
        }
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
