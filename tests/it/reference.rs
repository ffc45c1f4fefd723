//! The reference of the kinds, `operator/guides/api-reference.md`, is generated from the definitions and so from the
//! doc comments of the types.

use std::fmt::Write as _;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::Value;

use crate::files::{golden, repository};

const HEAD: &str = "<!-- Generated from operator/api; UPDATE=1 cargo test -p crm-tests reference -->\n\
# API reference\n\n\
Every field of every kind of `crm-operator.io/v1alpha1`: its type, its limits, what it is when left out, and what it\n\
means. `[]` after a name marks a list, `{}` a map. People write `spec`; `status` is written by the operator and its agents.\n\
The same text is shown by `kubectl explain`.\n";

#[test]
fn the_reference_is_what_the_types_generate() {
    let mut text = HEAD.to_owned();
    for crd in crm_api::crds() {
        kind(&mut text, crd);
    }
    golden(&repository().join("operator/guides/api-reference.md"), &text);
}

fn kind(text: &mut String, crd: &CustomResourceDefinition) {
    let names = &crd.spec.names;
    let version = serde_json::to_value(&crd.spec.versions[0]).unwrap();
    let schema = &version["schema"]["openAPIV3Schema"];
    write!(text, "\n## {}\n\n", names.kind).unwrap();
    for part in ["spec", "status"] {
        let schema = &schema["properties"][part];
        if schema.is_null() {
            continue;
        }
        write!(text, "### {}.{part}\n\n{}\n\n", names.kind, sentence(schema)).unwrap();
        rules(text, schema);
        text.push_str("| field | type | meaning |\n| --- | --- | --- |\n");
        fields(text, schema, "");
    }
}

/// One row per field, deeper ones behind the field that holds them.
fn fields(text: &mut String, schema: &Value, path: &str) {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let (mark, inner) = inside(field);
        let path = format!("{path}{name}{mark}");
        let need = if required.contains(&name.as_str()) { ", required" } else { "" };
        writeln!(text, "| `{path}` | {}{need} | {} |", kind_of(field, inner), meaning(field, inner)).unwrap();
        fields(text, inner, &format!("{path}."));
    }
}

/// How a list or a map is marked, and the schema of what is in it.
fn inside(field: &Value) -> (&'static str, &Value) {
    if field["items"].is_object() {
        ("[]", &field["items"])
    } else if field["additionalProperties"].is_object() {
        ("{}", &field["additionalProperties"])
    } else {
        ("", field)
    }
}

fn kind_of(field: &Value, inner: &Value) -> String {
    let mut kind = inner["format"].as_str().or(inner["type"].as_str()).unwrap_or("any").to_owned();
    for (schema, unit) in [(field, "items"), (inner, "")] {
        for (least, most) in [("minItems", "maxItems"), ("minLength", "maxLength"), ("minimum", "maximum")] {
            if (least == "minItems") == unit.is_empty() {
                continue;
            }
            let bounds = (number(&schema[least]), number(&schema[most]));
            let unit = if least == "minLength" { "characters" } else { unit };
            let range = match bounds {
                (None | Some(0), Some(most)) if least != "minimum" => format!("at most {most}"),
                (Some(least), Some(most)) if least == most => most.to_string(),
                (Some(least), Some(most)) => format!("{least} to {most}"),
                (Some(least), None) => format!("at least {least}"),
                (None, Some(most)) => format!("at most {most}"),
                (None, None) => continue,
            };
            write!(kind, ", {}", format!("{range} {unit}").trim_end()).unwrap();
        }
    }
    kind
}

/// A bound as it is written: schemas carry whole numbers as `1.0` too.
fn number(value: &Value) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "bounds of fields are whole and far below 2^53")]
    value.as_f64().map(|number| number as i64)
}

fn meaning(field: &Value, inner: &Value) -> String {
    let mut parts = vec![sentence(field)];
    if let Some(words) = inner["enum"].as_array() {
        let words: Vec<String> = words.iter().filter_map(Value::as_str).map(|word| format!("`{word}`")).collect();
        parts.push(format!("One of {}.", words.join(", ")));
    }
    if !field["default"].is_null() && field["default"] != serde_json::json!([]) {
        parts.push(format!("Left out: `{}`.", field["default"].to_string().replace('|', "\\|")));
    }
    let rules = field["x-kubernetes-validations"].as_array().into_iter().flatten();
    let messages = rules.filter_map(|rule| rule["message"].as_str()).map(|rule| format!("Refused: {}.", cell(rule)));
    parts.extend(messages);
    parts.retain(|part| !part.is_empty());
    parts.join(" ")
}

/// The rules over several fields of one object.
fn rules(text: &mut String, schema: &Value) {
    let rules: Vec<&str> = schema["x-kubernetes-validations"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|rule| rule["message"].as_str())
        .collect();
    if !rules.is_empty() {
        text.push_str("Refused:\n\n");
        rules.iter().for_each(|rule| writeln!(text, "- {}", cell(rule)).unwrap());
        text.push('\n');
    }
}

fn sentence(schema: &Value) -> String {
    cell(schema["description"].as_str().unwrap_or_default())
}

/// Text that stays in one cell of a table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|").trim_end_matches('.').to_owned()
        + if text.trim_end().ends_with('.') { "." } else { "" }
}
