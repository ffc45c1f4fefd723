//! How far a sweep is: one line that is drawn again in place on a terminal, nothing anywhere else.

use std::io::{self, Write};
use std::sync::mpsc::Receiver;

use crate::paint::{Paint, Tone, cut};
use crate::streams::Screen;

/// Widest bar.
const BAR_MAX: usize = 40;
/// Columns for the words beside the bar.
const WORDS: usize = 32;

/// The line.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    screen: Screen,
}

impl Progress {
    /// The line for a screen.
    #[must_use]
    pub fn new(screen: Screen) -> Self {
        Self { screen }
    }

    /// Draws what is heard (how many are done, of how many) until nothing more comes, and takes the line away.
    ///
    /// # Errors
    /// With the first write that failed. Everything is heard all the same: whoever tells does not wait.
    pub fn draw(self, heard: &Receiver<(usize, usize)>, out: &mut dyn Write) -> io::Result<()> {
        let Screen::Terminal { columns, colours, .. } = self.screen else {
            heard.iter().for_each(drop);
            return Ok(());
        };
        let (columns, paint) = (usize::from(columns), Paint::new(colours));
        let mut drawn = Ok(());
        // Runs end in any order: the number of those that are done only grows here.
        let (mut most, mut shown) = (0, None);
        for (done, all) in heard {
            most = done.max(most);
            let percent = most * 100 / all.max(1);
            if drawn.is_ok() && shown != Some(percent) {
                shown = Some(percent);
                drawn = write!(out, "\r\x1b[2K{}", line(most, all, columns, paint)).and_then(|()| out.flush());
            }
        }
        drawn?;
        write!(out, "\r\x1b[2K")?;
        out.flush()
    }
}

fn line(done: usize, all: usize, columns: usize, paint: Paint) -> String {
    let words = cut(&format!(" {done} of {all} runs, one kill each "), columns.saturating_sub(1));
    let bar = columns.saturating_sub(WORDS + 8).min(BAR_MAX);
    let full = bar * done / all.max(1);
    let (front, back) = ("█".repeat(full), "░".repeat(bar.saturating_sub(full)));
    format!("{}{}{words}", paint.tone(Tone::Good, &front), paint.dim(&back))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::paint::width;
    use crate::streams::Pace;

    #[test]
    fn the_line_fits_and_is_gone_in_the_end() {
        for columns in [20, 80, 200] {
            assert!(width(&line(7, 1000, columns.into(), Paint::plain())) < columns.into(), "{columns}");
            let (told, heard) = mpsc::channel();
            for done in [1, 3, 2] {
                told.send((done, 3)).unwrap();
            }
            drop(told);
            let mut out = Vec::new();
            let screen = Screen::Terminal { columns, rows: 24, colours: false, pace: Pace::Unpaced };
            Progress::new(screen).draw(&heard, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            assert!(text.contains("3 of 3") && text.ends_with("\r\x1b[2K"), "{text:?}");
        }
    }

    #[test]
    fn in_a_pipe_nothing_is_drawn() {
        let (told, heard) = mpsc::channel();
        told.send((1, 1)).unwrap();
        drop(told);
        let mut out = Vec::new();
        Progress::new(Screen::Pipe).draw(&heard, &mut out).unwrap();
        assert!(out.is_empty());
    }
}
