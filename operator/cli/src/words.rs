//! Foreign text in our own sentences: short, on one line, without control characters.

use serde_json::Value;

/// Characters of a foreign value that are shown.
const SHOWN_CHARS_MAX: usize = 60;
/// Words longer than this are not compared with known names: nobody mistypes a name into so long a word.
const COMPARED_CHARS_MAX: usize = 80;

/// A value as it is shown in a message.
#[must_use]
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => format!("\"{}\"", quoted(text)),
        Value::Array(items) => format!("[{} items]", items.len()),
        Value::Object(_) => "{...}".to_owned(),
    }
}

/// A text cut to a length that fits into a message, with control characters made visible.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(SHOWN_CHARS_MAX).flat_map(visible).collect();
    if text.chars().nth(SHOWN_CHARS_MAX).is_some() {
        short.push_str("...");
    }
    short
}

/// A text of any length on one line, with control characters made visible.
#[must_use]
pub fn one_line(text: &str) -> String {
    let joined: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    joined.join(" ").chars().flat_map(visible).collect()
}

/// Control characters could move a terminal's cursor, and bidirectional ones turn a line around.
fn visible(character: char) -> Vec<char> {
    let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if character.is_control() || turns { character.escape_unicode().collect() } else { vec![character] }
}

/// The known name that is most like a mistyped one, if one is like it at all.
#[must_use]
pub fn nearest<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    if word.is_empty() || word.chars().count() > COMPARED_CHARS_MAX {
        return None;
    }
    let word = word.to_lowercase();
    let similar = names
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&word, &name.to_lowercase()), *name))
        .min()
        .filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1))
        .map(|(_, name)| name);
    // A name written in full where its beginning is meant: Saturday for Sat.
    let begins = |name: &&&str| name.chars().count() >= 3 && word.starts_with(&name.to_lowercase());
    similar.or_else(|| names.iter().find(begins).copied())
}

/// `1 step`, `2 steps`.
#[must_use]
pub fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}
