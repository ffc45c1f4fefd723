//! JSON objects with which web services answer.

use super::TextError;

/// Text of a key at the top level of an object; a number as it is written. `None` where the object has no such key, or
/// holds `null` there.
///
/// # Errors
/// Where the text is no JSON object, or something else than a text or a number stands at the key.
pub fn value(text: &str, key: &str) -> Result<Option<String>, TextError> {
    // Some web servers put a byte order mark before it, which JSON does not allow (RFC 8259, 8.1).
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('<') {
        return Err(TextError::new(1, "this is a page for people (sign-in, error or maintenance), and no JSON"));
    }
    let parsed: serde_json::Value =
        serde_json::from_str(text).map_err(|error| TextError::new(error.line(), "this is no JSON"))?;
    let object = parsed.as_object().ok_or_else(|| TextError::new(1, "this is no JSON object"))?;
    match object.get(key) {
        None | Some(serde_json::Value::Null) => Ok(None),
        Some(serde_json::Value::String(text)) => Ok(Some(text.clone())),
        Some(serde_json::Value::Number(number)) => Ok(Some(number.to_string())),
        Some(serde_json::Value::Bool(_) | serde_json::Value::Array(_) | serde_json::Value::Object(_)) => {
            Err(TextError::new(1, "neither text nor number stands at the key"))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::value;

    /// An answer as web services give it about themselves.
    const SAMPLE: &str = r#"{"ProductVersion": "10.0.2.617", "Services": 88, "Links": [], "Nothing": null}"#;

    #[test]
    fn texts_and_numbers_are_values_and_the_rest_is_an_error() {
        assert_eq!(value(SAMPLE, "ProductVersion").unwrap().as_deref(), Some("10.0.2.617"));
        assert_eq!(value(SAMPLE, "Services").unwrap().as_deref(), Some("88"));
        assert_eq!(value(SAMPLE, "productversion").unwrap(), None);
        assert_eq!(value(SAMPLE, "Nothing").unwrap(), None);
        assert!(value(SAMPLE, "Links").is_err());
        assert_eq!(value(&format!("\u{feff}{SAMPLE}"), "Services").unwrap().as_deref(), Some("88"));
        for page in
            ["<!DOCTYPE html><html>", "\u{feff}\r\n <html>Service unavailable</html>", "<?xml version=\"1.0\"?>"]
        {
            let said = value(page, "ProductVersion").unwrap_err().to_string();
            assert!(said.contains("a page for people"), "{said}");
        }
        for broken in ["", "<html>Sign in</html>", "[]", "\"text\"", "{\"ProductVersion\": "] {
            assert!(value(broken, "ProductVersion").is_err(), "{broken}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_an_answer(text in any::<String>(), key in any::<String>()) {
            let _ = value(&text, &key);
        }
    }
}
