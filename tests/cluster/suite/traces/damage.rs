//! Small random changes of an object, guided by its schema: some leave it valid, most do not.

use serde_json::{Map, Value, json};

use super::dice::Dice;

/// Changes one place of a value. What the schema says of that place makes the change likely to touch a limit.
pub(super) fn change(dice: &mut Dice, value: &mut Value, schema: &Value) {
    match value {
        Value::Object(fields) if !fields.is_empty() && !dice.one_in(6) => {
            let known: Vec<String> =
                schema["properties"].as_object().into_iter().flat_map(Map::keys).cloned().collect();
            let present: Vec<String> = fields.keys().cloned().collect();
            let key = if known.is_empty() || !dice.one_in(5) { dice.pick(&present) } else { dice.pick(&known) }.clone();
            let of_key =
                if known.contains(&key) { &schema["properties"][&key] } else { &schema["additionalProperties"] };
            match fields.get_mut(&key) {
                Some(_) if dice.one_in(8) => {
                    fields.remove(&key);
                }
                Some(field) => change(dice, field, of_key),
                None => {
                    fields.insert(key, replacement(dice, &Value::Null, of_key));
                }
            }
        }
        Value::Array(items) if !items.is_empty() && !dice.one_in(5) => {
            let place = dice.below(items.len());
            match dice.below(6) {
                0 => {
                    items.remove(place);
                }
                1 => items.push(items[place].clone()),
                2 => items.swap(0, place),
                _ => change(dice, &mut items[place], &schema["items"]),
            }
        }
        Value::Object(fields) if dice.one_in(3) => {
            fields.insert("nobodyKnowsThis".to_owned(), json!(1));
        }
        _ => *value = replacement(dice, value, schema),
    }
}

fn replacement(dice: &mut Dice, old: &Value, schema: &Value) -> Value {
    if dice.one_in(6) {
        return dice
            .pick(&[Value::Null, json!("text"), json!(7), json!(true), json!({}), json!([]), json!(1.5)])
            .clone();
    }
    if let Some(choice) = schema["enum"].as_array().filter(|choice| !choice.is_empty())
        && !dice.one_in(4)
    {
        return dice.pick(choice).clone();
    }
    match schema["type"].as_str() {
        Some("integer" | "number") => number(dice, schema),
        Some("boolean") => json!(dice.one_in(2)),
        Some("string") => text(dice, old, schema),
        Some("array") => json!([]),
        Some("object") => json!({}),
        _ => json!("anything"),
    }
}

fn number(dice: &mut Dice, schema: &Value) -> Value {
    let limit = |field: &str, other: i64| schema[field].as_f64().map_or(other, |limit| limit as i64);
    let (low, high) = (limit("minimum", -1), limit("maximum", 100_000));
    json!(*dice.pick(&[low - 1, low, low + 1, high, high + 1, 0, 1]))
}

fn text(dice: &mut Dice, old: &Value, schema: &Value) -> Value {
    let longest = schema["maxLength"].as_u64().and_then(|length| usize::try_from(length).ok()).unwrap_or(40).min(2_000);
    let old = old.as_str().unwrap_or("a");
    let choice = [
        String::new(),
        format!("{old}x"),
        old.to_uppercase(),
        "a".repeat(longest),
        "a".repeat(longest + 1),
        "2026-11-28T22:00:00Z".to_owned(),
        "b".to_owned(),
        "Ærø \"quoted\" 日本".to_owned(),
        "..\\x".to_owned(),
    ];
    json!(dice.pick(&choice))
}
