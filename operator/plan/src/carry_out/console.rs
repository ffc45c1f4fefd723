//! Reading a console: which question stands there, and whether the output means failure.

use crm_api::order::PromptAnswer;

use super::words::{clip_to, harmless};
use super::{CONSOLE_POLL_SECS, FINISHED_LINE_QUIET_SECS, UNEXPECTED_QUIET_SECS};

/// A quoted line has so many characters at most.
const QUOTED_CHARS_MAX: usize = 200;

/// A finished line is a question only if it ends like one: a line of progress may mention the same words and then stand
/// for an hour.
const QUESTION_ENDS: [char; 5] = ['?', ':', ')', ']', '>'];

/// What the output asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// Nothing yet.
    Nothing,
    /// A question that this answers.
    Answer(String),
    /// A question that no answer matches.
    Unexpected(String),
}

/// Reads the output since the last answer. An answer is typed only to the last line, and only while the output stands
/// still: a line that merely mentions the words of a question on its way by is not one.
pub(super) fn read(output: &str, answered: usize, answers: &[PromptAnswer], quiet_secs: i64) -> Reading {
    let Some(fresh) = output.get(answered..).filter(|fresh| !fresh.trim().is_empty()) else {
        return Reading::Nothing;
    };
    let prompt = fresh.rsplit(['\n', '\r']).next().unwrap_or_default().trim();
    if prompt.is_empty() {
        let line = last_line(fresh);
        let asks = line.ends_with(QUESTION_ENDS);
        return match find(line, answers).filter(|_| asks) {
            Some(answer) if quiet_secs >= FINISHED_LINE_QUIET_SECS => Reading::Answer(answer),
            Some(_) | None => Reading::Nothing,
        };
    }
    // A bare mark such as `>` belongs to the question above it.
    let question = if prompt.chars().any(char::is_alphanumeric) { prompt } else { fresh };
    match find(question, answers) {
        Some(answer) if quiet_secs >= CONSOLE_POLL_SECS => Reading::Answer(answer),
        None if quiet_secs >= UNEXPECTED_QUIET_SECS => Reading::Unexpected(quoted(last_line(fresh))),
        Some(_) | None => Reading::Nothing,
    }
}

/// The answer whose question stands nearest to the end of the text; of several, the one with the longest question.
fn find(text: &str, answers: &[PromptAnswer]) -> Option<String> {
    let text = text.to_lowercase();
    let mut best: Option<((usize, usize), &PromptAnswer)> = None;
    for answer in answers.iter().filter(|answer| !answer.question.trim().is_empty()) {
        let question = answer.question.to_lowercase();
        let Some(at) = text.rfind(&question) else {
            continue;
        };
        let rank = (at + question.len(), question.len());
        if best.is_none_or(|(highest, _)| rank > highest) {
            best = Some((rank, answer));
        }
    }
    best.map(|(_, answer)| answer.answer.clone())
}

/// The first line of output that holds a text which means failure.
pub(super) fn failure(output: &str, texts: &[String]) -> Option<String> {
    let texts: Vec<String> =
        texts.iter().map(|text| text.to_lowercase()).filter(|text| !text.trim().is_empty()).collect();
    output
        .lines()
        .find(|line| {
            let line = line.to_lowercase();
            texts.iter().any(|text| line.contains(text.as_str()))
        })
        .map(|line| quoted(line.trim()))
}

fn last_line(text: &str) -> &str {
    text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default()
}

fn quoted(line: &str) -> String {
    clip_to(harmless(line), QUOTED_CHARS_MAX)
}
