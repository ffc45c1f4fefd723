//! When a program may be started, and what follows from what it is at. It is never started on a guess and never ended.

use crm_api::order::{Order, Outcome};
use jiff::{SignedDuration, Timestamp};

use super::console::{self, Reading};
use super::memory::{Note, Record, Stage};
use super::rules::{self, Program};
use super::standing::{self, END_NOT_SEEN, Seen};
use super::{CONSOLE_POLL_SECS, Facts, Look, Next, PROGRAM_POLL_SECS, ProgramStanding, words};

/// Whether a program may be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Yes,
    No(Outcome, String),
}

/// Only absent starts a program. A vendor's word that a second run is harmless also starts it from partial. Where the
/// order does not say what absent is, only a first start is allowed, and only if the journal proves that it is one.
pub(super) fn may_start(order: &Order, program: &Program<'_>, ever_started: bool, seen: &Seen) -> Start {
    let proves_nothing = order.absent_when.is_empty();
    match seen.outcome {
        Outcome::Done if !order.may_skip && program.repeatable() => Start::Yes,
        // What this machine shows is not all of it, and whoever gave this attempt knows that.
        Outcome::Done if !order.may_skip && !ever_started && proves_nothing => Start::Yes,
        Outcome::Done if !order.may_skip && !ever_started => Start::No(Outcome::Partial, seen.because.clone()),
        Outcome::Absent => Start::Yes,
        Outcome::Partial if proves_nothing && !ever_started => Start::Yes,
        Outcome::Partial if program.repeatable() => Start::Yes,
        Outcome::Partial if proves_nothing => {
            let reason = "it was started before, and the order does not say how its absence is recognised";
            Start::No(Outcome::Unknown, reason.to_owned())
        }
        Outcome::Done | Outcome::Partial | Outcome::Unknown => Start::No(seen.outcome, seen.because.clone()),
    }
}

/// A program that this attempt has not started, as far as the journal knows.
pub(super) fn start(record: &Record, program: &Program<'_>, facts: &Facts, now: Timestamp) -> Next {
    if let Some(Err(said)) = &facts.tried {
        return standing::end(record, facts, &format!("{} was not started: {said}", program.path));
    }
    if too_late(record, now) {
        return standing::end(record, facts, &format!("too late to start {}", program.path));
    }
    let go = Next::Start { program: program.path.to_owned(), arguments: program.arguments.to_vec() };
    // A later program of the same attempt: the first one started from absent, and the journal shows that this one was
    // never begun.
    if record.programs_ended > 0 && record.stage == Stage::Idle {
        return go;
    }
    let seen = match standing::look(&record.order, facts) {
        Ok(seen) => seen,
        Err(look) => return Next::Look(look),
    };
    match may_start(&record.order, program, record.maybe_started(), &seen) {
        Start::Yes => go,
        Start::No(outcome, reason) => {
            let message = words::Message::new().part(&format!("not started: {reason}")).text();
            Next::Note(vec![Note::Ended { outcome, message }])
        }
    }
}

/// After an interruption an attempt may be resumed days later. Its program is then no longer started.
fn too_late(record: &Record, now: Timestamp) -> bool {
    let limit = SignedDuration::from_secs(i64::from(record.order.time_limit_seconds.max(0)));
    record.order.start_before.0.checked_add(limit).is_ok_and(|last| last < now)
}

/// A program that was started, or was about to be.
pub(super) fn in_hand(record: &Record, program: &Program<'_>, wanted: bool, facts: &Facts, now: Timestamp) -> Next {
    let Some(standing) = &facts.program else {
        return Next::Look(Look::Program(program.path.to_owned()));
    };
    match standing {
        ProgramStanding::Running { output, quiet_secs } => running(record, program, facts, output, *quiet_secs),
        ProgramStanding::Unreadable(_) => Next::Wait { secs: PROGRAM_POLL_SECS },
        ProgramStanding::ByName { runs: true } if record.stage == Stage::Seen => Next::Wait { secs: PROGRAM_POLL_SECS },
        ProgramStanding::ByName { runs: true } => Next::Note(vec![Note::Seen]),
        // Interrupted between the journal and the start: if nothing shows that it ran, it may be started as if for the
        // first time, but only on proof.
        ProgramStanding::ByName { runs: false } if record.stage == Stage::Starting && wanted => {
            start(record, program, facts, now)
        }
        ProgramStanding::ByName { runs: false } | ProgramStanding::Gone => gone(record, wanted, facts),
        ProgramStanding::Ended { exit_code, output } => over(record, program, wanted, facts, *exit_code, output),
    }
}

fn running(record: &Record, program: &Program<'_>, facts: &Facts, output: &str, quiet_secs: i64) -> Next {
    let Some(told) = &program.console else {
        return Next::Wait { secs: PROGRAM_POLL_SECS };
    };
    if let (None, Some(line)) = (&record.failure, console::failure(output, told.failure_texts)) {
        return Next::Note(vec![Note::Failure(line)]);
    }
    if record.question.is_some() {
        return if facts.console_closed { Next::Wait { secs: PROGRAM_POLL_SECS } } else { Next::Close };
    }
    match console::read(output, record.answered, told.answers, quiet_secs) {
        Reading::Nothing => Next::Wait { secs: CONSOLE_POLL_SECS },
        Reading::Answer(line) => Next::Type { line, answered: output.len() },
        Reading::Unexpected(question) => Next::Note(vec![Note::Question(question)]),
    }
}

/// The program is over, and nobody has seen how. Whatever it came to, what would only have made the machine quiet behind it
/// follows: a program that got far enough may have started what must not run yet. Nothing else follows, and no other program.
fn gone(record: &Record, wanted: bool, facts: &Facts) -> Next {
    if wanted && only_quiet_follows(record) {
        return go_on_after(None);
    }
    standing::end_with(record, facts, END_NOT_SEEN, None, "")
}

fn only_quiet_follows(record: &Record) -> bool {
    let rest = record.order.actions.get(record.action + 1..).unwrap_or_default();
    !rest.is_empty() && rest.iter().all(rules::quiets)
}

fn go_on_after(exit_code: Option<i32>) -> Next {
    Next::Note(vec![Note::Over { exit_code }, Note::Reached { files: Vec::new() }])
}

/// The program was seen to end. Further actions follow only on a clean end: zero, no failure in the output, no
/// question left open. Zero alone proves nothing, but anything else is a reason to stop and judge.
fn over(
    record: &Record,
    program: &Program<'_>,
    wanted: bool,
    facts: &Facts,
    exit_code: Option<i32>,
    output: &str,
) -> Next {
    let told = program.console.map_or(&[][..], |console| console.failure_texts);
    if let (None, Some(line)) = (&record.failure, console::failure(output, told)) {
        return Next::Note(vec![Note::Failure(line)]);
    }
    let calm = record.failure.is_none() && record.question.is_none();
    if exit_code.is_none() && calm && wanted && only_quiet_follows(record) {
        return go_on_after(None);
    }
    let last = record.action + 1 == record.order.actions.len();
    let seen = match standing::look(&record.order, facts) {
        Ok(seen) => seen,
        Err(look) => return Next::Look(look),
    };
    let clean = exit_code == Some(0) && calm;
    if !last && clean && wanted && seen.outcome != Outcome::Absent {
        return go_on_after(exit_code);
    }
    let reason = if last { "" } else { "the actions after it were not begun" };
    let mut notes = vec![Note::Over { exit_code }];
    match standing::end_with(record, facts, reason, exit_code, output) {
        Next::Note(end) => notes.extend(end),
        other => return other,
    }
    Next::Note(notes)
}
