//! Messages for people: short, without secrets, with the end of the output rather than its beginning.

/// A message has so many characters at most (the API's own limit).
pub const MESSAGE_CHARS_MAX: usize = 1024;
/// So many lines of output are quoted.
const OUTPUT_LINES_MAX: usize = 10;
/// What stands before the output has so many characters at most, so that some output always fits.
const REASON_CHARS_MAX: usize = 640;
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

/// The line, unless it speaks of a secret.
pub(super) fn harmless(line: &str) -> &str {
    let lower = line.to_lowercase();
    if SECRET_WORDS.iter().any(|word| lower.contains(word)) { "(a line is left out)" } else { line }
}
