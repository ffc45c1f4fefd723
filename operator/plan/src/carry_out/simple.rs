//! How a simple action goes on: probe; if it is done, the next one; else try it once and probe again.

use crm_api::order::Action;

use super::memory::{Note, Record};
use super::rules::{self, Way};
use super::standing;
use super::{ActionStanding, Facts, Look, Next, PROGRAM_POLL_SECS};

/// The next thing to do about a simple action.
pub(super) fn go_on(record: &Record, action: &Action, facts: &Facts) -> Next {
    let Some(standing) = &facts.action else {
        return Next::Look(Look::Action(action.clone()));
    };
    match (standing, &facts.tried) {
        (ActionStanding::Done(files), _) => Next::Note(vec![Note::Reached { files: files.clone() }]),
        (_, Some(Err(said))) => end(record, action, facts, said),
        (ActionStanding::Unknown(_), None) if rules::way(action) == Way::Await => {
            Next::Wait { secs: PROGRAM_POLL_SECS }
        }
        (ActionStanding::Unknown(reason), _) => end(record, action, facts, &format!("cannot be told: {reason}")),
        (ActionStanding::NotDone(seen), Some(Ok(()))) => {
            end(record, action, facts, &format!("it had no lasting effect: {seen}"))
        }
        (ActionStanding::NotDone(seen), None) => match rules::way(action) {
            Way::Await => Next::Wait { secs: PROGRAM_POLL_SECS },
            Way::Inspect => end(record, action, facts, seen),
            Way::Switch | Way::Make | Way::Run => Next::Do(action.clone()),
        },
    }
}

fn end(record: &Record, action: &Action, facts: &Facts, said: &str) -> Next {
    standing::end(record, facts, &format!("{}: {said}", rules::describe_action(action)))
}
