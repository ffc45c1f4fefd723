//! The view of a story while it happens. On a terminal: a log of what is over, and below it a block that is drawn again
//! in place; slowed down so that one can follow. Anywhere else: the same log as plain lines, at once.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use crm_sandbox::story::{Standing, StoryEvent};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::block::{BLOCK_LINES, Moment, block};
use crate::cluster::show::folded;
use crate::log_line::{Entry, Steps, entry};
use crate::paint::{Paint, Tone, cut};
use crate::streams::{Pace, Screen};

/// Real milliseconds per square root of a simulated second: minutes pass quickly, hours not for ever.
const MILLISECONDS_PER_ROOT: f64 = 15.0;
/// No single pause lasts longer.
const PAUSE_MAX: Duration = Duration::from_millis(900);
/// Once a story has taken so long, it is told three times as fast: faults make stories longer, not duller.
const PATIENCE: Duration = Duration::from_secs(12);
/// How often the clock in the block moves during a pause.
const FRAME: Duration = Duration::from_millis(50);
/// Lines that a terminal must have beside the block.
const LOG_LINES_MIN: u16 = 3;
/// Where a note begins: under what the lines of the log say.
const NOTE_INDENT: usize = 10;
/// Narrower terminals get plain lines.
const COLUMNS_MIN: u16 = 40;

/// What the view knows before the story begins.
#[derive(Clone, Debug)]
pub struct Title {
    /// Name of the site.
    pub site: String,
    /// Its product.
    pub product: String,
    /// Its own time zone.
    pub zone: TimeZone,
    /// Whether the story is about other sites as well: then every line names its site, and the block shows the site at
    /// which something happened last.
    pub is_one_of_several: bool,
}

/// The view.
pub struct Live<'a> {
    out: &'a mut dyn Write,
    title: Title,
    style: Style,
    /// By the name of the site.
    steps: BTreeMap<String, Steps>,
    last: Option<(Timestamp, Arc<Standing>)>,
    /// Real time spent on pauses.
    paused: Duration,
    /// Whether the block stands on the screen.
    drawn: bool,
    broken: Option<io::Error>,
}

#[derive(Clone, Copy)]
enum Style {
    Lines { paint: Paint },
    Block { paint: Paint, columns: usize, pace: Pace },
}

impl<'a> Live<'a> {
    /// A view of a story that is about to begin.
    pub fn new(out: &'a mut dyn Write, screen: Screen, title: Title) -> Self {
        let style = match screen {
            Screen::Pipe => Style::Lines { paint: Paint::plain() },
            Screen::Terminal { columns, rows, colours, pace } => {
                let paint = Paint::new(colours);
                let room = usize::from(rows.saturating_sub(LOG_LINES_MIN)) >= BLOCK_LINES;
                if room && columns >= COLUMNS_MIN {
                    Style::Block { paint, columns: usize::from(columns), pace }
                } else {
                    Style::Lines { paint }
                }
            }
        };
        let steps = BTreeMap::new();
        Self { out, title, style, steps, last: None, paused: Duration::ZERO, drawn: false, broken: None }
    }

    /// Shows one event. What cannot be written is reported by [`Live::finish`]: the story runs to its end all the same.
    pub fn show(&mut self, event: &StoryEvent) {
        if self.broken.is_none()
            && let Err(error) = self.try_show(event)
        {
            self.broken = Some(error);
        }
    }

    /// Draws the block as it stands at a time, where nothing has happened.
    pub fn tick(&mut self, now: Timestamp, standing: &Arc<Standing>) {
        let Style::Block { paint, columns, .. } = self.style else { return };
        let moment = self.moment(now, standing);
        if self.broken.is_none()
            && let Err(error) = self.draw(None, None, moment, columns, paint)
        {
            self.broken = Some(error);
        }
    }

    /// Lets the clock of the block go on: no event, only time. Users who are out stay out.
    pub fn pass(&mut self, now: Timestamp) {
        let (Style::Block { paint, columns, .. }, Some((since, standing))) = (self.style, self.last.clone()) else {
            return;
        };
        let mut moment = self.moment(now, &standing);
        if standing.users_out {
            moment.downtime = moment.downtime.saturating_add(now.duration_since(since));
        }
        if self.broken.is_none()
            && let Err(error) = self.draw(None, None, moment, columns, paint)
        {
            self.broken = Some(error);
        }
    }

    /// Prints a text as it is, before the story begins.
    pub fn print(&mut self, text: &str) {
        if self.broken.is_none()
            && let Err(error) = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush())
        {
            self.broken = Some(error);
        }
    }

    /// Adds a line to the log that is no event of the story. The block comes back with the next event or tick.
    pub fn note(&mut self, text: &str) {
        let (paint, columns) = match self.style {
            Style::Lines { paint } => (paint, usize::MAX),
            Style::Block { paint, columns, .. } => (paint, columns),
        };
        let mut lines = self.erased();
        for line in folded(text, columns.saturating_sub(NOTE_INDENT)) {
            lines.push_str(&paint.tone(Tone::Person, &format!("{:NOTE_INDENT$}{line}", "")));
            lines.push('\n');
        }
        if self.broken.is_none()
            && let Err(error) = self.out.write_all(lines.as_bytes()).and_then(|()| self.out.flush())
        {
            self.broken = Some(error);
        }
    }

    /// Whether nothing can be shown any more.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// Takes the block away, for whatever is printed afterwards.
    ///
    /// # Errors
    /// With the first write that failed.
    pub fn finish(mut self) -> io::Result<()> {
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        let text = self.erased();
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    fn try_show(&mut self, event: &StoryEvent) -> io::Result<()> {
        let steps = self.steps.entry(event.site.clone()).or_default();
        steps.learn(event);
        let mut entry = entry(event, steps);
        if self.title.is_one_of_several {
            entry = entry.map(|entry| entry.at_site(&event.site));
        }
        match self.style {
            Style::Lines { paint } => {
                let mut text = String::new();
                if let Some(date) = &event.date_line {
                    text = format!("{date}\n");
                }
                if let Some(entry) = entry {
                    text.push_str(&entry.line(paint));
                    text.push('\n');
                }
                self.out.write_all(text.as_bytes())?;
                self.out.flush()
            }
            Style::Block { paint, columns, pace } => {
                self.pause(event, pace, columns, paint)?;
                self.title.site.clone_from(&event.site);
                self.last = Some((event.at, Arc::clone(&event.standing)));
                let moment = self.moment(event.at, &event.standing);
                self.draw(event.date_line.as_deref(), entry.as_ref(), moment, columns, paint)
            }
        }
    }

    /// Lets the time between two events pass, with the clock of the block running.
    fn pause(&mut self, event: &StoryEvent, pace: Pace, columns: usize, paint: Paint) -> io::Result<()> {
        let (Pace::Watchable, Some((since, standing))) = (pace, self.last.clone()) else { return Ok(()) };
        let passed = event.at.duration_since(since);
        let pause = pause_for(passed, self.paused);
        self.paused += pause;
        let frames = u32::try_from(pause.as_millis() / FRAME.as_millis()).unwrap_or(0);
        for frame in 1..=frames {
            std::thread::sleep(FRAME);
            let at = passed.as_millis() * i128::from(frame) / i128::from(frames);
            let at = SignedDuration::from_millis(i64::try_from(at).unwrap_or(0));
            let now = since.saturating_add(at).unwrap_or(event.at);
            let mut moment = self.moment(now, &standing);
            if standing.users_out {
                moment.downtime = moment.downtime.saturating_add(at);
            }
            self.draw(None, None, moment, columns, paint)?;
        }
        std::thread::sleep(pause.saturating_sub(FRAME * frames));
        Ok(())
    }

    fn moment(&self, now: Timestamp, standing: &Arc<Standing>) -> Moment {
        Moment {
            site: self.title.site.clone(),
            product: self.title.product.clone(),
            clock: now.to_zoned(self.title.zone.clone()).strftime("%a %-d %b %H:%M:%S").to_string(),
            downtime: standing.downtime,
            standing: Arc::clone(standing),
        }
    }

    /// One frame, written at once so that nothing flickers: the old block goes, new lines scroll, the new block comes.
    fn draw(
        &mut self,
        date: Option<&str>,
        entry: Option<&Entry>,
        moment: Moment,
        columns: usize,
        paint: Paint,
    ) -> io::Result<()> {
        let mut text = self.erased();
        for line in date
            .map(|date| paint.dim(&cut(date, columns)))
            .into_iter()
            .chain(entry.map(|entry| entry.short(columns, paint)))
        {
            text.push_str(&line);
            text.push('\n');
        }
        for line in block(&moment, columns, paint) {
            text.push_str(&line);
            text.push('\n');
        }
        self.drawn = true;
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// What takes the block off the screen: up to its first line, then clear everything below.
    fn erased(&mut self) -> String {
        if std::mem::take(&mut self.drawn) { format!("\r\x1b[{BLOCK_LINES}A\x1b[J") } else { String::new() }
    }
}

/// How long a pause is for so much simulated time.
fn pause_for(passed: SignedDuration, paused: Duration) -> Duration {
    let seconds = passed.as_secs_f64().max(0.0);
    let milliseconds = MILLISECONDS_PER_ROOT * seconds.sqrt();
    let pause = Duration::try_from_secs_f64(milliseconds / 1000.0).unwrap_or(PAUSE_MAX).min(PAUSE_MAX);
    if paused > PATIENCE { pause / 3 } else { pause }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_with_the_time_that_passes_and_have_an_end() {
        let pause = |seconds| pause_for(SignedDuration::from_secs(seconds), Duration::ZERO);
        assert_eq!(pause(0), Duration::ZERO);
        assert!(pause(60) < pause(600));
        assert_eq!(pause(1_000_000), PAUSE_MAX);
        assert!(pause_for(SignedDuration::from_secs(600), PATIENCE * 2) < pause(600));
    }
}
