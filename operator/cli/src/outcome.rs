//! What a run came to, as tables.

use crm_sandbox::report::{Outcome, RunReport};
use crm_sandbox::story::duration_text;

use crate::{Failure, Streams};

/// How a run ended, in one sentence.
#[must_use]
pub fn sentence(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Reached => "the goal was reached and proved".to_owned(),
        Outcome::BackedOut(why) => format!("taken back, the site is as it was: {why}"),
        Outcome::Halted { reason, remedy } => format!("halted: {reason}; what to do: {remedy}"),
        Outcome::Waiting { reason, message, ended_by } => {
            format!("still waiting ({reason}): {message}; ended by: {ended_by}")
        }
        Outcome::TimedOut => "the simulated time was up before it was clear how it ends".to_owned(),
        Outcome::Violated(violation) => format!("VIOLATED {}: {}", violation.id, violation.what),
    }
}

/// Prints the report.
///
/// # Errors
/// When the output ends.
pub fn print(report: &RunReport, streams: &mut Streams<'_>) -> Result<(), Failure> {
    writeln!(streams.out, "{}\n{}", sentence(&report.outcome), duration_text(report.duration))?;
    Ok(())
}
