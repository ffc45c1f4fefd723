//! Colours, where they are wanted; and text cut to a width before it is coloured, so that no line breaks.

use console::Style;

/// Colours, or none.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    colours: bool,
}

/// What a colour means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Proven.
    Good,
    /// Wrong.
    Bad,
    /// A person should look.
    Warn,
    /// A person speaks or acts.
    Person,
    /// Everything else.
    Neutral,
}

impl Paint {
    /// Colours if they are wanted.
    #[must_use]
    pub fn new(colours: bool) -> Self {
        Self { colours }
    }

    /// No colours.
    #[must_use]
    pub fn plain() -> Self {
        Self { colours: false }
    }

    /// In the colour of a meaning.
    #[must_use]
    pub fn tone(self, tone: Tone, text: &str) -> String {
        match tone {
            Tone::Good => self.apply(&Style::new().green(), text),
            Tone::Bad => self.apply(&Style::new().red().bold(), text),
            Tone::Warn => self.apply(&Style::new().yellow(), text),
            Tone::Person => self.apply(&Style::new().cyan(), text),
            Tone::Neutral => text.to_owned(),
        }
    }

    /// Important.
    #[must_use]
    pub fn bold(self, text: &str) -> String {
        self.apply(&Style::new().bold(), text)
    }

    /// Less important.
    #[must_use]
    pub fn dim(self, text: &str) -> String {
        self.apply(&Style::new().dim(), text)
    }

    fn apply(self, style: &Style, text: &str) -> String {
        if text.is_empty() { String::new() } else { style.apply_to(text).force_styling(self.colours).to_string() }
    }
}

/// A text of at most so many columns; what is cut off ends in an ellipsis.
#[must_use]
pub fn cut(text: &str, columns: usize) -> String {
    let text: String = text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    if width(&text) <= columns {
        return text;
    }
    let mut short = String::new();
    let mut room = columns.saturating_sub(1);
    for character in text.chars() {
        let needed = width_of(character);
        if needed > room {
            break;
        }
        room -= needed;
        short.push(character);
    }
    if columns > 0 {
        short.push('…');
    }
    short
}

/// Columns that a text takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.chars().map(width_of).sum()
}

/// East Asian wide characters and pictures take two columns; all others are taken for one, which can at worst leave a
/// line a little shorter.
fn width_of(character: char) -> usize {
    match u32::from(character) {
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f => 2,
        0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_fits_and_says_that_it_was_cut() {
        assert_eq!(cut("upgrade", 7), "upgrade");
        assert_eq!(cut("upgrade", 5), "upgr…");
        assert_eq!(cut("設定設定", 5), "設定…");
        assert_eq!(cut("a\x1b[31mb", 20), "a [31mb");
        assert_eq!(cut("upgrade", 0), "");
    }

    #[test]
    fn without_colours_nothing_is_added() {
        assert_eq!(Paint::plain().tone(Tone::Bad, "x"), "x");
        assert!(Paint::new(true).tone(Tone::Bad, "x").contains("\x1b["));
    }
}
