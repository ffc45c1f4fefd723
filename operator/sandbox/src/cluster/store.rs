//! The stored objects, their history, and the one counter of versions.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

use super::intercept::{Change, Verb};
use super::kinds::Kind;
use super::ownership::{Manager, WireEntries};
use super::watch::Watcher;

/// Changes of one kind that are remembered for watches and continued lists; older ones are compacted by themselves.
const HISTORY_EVENTS_MAX: usize = 20_000;

/// One version of one object.
#[derive(Debug)]
pub(crate) struct Stored {
    /// The object without `metadata.managedFields`.
    pub(crate) value: Arc<Value>,
    pub(crate) managers: Vec<Manager>,
    pub(crate) version: u64,
    /// The wire form, made when it is first asked for.
    json: OnceLock<Bytes>,
}

/// One entry of the history of a kind.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) version: u64,
    pub(crate) key: String,
    pub(crate) old: Option<Arc<Stored>>,
    /// The version written; of a removed object, its last content with the version of the removal.
    pub(crate) now: Arc<Stored>,
    pub(crate) gone: bool,
}

/// Who causes a write, for the record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cause<'a> {
    pub(crate) identity: &'a Arc<str>,
    pub(crate) verb: Verb,
    pub(crate) subresource: &'a str,
}

/// Everything that the cluster keeps.
#[derive(Debug)]
pub(crate) struct State {
    /// The last resourceVersion that was given out.
    pub(crate) version: u64,
    /// Versions up to this one are forgotten.
    pub(crate) compacted: u64,
    /// Numbers for uids and generated names.
    serial: u64,
    /// By kind, then by `namespace/name` (etcd's order).
    pub(crate) objects: Vec<BTreeMap<String, Arc<Stored>>>,
    pub(crate) history: Vec<VecDeque<Event>>,
    pub(crate) watchers: BTreeMap<u64, Watcher>,
    pub(crate) watchers_opened: u64,
    /// Identities whose watches are told nothing for now.
    pub(crate) held: BTreeSet<String>,
    /// Writes of which the observers have not been told yet.
    pub(crate) changes: Vec<Change>,
}

impl State {
    pub(crate) fn new(kinds: usize) -> Self {
        Self {
            version: 0,
            compacted: 0,
            serial: 0,
            objects: (0..kinds).map(|_| BTreeMap::new()).collect(),
            history: (0..kinds).map(|_| VecDeque::new()).collect(),
            watchers: BTreeMap::new(),
            watchers_opened: 0,
            held: BTreeSet::new(),
            changes: Vec::new(),
        }
    }

    pub(crate) fn get(&self, kind: &Kind, key: &str) -> Option<&Arc<Stored>> {
        self.objects.get(kind.index)?.get(key)
    }

    /// The objects of a kind from `from` on, by key.
    pub(crate) fn objects_from<'a>(
        &'a self,
        kind: &Kind,
        from: &str,
    ) -> impl Iterator<Item = (&'a String, &'a Arc<Stored>)> + use<'a> {
        let objects = self.objects.get(kind.index);
        let from = from.to_owned();
        objects.into_iter().flat_map(move |objects| objects.range(from.clone()..))
    }

    /// The history of a kind behind a version, oldest first.
    pub(crate) fn events_after(&self, kind: &Kind, version: u64) -> impl DoubleEndedIterator<Item = &Event> {
        let events = self.history.get(kind.index);
        events.into_iter().flat_map(move |events| {
            let start = events.partition_point(|event| event.version <= version);
            events.range(start..)
        })
    }

    /// A number that was never given out before.
    pub(crate) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Stores a new version of an object.
    pub(crate) fn put(
        &mut self,
        kind: &Kind,
        key: &str,
        mut value: Value,
        managers: Vec<Manager>,
        cause: Cause<'_>,
    ) -> Arc<Stored> {
        self.version += 1;
        set_version(&mut value, self.version);
        let stored = Arc::new(Stored::new(value, managers, self.version));
        let Some(objects) = self.objects.get_mut(kind.index) else {
            return stored;
        };
        let old = objects.insert(key.to_owned(), Arc::clone(&stored));
        self.record(kind, key, old, Arc::clone(&stored), Some(Arc::clone(&stored)), cause);
        stored
    }

    /// Removes an object; `value` is its last content.
    pub(crate) fn remove(
        &mut self,
        kind: &Kind,
        key: &str,
        mut value: Value,
        managers: Vec<Manager>,
        cause: Cause<'_>,
    ) -> Arc<Stored> {
        self.version += 1;
        set_version(&mut value, self.version);
        let last = Arc::new(Stored::new(value, managers, self.version));
        let old = self.objects.get_mut(kind.index).and_then(|objects| objects.remove(key));
        self.record(kind, key, old, Arc::clone(&last), None, cause);
        last
    }

    /// Stores what another server has stored, under its version there, or that it has nothing; gives that version. Nothing
    /// where it was known.
    pub(crate) fn take_over(&mut self, kind: &Kind, key: &str, now: Option<Value>, cause: Cause<'_>) -> Option<u64> {
        let objects = self.objects.get_mut(kind.index)?;
        let Some(mut value) = now else {
            let old = objects.remove(key)?;
            self.record(kind, key, Some(Arc::clone(&old)), Arc::clone(&old), None, cause);
            return Some(old.version);
        };
        let metadata = value.get_mut("metadata").and_then(Value::as_object_mut)?;
        metadata.remove("managedFields");
        let version = metadata.get("resourceVersion").and_then(Value::as_str)?.parse().ok()?;
        let old = objects.get(key).cloned();
        if old.as_ref().is_some_and(|old| old.version == version) {
            return None;
        }
        let stored = Arc::new(Stored::new(value, Vec::new(), version));
        objects.insert(key.to_owned(), Arc::clone(&stored));
        self.version = version;
        self.record(kind, key, old, Arc::clone(&stored), Some(stored), cause);
        Some(version)
    }

    /// Forgets the history up to a version.
    pub(crate) fn compact(&mut self, version: u64) {
        self.compacted = self.compacted.max(version.min(self.version));
        for events in &mut self.history {
            while events.front().is_some_and(|event| event.version <= self.compacted) {
                events.pop_front();
            }
        }
    }

    fn record(
        &mut self,
        kind: &Kind,
        key: &str,
        old: Option<Arc<Stored>>,
        now: Arc<Stored>,
        new: Option<Arc<Stored>>,
        cause: Cause<'_>,
    ) {
        self.changes.push(Change {
            identity: Arc::clone(cause.identity),
            verb: cause.verb,
            kind: Arc::clone(&kind.kind),
            subresource: cause.subresource.to_owned(),
            old: old.as_ref().map(|old| Arc::clone(&old.value)),
            new: new.as_ref().map(|new| Arc::clone(&new.value)),
        });
        let event = Event { version: self.version, key: key.to_owned(), old, now, gone: new.is_none() };
        for watcher in self.watchers.values_mut().filter(|watcher| watcher.kind_index == kind.index) {
            watcher.offer(&event);
        }
        let Some(events) = self.history.get_mut(kind.index) else {
            return;
        };
        events.push_back(event);
        if events.len() > HISTORY_EVENTS_MAX
            && let Some(oldest) = events.front().map(|event| event.version)
        {
            self.compact(oldest);
        }
    }
}

impl Stored {
    pub(crate) fn new(value: Value, managers: Vec<Manager>, version: u64) -> Self {
        Self { value: Arc::new(value), managers, version, json: OnceLock::new() }
    }

    /// The same object with another version, for the deletion event of an object that left a selection.
    pub(crate) fn at_version(&self, version: u64) -> Self {
        let mut value = Value::clone(&self.value);
        set_version(&mut value, version);
        Self::new(value, self.managers.clone(), version)
    }

    /// The wire form, with `managedFields`.
    pub(crate) fn json(&self) -> &Bytes {
        self.json.get_or_init(|| Bytes::from(serde_json::to_vec(&Wire(self)).unwrap_or_default()))
    }

    pub(crate) fn metadata(&self) -> &Value {
        &self.value["metadata"]
    }

    pub(crate) fn name(&self) -> &str {
        self.metadata()["name"].as_str().unwrap_or_default()
    }

    pub(crate) fn uid(&self) -> &str {
        self.metadata()["uid"].as_str().unwrap_or_default()
    }
}

/// The key of an object in the store.
pub(crate) fn key_of(namespace: Option<&str>, name: &str) -> String {
    match namespace {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name.to_owned(),
    }
}

fn set_version(value: &mut Value, version: u64) {
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("resourceVersion".to_owned(), Value::String(version.to_string()));
    }
}

/// An object with its `managedFields` put in while it is written out.
struct Wire<'a>(&'a Stored);

impl Serialize for Wire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Value::Object(fields) = &*self.0.value else {
            return self.0.value.serialize(serializer);
        };
        let mut map = serializer.serialize_map(Some(fields.len()))?;
        for (key, value) in fields {
            match value {
                Value::Object(metadata) if key == "metadata" && !self.0.managers.is_empty() => {
                    let api_version = fields.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
                    let entries = WireEntries { managers: &self.0.managers, api_version };
                    map.serialize_entry(key, &WireMetadata(metadata, &entries))?;
                }
                value => map.serialize_entry(key, value)?,
            }
        }
        map.end()
    }
}

struct WireMetadata<'a>(&'a Map<String, Value>, &'a WireEntries<'a>);

impl Serialize for WireMetadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len() + 1))?;
        for (key, value) in self.0 {
            map.serialize_entry(key, value)?;
        }
        map.serialize_entry("managedFields", self.1)?;
        map.end()
    }
}
