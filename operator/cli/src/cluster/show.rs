//! Tables, labelled lines and documents on the output.

use std::io::Write;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::arguments::Format;
use crate::paint::{Paint, Tone, cut, width};
use crate::{Failure, Screen, Streams};

/// Columns of a label with the gap behind it.
const LABEL: usize = 11;
/// Columns in a pipe: nothing is cut there.
const UNBOUNDED: usize = usize::MAX;

/// Width of the output, and its colours.
#[must_use]
pub fn page(screen: Screen) -> (usize, Paint) {
    match screen {
        Screen::Pipe => (UNBOUNDED, Paint::plain()),
        Screen::Terminal { columns, colours, .. } => (usize::from(columns).max(40), Paint::new(colours)),
    }
}

/// Prints a document for a program.
///
/// # Errors
/// When the output ends.
pub fn document(format: Format, value: &impl Serialize, out: &mut dyn Write) -> Result<(), Failure> {
    let text = match format {
        Format::Yaml => serde_saphyr::to_string(value).map_err(std::io::Error::other)?,
        Format::Json | Format::Text => serde_json::to_string_pretty(value).map_err(std::io::Error::other)? + "\n",
    };
    out.write_all(text.as_bytes())?;
    Ok(())
}

/// A label and its text; on a terminal folded so that further lines stand under the first.
///
/// # Errors
/// When the output ends.
pub fn line(label: &str, text: &str, streams: &mut Streams<'_>) -> Result<(), Failure> {
    toned(Tone::Neutral, label, text, streams)
}

/// The same, with a label that has a colour.
///
/// # Errors
/// When the output ends.
pub fn toned(tone: Tone, label: &str, text: &str, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let (columns, paint) = page(streams.screen);
    for (number, part) in folded(text, columns.saturating_sub(LABEL)).iter().enumerate() {
        let label = if number == 0 { label } else { "" };
        let label = format!("{label:LABEL$}");
        let label = if tone == Tone::Neutral { paint.dim(&label) } else { paint.tone(tone, &label) };
        writeln!(streams.out, "{}", format!("{label}{part}").trim_end())?;
    }
    Ok(())
}

/// A text in lines of at most so many columns, broken at spaces where there are any.
#[must_use]
pub fn folded(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let pieces = text.split_whitespace().flat_map(|word| {
        // A path or a list without spaces may be wider than the screen.
        let letters: Vec<char> = word.chars().collect();
        let size = columns.max(1).min(letters.len().max(1));
        letters.chunks(size).map(|piece| piece.iter().collect::<String>()).collect::<Vec<String>>()
    });
    for word in pieces {
        let Some(last) = lines.last_mut() else { continue };
        if last.is_empty() {
            last.push_str(&word);
        } else if width(last) + 1 + width(&word) <= columns {
            last.push(' ');
            last.push_str(&word);
        } else {
            lines.push(word);
        }
    }
    lines
}

/// A table; its last column gets what is left of the screen.
///
/// # Errors
/// When the output ends.
pub fn table(heads: &[&str], rows: &[Vec<String>], streams: &mut Streams<'_>) -> Result<(), Failure> {
    let (columns, paint) = page(streams.screen);
    let mut widths: Vec<usize> = heads.iter().map(|head| width(head)).collect();
    for row in rows {
        for (place, cell) in row.iter().enumerate() {
            if let Some(most) = widths.get_mut(place) {
                *most = (*most).max(width(cell));
            }
        }
    }
    let laid_out = |cells: &[String]| {
        let mut text = String::new();
        for (place, cell) in cells.iter().enumerate() {
            let is_last = place + 1 == cells.len();
            let gap =
                if is_last { 0 } else { widths.get(place).map_or(0, |most| most.saturating_sub(width(cell)) + 3) };
            text.push_str(cell);
            text.push_str(&" ".repeat(gap));
        }
        cut(text.trim_end(), columns)
    };
    let heads: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
    writeln!(streams.out, "{}", paint.dim(&laid_out(&heads)))?;
    for row in rows {
        writeln!(streams.out, "{}", laid_out(row))?;
    }
    Ok(())
}

/// How long ago something was: `12 s`, `4 min`, `3 h`, `41 d`.
#[must_use]
pub fn ago(now: Timestamp, then: Timestamp) -> String {
    let seconds = now.duration_since(then).max(SignedDuration::ZERO).as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_one_unit() {
        let now: Timestamp = "2026-11-28T20:00:00Z".parse().unwrap();
        let before = |seconds| ago(now, now - SignedDuration::from_secs(seconds));
        assert_eq!([before(5), before(240), before(7300), before(864_000)], ["5 s", "4 min", "2 h", "10 d"]);
        assert_eq!(before(-5), "0 s", "a clock that is ahead tells nothing of the future");
    }

    #[test]
    fn folded_lines_lose_nothing() {
        let text = "one two three four five";
        assert_eq!(folded(text, 9), ["one two", "three", "four five"]);
        assert_eq!(folded("", 9), [""]);
        assert_eq!(folded("abcdef g", 4), ["abcd", "ef g"]);
    }
}
