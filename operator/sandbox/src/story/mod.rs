//! The story of a run: one event per thing that an administrator would want to read, drawn from the objects of the API,
//! from what people say, and from what really happened in the world.
//!
//! - [`StoryEvent`]: one event; its `Display` is the canonical line. [`Standing`]: how the site stood then, for a live view.
//! - [`Follower`]: the same story of a site of any cluster, as far as its objects tell it.
//! - `teller`: draws the story of one site; `tellers`: of all sites of a world, in one.
//! - `change`: from the record of a change; `objects`: from all other objects; `world`: from the ghost history.

mod change;
mod follower;
mod objects;
mod teller;
mod tellers;
mod world;

use std::fmt;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

pub use follower::Follower;
pub(crate) use tellers::Tellers;

/// One event of the story.
#[derive(Clone, Debug, PartialEq)]
pub struct StoryEvent {
    /// When, in simulated time.
    pub at: Timestamp,
    /// Name of the site.
    pub site: String,
    /// Node concerned.
    pub node: Option<String>,
    /// Kind of the step concerned, without its node.
    pub step: Option<String>,
    /// What happened, in a word or two.
    pub what: What,
    /// Why, or what was seen.
    pub why: String,
    /// How the site stands after it.
    pub standing: Arc<Standing>,
    /// First event of a day: the line of the date, in the site's own time.
    pub date_line: Option<String>,
    /// How a line is laid out.
    pub(crate) layout: Arc<Layout>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The sandbox begins: what it knows.
    Begins,
    /// A running site was adopted.
    Adopted,
    /// A condition of the site changed.
    Condition,
    /// A person edited the site.
    Edited,
    /// A plan was pinned.
    Planned,
    /// A step was started.
    Started,
    /// The evidence of a step was seen.
    Verified,
    /// A step is tried again.
    TriedAgain,
    /// A step ended without its evidence.
    Failed,
    /// A step is being taken back.
    TakingBack,
    /// A step was taken back.
    TakenBack,
    /// A wait begins.
    Waits,
    /// A wait is over.
    GoesOn,
    /// A person said something.
    Said,
    /// The change as a whole is taken back.
    BacksOut,
    /// Nothing goes on until a person acts.
    Halted,
    /// What was halted goes on.
    Resumed,
    /// The goal is proven.
    Succeeded,
    /// Everything is as it was before.
    BackedOut,
    /// Another change takes the place of this one.
    Superseded,
    /// People were told something.
    Told,
    /// An agent refused an order.
    Refused,
    /// A program of the vendor began.
    Runs,
    /// A program of the vendor is over.
    Ended,
    /// The schema began to change, or is whole again.
    Schema,
    /// A backup was begun, taken, or not.
    Backup,
    /// A user cannot work.
    UserOut,
    /// A user works again.
    UserBack,
    /// An agent or controller is gone.
    Lost,
    /// An agent or controller is there again.
    Back,
    /// Windows restarts.
    Restart,
    /// A fault struck.
    Fault,
    /// A person did something at a machine.
    ByHand,
    /// Something that must never happen.
    Wrong,
}

impl What {
    /// As it stands in a line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Begins => "begins",
            Self::Adopted => "adopted",
            Self::Condition => "condition",
            Self::Edited => "edited",
            Self::Planned => "planned",
            Self::Started => "started",
            Self::Verified => "verified",
            Self::TriedAgain => "again",
            Self::Failed => "failed",
            Self::TakingBack => "taking back",
            Self::TakenBack => "taken back",
            Self::Waits => "waits",
            Self::GoesOn => "goes on",
            Self::Said => "said",
            Self::BacksOut => "backs out",
            Self::Halted => "halted",
            Self::Resumed => "resumed",
            Self::Succeeded => "succeeded",
            Self::BackedOut => "backed out",
            Self::Superseded => "superseded",
            Self::Told => "told",
            Self::Refused => "refused",
            Self::Runs => "runs",
            Self::Ended => "ended",
            Self::Schema => "schema",
            Self::Backup => "backup",
            Self::UserOut => "user out",
            Self::UserBack => "user back",
            Self::Lost => "lost",
            Self::Back => "back",
            Self::Restart => "restart",
            Self::Fault => "fault",
            Self::ByHand => "by hand",
            Self::Wrong => "WRONG",
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How the site stands, for a live view.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// Name of the change that is open, or was the last.
    pub change: Option<String>,
    /// From which release to which.
    pub hop: Option<(String, String)>,
    /// Phase of the change, as its record says.
    pub phase: String,
    /// The step it stands at.
    pub step: Option<StepStanding>,
    /// What is waited for.
    pub waiting: Option<WaitStanding>,
    /// Number of verified steps.
    pub verified: usize,
    /// Number of steps.
    pub steps: usize,
    /// How long at least one user could not work, up to this event.
    pub downtime: SignedDuration,
    /// Whether somebody cannot work at this moment.
    pub users_out: bool,
}

/// The step that a change stands at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepStanding {
    /// Its place, from 1.
    pub number: usize,
    /// Its id.
    pub id: String,
    /// What it does.
    pub title: String,
    /// Who does it: `agent`, `person` or `controller`.
    pub by: &'static str,
    /// Node concerned.
    pub node: Option<String>,
    /// Why it stands where it stands.
    pub why: String,
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitStanding {
    /// What for, in a word.
    pub reason: String,
    /// What for, in a sentence.
    pub message: String,
    /// Who or what can end it.
    pub ended_by: String,
}

/// How lines are laid out: the same for every line of a story.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layout {
    pub(crate) zone: TimeZone,
    pub(crate) zone_name: String,
    pub(crate) site_width: usize,
    pub(crate) node_width: usize,
}

/// Longest kind of a step.
const STEP_WIDTH: usize = 18;
/// Longest word for what happened.
const WHAT_WIDTH: usize = 11;

impl fmt::Display for StoryEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(date) = &self.date_line {
            writeln!(f, "{date}")?;
        }
        let Layout { zone, site_width, node_width, .. } = &*self.layout;
        let time = self.at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string();
        let node = self.node.as_deref().unwrap_or("-");
        let step = self.step.as_deref().unwrap_or("-");
        let why = self.why.trim_end();
        write!(
            f,
            "{time}  {:site_width$}  {node:node_width$}  {step:STEP_WIDTH$}  {:WHAT_WIDTH$}  {why}",
            self.site, self.what
        )
    }
}

impl StoryEvent {
    /// The local time of the event in the site's own time zone, as `HH:MM:SS`.
    #[must_use]
    pub fn local_time(&self) -> String {
        self.at.to_zoned(self.layout.zone.clone()).strftime("%H:%M:%S").to_string()
    }
}

/// A text in one line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A duration as people read it: `1 h 35 min`, `40 s`.
#[must_use]
pub fn duration_text(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes} min"),
        (_, 0) => format!("{hours} h"),
        (_, _) => format!("{hours} h {minutes} min"),
    }
}
