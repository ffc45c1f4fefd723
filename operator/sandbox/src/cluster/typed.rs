//! What an object must look like for the server to tell who owns which of its fields: declared fields only, values of the
//! right type, list items that can be told apart. A configuration that is applied is turned down otherwise, with an error
//! 500 whose text shows values as the server's language prints them; of any other write the owners are not noted.

use std::collections::BTreeSet;

use serde_json::Value;

use super::granular::{is_atomic_list, item_element, shown};
use super::schema::{ListType, Node, Type};

/// Whether a list may have several items of the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duplicates {
    /// As in a configuration that is applied.
    Refused,
    /// As in all other writes.
    Allowed,
}

/// The text of all that is wrong with an object; nothing when its fields can be told apart.
pub(crate) fn complaint(node: &Node, object: &Value, duplicates: Duplicates) -> Option<String> {
    let mut errors = Vec::new();
    walk(Some(node), object, "", duplicates, &mut errors);
    match errors.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        several => Some(format!("errors:\n  {}", several.join("\n  "))),
    }
}

fn walk(node: Option<&Node>, value: &Value, path: &str, duplicates: Duplicates, errors: &mut Vec<String>) {
    let Some(node) = node.filter(|node| !node.int_or_string && !value.is_null()) else {
        return;
    };
    let error = match (node.type_name, value) {
        (None, _)
        | (Some(Type::String), Value::String(_))
        | (Some(Type::Boolean), Value::Bool(_))
        | (Some(Type::Integer | Type::Number), Value::Number(_)) => return,
        (Some(Type::Object), Value::Object(map)) => {
            let is_open = node.preserve_unknown || (node.properties.is_empty() && node.additional.is_none());
            for (key, child) in map {
                let path = format!("{path}.{key}");
                match node.field(key) {
                    None if is_open => {}
                    None => errors.push(format!("{path}: field not declared in schema")),
                    field => walk(field, child, &path, duplicates, errors),
                }
            }
            return;
        }
        (Some(Type::Array), Value::Array(items)) => return walk_items(node, items, path, duplicates, errors),
        (Some(Type::String), Value::Bool(_) | Value::Number(_)) if is_untyped(node) => return,
        (Some(Type::String), _) if is_untyped(node) => format!("expected any scalar, got &{{{}}}", Plain(value)),
        (Some(Type::String), _) => format!("expected string, got &value.valueUnstructured{{Value:{}}}", Syntax(value)),
        (Some(Type::Boolean), _) => format!("expected boolean, got &{{{}}}", Plain(value)),
        (Some(Type::Integer | Type::Number), _) => {
            format!("expected numeric (int or float), got {}", name_of_type(value))
        }
        (Some(Type::Array), _) => format!("expected list, got &{{{}}}", Plain(value)),
        (Some(Type::Object), _) => format!("expected map, got &{{{}}}", Plain(value)),
    };
    errors.push(if path.is_empty() { error } else { format!("{path}: {error}") });
}

/// Text in these formats is a scalar of whatever type to the server as long as it merges.
fn is_untyped(node: &Node) -> bool {
    matches!(node.format.as_deref(), Some("date-time" | "byte" | "int-or-string"))
}

fn walk_items(node: &Node, items: &[Value], path: &str, duplicates: Duplicates, errors: &mut Vec<String>) {
    let mut before = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let place = if is_atomic_list(Some(node)) {
            format!("[{index}]")
        } else {
            if let Some(error) = nameless(node, item) {
                // The rest of the list is not looked at.
                return errors.push(format!("{path}: element {index}: {error}"));
            }
            let element = item_element(Some(node), item);
            let place = shown(&element);
            if !before.insert(element) && duplicates == Duplicates::Refused {
                errors.push(format!("{path}: duplicate entries for key {place}"));
            }
            place
        };
        walk(node.items.as_deref(), item, &format!("{path}{place}"), duplicates, errors);
    }
}

/// Why an item of a list cannot be told from others.
fn nameless(node: &Node, item: &Value) -> Option<String> {
    let text = match (&node.list_type, item) {
        (ListType::Atomic, _) => return None,
        (ListType::Set, Value::Object(_)) => "associative list without keys has an element that's a map type",
        (ListType::Set, Value::Array(_)) => "not supported: associative list with lists as elements",
        (ListType::Set, Value::Null) => "associative list without keys has an element that's an explicit null",
        (ListType::Map(_), Value::Null) => "associative list with keys may not have a null element",
        (ListType::Map(keys), Value::Object(map)) if !keys.iter().any(|key| map.contains_key(key)) => {
            let keys: Vec<String> = keys.iter().map(|key| format!("{key:?}")).collect();
            return Some(format!(
                "associative list with keys has an element that omits all key fields [{}] (and doesn't have default \
                 values for any key fields)",
                keys.join(" ")
            ));
        }
        (ListType::Set, _) | (ListType::Map(_), Value::Object(_)) => return None,
        (ListType::Map(_), _) => "associative list with keys may not have non-map elements",
    };
    Some(text.to_owned())
}

fn name_of_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// A value as `%v` prints it.
struct Plain<'a>(&'a Value);

impl std::fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Value::Null => f.write_str("<nil>"),
            Value::String(text) => f.write_str(text),
            Value::Bool(_) | Value::Number(_) => write!(f, "{}", self.0),
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(|item| Plain(item).to_string()).collect();
                write!(f, "[{}]", items.join(" "))
            }
            Value::Object(map) => {
                let entries: Vec<String> = map.iter().map(|(key, value)| format!("{key}:{}", Plain(value))).collect();
                write!(f, "map[{}]", entries.join(" "))
            }
        }
    }
}

/// A value as `%#v` prints it.
struct Syntax<'a>(&'a Value);

impl std::fmt::Display for Syntax<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Value::Null => f.write_str("interface {}(nil)"),
            Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
                // A whole number that was written with a point is shown without it.
                Some(float) if float == 0.0 || (1e-4..1e21).contains(&float.abs()) => write!(f, "{float}"),
                Some(_) | None => write!(f, "{number}"),
            },
            Value::Bool(_) | Value::String(_) => write!(f, "{}", self.0),
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(|item| Syntax(item).to_string()).collect();
                write!(f, "[]interface {{}}{{{}}}", items.join(", "))
            }
            Value::Object(map) => {
                let entries: Vec<String> =
                    map.iter().map(|(key, value)| format!("{key:?}:{}", Syntax(value))).collect();
                write!(f, "map[string]interface {{}}{{{}}}", entries.join(", "))
            }
        }
    }
}
