//! Structural schemas: an `openAPIV3Schema` read once into a tree that every later walk uses.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::cel::Rule;

/// Why a schema cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// A `pattern` is no regular expression.
    #[error("{path}: pattern {pattern:?}: {source}")]
    Pattern {
        /// Where in the schema.
        path: String,
        /// The pattern as written.
        pattern: String,
        /// What the parser says.
        source: Box<regex::Error>,
    },
    /// A rule of `x-kubernetes-validations` does not parse.
    #[error("{path}: rule {rule:?}: {message}")]
    Rule {
        /// Where in the schema.
        path: String,
        /// The rule as written.
        rule: String,
        /// What the parser says.
        message: String,
    },
    /// A keyword has a value of the wrong type.
    #[error("{path}: {keyword}: not understood")]
    Keyword {
        /// Where in the schema.
        path: String,
        /// The keyword.
        keyword: String,
    },
}

/// A keyword of our own, for schemas of built-in kinds.
pub(crate) const TYPED: &str = "x-typed";

/// JSON types that a schema can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
}

impl Type {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }
}

/// How the items of a list are told apart when lists are merged (`x-kubernetes-list-type`).
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum ListType {
    #[default]
    Atomic,
    Set,
    /// By the values of these fields.
    Map(Vec<String>),
}

/// The value limits of one schema node.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    pub(crate) minimum: Option<f64>,
    pub(crate) maximum: Option<f64>,
    pub(crate) exclusive_minimum: bool,
    pub(crate) exclusive_maximum: bool,
    pub(crate) multiple_of: Option<f64>,
    pub(crate) min_length: Option<usize>,
    pub(crate) max_length: Option<usize>,
    pub(crate) min_items: Option<usize>,
    pub(crate) max_items: Option<usize>,
    pub(crate) min_properties: Option<usize>,
    pub(crate) max_properties: Option<usize>,
}

/// Which kinds of work wait in a node or below it, so that walks can turn back early.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Holds {
    pub(crate) defaults: bool,
    pub(crate) rules: bool,
    pub(crate) transition_rules: bool,
}

/// One node of a structural schema.
#[derive(Debug, Default)]
pub(crate) struct Node {
    pub(crate) type_name: Option<Type>,
    pub(crate) format: Option<String>,
    pub(crate) nullable: bool,
    pub(crate) int_or_string: bool,
    pub(crate) preserve_unknown: bool,
    pub(crate) embedded_resource: bool,
    pub(crate) atomic_map: bool,
    /// A struct of the server's own code: nobody owns that it is there.
    pub(crate) is_typed: bool,
    pub(crate) list_type: ListType,
    pub(crate) properties: BTreeMap<String, Node>,
    /// The schema of `additionalProperties`; `true` there is a node without demands that keeps everything.
    pub(crate) additional: Option<Box<Node>>,
    pub(crate) items: Option<Box<Node>>,
    pub(crate) required: Vec<String>,
    pub(crate) allowed: Vec<Value>,
    pub(crate) pattern: Option<Regex>,
    pub(crate) limits: Limits,
    pub(crate) default: Option<Value>,
    pub(crate) all_of: Vec<Node>,
    pub(crate) any_of: Vec<Node>,
    pub(crate) one_of: Vec<Node>,
    pub(crate) not: Option<Box<Node>>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) holds: Holds,
}

impl Node {
    /// Reads a schema.
    pub(crate) fn read(schema: &Value, path: &str) -> Result<Self, SchemaError> {
        let flag = |keyword: &str| schema.get(keyword).and_then(Value::as_bool) == Some(true);
        let mut node = Node {
            type_name: read_type(schema),
            format: schema.get("format").and_then(Value::as_str).map(str::to_owned),
            nullable: flag("nullable"),
            int_or_string: flag("x-kubernetes-int-or-string"),
            preserve_unknown: flag("x-kubernetes-preserve-unknown-fields"),
            embedded_resource: flag("x-kubernetes-embedded-resource"),
            atomic_map: schema.get("x-kubernetes-map-type").and_then(Value::as_str) == Some("atomic"),
            is_typed: flag(TYPED),
            list_type: read_list_type(schema),
            required: strings(schema.get("required")),
            allowed: schema.get("enum").and_then(Value::as_array).cloned().unwrap_or_default(),
            pattern: read_pattern(schema, path)?,
            limits: read_limits(schema),
            default: schema.get("default").cloned(),
            all_of: read_branches(schema, "allOf", path)?,
            any_of: read_branches(schema, "anyOf", path)?,
            one_of: read_branches(schema, "oneOf", path)?,
            not: read_child(schema, "not", path)?,
            items: read_child(schema, "items", path)?,
            additional: read_child(schema, "additionalProperties", path)?,
            rules: Rule::read_all(schema, path)?,
            properties: BTreeMap::new(),
            holds: Holds::default(),
        };
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            for (name, property) in properties {
                let child = Node::read(property, &format!("{path}.{name}"))?;
                node.properties.insert(name.clone(), child);
            }
        }
        node.holds = node.sum_holds();
        Ok(node)
    }

    /// The schema of the value under `key` of an object, when there is one.
    pub(crate) fn field(&self, key: &str) -> Option<&Node> {
        self.properties.get(key).or(self.additional.as_deref())
    }

    /// Whether `key` is a field that the schema names, and no entry of a map. All fields of a typed struct are.
    pub(crate) fn declares(&self, key: &str) -> bool {
        self.is_typed || self.properties.contains_key(key)
    }

    /// True when the keys of such an object are data and not declared fields.
    pub(crate) fn is_map(&self) -> bool {
        self.additional.is_some()
    }

    /// Adds or replaces a property; for the fields that every object has.
    pub(crate) fn set_property(&mut self, name: &str, node: Node) {
        self.properties.insert(name.to_owned(), node);
        self.holds = self.sum_holds();
    }

    fn sum_holds(&self) -> Holds {
        let mut holds = Holds {
            defaults: self.default.is_some(),
            rules: !self.rules.is_empty(),
            transition_rules: self.rules.iter().any(Rule::is_transition),
        };
        let children = self.properties.values().chain(self.additional.as_deref()).chain(self.items.as_deref());
        let branches = self.all_of.iter().chain(&self.any_of).chain(&self.one_of);
        for child in children.chain(branches) {
            holds.defaults |= child.holds.defaults;
            holds.rules |= child.holds.rules;
            holds.transition_rules |= child.holds.transition_rules;
        }
        holds
    }
}

/// The schema of `metadata`, the same for every kind. The fields that the server sets itself are not described.
pub(crate) static METADATA: LazyLock<Value> = LazyLock::new(|| {
    let text = serde_json::json!({"type": "string"});
    serde_json::json!({"type": "object", "properties": {
        "name": text, "generateName": text, "namespace": text, "uid": text, "resourceVersion": text,
        "selfLink": text, "creationTimestamp": {"type": "string", "nullable": true},
        "deletionTimestamp": {"type": "string", "nullable": true},
        "deletionGracePeriodSeconds": {"type": "integer", "nullable": true}, "generation": {"type": "integer"},
        "labels": {"type": "object", "additionalProperties": text},
        "annotations": {"type": "object", "additionalProperties": text},
        "finalizers": {"type": "array", "items": text, "x-kubernetes-list-type": "set"},
        "ownerReferences": {
            "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["uid"],
            "items": {
                "type": "object", "required": ["apiVersion", "kind", "name", "uid"],
                "x-kubernetes-map-type": "atomic",
                "properties": {
                    "apiVersion": text, "kind": text, "name": text, "uid": text,
                    "controller": {"type": "boolean"}, "blockOwnerDeletion": {"type": "boolean"},
                },
            },
        },
        "managedFields": {"type": "array", "x-kubernetes-preserve-unknown-fields": true},
    }})
});

fn read_type(schema: &Value) -> Option<Type> {
    match schema.get("type").and_then(Value::as_str)? {
        "object" => Some(Type::Object),
        "array" => Some(Type::Array),
        "string" => Some(Type::String),
        "integer" => Some(Type::Integer),
        "number" => Some(Type::Number),
        "boolean" => Some(Type::Boolean),
        _ => None,
    }
}

fn read_list_type(schema: &Value) -> ListType {
    match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
        Some("set") => ListType::Set,
        Some("map") => ListType::Map(strings(schema.get("x-kubernetes-list-map-keys"))),
        _ => ListType::Atomic,
    }
}

fn read_pattern(schema: &Value, path: &str) -> Result<Option<Regex>, SchemaError> {
    let Some(pattern) = schema.get("pattern").and_then(Value::as_str) else {
        return Ok(None);
    };
    let regex = Regex::new(pattern).map_err(|source| SchemaError::Pattern {
        path: path.to_owned(),
        pattern: pattern.to_owned(),
        source: Box::new(source),
    })?;
    Ok(Some(regex))
}

fn read_limits(schema: &Value) -> Limits {
    let number = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
    let flag = |keyword: &str| schema.get(keyword).and_then(Value::as_bool) == Some(true);
    let size =
        |keyword: &str| schema.get(keyword).and_then(Value::as_u64).map(|n| usize::try_from(n).unwrap_or(usize::MAX));
    Limits {
        minimum: number("minimum"),
        maximum: number("maximum"),
        exclusive_minimum: flag("exclusiveMinimum"),
        exclusive_maximum: flag("exclusiveMaximum"),
        multiple_of: number("multipleOf"),
        min_length: size("minLength"),
        max_length: size("maxLength"),
        min_items: size("minItems"),
        max_items: size("maxItems"),
        min_properties: size("minProperties"),
        max_properties: size("maxProperties"),
    }
}

fn read_branches(schema: &Value, keyword: &str, path: &str) -> Result<Vec<Node>, SchemaError> {
    let Some(branches) = schema.get(keyword) else {
        return Ok(Vec::new());
    };
    let Some(branches) = branches.as_array() else {
        return Err(SchemaError::Keyword { path: path.to_owned(), keyword: keyword.to_owned() });
    };
    branches.iter().map(|branch| Node::read(branch, &format!("{path}.{keyword}"))).collect()
}

fn read_child(schema: &Value, keyword: &str, path: &str) -> Result<Option<Box<Node>>, SchemaError> {
    match schema.get(keyword) {
        None | Some(Value::Null | Value::Bool(false)) => Ok(None),
        Some(Value::Bool(true)) => {
            Ok(Some(Box::new(Node { preserve_unknown: true, nullable: true, ..Node::default() })))
        }
        Some(child) => Ok(Some(Box::new(Node::read(child, &format!("{path}.{keyword}"))?))),
    }
}

fn strings(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}
