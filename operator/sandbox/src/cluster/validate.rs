//! Validation of an object against its structural schema, in the real server's wording.
//!
//! A part that an update does not change is not looked at again (ratcheting, the documented behaviour since 1.33).
//! `format` is checked leniently: int32, int64 and date-time only.

use std::collections::HashSet;

use serde_json::Value;

use super::path::Path;
use super::refusal::{Cause, CauseReason};
use super::schema::{Limits, ListType, Node, Type};

/// Checks `value` against `node` and adds what is wrong to `causes`.
pub(crate) fn validate(node: &Node, value: &Value, old: Option<&Value>, path: &Path<'_>, causes: &mut Vec<Cause>) {
    if old == Some(value) || (value.is_null() && node.nullable) {
        return;
    }
    if !is_of_type(node, value) {
        let wanted = if node.int_or_string { "integer,string" } else { node.type_name.map_or("", Type::as_str) };
        let shown = shown(value);
        let message = format!("Invalid value: {shown}: {path} in body must be of type {wanted}: {}", type_shown(value));
        causes.push(Cause::new(CauseReason::TypeInvalid, path.to_string(), message));
        return;
    }
    if !node.allowed.is_empty() && !node.allowed.contains(value) {
        let allowed: Vec<String> = node.allowed.iter().map(Value::to_string).collect();
        let message = format!("Unsupported value: {value}: supported values: {}", allowed.join(", "));
        causes.push(Cause::new(CauseReason::NotSupported, path.to_string(), message));
    }
    match value {
        Value::Object(map) => validate_object(node, map, old, path, causes),
        Value::Array(items) => validate_array(node, items, old, path, causes),
        Value::String(text) => validate_string(node, text, path, causes),
        Value::Number(number) => validate_number(node, number, path, causes),
        Value::Null | Value::Bool(_) => {}
    }
    validate_branches(node, value, path, causes);
}

/// The item of `old` that the item at `index` of a list was before: by key for maps, unknown for other lists.
pub(crate) fn old_item<'a>(node: &Node, item: &Value, old: Option<&'a Value>) -> Option<&'a Value> {
    let ListType::Map(keys) = &node.list_type else {
        return None;
    };
    let old = old?.as_array()?;
    old.iter().find(|candidate| keys.iter().all(|key| candidate.get(key) == item.get(key)))
}

fn is_of_type(node: &Node, value: &Value) -> bool {
    if node.int_or_string {
        return is_integer(value) || value.is_string();
    }
    match node.type_name {
        None => true,
        Some(Type::Object) => value.is_object(),
        Some(Type::Array) => value.is_array(),
        Some(Type::String) => value.is_string(),
        Some(Type::Integer) => is_integer(value),
        Some(Type::Number) => value.is_number(),
        Some(Type::Boolean) => value.is_boolean(),
    }
}

fn is_integer(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0)
}

fn validate_object(
    node: &Node,
    map: &serde_json::Map<String, Value>,
    old: Option<&Value>,
    path: &Path<'_>,
    causes: &mut Vec<Cause>,
) {
    for name in &node.required {
        if !map.contains_key(name) {
            causes.push(Cause::required(path.key(name).to_string(), ""));
        }
    }
    if let Some(min) = node.limits.min_properties.filter(|min| map.len() < *min) {
        let detail = format!("{path} in body should have at least {min} properties");
        causes.push(Cause::invalid(path.to_string(), &map.len().into(), &detail));
    }
    if let Some(max) = node.limits.max_properties.filter(|max| map.len() > *max) {
        causes.push(too_many(path, map.len(), max));
    }
    for (key, child) in map {
        if let Some(field) = node.field(key) {
            validate(field, child, old.and_then(|old| old.get(key)), &path.key(key), causes);
        }
    }
}

fn validate_array(node: &Node, items: &[Value], old: Option<&Value>, path: &Path<'_>, causes: &mut Vec<Cause>) {
    if let Some(min) = node.limits.min_items.filter(|min| items.len() < *min) {
        let detail = format!("{path} in body should have at least {min} items");
        causes.push(Cause::invalid(path.to_string(), &items.len().into(), &detail));
    }
    if let Some(max) = node.limits.max_items.filter(|max| items.len() > *max) {
        causes.push(too_many(path, items.len(), max));
    }
    let mut before = HashSet::new();
    for (index, item) in items.iter().enumerate() {
        let path = path.index(index);
        if let Some(repeated) = repeated_key(&node.list_type, item, &mut before) {
            let message = format!("Duplicate value: {repeated}");
            causes.push(Cause::new(CauseReason::Duplicate, path.to_string(), message));
        }
        if let Some(node_of_items) = node.items.as_deref() {
            validate(node_of_items, item, old_item(node, item, old), &path, causes);
        }
    }
}

/// The key of an item that has been there before; notes the key of every other. One look at each item: lists come from
/// people and can be of any length.
fn repeated_key<'a>(list_type: &ListType, item: &'a Value, before: &mut HashSet<Vec<&'a Value>>) -> Option<Value> {
    match list_type {
        ListType::Atomic => None,
        ListType::Set => (!before.insert(vec![item])).then(|| item.clone()),
        ListType::Map(keys) => {
            let of = |key: &String| item.get(key).unwrap_or(&Value::Null);
            let repeated = !before.insert(keys.iter().map(of).collect());
            repeated.then(|| keys.iter().filter_map(|key| Some((key.clone(), item.get(key)?.clone()))).collect())
        }
    }
}

fn validate_string(node: &Node, text: &str, path: &Path<'_>, causes: &mut Vec<Cause>) {
    let limits = &node.limits;
    if limits.min_length.is_some() || limits.max_length.is_some() {
        let length = text.chars().count();
        if let Some(min) = limits.min_length.filter(|min| length < *min) {
            let detail = format!("{path} in body should be at least {min} chars long");
            causes.push(Cause::invalid(path.to_string(), &text.into(), &detail));
        }
        if let Some(max) = limits.max_length.filter(|max| length > *max) {
            let message = format!("Too long: may not be more than {max} bytes");
            causes.push(Cause::new(CauseReason::TooLong, path.to_string(), message));
        }
    }
    if let Some(pattern) = node.pattern.as_ref().filter(|pattern| !pattern.is_match(text)) {
        let detail = format!("{path} in body should match '{}'", pattern.as_str());
        causes.push(Cause::invalid(path.to_string(), &text.into(), &detail));
    }
    if node.format.as_deref() == Some("date-time") && text.parse::<jiff::Timestamp>().is_err() {
        let detail = format!("{path} in body must be of type date-time: \"{text}\"");
        causes.push(Cause::invalid(path.to_string(), &text.into(), &detail));
    }
}

fn validate_number(node: &Node, number: &serde_json::Number, path: &Path<'_>, causes: &mut Vec<Cause>) {
    let Limits { minimum, maximum, exclusive_minimum, exclusive_maximum, multiple_of, .. } = node.limits;
    let value = number.as_f64().unwrap_or_default();
    let mut wrong = |detail: String| {
        let detail = format!("{path} in body should be {detail}");
        causes.push(Cause::invalid(path.to_string(), &Value::Number(number.clone()), &detail));
    };
    match minimum {
        Some(min) if exclusive_minimum && value <= min => wrong(format!("greater than {min}")),
        Some(min) if value < min => wrong(format!("greater than or equal to {min}")),
        Some(_) | None => {}
    }
    match maximum {
        Some(max) if exclusive_maximum && value >= max => wrong(format!("less than {max}")),
        Some(max) if value > max => wrong(format!("less than or equal to {max}")),
        Some(_) | None => {}
    }
    if let Some(unit) = multiple_of.filter(|unit| (value / unit).fract() != 0.0) {
        wrong(format!("a multiple of {unit}"));
    }
    let fits = match node.format.as_deref() {
        Some("int32") => number.as_i64().is_none_or(|n| i32::try_from(n).is_ok()),
        Some("int64") => number.is_i64() || number.is_f64(),
        _ => true,
    };
    if !fits {
        wrong(format!("of type {}: \"number\"", node.format.as_deref().unwrap_or_default()));
    }
}

fn validate_branches(node: &Node, value: &Value, path: &Path<'_>, causes: &mut Vec<Cause>) {
    for branch in &node.all_of {
        validate(branch, value, None, path, causes);
    }
    let fits = |branch: &Node| {
        let mut found = Vec::new();
        validate(branch, value, None, path, &mut found);
        found.is_empty()
    };
    let mut wrong = |detail: String| {
        let text = format!("Invalid value: {}: {detail}", shown(value));
        causes.push(Cause::new(CauseReason::Invalid, path.to_string(), text));
    };
    if !node.any_of.is_empty() && !node.any_of.iter().any(fits) {
        wrong(format!("{path} in body must validate at least one schema (anyOf)"));
    }
    if !node.one_of.is_empty() {
        let count = node.one_of.iter().filter(|branch| fits(branch)).count();
        if count != 1 {
            let found = if count == 0 { "none valid".to_owned() } else { format!("found {count} valid alternatives") };
            wrong(format!("{path} in body must validate one and only one schema (oneOf). {found}"));
        }
    }
    if node.not.as_deref().is_some_and(fits) {
        wrong(format!("{path} in body must not validate the schema (not)"));
    }
}

fn too_many(path: &Path<'_>, count: usize, max: usize) -> Cause {
    let message = format!("Too many: {count}: must have at most {max} items");
    Cause::new(CauseReason::TooMany, path.to_string(), message)
}

/// How the real server shows a value: scalars as they are, everything else by the name of its type.
fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) | Value::Array(_) => type_shown(value),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

fn type_shown(value: &Value) -> String {
    let name = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    format!("\"{name}\"")
}
