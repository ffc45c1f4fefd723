//! What a run came to: the sandbox's own report, fitted to the screen.

use std::io::{self, Write};

use crm_sandbox::report::{Outcome, RunReport};

use crate::paint::{Paint, Tone, width};
use crate::streams::Screen;

/// Where values begin in a report; what does not fit on a line goes on below them.
const INDENT: usize = 12;

/// Prints the report.
///
/// # Errors
/// When the output ends.
pub fn print(report: &RunReport, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    let (paint, columns) = match screen {
        Screen::Pipe => (Paint::plain(), usize::MAX),
        Screen::Terminal { columns, colours, .. } => (Paint::new(colours), usize::from(columns).max(2 * INDENT)),
    };
    let tone = match report.outcome {
        Outcome::Reached => Tone::Good,
        Outcome::BackedOut(_) | Outcome::Refused(_) | Outcome::Waiting { .. } | Outcome::Gone => Tone::Warn,
        Outcome::Halted { .. } | Outcome::TimedOut | Outcome::Violated(_) => Tone::Bad,
    };
    writeln!(out)?;
    for (number, line) in report.to_string().lines().enumerate() {
        for line in folded(line, columns) {
            let is_head = number == 0;
            let line = if is_head { paint.bold(&paint.tone(tone, &line)) } else { with_dim_label(&line, paint) };
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

/// The head of a table and the names before values step back behind what they name.
fn with_dim_label(line: &str, paint: Paint) -> String {
    let is_table_head = !line.is_empty() && line.chars().all(|character| character.is_uppercase() || character == ' ');
    if is_table_head {
        return paint.dim(line);
    }
    match line.split_once("  ") {
        Some((label, rest)) if label.starts_with(|first: char| first.is_lowercase()) || label == "API writes" => {
            format!("{}  {rest}", paint.dim(label))
        }
        _ => line.to_owned(),
    }
}

/// A line broken at spaces; its further lines stand under its value.
fn folded(line: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = line.to_owned();
    while width(&rest) > columns {
        let place = rest
            .char_indices()
            .take(columns)
            .filter(|(place, character)| *character == ' ' && *place > INDENT)
            .map(|(place, _)| place)
            .last();
        let place = place.or_else(|| rest.char_indices().nth(columns).map(|(place, _)| place)).unwrap_or(rest.len());
        let tail = rest.split_off(place);
        lines.push(rest.trim_end().to_owned());
        rest = format!("{:INDENT$}{}", "", tail.trim_start());
    }
    lines.push(rest);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_folded_under_their_value_and_lose_nothing() {
        let line = "findings    one two three four five six seven eight nine ten eleven";
        let lines = folded(line, 30);
        assert!(lines.iter().all(|line| width(line) <= 30), "{lines:?}");
        assert!(lines[1].starts_with("            "), "{lines:?}");
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&lines.join(" ")), words(line));
        assert_eq!(folded(&"x".repeat(100), 30).iter().map(|line| line.trim().len()).sum::<usize>(), 100);
    }
}
