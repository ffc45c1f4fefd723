//! Configuration files of `key = value` lines and bare words, in which `#` starts a comment. A change of one line keeps
//! every other character: line ends, order, comments.

use super::TextError;

const COMMENT: char = '#';

/// The value of a key, trimmed. The same value may stand twice.
///
/// # Errors
/// When the key has different values: no document says which one counts.
pub fn value<'text>(text: &'text str, key: &str) -> Result<Option<&'text str>, TextError> {
    let mut found: Option<(usize, &str)> = None;
    for (index, line) in text.lines().map(without_comment).enumerate() {
        let Some((_, value)) = line.split_once('=').filter(|(name, _)| name.trim() == key) else { continue };
        match found {
            None => found = Some((index + 1, value.trim())),
            Some((_, first)) if first == value.trim() => {}
            Some((first, _)) => {
                return Err(TextError::new(index + 1, format!("{key} has another value than in line {first}")));
            }
        }
    }
    Ok(found.map(|(_, value)| value))
}

/// Whether a bare word stands on a line of its own, not commented out.
#[must_use]
pub fn flag(text: &str, word: &str) -> bool {
    is_bare(word) && text.lines().any(|line| without_comment(line) == word)
}

/// The text with the bare word set, or commented out. Unchanged where it is so already.
///
/// # Errors
/// When the word could not be found again: it is empty, or holds white space, `#` or `=`.
pub fn with_flag(text: &str, word: &str, set: bool) -> Result<String, TextError> {
    if !is_bare(word) {
        return Err(TextError::new(1, format!("{word:?} is no bare word: white space, # and = cannot be part of one")));
    }
    Ok(match (flag(text, word), set) {
        (true, true) | (false, false) => text.to_owned(),
        (true, false) => each_line(text, |line| (without_comment(line) == word).then(|| format!("{COMMENT}{line}"))),
        (false, true) => set_flag(text, word),
    })
}

/// The text with a key that has this value: in the lines where it stands already, or else in a line of its own at the end.
///
/// # Errors
/// When it could not be read again: the key is empty, or key or value hold what ends them.
pub fn with_value(text: &str, key: &str, value: &str) -> Result<String, TextError> {
    let ends = |part: &str| part.contains(['\r', '\n']) || part != part.trim() || without_comment(part) != part;
    if key.is_empty() || key.contains('=') || ends(key) || ends(value) {
        return Err(TextError::new(
            1,
            format!("{key:?} = {value:?} could not be read again: a line holds one key and its value"),
        ));
    }
    let is_key = |line: &str| without_comment(line).split_once('=').is_some_and(|(name, _)| name.trim() == key);
    if !text.lines().any(is_key) {
        return Ok(with_line(text, &format!("{key}={value}")));
    }
    Ok(each_line(text, |line| is_key(line).then(|| format!("{key}={value}"))))
}

fn is_bare(word: &str) -> bool {
    !word.is_empty() && !word.chars().any(|part| part == COMMENT || part == '=' || part.is_whitespace())
}

/// Takes the mark off the first line that is nothing but the commented word; else adds a line.
fn set_flag(text: &str, word: &str) -> String {
    let mut found = false;
    let uncommented = each_line(text, |line| {
        let (indent, rest) = line.split_at(line.len() - line.trim_start().len());
        let bare = rest.strip_prefix(COMMENT)?.trim_start_matches(COMMENT).trim_start();
        if found || bare.trim_end() != word {
            return None;
        }
        found = true;
        Some(format!("{indent}{bare}"))
    });
    if found {
        return uncommented;
    }
    with_line(text, word)
}

/// The text with one more line at its end.
fn with_line(text: &str, line: &str) -> String {
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { line_end };
    format!("{text}{gap}{line}{line_end}")
}

/// Rewrites lines, without their line ends, where `change` gives a new one.
fn each_line(text: &str, mut change: impl FnMut(&str) -> Option<String>) -> String {
    let mut changed = String::with_capacity(text.len() + 1);
    for full in text.split_inclusive('\n') {
        let line = full.trim_end_matches(['\r', '\n']);
        match change(line) {
            Some(new) => {
                changed.push_str(&new);
                changed.push_str(full.get(line.len()..).unwrap_or_default());
            }
            None => changed.push_str(full),
        }
    }
    changed
}

/// The line before its comment, trimmed. A `#` inside a word is part of the word.
pub(super) fn without_comment(line: &str) -> &str {
    let mut before = None;
    for (at, character) in line.char_indices() {
        if character == COMMENT && before.is_none_or(char::is_whitespace) {
            return line.get(..at).unwrap_or_default().trim();
        }
        before = Some(character);
    }
    line.trim()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{flag, value, with_flag, with_value};

    #[test]
    fn reads_values_and_leaves_comments_out() {
        let text = "# a = 0\r\na = 1 # one\r\nb=c#d\r\na = 1\r\nempty =\r\n";
        assert_eq!(value(text, "a"), Ok(Some("1")));
        assert_eq!(value(text, "b"), Ok(Some("c#d")));
        assert_eq!(value(text, "A"), Ok(None));
        assert_eq!(value(text, "empty"), Ok(Some("")));
    }

    #[test]
    fn two_values_of_one_key_are_an_error_and_no_value() {
        let said = value("a = 1\nb = 2\na = 3\n", "a").unwrap_err().to_string();
        assert_eq!(said, "line 3: a has another value than in line 1");
    }

    #[test]
    fn a_flag_is_a_word_on_a_line_of_its_own() {
        assert!(flag("x = 1\n  maintenance  # since May\n", "maintenance"));
        assert!(!flag("# maintenance\nmaintenance = 1\nmaintenance mode\n", "maintenance"));
        assert!(!flag("\n\n", ""));
        assert!(with_flag("a\n", "two words", true).is_err());
    }

    #[test]
    fn setting_and_unsetting_keeps_every_other_character() {
        let cases = [
            ("a=1\r\n#flag\r\nb=2", "a=1\r\nflag\r\nb=2"),
            ("a=1\n", "a=1\nflag\n"),
            ("a=1\r\nb=2", "a=1\r\nb=2\r\nflag\r\n"),
            ("", "flag\n"),
            ("  ## flag \n# flag here\n", "  flag \n# flag here\n"),
            ("flag\n", "flag\n"),
        ];
        for (before, after) in cases {
            assert_eq!(with_flag(before, "flag", true).as_deref(), Ok(after), "{before:?}");
        }
        assert_eq!(with_flag("flag\r\n flag # x\r\n", "flag", false).as_deref(), Ok("#flag\r\n# flag # x\r\n"));
    }

    #[test]
    fn a_value_replaces_the_one_of_its_key_and_nothing_else() {
        let address = "proto://?server=https://phones.example/app/v82";
        let cases = [
            ("# A=1\r\nA = old\r\nb=2", format!("# A=1\r\nA={address}\r\nb=2")),
            ("b=2\n", format!("b=2\nA={address}\n")),
            ("a=1\r\nb=2", format!("a=1\r\nb=2\r\nA={address}\r\n")),
            ("A=1\nA=1 # twice\n", format!("A={address}\nA={address}\n")),
        ];
        for (before, after) in cases {
            let written = with_value(before, "A", address).unwrap();
            assert_eq!(written, after, "{before:?}");
            assert_eq!(value(&written, "A"), Ok(Some(address)));
        }
        for (key, value) in [("", "x"), ("a=b", "x"), ("a", "x\ny"), ("a", "x # y"), ("#a", "x"), ("a", " x")] {
            assert!(with_value("a=1\n", key, value).is_err(), "{key:?} = {value:?}");
        }
    }

    fn line() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("flag".to_owned()),
            Just("#flag".to_owned()),
            Just(" # flag ".to_owned()),
            Just("flag # since May".to_owned()),
            "[a-z =#\t]{0,12}",
            any::<String>().prop_map(|text| text.replace('\n', "")),
        ]
    }

    fn others(text: &str) -> Vec<&str> {
        text.split('\n').filter(|line| !line.contains("flag")).collect()
    }

    proptest! {
        #[test]
        fn a_written_flag_is_read_and_nothing_else_changes(
            lines in proptest::collection::vec((line(), prop_oneof![Just("\n"), Just("\r\n")]), 0..8),
            tail in line(),
            set in any::<bool>(),
        ) {
            let text = lines.iter().fold(String::new(), |text, (line, end)| text + line + end) + &tail;
            let written = with_flag(&text, "flag", set).unwrap();
            prop_assert_eq!(flag(&written, "flag"), set);
            prop_assert_eq!(with_flag(&written, "flag", set), Ok(written.clone()));
            let (before, after) = (others(&text), others(&written));
            // A line that is added at the end first ends the one before it.
            prop_assert!(after.len() <= before.len() + 1);
            let kept = before.iter().zip(&after).all(|(old, new)| old.trim_end_matches('\r') == new.trim_end_matches('\r'));
            prop_assert!(kept, "{before:?} {after:?}");
        }

        #[test]
        fn a_written_value_is_read_and_nothing_else_changes(
            lines in proptest::collection::vec((line(), prop_oneof![Just("\n"), Just("\r\n")]), 0..8),
            written in "[a-z0-9:/?.=]{0,20}",
        ) {
            let text = lines.iter().fold(String::new(), |text, (line, end)| text + line + end);
            let changed = with_value(&text, "flag", &written).unwrap();
            prop_assert_eq!(value(&changed, "flag"), Ok(Some(written.as_str())));
            prop_assert_eq!(with_value(&changed, "flag", &written), Ok(changed.clone()));
            prop_assert_eq!(others(&text), others(&changed));
        }

        #[test]
        fn any_text_has_an_answer(text in any::<String>(), key in any::<String>()) {
            let _ = (value(&text, &key), flag(&text, &key), with_flag(&text, &key, true), with_flag(&text, &key, false));
        }
    }
}
