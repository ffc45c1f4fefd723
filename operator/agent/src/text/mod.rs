//! Readers of text that other programs wrote. Pure: bytes or text in, values out; no file is opened here.
//!
//! Every reader is total: whatever it is given, it answers or says what is wrong and where. What is wrong is never
//! reported as absent, because nothing may be concluded from a file that could not be read.

pub mod config_file;
pub mod encoding;
pub mod iis;
pub mod ini;
pub mod json;
pub mod smtp;
pub mod words;
pub mod xml;

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct TextError {
    /// Line, counted from 1.
    pub line: usize,
    /// What stands there. Never the text itself: it may hold a secret.
    pub problem: String,
}

impl TextError {
    fn new(line: usize, problem: impl Into<String>) -> Self {
        Self { line, problem: problem.into() }
    }
}
