//! What the agent does goes into its log: each order with change, step and attempt when it begins and when it ends, each
//! program when it starts. Contents, values and arguments stay out: they may hold secrets.

use crm_plan::carry_out::{Attempt, Next, Note};

/// Shows what is done next for an attempt.
pub(crate) fn show(of: Option<&Attempt>, next: &Next) {
    let (change, step) = names(of.map_or("", |(id, _)| id));
    let attempt = of.map_or(0, |(_, attempt)| *attempt);
    match next {
        Next::Note(notes) => notes.iter().for_each(show_note),
        Next::Start { program, .. } => tracing::info!(change, step, attempt, program, "starting a program"),
        Next::Do(_) => tracing::debug!(change, step, attempt, "acting"),
        Next::Type { answered, .. } => tracing::info!(change, step, attempt, answered, "answering a question"),
        Next::Close => tracing::info!(change, step, attempt, "ending a program's input"),
        Next::Rest | Next::Look(_) | Next::Wait { .. } => {}
    }
}

fn show_note(note: &Note) {
    match note {
        Note::Begun { order, .. } => {
            let (change, step) = names(&order.id);
            tracing::info!(change, step, attempt = order.attempt, epoch = order.epoch, "order begun");
        }
        Note::Recovered { order, .. } => {
            let (change, step) = names(&order.id);
            tracing::warn!(change, step, attempt = order.attempt, "order known from the status only");
        }
        Note::Refused { id, attempt, epoch, reason } => {
            let (change, step) = names(id);
            tracing::warn!(change, step, attempt, epoch, reason, "order refused");
        }
        Note::Ended { outcome, message } => tracing::info!(?outcome, reason = message, "order ended"),
        Note::Over { exit_code } => tracing::info!(exit_code, "program ended"),
        Note::Question(question) => tracing::warn!(question, "no answer is known to this question"),
        Note::Epoch(epoch) => tracing::debug!(epoch, "a higher epoch"),
        Note::Reached { .. }
        | Note::Starting
        | Note::Started
        | Note::NotStarted
        | Note::Seen
        | Note::Answering { .. }
        | Note::Failure(_) => {}
    }
}

/// Change and step of an order, by its id.
fn names(order: &str) -> (&str, &str) {
    order.split_once('/').unwrap_or(("", order))
}
