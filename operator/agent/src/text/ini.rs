//! Ini files as Windows reads them: `[section]`, `key = value`, a comment is a line that begins with `;` or `#`; the
//! first section and the first key of a name count, names have no case, a pair of quotes around a value is no part of it.

use super::TextError;

/// The value of a key, trimmed.
///
/// # Errors
/// When a section's name is not closed before the key is found: what follows could belong to any section.
pub fn value<'text>(text: &'text str, section: &str, key: &str) -> Result<Option<&'text str>, TextError> {
    let mut inside = false;
    for (index, line) in text.lines().map(str::trim).enumerate() {
        if line.starts_with([';', '#']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            if inside {
                return Ok(None);
            }
            let Some((name, _)) = name.split_once(']') else {
                return Err(TextError::new(index + 1, "the name of a section is not closed by ]"));
            };
            inside = same(name, section);
        } else if inside && let Some((_, value)) = line.split_once('=').filter(|(name, _)| same(name, key)) {
            return Ok(Some(unquoted(value.trim())));
        }
    }
    Ok(None)
}

fn same(name: &str, other: &str) -> bool {
    name.trim().to_lowercase() == other.trim().to_lowercase()
}

fn unquoted(value: &str) -> &str {
    let inside = |quote| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inside('"').or_else(|| inside('\'')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::value;

    const FILE: &str = "; top\r\nKey=outside\r\n[First]\r\n; Key=comment\r\n# key=comment\r\nKEY = a=b \r\n[ second ]\r\n\
                        key=\"two words\"\r\n[First]\r\nlate=1\r\nempty=\r\n";

    #[test]
    fn finds_keys_in_the_first_section_of_their_name_only() {
        assert_eq!(value(FILE, "first", "key"), Ok(Some("a=b")));
        assert_eq!(value(FILE, "Second", "Key"), Ok(Some("two words")));
        assert_eq!(value(FILE, "third", "key"), Ok(None));
        assert_eq!(value(FILE, "first", "late"), Ok(None));
        assert_eq!(value("[Å]\nø='x'\ny=\"\n", "å", "Ø"), Ok(Some("x")));
        assert_eq!(value("[a]\ny=\"\n", "a", "y"), Ok(Some("\"")));
    }

    #[test]
    fn a_broken_section_is_an_error_and_no_absence() {
        let said = value("[a]\n\n[b\nkey=1\n", "c", "key").unwrap_err().to_string();
        assert_eq!(said, "line 3: the name of a section is not closed by ]");
    }

    proptest! {
        #[test]
        fn any_text_has_an_answer(text in any::<String>(), section in any::<String>(), key in any::<String>()) {
            let _ = value(&text, &section, &key);
        }

        #[test]
        fn a_written_key_is_found(before in "[a-z=\\[\\];#\n]{0,40}", section in "[a-z ]{1,8}", key in "[a-z]{1,8}", text in "[a-z0-9.]{0,12}") {
            let file = format!("{before}\n[{section}]\n{key} = {text}\n");
            match value(&file, &section, &key) {
                Ok(found) => prop_assert!(found.is_some() || before.contains('['), "{file:?}"),
                Err(_) => prop_assert!(before.contains('[')),
            }
        }
    }
}
