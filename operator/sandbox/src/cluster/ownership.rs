//! Who owns which field: `managedFields`, kept beside an object as sets and written into it on the wire.
//!
//! Modelled: one entry per manager, operation and subresource; updates take what they change away from all others;
//! an apply owns exactly what it sent, conflicts with others where it changes their fields, and drops what it no
//! longer sends when nobody else owns that. Left out: managers of several API versions, the limit of ten updaters.

use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::fields::{Containers, Difference, Fields, compare};
use super::kinds::Kind;

/// How a manager wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    Apply,
    Update,
}

/// One entry of `managedFields`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manager {
    pub(crate) operation: Operation,
    pub(crate) time: String,
    pub(crate) name: String,
    /// `status`, or empty.
    pub(crate) subresource: String,
    pub(crate) fields: Arc<Fields>,
}

/// Who writes, as far as ownership is concerned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writer<'a> {
    pub(crate) name: &'a str,
    pub(crate) subresource: &'a str,
    pub(crate) now: &'a str,
}

/// An apply that must not go on: the description of a manager and the path of its field, once per conflict.
pub(crate) type Conflicts = Vec<(String, String)>;

impl Manager {
    fn is(&self, writer: Writer<'_>, operation: Operation) -> bool {
        self.name == writer.name && self.operation == operation && self.subresource == writer.subresource
    }

    fn described(&self, api_version: &str) -> String {
        let name = &self.name;
        let subresource = match self.subresource.as_str() {
            "" => String::new(),
            other => format!(" with subresource \"{other}\""),
        };
        match self.operation {
            Operation::Apply => format!("\"{name}\"{subresource}"),
            Operation::Update => format!("\"{name}\"{subresource} using {api_version}"),
        }
    }
}

/// One entry in its wire form.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireEntry<'a> {
    api_version: &'a str,
    fields_type: &'static str,
    fields_v1: &'a Fields,
    manager: &'a str,
    operation: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    subresource: &'a str,
    time: &'a str,
}

/// The wire form of all entries of an object, in the real server's order.
pub(crate) struct WireEntries<'a> {
    pub(crate) managers: &'a [Manager],
    pub(crate) api_version: &'a str,
}

impl Serialize for WireEntries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.managers.iter().map(|manager| WireEntry {
            api_version: self.api_version,
            fields_type: "FieldsV1",
            fields_v1: &manager.fields,
            manager: &manager.name,
            operation: match manager.operation {
                Operation::Apply => "Apply",
                Operation::Update => "Update",
            },
            subresource: &manager.subresource,
            time: &manager.time,
        }))
    }
}

/// The entries after an update (create, replace, merge patch) from `old` to `new`.
pub(crate) fn after_update(
    kind: &Kind,
    managers: &[Manager],
    old: Option<&Value>,
    new: &Value,
    writer: Writer<'_>,
) -> Vec<Manager> {
    let mut difference = difference(kind, old, new);
    if kind.has_status && writer.subresource.is_empty() {
        // A status by default, which nobody wrote.
        difference.changed.below.remove("f:status");
    }
    if difference.changed.is_empty() && difference.removed.is_empty() {
        return managers.to_vec();
    }
    let mut after = managers.to_vec();
    for manager in &mut after {
        let mine = manager.is(writer, Operation::Update);
        let mut fields = Fields::clone(&manager.fields);
        if !mine {
            fields.subtract(&difference.changed);
        }
        fields.subtract(&difference.removed);
        if *manager.fields != fields {
            manager.fields = Arc::new(fields);
        }
    }
    let before = after.iter().find(|m| m.is(writer, Operation::Update));
    let mut fields = before.map(|m| Fields::clone(&m.fields)).unwrap_or_default();
    fields.add(&difference.changed);
    set_entry(&mut after, writer, Operation::Update, fields);
    after
}

/// What an apply of `config` owns.
pub(crate) fn applied_fields(kind: &Kind, config: &Value, subresource: &str) -> Fields {
    let mut fields = Fields::of(Some(&kind.schema), config, Containers::ItemsOnly);
    forget_system_fields(&mut fields);
    if subresource == "status" {
        fields.below.retain(|element, _| element == "f:status");
    } else if kind.has_status {
        fields.below.remove("f:status");
    }
    fields
}

/// The entries after an apply that creates the object.
pub(crate) fn after_first_apply(applied: Fields, writer: Writer<'_>) -> Vec<Manager> {
    let mut after = Vec::new();
    set_entry(&mut after, writer, Operation::Apply, applied);
    after
}

/// The entries after an apply that makes `live` into `merged`, and what the writer has given up for good.
pub(crate) fn after_apply(
    kind: &Kind,
    managers: &[Manager],
    change: (&Value, &Value),
    applied: Fields,
    writer: Writer<'_>,
    force: bool,
) -> Result<(Vec<Manager>, Fields), Conflicts> {
    let changed = difference(kind, Some(change.0), change.1).changed;
    let mut after = managers.to_vec();
    let mut conflicts = Conflicts::new();
    for manager in after.iter_mut().filter(|m| !m.is(writer, Operation::Apply)) {
        let contested = manager.fields.common(&changed);
        if contested.is_empty() {
            continue;
        }
        if force {
            let mut fields = Fields::clone(&manager.fields);
            fields.subtract(&contested);
            manager.fields = Arc::new(fields);
        } else {
            let described = manager.described(&kind.api_version);
            conflicts.extend(contested.paths().into_iter().map(|path| (described.clone(), path)));
        }
    }
    if !conflicts.is_empty() {
        return Err(conflicts);
    }
    let before = after.iter().find(|m| m.is(writer, Operation::Apply)).map(|m| Arc::clone(&m.fields));
    let mut given_up = match before {
        Some(before) if *before != applied => Fields::clone(&before),
        Some(_) | None => Fields::default(),
    };
    set_entry(&mut after, writer, Operation::Apply, applied);
    if !given_up.is_empty() {
        after.iter().for_each(|manager| given_up.subtract(&manager.fields));
    }
    Ok((after, given_up))
}

/// What all entries together own.
pub(crate) fn all_fields(managers: &[Manager]) -> Fields {
    let mut all = Fields::default();
    managers.iter().for_each(|manager| all.add(&manager.fields));
    all
}

/// Whether two lists of entries differ in more than their times.
pub(crate) fn is_same(one: &[Manager], other: &[Manager]) -> bool {
    one.len() == other.len()
        && one.iter().all(|a| {
            other.iter().any(|b| {
                a.name == b.name
                    && a.operation == b.operation
                    && a.subresource == b.subresource
                    && (Arc::ptr_eq(&a.fields, &b.fields) || a.fields == b.fields)
            })
        })
}

/// What differs between two versions of an object, the fields that the server sets left out.
pub(crate) fn difference(kind: &Kind, old: Option<&Value>, new: &Value) -> Difference {
    let mut difference = Difference::default();
    match old {
        Some(old) => compare(Some(&kind.schema), Some(old), Some(new), &mut difference),
        None => {
            let empty = Value::Object(Map::new());
            compare(Some(&kind.schema), Some(&empty), Some(new), &mut difference);
        }
    }
    forget_system_fields(&mut difference.changed);
    forget_system_fields(&mut difference.removed);
    difference
}

fn forget_system_fields(fields: &mut Fields) {
    const OF_METADATA: [&str; 10] = [
        "f:name",
        "f:namespace",
        "f:uid",
        "f:resourceVersion",
        "f:generation",
        "f:creationTimestamp",
        "f:selfLink",
        "f:managedFields",
        "f:deletionTimestamp",
        "f:deletionGracePeriodSeconds",
    ];
    fields.here = false;
    fields.below.remove("f:apiVersion");
    fields.below.remove("f:kind");
    if let Some(metadata) = fields.below.get_mut("f:metadata") {
        metadata.here = false;
        for element in OF_METADATA {
            metadata.below.remove(element);
        }
        if metadata.is_empty() {
            fields.below.remove("f:metadata");
        }
    }
}

/// Gives `writer` exactly these fields, drops entries that own nothing, and sorts.
fn set_entry(managers: &mut Vec<Manager>, writer: Writer<'_>, operation: Operation, fields: Fields) {
    match managers.iter_mut().find(|m| m.is(writer, operation)) {
        Some(entry) => {
            if *entry.fields != fields {
                entry.fields = Arc::new(fields);
            }
            entry.time = writer.now.to_owned();
        }
        None => managers.push(Manager {
            operation,
            time: writer.now.to_owned(),
            name: writer.name.to_owned(),
            subresource: writer.subresource.to_owned(),
            fields: Arc::new(fields),
        }),
    }
    managers.retain(|manager| !manager.fields.is_empty());
    managers.sort_by(|a, b| {
        (a.operation, &a.time, &a.name, &a.subresource).cmp(&(b.operation, &b.time, &b.name, &b.subresource))
    });
}
