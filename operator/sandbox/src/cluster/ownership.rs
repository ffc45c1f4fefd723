//! Who owns which field: `managedFields`, kept beside an object as sets and written into it on the wire.
//!
//! Modelled: one entry per manager, operation and subresource; updates take what they change away from all others;
//! an apply owns exactly what it sent, conflicts with others where it changes their fields, and drops what it no
//! longer sends when nobody else owns that. Left out: managers of several API versions, the limit of ten updaters.

use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::fields::Fields;
use super::granular::{Containers, Difference, compare, fields_of, without};
use super::kinds::Kind;
use super::merge;
use super::schema::Node;

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

    /// What managers are sorted by in a refusal; the time counts only for updates.
    fn identity(&self) -> (&str, Operation, &str, &str) {
        let time = if self.operation == Operation::Update { self.time.as_str() } else { "" };
        (&self.name, self.operation, time, &self.subresource)
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
    #[serde(skip_serializing_if = "str::is_empty")]
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

/// The entries after an update (create, replace, merge patch) from `old` to `new`. An object that nobody owns anything of
/// stays so until it is applied to.
pub(crate) fn after_update(
    kind: &Kind,
    managers: &[Manager],
    old: Option<&Value>,
    new: &Value,
    writer: Writer<'_>,
) -> Vec<Manager> {
    if old.is_some() && managers.is_empty() {
        return Vec::new();
    }
    let difference = difference(kind, old, new, writer.subresource);
    let mut after = managers.to_vec();
    for manager in &mut after {
        let mut fields = Fields::clone(&manager.fields);
        if !manager.is(writer, Operation::Update) {
            fields.subtract(&difference.changed);
        }
        fields.subtract(&difference.removed);
        if *manager.fields != fields {
            manager.fields = Arc::new(fields);
        }
    }
    let mut fields = difference.changed;
    if fields.is_empty() {
        after.retain(|manager| !manager.fields.is_empty());
        return after;
    }
    if let Some(before) = after.iter().find(|m| m.is(writer, Operation::Update)) {
        fields.add(&before.fields);
    }
    set_entry(&mut after, writer, Operation::Update, fields, true);
    after
}

/// What an apply of `config` owns.
fn applied_fields(kind: &Kind, config: &Value, subresource: &str) -> Fields {
    let mut fields = fields_of(Some(&kind.schema), config, Containers::Applied);
    forget_system_fields(&mut fields);
    forget_unreachable(kind, subresource, &mut fields);
    fields
}

/// What an apply comes to.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) managers: Vec<Manager>,
    /// The live object with the configuration merged in, without what the writer has given up.
    pub(crate) value: Value,
}

/// Applies `config` to a new object.
pub(crate) fn first_apply(kind: &Kind, config: Value, writer: Writer<'_>) -> Applied {
    let mut managers = Vec::new();
    set_entry(&mut managers, writer, Operation::Apply, applied_fields(kind, &config, ""), true);
    Applied { managers, value: config }
}

/// Applies `config` to a live object.
pub(crate) fn apply(
    kind: &Kind,
    managers: &[Manager],
    live: &Value,
    config: &Value,
    writer: Writer<'_>,
    force: bool,
) -> Result<Applied, Conflicts> {
    let schema = Some(&kind.schema);
    let mut after = if managers.is_empty() { before_first_apply(kind, live, writer) } else { managers.to_vec() };
    let applied = applied_fields(kind, config, writer.subresource);
    let mut value = merge::merged(schema, live, config);
    if let Some(before) = after.iter().find(|m| m.is(writer, Operation::Apply)) {
        let mut owned = applied.clone();
        after.iter().filter(|m| !m.is(writer, Operation::Apply)).for_each(|m| owned.add(&m.fields));
        value = pruned(&kind.schema, value, &before.fields, &owned);
    }
    let Difference { changed, removed } = difference(kind, Some(live), &value, writer.subresource);
    let mut contested_with = Vec::new();
    for manager in after.iter_mut().filter(|m| !m.is(writer, Operation::Apply)) {
        let contested = manager.fields.common(&changed);
        if !contested.is_empty() && !force {
            contested_with.push((manager.clone(), contested.paths()));
            continue;
        }
        let mut fields = Fields::clone(&manager.fields);
        fields.subtract(&contested);
        fields.subtract(&removed);
        if *manager.fields != fields {
            manager.fields = Arc::new(fields);
        }
    }
    if !contested_with.is_empty() {
        contested_with.sort_by(|(a, _), (b, _)| a.identity().cmp(&b.identity()));
        let named = contested_with.into_iter().flat_map(|(manager, paths)| {
            let described = manager.described(&kind.api_version);
            paths.into_iter().map(move |path| (described.clone(), path))
        });
        return Err(named.collect());
    }
    set_entry(&mut after, writer, Operation::Apply, applied, value != *live);
    Ok(Applied { managers: after, value })
}

/// Whose an object is that nobody owns anything of, when somebody begins to apply to it.
fn before_first_apply(kind: &Kind, live: &Value, writer: Writer<'_>) -> Vec<Manager> {
    let fields = difference(kind, None, live, writer.subresource).changed;
    let mut managers = Vec::new();
    let nobody = Writer { name: "before-first-apply", ..writer };
    set_entry(&mut managers, nobody, Operation::Update, fields, true);
    managers
}

/// `value` without what was applied `before` and is `owned` by nobody now.
fn pruned(schema: &Node, value: Value, before: &Fields, owned: &Fields) -> Value {
    let node = Some(schema);
    let named = |value: &Value| fields_of(node, value, Containers::Applied).with_named(node);
    let (whole, before) = (named(&value), before.with_named(node));
    // What others own below something that goes is put back together with everything that leads to it.
    let mut kept = named(&without(node, &value, &before));
    kept.add(&owned.with_named(node));
    let mut gone = whole.clone();
    gone.subtract(&kept);
    // What nobody had applied stays.
    let mut gone_at_last = whole;
    gone_at_last.subtract(&named(&without(node, &value, &gone)));
    let gone_at_last = gone_at_last.common(&before);
    without(node, &value, &gone_at_last)
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

/// What differs between two versions of an object for writers of this subresource, the fields that the server sets left
/// out.
fn difference(kind: &Kind, old: Option<&Value>, new: &Value, subresource: &str) -> Difference {
    let mut difference = Difference::default();
    let nothing = Value::Object(Map::new());
    compare(Some(&kind.schema), Some(old.unwrap_or(&nothing)), Some(new), &mut difference);
    for fields in [&mut difference.changed, &mut difference.removed] {
        forget_system_fields(fields);
        forget_unreachable(kind, subresource, fields);
    }
    difference
}

/// Leaves out what a write to this subresource cannot reach.
fn forget_unreachable(kind: &Kind, subresource: &str, fields: &mut Fields) {
    if subresource == "status" {
        fields.below.retain(|element, _| element == "f:status");
    } else if kind.has_status {
        fields.below.remove("f:status");
    }
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
    // What the server fills into Events for older clients.
    for element in ["f:deprecatedFirstTimestamp", "f:deprecatedLastTimestamp", "f:deprecatedSource"] {
        fields.below.remove(element);
    }
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

/// Gives `writer` exactly these fields, drops entries that own nothing, and sorts. The time of an entry is that of the
/// last write that changed anything; there is none when an apply has only said what was so already.
fn set_entry(managers: &mut Vec<Manager>, writer: Writer<'_>, operation: Operation, fields: Fields, is_change: bool) {
    let time = if is_change { writer.now.to_owned() } else { String::new() };
    match managers.iter_mut().find(|m| m.is(writer, operation)) {
        Some(entry) => {
            if *entry.fields != fields {
                entry.fields = Arc::new(fields);
            }
            if is_change {
                entry.time = time;
            }
        }
        None => managers.push(Manager {
            operation,
            time,
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
