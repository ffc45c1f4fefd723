//! Where a command reads from and writes to. Nothing else in this crate touches the terminal.

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

/// How fast a story is told on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Slow enough to watch.
    Watchable,
    /// As fast as it runs.
    Unpaced,
}
