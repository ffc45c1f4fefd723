//! One line of the log per thing that is over or that a person should hear of. The story has more events; the log of the
//! live view leaves out what the block shows while it lasts.

use std::collections::BTreeMap;

use crm_sandbox::story::{StoryEvent, What};

use crate::paint::{Paint, Tone, cut, width};

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

/// The line for an event, if it is worth one.
#[must_use]
pub fn entry(event: &StoryEvent, steps: &BTreeMap<String, (usize, String)>) -> Option<Entry> {
    let (tone, mark) = mark(event.what)?;
    let id = match (&event.step, &event.node) {
        (Some(step), Some(node)) => Some(format!("{step}@{node}")),
        (Some(step), None) => Some(step.clone()),
        (None, _) => None,
    };
    let step = id.as_ref().and_then(|id| steps.get(id));
    let place = step.map(|(number, _)| format!("{number}/{}", event.standing.steps)).unwrap_or_default();
    let title = step.map(|(_, title)| title.clone()).or_else(|| event.step.clone());
    let (text, detail) = match (event.what, title) {
        (What::Verified, Some(title)) => (title, event.why.clone()),
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
        What::Condition
        | What::Started
        | What::TakingBack
        | What::GoesOn
        | What::Runs
        | What::Ended
        | What::Backup => return None,
    })
}

impl Entry {
    /// The whole line.
    #[must_use]
    pub fn line(&self, paint: Paint) -> String {
        let Self { time, tone, mark, place, node, text, detail } = self;
        let node = if node.is_empty() { String::new() } else { format!("  {node}") };
        let detail = if detail.is_empty() { String::new() } else { format!("  {detail}") };
        let head = format!("{} {place:>5}", paint.tone(*tone, mark));
        format!("{time}  {head}  {text}{}{}", paint.dim(&node), paint.dim(&detail))
    }

    /// The line cut to a screen.
    #[must_use]
    pub fn short(&self, columns: usize, paint: Paint) -> String {
        let Self { time, tone, mark, place, node, text, detail } = self;
        let lead = format!("{time} ");
        let place = format!(" {place:>5}  ");
        let room = columns.saturating_sub(width(&lead) + width(mark) + width(&place));
        let text = cut(text, room);
        let mut rest = String::new();
        for part in [node, detail] {
            if !part.is_empty() {
                rest.push_str("  ");
                rest.push_str(part);
            }
        }
        let rest = cut(&rest, room.saturating_sub(width(&text)));
        let text = if *tone == Tone::Neutral { text } else { paint.bold(&text) };
        format!("{}{}{}{text}{}", paint.dim(&lead), paint.tone(*tone, mark), paint.dim(&place), paint.dim(&rest))
    }
}
