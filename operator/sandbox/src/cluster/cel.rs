//! `x-kubernetes-validations`: CEL rules, compiled once with the schema, run on what a write changes.
//!
//! Modelled: `self`, `oldSelf` (transition rules run only where an old value can be found: fields, map entries and
//! list-map items), `optionalOldSelf`, `message`, `messageExpression`, `reason`, `fieldPath`, escaped field names,
//! values of `format` date-time and duration, the function libraries. An unchanged part runs its transition rules
//! only. Left out: the cost limits.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use kube_cel::KubeCelExt as _;
use kube_cel::cel::objects::{Key, Map, OptionalValue};
use kube_cel::cel::{self, Context, Program};
use serde_json::Value;

use super::granular::{is_atomic_list, item_element};
use super::path::Path;
use super::refusal::{Cause, CauseReason};
use super::schema::{Node, SchemaError, Type};
use super::validate::old_item;

/// One compiled rule.
#[derive(Debug)]
pub(crate) struct Rule {
    text: String,
    program: Program,
    transition: bool,
    optional_old: bool,
    /// True for `self == oldSelf`, which an unchanged value fulfils without being asked.
    immutability: bool,
    message: Option<String>,
    message_program: Option<Program>,
    reason: CauseReason,
    field_path: String,
    /// The fields of `self` that the rule can look at; without a list, all.
    looks_at: Option<Vec<String>>,
}

static FUNCTIONS: LazyLock<Context<'static>> = LazyLock::new(|| Context::default().with_all());
static TIMESTAMP: LazyLock<Option<Program>> = LazyLock::new(|| Program::compile("timestamp(text)").ok());
static DURATION: LazyLock<Option<Program>> = LazyLock::new(|| Program::compile("duration(text)").ok());

impl Rule {
    /// Reads and compiles the rules of one schema node.
    pub(crate) fn read_all(schema: &Value, path: &str) -> Result<Vec<Rule>, SchemaError> {
        let rules = schema.get("x-kubernetes-validations").and_then(Value::as_array);
        rules.map(Vec::as_slice).unwrap_or_default().iter().map(|rule| Rule::read(rule, path)).collect()
    }

    pub(crate) fn is_transition(&self) -> bool {
        self.transition
    }

    fn read(rule: &Value, path: &str) -> Result<Rule, SchemaError> {
        let text_of = |key: &str| rule.get(key).and_then(Value::as_str).map(str::to_owned);
        let compile = |text: &str| {
            Program::compile(text).map_err(|errors| SchemaError::Rule {
                path: path.to_owned(),
                rule: text.to_owned(),
                message: errors.to_string(),
            })
        };
        let text = text_of("rule").unwrap_or_default();
        let program = compile(&text)?;
        let message_expression = text_of("messageExpression");
        let looks_at = fields_of_self(&format!("{text} {}", message_expression.as_deref().unwrap_or_default()));
        Ok(Rule {
            transition: program.references().has_variable("oldSelf"),
            optional_old: rule.get("optionalOldSelf").and_then(Value::as_bool) == Some(true),
            immutability: matches!(text.trim(), "self == oldSelf" | "oldSelf == self"),
            message: text_of("message"),
            message_program: message_expression.as_deref().map(compile).transpose()?,
            reason: match rule.get("reason").and_then(Value::as_str) {
                Some("FieldValueForbidden") => CauseReason::Forbidden,
                Some("FieldValueRequired") => CauseReason::Required,
                Some("FieldValueDuplicate") => CauseReason::Duplicate,
                Some(_) | None => CauseReason::Invalid,
            },
            field_path: text_of("fieldPath").unwrap_or_default(),
            looks_at,
            program,
            text,
        })
    }

    /// Whether the rule has a say about a value that was `old` before.
    fn applies(&self, changed: bool, old: Option<&Value>) -> bool {
        if !self.transition {
            return changed;
        }
        (old.is_some() || self.optional_old) && (changed || !self.immutability)
    }

    fn check(&self, node: &Node, value: &Value, old: Option<&Value>, path: &Path<'_>) -> Option<Cause> {
        let shown = Shown { only: self.looks_at.as_deref(), is_compared: self.immutability };
        let mut context = FUNCTIONS.new_inner_scope();
        context.add_variable_from_value("self", to_cel(node, value, shown));
        if self.transition {
            let old = old.map(|old| to_cel(node, old, shown));
            if self.optional_old {
                let optional = old.map_or_else(OptionalValue::none, OptionalValue::of);
                context.add_variable_from_value("oldSelf", cel::Value::Opaque(Arc::new(optional)));
            } else if let Some(old) = old {
                context.add_variable_from_value("oldSelf", old);
            }
        }
        // Whole objects and lists are not printed.
        let printed = match value {
            Value::Object(_) | Value::Array(_) => String::new(),
            value => format!(": {value}"),
        };
        let field = format!("{path}{}", self.field_path).trim_start_matches('.').to_owned();
        let field = if field.is_empty() { "<nil>".to_owned() } else { field };
        let detail = match self.program.execute(&context) {
            Ok(cel::Value::Bool(true)) => return None,
            Ok(cel::Value::Bool(false)) => self.message(&context),
            Ok(_) => format!("rule did not evaluate to a boolean: {}", self.text),
            Err(error) => {
                let subject = self.message.as_deref().unwrap_or(&self.text);
                let type_name = node.type_name.map_or("object", Type::as_str);
                let message = format!("Invalid value: \"{type_name}\": {error} evaluating rule: {subject}");
                let field = if path.to_string().is_empty() { "<nil>".to_owned() } else { path.to_string() };
                return Some(Cause::new(CauseReason::Invalid, field, message));
            }
        };
        let message = match self.reason {
            CauseReason::Forbidden => format!("Forbidden: {detail}"),
            CauseReason::Required => format!("Required value: {detail}"),
            CauseReason::Duplicate => format!("Duplicate value{printed}"),
            _ => format!("Invalid value{printed}: {detail}"),
        };
        Some(Cause::new(self.reason, field, message))
    }

    fn message(&self, context: &Context<'_>) -> String {
        if let Some(Ok(cel::Value::String(text))) = self.message_program.as_ref().map(|p| p.execute(context))
            && !text.trim().is_empty()
            && !text.trim().contains('\n')
        {
            return text.trim().to_owned();
        }
        self.message.clone().unwrap_or_else(|| format!("failed rule: {}", self.text))
    }
}

/// Runs the rules of `node` and below on `value`, and adds what they refuse to `causes`.
pub(crate) fn check_rules(node: &Node, value: &Value, old: Option<&Value>, path: &Path<'_>, causes: &mut Vec<Cause>) {
    let changed = old != Some(value);
    let wanted = if changed { node.holds.rules } else { node.holds.transition_rules };
    if !wanted || value.is_null() {
        return;
    }
    let old = old.filter(|old| !old.is_null());
    let rules = node.rules.iter().filter(|rule| rule.applies(changed, old));
    causes.extend(rules.filter_map(|rule| rule.check(node, value, old, path)));
    match value {
        Value::Object(map) => {
            for (key, child) in map {
                if let Some(field) = node.field(key) {
                    check_rules(field, child, old.and_then(|old| old.get(key)), &path.of(node, key), causes);
                }
            }
        }
        Value::Array(items) => {
            let Some(node_of_items) = node.items.as_deref() else {
                return;
            };
            for (index, item) in items.iter().enumerate() {
                check_rules(node_of_items, item, old_item(node, item, old), &path.index(index), causes);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    for branch in node.all_of.iter().chain(&node.any_of).chain(&node.one_of) {
        check_rules(branch, value, old, path, causes);
    }
}

/// What a rule sees of a value.
#[derive(Clone, Copy)]
struct Shown<'a> {
    /// The fields that the rule can reach; all of them without a list.
    only: Option<&'a [String]>,
    /// Whether two values are compared as wholes: sets and list maps are then the same in whatever order their items are,
    /// and a field that is null, absent to CEL otherwise, is there.
    is_compared: bool,
}

/// The value as CEL sees it: declared fields only, their names escaped.
fn to_cel(node: &Node, value: &Value, shown: Shown<'_>) -> cel::Value {
    let below = Shown { only: None, ..shown };
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(flag) => cel::Value::Bool(*flag),
        Value::Number(number) => number_to_cel(node, number),
        Value::String(text) => text_to_cel(node, text),
        Value::Array(items) => {
            let node_of_items = node.items.as_deref().unwrap_or(&UNKNOWN);
            let mut items: Vec<&Value> = items.iter().collect();
            if shown.is_compared && !is_atomic_list(Some(node)) {
                items.sort_by_cached_key(|item| item_element(Some(node), item));
            }
            cel::Value::List(Arc::new(items.into_iter().map(|item| to_cel(node_of_items, item, below)).collect()))
        }
        Value::Object(map) => {
            let mut fields = HashMap::with_capacity(map.len());
            for (key, child) in map {
                let is_absent = child.is_null() && !node.is_map() && !shown.is_compared;
                if is_absent || shown.only.is_some_and(|only| !only.contains(key)) {
                    continue;
                }
                let name = if node.is_map() { key.clone() } else { escaped(key) };
                let child = to_cel(node.field(key).unwrap_or(&UNKNOWN), child, below);
                fields.insert(Key::String(Arc::new(name)), child);
            }
            cel::Value::Map(Map { map: Arc::new(fields) })
        }
    }
}

static UNKNOWN: LazyLock<Node> = LazyLock::new(Node::default);

fn number_to_cel(node: &Node, number: &serde_json::Number) -> cel::Value {
    match number.as_i64() {
        Some(integer) if node.type_name != Some(Type::Number) => cel::Value::Int(integer),
        _ => cel::Value::Float(number.as_f64().unwrap_or(f64::NAN)),
    }
}

fn text_to_cel(node: &Node, text: &str) -> cel::Value {
    let plain = || cel::Value::String(Arc::new(text.to_owned()));
    let program = match node.format.as_deref() {
        Some("date-time") => TIMESTAMP.as_ref(),
        Some("duration") => DURATION.as_ref(),
        _ => return plain(),
    };
    let mut context = FUNCTIONS.new_inner_scope();
    context.add_variable_from_value("text", plain());
    program.and_then(|program| program.execute(&context).ok()).unwrap_or_else(plain)
}

/// CEL's reserved words, which a field name must not be.
const RESERVED: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// The documented escaping of field names.
fn escaped(name: &str) -> String {
    if RESERVED.contains(&name) {
        return format!("__{name}__");
    }
    if !name.contains(['_', '.', '-', '/']) {
        return name.to_owned();
    }
    name.replace("__", "__underscores__").replace('.', "__dot__").replace('-', "__dash__").replace('/', "__slash__")
}

/// The fields of `self` and `oldSelf` that a rule names; `None` when it uses one of them as a whole.
fn fields_of_self(text: &str) -> Option<Vec<String>> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut fields = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_alphabetic() || c == '_') {
        let word_and_more = &rest[at..];
        let end = word_and_more.find(|c| !is_word(c)).unwrap_or(word_and_more.len());
        let (word, more) = word_and_more.split_at(end);
        rest = more;
        if word != "self" && word != "oldSelf" {
            continue;
        }
        let field_and_more = more.strip_prefix('.')?;
        let end = field_and_more.find(|c| !is_word(c)).unwrap_or(field_and_more.len());
        let (field, more) = field_and_more.split_at(end);
        if field.is_empty() || more.starts_with('(') || field.contains("__") {
            return None;
        }
        fields.push(field.to_owned());
        rest = more;
    }
    Some(fields)
}
