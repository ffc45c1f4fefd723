//! What the two servers call differently and means the same: uids, resource versions, times, tokens of pages.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::texts;

static UID: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").unwrap());

/// Names of the model and of the real server, by each other.
#[derive(Debug, Default)]
pub(crate) struct Names {
    real_uids: BTreeMap<String, String>,
    model_uids: BTreeMap<String, String>,
    /// Versions of objects: one to one.
    real_versions: BTreeMap<u64, u64>,
    model_versions: BTreeMap<u64, u64>,
    /// Versions of lists: the real server counts what others write, too.
    lists: BTreeMap<u64, u64>,
    tokens: BTreeMap<String, String>,
}

impl Names {
    /// A body as the real server has to be told it.
    pub(crate) fn body_for_real(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    if key == "resourceVersion" {
                        self.version_for_real(value);
                    } else {
                        self.body_for_real(value);
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.body_for_real(item)),
            Value::String(text) => {
                if let Some(uid) = self.real_uids.get(text) {
                    text.clone_from(uid);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn version_for_real(&self, value: &mut Value) {
        let known =
            value.as_str().and_then(|text| text.parse().ok()).and_then(|version| self.real_versions.get(&version));
        if let Some(version) = known {
            *value = version.to_string().into();
        }
    }

    /// The query of a URL as the real server has to be told it.
    pub(crate) fn query_for_real(&self, query: &str) -> String {
        let pairs = query.split('&').map(|pair| match pair.split_once('=') {
            Some(("resourceVersion", version)) => format!("resourceVersion={}", self.moment_for_real(version)),
            Some(("continue", token)) => {
                let token = self.tokens.get(token).map_or(token, String::as_str);
                format!("continue={token}")
            }
            Some(_) | None => pair.to_owned(),
        });
        pairs.collect::<Vec<_>>().join("&")
    }

    /// The real server's version at a moment that the model calls so.
    fn moment_for_real(&self, version: &str) -> String {
        let Some(wanted) = version.parse::<u64>().ok().filter(|version| *version > 0) else {
            return version.to_owned();
        };
        let object = self.real_versions.range(..=wanted).next_back();
        let list = self.lists.range(..=wanted).next_back();
        // The later of the two; of one moment, what the object says.
        let nearest = if list.map(|(key, _)| key) > object.map(|(key, _)| key) { list } else { object };
        nearest.map_or_else(|| version.to_owned(), |(_, real)| real.to_string())
    }

    /// Compares an answer of the model with one of the real server, learns their names, and says where they differ.
    pub(crate) fn compare(&mut self, model: &Value, real: &Value) -> Vec<String> {
        self.pair_uids(model, real);
        let text = real.to_string();
        let translated = UID.replace_all(&text, |found: &regex::Captures<'_>| {
            self.model_uids.get(&found[0]).cloned().unwrap_or_else(|| found[0].to_owned())
        });
        let translated = texts::with_versions(&translated, |version| self.model_versions.get(&version).copied());
        let mut real: Value = serde_json::from_str(&translated).unwrap_or_default();
        let mut model = model.clone();
        for answer in [&mut model, &mut real] {
            sort_causes(answer);
        }
        let mut differences = Vec::new();
        self.same("", &model, &real, &mut differences);
        differences
    }

    fn pair_uids(&mut self, model: &Value, real: &Value) {
        match (model, real) {
            (Value::Object(model), Value::Object(real)) => {
                for (key, model) in model {
                    let Some(real) = real.get(key) else { continue };
                    match (key.as_str(), model, real) {
                        ("uid", Value::String(model), Value::String(real)) => {
                            if !self.real_uids.contains_key(model) && !self.model_uids.contains_key(real) {
                                self.real_uids.insert(model.clone(), real.clone());
                                self.model_uids.insert(real.clone(), model.clone());
                            }
                        }
                        _ => self.pair_uids(model, real),
                    }
                }
            }
            (Value::Array(model), Value::Array(real)) => {
                model.iter().zip(real).for_each(|(model, real)| self.pair_uids(model, real));
            }
            _ => {}
        }
    }

    fn same(&mut self, path: &str, model: &Value, real: &Value, differences: &mut Vec<String>) {
        match (model, real) {
            (Value::Object(ours), Value::Object(theirs)) => {
                let keys: std::collections::BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
                for key in keys {
                    let path = format!("{path}.{key}");
                    match (ours.get(key), theirs.get(key)) {
                        (Some(ours), Some(theirs)) => self.same_field(&path, key, ours, theirs, differences),
                        (ours, theirs) => differences.push(difference(&path, ours, theirs)),
                    }
                }
            }
            (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
                for (index, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                    self.same(&format!("{path}[{index}]"), ours, theirs, differences);
                }
            }
            _ if model == real => {}
            (Value::String(ours), Value::String(theirs)) => self.same_text(path, ours, theirs, differences),
            _ => differences.push(difference(path, Some(model), Some(real))),
        }
    }

    fn same_text(&mut self, path: &str, ours: &str, theirs: &str, differences: &mut Vec<String>) {
        match (texts::shown_object(ours), texts::shown_object(theirs)) {
            (Some((our_object, ours)), Some((their_object, theirs))) if ours == theirs => {
                self.same(path, &our_object, &their_object, differences);
            }
            _ if texts::is_same_complaint(ours, theirs) => {}
            _ => differences.push(difference(path, Some(&ours.into()), Some(&theirs.into()))),
        }
    }

    fn same_field(&mut self, path: &str, key: &str, ours: &Value, theirs: &Value, differences: &mut Vec<String>) {
        let is_same = match (key, ours, theirs) {
            ("resourceVersion", Value::String(ours), Value::String(theirs)) => self.is_same_version(ours, theirs),
            ("creationTimestamp" | "deletionTimestamp", Value::String(_), Value::String(_)) => true,
            ("time", Value::String(_), Value::String(_)) if path.contains(".managedFields[") => true,
            ("continue", Value::String(ours), Value::String(theirs)) => {
                self.tokens.insert(percent_encoded(ours), theirs.clone());
                true
            }
            ("managedFields", Value::Array(ours), Value::Array(theirs)) => {
                let (ours, theirs) = (by_manager(ours), by_manager(theirs));
                return self.same(path, &ours, &theirs, differences);
            }
            _ => return self.same(path, ours, theirs, differences),
        };
        if !is_same {
            differences.push(difference(path, Some(ours), Some(theirs)));
        }
    }

    fn is_same_version(&mut self, ours: &str, theirs: &str) -> bool {
        let (Ok(ours), Ok(theirs)) = (ours.parse(), theirs.parse()) else { return false };
        match (self.real_versions.get(&ours), self.model_versions.get(&theirs)) {
            (None, None) => {
                self.real_versions.insert(ours, theirs);
                self.model_versions.insert(theirs, ours);
                true
            }
            (real, model) => real == Some(&theirs) && model == Some(&ours),
        }
    }

    /// The version of a list is no object's.
    pub(crate) fn learn_list(&mut self, model: &Value, real: &Value) {
        let version = |list: &Value| list["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok());
        if let (Some(model), Some(real)) = (version(model), version(real)) {
            self.lists.insert(model, real);
        }
    }
}

/// As a query has it.
pub(crate) fn percent_encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// The server walks over an invalid object in an order that it does not promise, and its message lists what it found in that
/// order: what counts is of which object it speaks, and what was found.
fn sort_causes(answer: &mut Value) {
    let Some(causes) = answer.pointer_mut("/details/causes").and_then(Value::as_array_mut) else { return };
    causes.sort_by_key(Value::to_string);
    let about = answer["message"].as_str().and_then(|message| message.split_once(" is invalid: "));
    if let Some((object, _)) = about {
        answer["message"] = object.into();
    }
}

/// The order of managers goes by the time of their last write, in whole seconds: simulated ones here, real ones there.
fn by_manager(entries: &[Value]) -> Value {
    let mut entries = entries.to_vec();
    let key = |entry: &Value| {
        ["manager", "operation", "subresource"].map(|field| entry[field].as_str().unwrap_or_default().to_owned())
    };
    entries.sort_by_key(key);
    Value::Array(entries)
}

fn difference(path: &str, model: Option<&Value>, real: Option<&Value>) -> String {
    let show = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), |value| format!("{value:.400}"));
    format!("{}: the model says {}, the server {}", if path.is_empty() { "." } else { path }, show(model), show(real))
}
