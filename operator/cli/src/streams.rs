//! Where a command reads from and writes to. Nothing else in this crate touches the terminal.

use std::ffi::OsString;
use std::io::{Read, Write};

/// Input and outputs of one run.
pub struct Streams<'a> {
    /// Read for `-f -`.
    pub input: &'a mut dyn Read,
    /// What was asked for.
    pub out: &'a mut dyn Write,
    /// Notes and errors.
    pub err: &'a mut dyn Write,
    /// What `out` is.
    pub screen: Screen,
    /// Whether somebody sits at `input` who can be asked.
    pub attended: bool,
}

/// What the output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// A file or another program: plain lines, no colour, no waiting.
    Pipe,
    /// A terminal that can move its cursor.
    Terminal {
        /// Width in characters.
        columns: u16,
        /// Height in lines.
        rows: u16,
        /// Whether it shows colours, and its user wants them.
        colours: bool,
        /// How fast a story is told.
        pace: Pace,
    },
}

/// What a process finds around it.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Whether standard output is a terminal.
    pub is_terminal: bool,
    /// Whether that terminal cannot move its cursor.
    pub is_dumb: bool,
    /// Whether it shows colours.
    pub has_colours: bool,
    /// The variable `NO_COLOR`, if it is set (no-color.org): any value but an empty one means no colours.
    pub no_color: Option<OsString>,
    /// Width in characters.
    pub columns: u16,
    /// Height in lines.
    pub rows: u16,
}

impl Screen {
    /// What the output is. A terminal that cannot move its cursor gets plain lines, as a pipe does; no variable brings
    /// colours into a pipe.
    #[must_use]
    pub fn of(around: &Surroundings) -> Self {
        let Surroundings { is_terminal, is_dumb, has_colours, no_color, columns, rows } = around;
        if !is_terminal || *is_dumb {
            return Self::Pipe;
        }
        let plain = no_color.as_ref().is_some_and(|value| !value.is_empty());
        let (columns, rows) = (*columns, *rows);
        Self::Terminal { columns, rows, colours: *has_colours && !plain, pace: Pace::Watchable }
    }
}

/// How fast a story is told on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Slow enough to watch.
    Watchable,
    /// As fast as it runs.
    Unpaced,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colours(no_color: Option<&str>) -> Screen {
        Screen::of(&Surroundings {
            is_terminal: true,
            is_dumb: false,
            has_colours: true,
            no_color: no_color.map(OsString::from),
            columns: 80,
            rows: 24,
        })
    }

    #[test]
    fn no_color_takes_colours_away_unless_it_is_empty() {
        assert!(matches!(colours(None), Screen::Terminal { colours: true, .. }));
        assert!(matches!(colours(Some("")), Screen::Terminal { colours: true, .. }));
        for value in ["1", "0", "false", "yes"] {
            assert!(matches!(colours(Some(value)), Screen::Terminal { colours: false, columns: 80, .. }), "{value}");
        }
    }

    #[test]
    fn pipes_and_dumb_terminals_get_plain_lines_whatever_the_terminal_could_show() {
        for (is_terminal, is_dumb) in [(false, false), (false, true), (true, true)] {
            let around =
                Surroundings { is_terminal, is_dumb, has_colours: true, no_color: None, columns: 80, rows: 24 };
            assert_eq!(Screen::of(&around), Screen::Pipe);
        }
    }
}
