//! A document against the schema of its kind: what the API server would refuse, said so that a person can mend it.
//!
//! The schemas are those of the generated CRDs. Rules in CEL are not looked at here; `manifests` runs them afterwards.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::{Map, Value};

use crate::words::{counted, nearest, quoted, shown};

/// Mistakes that are listed per document; who has more mends these first.
const MISTAKES_MAX: usize = 20;

/// One mistake in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Path of the field: `spec.components[0].name`.
    pub field: String,
    /// The value and what is wrong with it.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

/// Compares a value with a structural schema.
#[must_use]
pub fn mistakes(schema: &Value, value: &Value, field: &str) -> Vec<Mistake> {
    let mut check = Check { found: Vec::new() };
    check.value(schema, value, field);
    check.found.truncate(MISTAKES_MAX);
    check.found
}

struct Check {
    found: Vec<Mistake>,
}

impl Check {
    fn add(&mut self, field: &str, what: impl Into<String>, remedy: impl Into<String>) {
        self.found.push(Mistake { field: field.to_owned(), what: what.into(), remedy: remedy.into() });
    }

    fn value(&mut self, schema: &Value, value: &Value, field: &str) {
        if self.found.len() >= MISTAKES_MAX || (value.is_null() && flag(schema, "nullable")) {
            return;
        }
        if !self.is_of_type(schema, value, field) {
            return;
        }
        self.allowed(schema, value, field);
        match value {
            Value::Object(object) => self.object(schema, object, field),
            Value::Array(items) => self.list(schema, items, field),
            Value::String(text) => self.text(schema, text, field),
            Value::Number(_) => self.number(schema, value, field),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn is_of_type(&mut self, schema: &Value, value: &Value, field: &str) -> bool {
        let wanted = schema.get("type").and_then(Value::as_str).unwrap_or_default();
        let fits = match wanted {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            _ => true,
        };
        if fits {
            return true;
        }
        let allowed = allowed_names(schema).join(", ");
        let remedy = match (wanted, value) {
            _ if !allowed.is_empty() => format!("allowed are: {allowed}"),
            ("string", Value::Number(_) | Value::Bool(_)) => "put it in quotes as it stands there".to_owned(),
            (_, Value::Null) => format!("write {}, or remove the line", type_in_words(wanted)),
            ("array", _) => "write a list: each item on a line that begins with `- `".to_owned(),
            _ => format!("write {}", type_in_words(wanted)),
        };
        let what = format!("{} is {}, expected is {}", shown(value), kind_in_words(value), type_in_words(wanted));
        self.add(field, what, remedy);
        false
    }

    fn allowed(&mut self, schema: &Value, value: &Value, field: &str) {
        let Some(allowed) = schema.get("enum").and_then(Value::as_array) else { return };
        if allowed.contains(value) {
            return;
        }
        let names = allowed_names(schema);
        let all = names.join(", ");
        let remedy = match nearest(value.as_str().unwrap_or_default(), &names) {
            Some(name) => format!("did you mean {name}? allowed are: {all}"),
            None => format!("allowed are: {all}"),
        };
        self.add(field, format!("{} is not allowed", shown(value)), remedy);
    }

    fn object(&mut self, schema: &Value, object: &Map<String, Value>, field: &str) {
        let known = schema.get("properties").and_then(Value::as_object);
        let additional = schema.get("additionalProperties").filter(|additional| additional.is_object());
        let names: Vec<&str> = known.into_iter().flat_map(|known| known.keys().map(String::as_str)).collect();
        let mistyped = |name: &str| {
            let unknown = object.keys().filter(|key| !names.contains(&key.as_str()));
            unknown.into_iter().any(|key| nearest(key, &names) == Some(name))
        };
        for name in strings(schema, "required") {
            // One that is there with a mistyped name has its own line.
            if !object.contains_key(name) && !mistyped(name) {
                let remedy = match known.and_then(|known| known.get(name)).and_then(description) {
                    Some(text) => format!("add it: {text}"),
                    None => "add it".to_owned(),
                };
                self.add(&join(field, name), "is missing", remedy);
            }
        }
        for (name, value) in object {
            let path = join(field, &quoted(name));
            match (known.and_then(|known| known.get(name)), additional) {
                (Some(schema), _) | (None, Some(schema)) => self.value(schema, value, &path),
                (None, None) if keeps_anything(schema) => {}
                (None, None) => self.unknown(known, name, &path),
            }
        }
        if let Some(limit) = size(schema, "maxProperties").filter(|limit| object.len() > *limit) {
            self.add(field, format!("has {} entries", object.len()), format!("keep at most {limit}"));
        }
        self.branches(schema, object, field);
    }

    fn unknown(&mut self, known: Option<&Map<String, Value>>, name: &str, path: &str) {
        let names: Vec<&str> = known.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        let remedy = match nearest(name, &names) {
            Some(name) => format!("did you mean {name}?"),
            None if names.is_empty() => "remove it".to_owned(),
            None => format!("remove it; known here are: {}", names.join(", ")),
        };
        self.add(path, "is not known", remedy);
    }

    /// Choices between sub-objects: each branch names the fields that it needs.
    fn branches(&mut self, schema: &Value, object: &Map<String, Value>, field: &str) {
        let Some(branches) = schema.get("oneOf").and_then(Value::as_array) else { return };
        let taken = branches
            .iter()
            .filter(|branch| {
                let mut needed = strings(branch, "required").peekable();
                needed.peek().is_some() && needed.all(|name| object.contains_key(name))
            })
            .count();
        if taken != 1 {
            let names: Vec<&str> = branches.iter().flat_map(|branch| strings(branch, "required")).collect();
            let what = if taken == 0 { "names none of its choices" } else { "names more than one of its choices" };
            self.add(field, what, format!("write exactly one of: {}", names.join(", ")));
        }
    }

    fn list(&mut self, schema: &Value, items: &[Value], field: &str) {
        if let Some(least) = size(schema, "minItems").filter(|least| items.len() < *least) {
            self.add(field, format!("has {} items", items.len()), format!("write at least {least}"));
        }
        if let Some(most) = size(schema, "maxItems").filter(|most| items.len() > *most) {
            self.add(field, format!("has {} items", items.len()), format!("keep at most {most}"));
            return;
        }
        let keys: Vec<&str> = match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
            Some("map") => strings(schema, "x-kubernetes-list-map-keys").collect(),
            _ => Vec::new(),
        };
        let is_set = schema.get("x-kubernetes-list-type").and_then(Value::as_str) == Some("set");
        let mut seen = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{field}[{index}]");
            if is_set || !keys.is_empty() {
                let name: Vec<String> = if is_set {
                    vec![shown(item)]
                } else {
                    keys.iter().map(|key| item.get(key).map_or_else(String::new, shown)).collect()
                };
                let name = name.join(", ");
                if !seen.insert(name.clone()) {
                    self.add(&path, format!("{name} is there twice"), "keep one of them");
                }
            }
            if let Some(of_item) = schema.get("items") {
                self.value(of_item, item, &path);
            }
        }
    }

    fn text(&mut self, schema: &Value, text: &str, field: &str) {
        let length = text.chars().count();
        let value = shown(&Value::from(text));
        if let Some(least) = size(schema, "minLength").filter(|least| length < *least) {
            self.add(field, format!("{value} is too short"), format!("write at least {}", counted(least, "character")));
            return;
        }
        if let Some(most) = size(schema, "maxLength").filter(|most| length > *most) {
            self.add(field, format!("{value} has {length} characters"), format!("shorten it to at most {most}"));
            return;
        }
        let pattern = schema.get("pattern").and_then(Value::as_str);
        let misses = |pattern: &str| Regex::new(pattern).is_ok_and(|regex| !regex.is_match(text));
        if let Some(pattern) = pattern.filter(|pattern| misses(pattern)) {
            let remedy = description(schema)
                .map_or_else(|| "write it in that form".to_owned(), |text| format!("expected here: {text}"));
            self.add(field, format!("{value} does not match {pattern}"), remedy);
        }
        let is_time = schema.get("format").and_then(Value::as_str) == Some("date-time");
        if is_time && text.parse::<jiff::Timestamp>().is_err() {
            self.add(field, format!("{value} is no time"), "write it as 2026-11-28T20:00:00Z");
        }
    }

    fn number(&mut self, schema: &Value, value: &Value, field: &str) {
        let number = value.as_f64().unwrap_or_default();
        let limit = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
        if let Some(least) = limit("minimum").filter(|least| number < *least) {
            self.add(field, format!("{value} is too small"), format!("the least is {least}{}", unit(field)));
        }
        if let Some(most) = limit("maximum").filter(|most| number > *most) {
            self.add(field, format!("{value} is too large"), format!("the most is {most}{}", unit(field)));
        }
        let whole = value.as_i64();
        if schema.get("format").and_then(Value::as_str) == Some("int32")
            && whole.is_none_or(|whole| i32::try_from(whole).is_err())
        {
            self.add(field, format!("{value} is too large"), format!("the most is {}", i32::MAX));
        }
    }
}

fn flag(schema: &Value, keyword: &str) -> bool {
    schema.get(keyword).and_then(Value::as_bool) == Some(true)
}

/// The names that a choice allows.
fn allowed_names(schema: &Value) -> Vec<&str> {
    strings(schema, "enum").collect()
}

/// The unit of a number, which its field names.
fn unit(field: &str) -> &'static str {
    let name = field.rsplit('.').next().unwrap_or_default().to_lowercase();
    [("minutes", " minutes"), ("seconds", " seconds"), ("days", " days"), ("gibibytes", " GiB")]
        .into_iter()
        .find_map(|(part, unit)| name.contains(part).then_some(unit))
        .unwrap_or_default()
}

/// Schemas without properties of their own keep whatever they are given only where they say so.
fn keeps_anything(schema: &Value) -> bool {
    flag(schema, "x-kubernetes-preserve-unknown-fields")
        || schema.get("additionalProperties").and_then(Value::as_bool) == Some(true)
        || schema.get("type").is_none()
}

fn size(schema: &Value, keyword: &str) -> Option<usize> {
    schema.get(keyword)?.as_u64().and_then(|size| usize::try_from(size).ok())
}

fn strings<'a>(schema: &'a Value, keyword: &str) -> impl Iterator<Item = &'a str> {
    schema.get(keyword).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// The first line of a field's description, which says what to write there.
fn description(schema: &Value) -> Option<&str> {
    schema.get("description").and_then(Value::as_str).and_then(|text| text.lines().next())
}

fn join(field: &str, name: &str) -> String {
    if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") }
}

fn type_in_words(wanted: &str) -> &'static str {
    match wanted {
        "object" => "a mapping (`name: value` lines)",
        "array" => "a list",
        "string" => "text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        _ => "something else",
    }
}

fn kind_in_words(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}
