//! Configuration files of `key = value` lines and bare words, in which `#` starts a comment. A change of one line keeps
//! every other byte: line ends, order, comments, a byte order mark.

const COMMENT: char = '#';
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The value of a key, trimmed; the first one counts.
pub(crate) fn value<'text>(text: &'text str, key: &str) -> Option<&'text str> {
    text.trim_start_matches(BYTE_ORDER_MARK)
        .lines()
        .map(without_comment)
        .find_map(|line| line.split_once('=').filter(|(name, _)| name.trim() == key).map(|(_, value)| value.trim()))
}

/// Whether a bare word stands on a line of its own, not commented out.
pub(crate) fn flag(text: &str, word: &str) -> bool {
    text.trim_start_matches(BYTE_ORDER_MARK).lines().any(|line| without_comment(line) == word)
}

/// The text with the bare word set, or commented out. Unchanged where it is so already.
pub(crate) fn with_flag(text: &str, word: &str, set: bool) -> String {
    match (flag(text, word), set) {
        (true, true) | (false, false) => text.to_owned(),
        (true, false) => each_line(text, |line| (without_comment(line) == word).then(|| format!("{COMMENT}{line}"))),
        (false, true) => set_flag(text, word),
    }
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
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let body = text.trim_start_matches(BYTE_ORDER_MARK);
    let gap = if body.is_empty() || body.ends_with('\n') { "" } else { line_end };
    format!("{text}{gap}{word}{line_end}")
}

/// Rewrites lines, without their line ends and without the byte order mark, where `change` gives a new one.
fn each_line(text: &str, mut change: impl FnMut(&str) -> Option<String>) -> String {
    let body = text.trim_start_matches(BYTE_ORDER_MARK);
    let mut changed = text[..text.len() - body.len()].to_owned();
    for full in body.split_inclusive('\n') {
        let line = full.trim_end_matches(['\r', '\n']);
        match change(line) {
            Some(new) => {
                changed.push_str(&new);
                changed.push_str(&full[line.len()..]);
            }
            None => changed.push_str(full),
        }
    }
    changed
}

/// The line before its comment, trimmed. A `#` inside a word is part of the word.
fn without_comment(line: &str) -> &str {
    let mut before = None;
    for (at, character) in line.char_indices() {
        if character == COMMENT && before.is_none_or(char::is_whitespace) {
            return line[..at].trim();
        }
        before = Some(character);
    }
    line.trim()
}

#[cfg(test)]
mod tests {
    use super::{flag, value, with_flag};

    #[test]
    fn reads_values_and_leaves_comments_out() {
        let text = "\u{feff}# a = 0\r\na = 1 # one\r\nb=c#d\r\na = 2\r\n";
        assert_eq!(value(text, "a"), Some("1"));
        assert_eq!(value(text, "b"), Some("c#d"));
        assert_eq!(value(text, "A"), None);
    }

    #[test]
    fn a_flag_is_a_word_on_a_line_of_its_own() {
        assert!(flag("x = 1\n  maintenance  # since May\n", "maintenance"));
        assert!(!flag("# maintenance\nmaintenance = 1\nmaintenance mode\n", "maintenance"));
    }

    #[test]
    fn setting_and_unsetting_keeps_every_other_byte() {
        let cases = [
            ("\u{feff}a=1\r\n#flag\r\nb=2", "\u{feff}a=1\r\nflag\r\nb=2"),
            ("a=1\n", "a=1\nflag\n"),
            ("a=1\r\nb=2", "a=1\r\nb=2\r\nflag\r\n"),
            ("", "flag\n"),
            ("\u{feff}", "\u{feff}flag\n"),
            ("  ## flag \n# flag here\n", "  flag \n# flag here\n"),
            ("flag\n", "flag\n"),
        ];
        for (before, after) in cases {
            assert_eq!(with_flag(before, "flag", true), after, "{before:?}");
            assert!(flag(&with_flag(before, "flag", true), "flag"));
        }
        assert_eq!(with_flag("\u{feff}flag\r\n flag # x\r\n", "flag", false), "\u{feff}#flag\r\n# flag # x\r\n");
        let there_and_back = with_flag(&with_flag("a\r\nflag\r\n", "flag", false), "flag", true);
        assert_eq!(there_and_back, "a\r\nflag\r\n");
    }
}
