//! One line of the log per thing that is over or that a person should hear of. The story has more events; the log of the
//! live view leaves out what the block shows while it lasts.

use std::collections::BTreeMap;

use crm_sandbox::story::{StoryEvent, What};

use crate::cluster::show::folded;
use crate::paint::{Paint, Tone, cut, width};

/// From this width on, the log is laid out as a table.
const TABLE_COLUMNS_MIN: usize = 120;
/// Width of the text in that table.
const TEXT_COLUMNS: usize = 58;

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    time: String,
    tone: Tone,
    mark: &'static str,
    /// `15/27`, for steps.
    place: String,
    node: String,
    text: String,
    detail: String,
}

/// Numbers and titles of the steps that were told of so far, by id.
#[derive(Clone, Debug, Default)]
pub struct Steps {
    known: BTreeMap<String, (usize, String)>,
    last: usize,
}

impl Steps {
    /// Learns from an event. A step at which the change stands says its number; one that begins and ends in one round
    /// never does, but steps begin in their order, and the reason of its beginning opens with its title.
    pub fn learn(&mut self, event: &StoryEvent) {
        if let Some(step) = &event.standing.step {
            self.known.insert(step.id.clone(), (step.number, step.title.clone()));
        }
        if event.what == What::Planned {
            *self = Self::default();
        }
        let (What::Started, Some(id)) = (event.what, id_of(event)) else { return };
        let title = event.why.split("; ").next().unwrap_or_default();
        let title = title.split(" [").next().unwrap_or_default().to_owned();
        let next = self.last + 1;
        self.last = self.known.entry(id).or_insert((next, title)).0;
    }

    fn of(&self, event: &StoryEvent) -> Option<&(usize, String)> {
        self.known.get(&id_of(event)?)
    }
}

/// The id of the step that an event is about.
fn id_of(event: &StoryEvent) -> Option<String> {
    let step = event.step.as_ref()?;
    Some(event.node.as_ref().map_or_else(|| step.clone(), |node| format!("{step}@{node}")))
}

/// The line for an event, if it is worth one.
#[must_use]
pub fn entry(event: &StoryEvent, steps: &Steps) -> Option<Entry> {
    let (tone, mark) = mark(event.what)?;
    let step = steps.of(event);
    let place = step.map(|(number, _)| format!("{number}/{}", event.standing.steps)).unwrap_or_default();
    let title = step.map(|(_, title)| title.clone()).or_else(|| event.step.clone());
    let (text, detail) = match (event.what, title) {
        (What::Verified, Some(title)) => (title, event.why.clone()),
        (What::Said, Some(title)) => (event.why.clone(), title),
        (what, Some(title)) => (format!("{}: {title}", what.as_str()), event.why.clone()),
        (What::UserOut | What::UserBack | What::ByHand | What::Said | What::Begins, None) => {
            (event.why.clone(), String::new())
        }
        (what, None) => (what.as_str().to_owned(), event.why.clone()),
    };
    let node = event.node.clone().unwrap_or_default();
    Some(Entry { time: event.local_time(), tone, mark, place, node, text, detail })
}

/// Sign and colour of an event; none for those that the log leaves out.
fn mark(what: What) -> Option<(Tone, &'static str)> {
    Some(match what {
        What::Verified | What::Succeeded | What::Adopted => (Tone::Good, "✓"),
        What::TakenBack | What::BackedOut => (Tone::Warn, "↩"),
        What::Failed | What::Halted | What::Refused | What::Wrong => (Tone::Bad, "✗"),
        What::TriedAgain
        | What::BacksOut
        | What::Superseded
        | What::Lost
        | What::Restart
        | What::Fault
        | What::UserOut => (Tone::Warn, "!"),
        What::Said | What::ByHand | What::Edited => (Tone::Person, "»"),
        What::Begins
        | What::Planned
        | What::Waits
        | What::Resumed
        | What::Told
        | What::Schema
        | What::UserBack
        | What::Back => (Tone::Neutral, "·"),
        What::Condition | What::Started | What::TakingBack | What::GoesOn | What::Runs | What::Ended | What::Backup => {
            return None;
        }
    })
}

impl Entry {
    /// The same, with the name of the site before what happened.
    #[must_use]
    pub fn at_site(mut self, site: &str) -> Self {
        self.text = format!("{site}: {}", self.text);
        self
    }

    /// The whole line.
    #[must_use]
    pub fn line(&self, paint: Paint) -> String {
        let Self { time, tone, mark, place, node, text, detail } = self;
        let node = if node.is_empty() { String::new() } else { format!("  {node}") };
        let detail = if detail.is_empty() { String::new() } else { format!("  {detail}") };
        let head = format!("{} {place:>5}", paint.tone(*tone, mark));
        format!("{time}  {head}  {text}{}{}", paint.dim(&node), paint.dim(&detail))
    }

    /// The lines for a screen. Where there is room, what was seen stands in a column of its own. What a person has to
    /// read is folded, everything else is cut.
    #[must_use]
    pub fn short(&self, columns: usize, paint: Paint) -> String {
        let Self { time, tone, mark, place, node, text, detail } = self;
        let lead = format!("{time} ");
        let place = format!(" {place:>5}  ");
        let indent = width(&lead) + width(mark) + width(&place);
        let room = columns.saturating_sub(indent);
        let must_be_read = matches!(tone, Tone::Bad | Tone::Warn | Tone::Person)
            || text.starts_with("waits")
            || text.contains(": waits");
        // Evidence mostly begins with the node that it is from.
        let node = if detail.starts_with(node.as_str()) { "" } else { node };
        let rest: Vec<&str> = [node, detail].into_iter().filter(|part| !part.is_empty()).collect();
        let rest = rest.join("  ");
        let coloured = |text: String| if *tone == Tone::Neutral { text } else { paint.bold(&text) };
        let head = format!("{}{}{}", paint.dim(&lead), paint.tone(*tone, mark), paint.dim(&place));
        if must_be_read && width(text) + 2 + width(&rest) > room && room > 20 {
            let mut lines: Vec<String> = folded(text, room).into_iter().map(&coloured).collect();
            if !rest.is_empty() {
                lines.extend(folded(&rest, room).iter().map(|line| paint.dim(&cut(line, room))));
            }
            return format!("{head}{}", lines.join(&format!("\n{:indent$}", "")));
        }
        let is_table = columns >= TABLE_COLUMNS_MIN && !rest.is_empty();
        let text = cut(text, if is_table { TEXT_COLUMNS } else { room });
        let gap = if is_table { TEXT_COLUMNS.saturating_sub(width(&text)) } else { 0 };
        let rest = if rest.is_empty() { rest } else { format!("{}  {rest}", " ".repeat(gap)) };
        let rest = cut(&rest, room.saturating_sub(width(&text)));
        format!("{head}{}{}", coloured(text), paint.dim(&rest))
    }
}
