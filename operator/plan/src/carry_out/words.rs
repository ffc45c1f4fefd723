//! Messages for people: short, without secrets, with the end of the output rather than its beginning.

/// A message has so many characters at most (the API's own limit).
pub const MESSAGE_CHARS_MAX: usize = 1024;
/// So many lines of output are quoted.
const OUTPUT_LINES_MAX: usize = 10;
/// What stands before the output has so many characters at most, so that some output always fits.
const REASON_CHARS_MAX: usize = 640;
/// So many addresses are repeated, none of them longer than this.
const ADDRESSES_MAX: usize = 5;
const ADDRESS_BYTES_MAX: usize = 200;
/// Lines with one of these words are not quoted.
const SECRET_WORDS: [&str; 5] = ["password", "passwd", "pwd", "secret", "token"];

/// A message in the making: parts, then the end of the output.
#[derive(Clone, Debug, Default)]
pub(super) struct Message {
    parts: Vec<String>,
    output: String,
}

impl Message {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn part(mut self, text: &str) -> Self {
        if !text.is_empty() {
            self.parts.push(text.to_owned());
        }
        self
    }

    pub(super) fn output(mut self, output: &str) -> Self {
        let lines: Vec<&str> =
            output.lines().map(str::trim_end).filter(|line| !line.trim().is_empty()).map(harmless).collect();
        let from = lines.len().saturating_sub(OUTPUT_LINES_MAX);
        self.output = lines[from..].join("\n");
        self
    }

    pub(super) fn text(self) -> String {
        let reason = self.parts.join("; ");
        if self.output.is_empty() {
            return clip(&reason);
        }
        let reason = clip_to(&reason, REASON_CHARS_MAX);
        let head = if reason.is_empty() { "output ends:\n".to_owned() } else { format!("{reason}; output ends:\n") };
        let room = MESSAGE_CHARS_MAX.saturating_sub(head.chars().count());
        let surplus = self.output.chars().count().saturating_sub(room);
        head + &self.output.chars().skip(surplus).collect::<String>()
    }
}

/// The text, or its beginning with a mark that something is left out.
#[must_use]
pub fn clip(text: &str) -> String {
    clip_to(text, MESSAGE_CHARS_MAX)
}

pub(super) fn clip_to(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    text.chars().take(chars_max.saturating_sub(3)).collect::<String>() + "..."
}

/// Web addresses in an output, in their order, each once and at most five: where a program says what it lacks, it says
/// where to get it. Lines that speak of a secret are not read.
#[must_use]
pub fn addresses(output: &str) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    let ends = |end: char| end.is_whitespace() || end.is_control() || "\"'<>()[]".contains(end);
    for word in output.lines().map(harmless).flat_map(|line| line.split(ends)) {
        let start = word.to_ascii_lowercase().find("http://").or_else(|| word.to_ascii_lowercase().find("https://"));
        let Some(address) = start.and_then(|start| word.get(start..)) else { continue };
        let address = address.trim_end_matches(|end: char| !end.is_ascii_alphanumeric() && end != '/');
        let has_host = address.split_once("://").is_some_and(|(_, rest)| !rest.is_empty());
        if has_host && address.len() <= ADDRESS_BYTES_MAX && !found.contains(&address) {
            found.push(address);
        }
    }
    found.truncate(ADDRESSES_MAX);
    found
}

/// The line, unless it speaks of a secret.
pub(super) fn harmless(line: &str) -> &str {
    let lower = line.to_lowercase();
    if SECRET_WORDS.iter().any(|word| lower.contains(word)) { "(a line is left out)" } else { line }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::addresses;

    #[test]
    fn addresses_stand_without_the_marks_around_them_and_each_once() {
        let output = "Install the update (http://support.microsoft.com/kb/980363).\r\n\
                      See https://docs.example/a?b=c, or <HTTP://support.microsoft.com/kb/980363>; again http://support.microsoft.com/kb/980363\r\n\
                      token https://hidden.example/t\r\nhttps:// http://\r\n";
        assert_eq!(
            addresses(output),
            [
                "http://support.microsoft.com/kb/980363",
                "https://docs.example/a?b=c",
                "HTTP://support.microsoft.com/kb/980363"
            ]
        );
        assert_eq!(addresses(&"http://a.example/1 http://a.example/2 ".repeat(9)).len(), 2);
        let many: String = (0..9).map(|number| format!("http://a.example/{number} ")).collect();
        assert_eq!(addresses(&many).len(), 5);
        assert_eq!(
            addresses("http://a.example/1\u{b}and\u{a0}more"),
            ["http://a.example/1"],
            "any white space ends one"
        );
    }

    proptest! {
        #[test]
        fn any_output_has_addresses_that_stand_in_it(output in any::<String>()) {
            prop_assert!(addresses(&output).into_iter().all(|address| output.contains(address)));
        }
    }
}
