//! Validation of an object against its structural schema, in the real server's wording.
//!
//! A part that an update does not change is not looked at again (ratcheting, the documented behaviour since 1.33). A value
//! of the wrong type is looked at by everything that is about values of its own type. `format` is checked leniently:
//! int32, int64 and date-time only.

use serde_json::Value;

use super::path::Path;
use super::refusal::{Cause, CauseReason};
use super::schema::{Limits, ListType, Node, Type};

/// What is wrong with a value that stands at `place` in its object. Messages name paths inside the value, as the real
/// server's do; the same message is told once.
pub(crate) fn complaints(node: &Node, value: &Value, old: Option<&Value>, place: &str) -> Vec<Cause> {
    let mut found = Vec::new();
    validate(node, value, old, &Path::Root, &mut found);
    let mut causes: Vec<Cause> = Vec::new();
    for mut cause in found {
        cause.field = match (place, cause.field.as_str()) {
            ("", "") => "<nil>".to_owned(),
            (place, "") => place.to_owned(),
            ("", field) => field.to_owned(),
            (place, field) => format!("{place}.{field}"),
        };
        if !causes.contains(&cause) {
            causes.push(cause);
        }
    }
    causes
}

/// Checks `value` against `node` and adds what is wrong to `causes`.
fn validate(node: &Node, value: &Value, old: Option<&Value>, path: &Path<'_>, causes: &mut Vec<Cause>) {
    if old == Some(value) {
        return;
    }
    validate_type(node, value, path, causes);
    if !node.allowed.is_empty() && !node.allowed.contains(value) {
        let allowed: Vec<String> = node.allowed.iter().map(quoted).collect();
        let message = format!("Unsupported value: {value}: supported values: {}", allowed.join(", "));
        causes.push(Cause::new(CauseReason::NotSupported, path.to_string(), message));
    }
    match value {
        Value::Null => return,
        Value::Object(map) => validate_object(node, map, old, path, causes),
        Value::Array(items) => validate_array(node, items, old, path, causes),
        Value::String(text) => validate_string(node, text, path, causes),
        Value::Number(number) => validate_number(node, number, path, causes),
        Value::Bool(_) => {}
    }
    validate_branches(node, value, path, causes);
}

/// How the real server quotes what an enumeration allows.
fn quoted(allowed: &Value) -> String {
    match allowed {
        Value::String(_) => allowed.to_string(),
        other => Value::String(other.to_string()).to_string(),
    }
}

fn validate_type(node: &Node, value: &Value, path: &Path<'_>, causes: &mut Vec<Cause>) {
    if is_of_type(node, value) || (value.is_null() && node.nullable) {
        return;
    }
    let wanted = if node.int_or_string { "integer,string" } else { node.type_name.map_or("", Type::as_str) };
    // A format stands for the type, on both sides, unless the value is a text or a list.
    let (wanted, found) = match (checked_format(node), value) {
        (Some(format), Value::Bool(_) | Value::Object(_)) => (format, ""),
        (Some(format), Value::Number(number)) if number.is_f64() => (format, "float64"),
        (Some(format), Value::Number(_)) => (format, "int64"),
        // Whatever is wrong with a list, nobody looks.
        (Some("date-time"), Value::Array(_)) => return,
        _ => (wanted, type_name(value)),
    };
    let message = format!("Invalid value: {found:?}: {path} in body must be of type {wanted}: {found:?}");
    causes.push(Cause::new(CauseReason::TypeInvalid, path.to_string(), message));
}

/// The format of a schema, if the real server knows it for that type.
fn checked_format(node: &Node) -> Option<&str> {
    let known: &[&str] = match node.type_name {
        Some(Type::Integer) => &["int32", "int64"],
        Some(Type::Number) => &["float", "double"],
        Some(Type::String) => &["date-time"],
        Some(Type::Object | Type::Array | Type::Boolean) | None => &[],
    };
    node.format.as_deref().filter(|format| known.contains(format))
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
    let Some(node_of_items) = node.items.as_deref() else {
        return;
    };
    for (index, item) in items.iter().enumerate() {
        validate(node_of_items, item, old_item(node, item, old), &path.index(index), causes);
    }
}

/// Of length and pattern the first that is wrong is told.
fn validate_string(node: &Node, text: &str, path: &Path<'_>, causes: &mut Vec<Cause>) {
    let Limits { min_length, max_length, .. } = node.limits;
    let length = if min_length.or(max_length).is_some() { text.chars().count() } else { 0 };
    let mut wrong = |detail: String| causes.push(Cause::invalid(path.to_string(), &text.into(), &detail));
    if let Some(max) = max_length.filter(|max| length > *max) {
        let message = format!("Too long: may not be more than {max} bytes");
        causes.push(Cause::new(CauseReason::TooLong, path.to_string(), message));
    } else if let Some(min) = min_length.filter(|min| length < *min) {
        wrong(format!("{path} in body should be at least {min} chars long"));
    } else if let Some(pattern) = node.pattern.as_ref().filter(|pattern| !pattern.is_match(text)) {
        wrong(format!("{path} in body should match '{}'", pattern.as_str()));
    }
    if checked_format(node) == Some("date-time") && text.parse::<jiff::Timestamp>().is_err() {
        let message = format!("Invalid value: {text:?}: {path} in body must be of type date-time: {text:?}");
        causes.push(Cause::new(CauseReason::TypeInvalid, path.to_string(), message));
    }
}

fn validate_number(node: &Node, number: &serde_json::Number, path: &Path<'_>, causes: &mut Vec<Cause>) {
    let Limits { minimum, maximum, exclusive_minimum, exclusive_maximum, multiple_of, .. } = node.limits;
    let value = number.as_f64().unwrap_or_default();
    let format = checked_format(node);
    let fits = match format {
        _ if node.type_name != Some(Type::Integer) => true,
        Some("int32") => number.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) || is_whole(value),
        _ => number.is_i64() || is_whole(value),
    };
    if !fits {
        let form = format.map_or_else(|| "(default format)".to_owned(), |format| format!("with format {format}"));
        let message = format!("Invalid value: \"\": Checked value must be of type integer {form} in {path}");
        causes.push(Cause::new(CauseReason::Invalid, String::new(), message));
    }
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
}

fn is_whole(value: f64) -> bool {
    value.fract() == 0.0 && value.abs() <= f64::from(i32::MAX)
}

fn validate_branches(node: &Node, value: &Value, path: &Path<'_>, causes: &mut Vec<Cause>) {
    let found = |branch: &Node| {
        let mut found = Vec::new();
        validate(branch, value, None, path, &mut found);
        found
    };
    // Such a message belongs to the object as a whole; of the branches that fail, the first is told with it.
    let composite =
        |detail: String| Cause::new(CauseReason::Invalid, String::new(), format!("Invalid value: \"\": {detail}"));
    let place = format!("{:?}", path.to_string());
    let any: Vec<Vec<Cause>> = node.any_of.iter().map(found).collect();
    if !any.is_empty() && !any.iter().any(Vec::is_empty) {
        causes.push(composite(format!("{place} must validate at least one schema (anyOf)")));
        causes.extend(any.into_iter().next().unwrap_or_default());
    }
    let one: Vec<Vec<Cause>> = node.one_of.iter().map(found).collect();
    let count = one.iter().filter(|found| found.is_empty()).count();
    if !one.is_empty() && count != 1 {
        let text = if count == 0 { "Found none valid".to_owned() } else { format!("Found {count} valid alternatives") };
        causes.push(composite(format!("{place} must validate one and only one schema (oneOf). {text}")));
        if count == 0 {
            causes.extend(one.into_iter().next().unwrap_or_default());
        }
    }
    let all: Vec<Vec<Cause>> = node.all_of.iter().map(found).collect();
    if all.iter().any(|found| !found.is_empty()) {
        let text = if all.iter().any(Vec::is_empty) { "" } else { ". None validated" };
        causes.extend(all.into_iter().flatten());
        causes.push(composite(format!("{place} must validate all the schemas (allOf){text}")));
    }
    if node.not.as_deref().is_some_and(|branch| found(branch).is_empty()) {
        causes.push(composite(format!("{place} must not validate the schema (not)")));
    }
}

fn too_many(path: &Path<'_>, count: usize, max: usize) -> Cause {
    let message = format!("Too many: {count}: must have at most {max} items");
    Cause::new(CauseReason::TooMany, path.to_string(), message)
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
