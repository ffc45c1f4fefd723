//! Keeps answers inside the limits of the API, and a whole status inside its bound. What is left out is said where it is
//! left out, and the same content is always cut the same way.

use std::collections::BTreeMap;

use crm_api::node::{CrmNodeStatus, STATUS_BYTES_MAX};
use crm_api::probe::Answer;
use crm_plan::carry_out::clip;

/// Limits of `crm_api::probe`, in characters and entries.
const REASON_CHARS_MAX: usize = 512;
const VERSION_CHARS_MAX: usize = 64;
const SHORT_CHARS_MAX: usize = 128;
const NAME_CHARS_MAX: usize = 253;
const TEXT_CHARS_MAX: usize = 1024;
const NAMES_MAX: usize = 64;
const RUNNING_MAX: usize = 128;
const HOTFIXES_MAX: usize = 256;
const OBSERVATIONS_MAX: usize = 128;

/// How long lists and messages may be, from the first try to fit a status to the last.
const SQUEEZES: [Squeeze; 3] = [
    Squeeze { names: 32, message_chars: 1024 },
    Squeeze { names: 8, message_chars: 512 },
    Squeeze { names: 4, message_chars: 256 },
];

#[derive(Clone, Copy)]
struct Squeeze {
    names: usize,
    message_chars: usize,
}

/// An answer that the API accepts.
pub(crate) fn clip_answer(answer: Answer) -> Answer {
    match answer {
        Answer::Unreadable { reason } => Answer::Unreadable { reason: text(&reason, REASON_CHARS_MAX) },
        Answer::Machine(mut machine) => {
            machine.windows = text(&machine.windows, SHORT_CHARS_MAX);
            machine.features = names(machine.features, SHORT_CHARS_MAX);
            machine.hotfixes = names(machine.hotfixes, HOTFIXES_MAX);
            Answer::Machine(machine)
        }
        Answer::Program { version, location } => {
            Answer::Program { version: text(&version, VERSION_CHARS_MAX), location: text(&location, TEXT_CHARS_MAX) }
        }
        Answer::Version { version } => Answer::Version { version: text(&version, VERSION_CHARS_MAX) },
        Answer::Value { value } => Answer::Value { value: text(&value, TEXT_CHARS_MAX) },
        Answer::Relay { accepted, reply } => Answer::Relay { accepted, reply: text(&reply, REASON_CHARS_MAX) },
        Answer::DataSource { server, database } => {
            Answer::DataSource { server: text(&server, NAME_CHARS_MAX), database: text(&database, SHORT_CHARS_MAX) }
        }
        Answer::Subkeys { subkeys } => Answer::Subkeys { subkeys: keys(subkeys, NAMES_MAX) },
        Answer::Processes { running } => Answer::Processes { running: names(running, RUNNING_MAX) },
        Answer::Names { names: all } => Answer::Names { names: names(all, NAMES_MAX) },
        Answer::Handlers { programs, mapped, missing, without_options } => Answer::Handlers {
            programs,
            mapped,
            missing: names(missing, NAMES_MAX),
            without_options: names(without_options, NAMES_MAX),
        },
        Answer::Absent {}
        | Answer::File { .. }
        | Answer::Digest { .. }
        | Answer::Flag { .. }
        | Answer::Service { .. }
        | Answer::Pool { .. }
        | Answer::Url { .. }
        | Answer::DiskFree { .. }
        | Answer::Numbered { .. }
        | Answer::Size { .. } => answer,
    }
}

/// A status that fits: first shorter lists and messages, then the largest answers give way to a sentence from which
/// nothing is concluded.
pub(crate) fn fit(status: CrmNodeStatus) -> CrmNodeStatus {
    let mut status = status;
    status.observations.truncate(OBSERVATIONS_MAX);
    for squeeze in SQUEEZES {
        if bytes(&status) <= STATUS_BYTES_MAX {
            return status;
        }
        status = squeezed(status, squeeze);
    }
    while bytes(&status) > STATUS_BYTES_MAX {
        let largest = status.observations.iter_mut().max_by_key(|observation| bytes(&observation.answer));
        let Some(observation) = largest.filter(|observation| !gave_way(&observation.answer)) else {
            break;
        };
        let reason = format!("{LEFT_OUT}{} bytes do not fit into the status", bytes(&observation.answer));
        observation.answer = Answer::Unreadable { reason };
    }
    // The ids alone can be too much: 128 of them may have 1280 characters each.
    while bytes(&status) > STATUS_BYTES_MAX && status.observations.pop().is_some() {}
    status
}

const LEFT_OUT: &str = "left out: ";

fn gave_way(answer: &Answer) -> bool {
    matches!(answer, Answer::Unreadable { reason } if reason.starts_with(LEFT_OUT))
}

fn squeezed(mut status: CrmNodeStatus, squeeze: Squeeze) -> CrmNodeStatus {
    for observation in &mut status.observations {
        match &mut observation.answer {
            Answer::Names { names: all } => shorten(all, squeeze.names),
            Answer::Handlers { missing, without_options, .. } => {
                shorten(missing, squeeze.names);
                shorten(without_options, squeeze.names);
            }
            Answer::Processes { running } => shorten(running, squeeze.names),
            Answer::Subkeys { subkeys } => *subkeys = keys(std::mem::take(subkeys), squeeze.names),
            Answer::Machine(_)
            | Answer::Absent {}
            | Answer::Unreadable { .. }
            | Answer::Program { .. }
            | Answer::Version { .. }
            | Answer::File { .. }
            | Answer::Value { .. }
            | Answer::Digest { .. }
            | Answer::Flag { .. }
            | Answer::Service { .. }
            | Answer::Pool { .. }
            | Answer::Url { .. }
            | Answer::Relay { .. }
            | Answer::DataSource { .. }
            | Answer::DiskFree { .. }
            | Answer::Numbered { .. }
            | Answer::Size { .. } => {}
        }
    }
    for result in &mut status.results {
        result.message = text(&result.message, squeeze.message_chars);
    }
    status
}

/// Size of the JSON form. Data of ours always has one.
fn bytes(value: &impl serde::Serialize) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |json| json.len())
}

fn text(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return clip(text);
    }
    text.chars().take(chars_max - 3).collect::<String>() + "..."
}

fn names(mut all: Vec<String>, max: usize) -> Vec<String> {
    shorten(&mut all, max);
    all
}

/// Keeps the first names and says how many are left out, also when cut a second time.
fn shorten(all: &mut Vec<String>, max: usize) {
    if all.len() <= max {
        return;
    }
    let cut_before = all.last().and_then(|last| last.strip_prefix("(and ")?.strip_suffix(" more)")?.parse().ok());
    let count = all.len() + cut_before.map_or(0, |count: usize| count.saturating_sub(1));
    all.truncate(max - 1);
    all.push(more(count - all.len()));
}

fn keys<V: Default>(mut all: BTreeMap<String, V>, max: usize) -> BTreeMap<String, V> {
    let surplus = all.len().saturating_sub(max.saturating_sub(1));
    if all.len() > max
        && let Some(first_left_out) = all.keys().nth(max - 1).cloned()
    {
        all.split_off(&first_left_out);
        all.insert(more(surplus), V::default());
    }
    all
}

fn more(count: usize) -> String {
    format!("(and {count} more)")
}
