//! One field of a JSON object that a web service answers.

use serde_json::Value;

use super::TextError;

/// The text, number or truth value of a field of the object, as text; upper and lower case of the name count as the
/// same, because servers differ in how they write it. `None` where the object has no such field, or `null`.
///
/// # Errors
/// When the text is no JSON object, or the field is an object or a list.
pub fn field(text: &str, name: &str) -> Result<Option<String>, TextError> {
    let parsed: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| TextError::new(error.line().max(1), format!("no JSON: {}", category(&error))))?;
    let Value::Object(object) = parsed else { return Err(TextError::new(1, "no JSON object")) };
    let exact = object.get(name);
    let found = exact.or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value));
    match found {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim().to_owned())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(Value::Bool(truth)) => Ok(Some(truth.to_string())),
        Some(Value::Array(_) | Value::Object(_)) => Err(TextError::new(1, format!("{name} is no single value"))),
    }
}

/// What is wrong, without a word of the text.
fn category(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Io | serde_json::error::Category::Syntax | serde_json::error::Category::Data => {
            "it is not well formed"
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::field;

    const API: &str =
        "\u{feff}{\r\n \"NetServerVersion\": \"10.0.2.617 \", \"ServicesCurrent\": 88, \"Old\": null, \"List\": []}";

    #[test]
    fn a_field_is_found_whatever_its_case() {
        assert_eq!(field(API, "NetServerVersion"), Ok(Some("10.0.2.617".to_owned())));
        assert_eq!(field(API, "netServerVersion"), Ok(Some("10.0.2.617".to_owned())));
        assert_eq!(field(API, "servicesCurrent"), Ok(Some("88".to_owned())));
        assert_eq!(field(API, "Old"), Ok(None));
        assert_eq!(field(API, "New"), Ok(None));
    }

    #[test]
    fn what_is_no_object_is_an_error() {
        let said = |text| field(text, "List").unwrap_err().to_string();
        assert_eq!(said("<html>503</html>"), "line 1: no JSON: it is not well formed");
        assert_eq!(said("{\n\"a\": \"b"), "line 2: no JSON: it ends too early");
        assert_eq!(said("[1]"), "line 1: no JSON object");
        assert_eq!(said(API), "line 1: List is no single value");
        assert!(field(&"[".repeat(100_000), "a").is_err());
    }

    proptest! {
        #[test]
        fn any_text_has_an_answer(text in any::<String>(), name in any::<String>()) {
            let _ = field(&text, &name);
        }
    }
}
