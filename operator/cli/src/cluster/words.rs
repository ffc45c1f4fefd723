//! The words that a person can say, each with what it is about, what comes of it, and why it cannot be said now.

use crm_api::change::{ChangePhase, CrmChange, Executor, Step, StepPhase, StepResult};
use crm_api::decision::Word;
use crm_api::evidence::Source;
use crm_plan::explain::{duration, minutes_out};
use crm_plan::hash::short;
use crm_plan::products;

use super::read::{Situation, situation};
use super::say::{About, Statement, say};
use crate::arguments::cluster::StepArguments;
use crate::words::{nearest, quoted};
use crate::{Connection, Exit, Failure, Streams};

/// Fewest letters of a hash that name a plan.
const HASH_CHARS_MIN: usize = 6;

/// Runs `attend`.
///
/// # Errors
/// When no step waits for a person, or it cannot be said.
pub async fn attend(
    connection: &Connection,
    wanted: &StepArguments,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let situation = situation(connection, &wanted.site).await?;
    let Some(change) = situation.open_change() else {
        return Err(refusal(&situation, "no step waits for a person"));
    };
    is_current(&situation, change, wanted.plan.as_deref())?;
    let waits = |step: &Step, result: &StepResult| is_attended(step) && result.phase == StepPhase::Started;
    let (step, result) = chosen(&situation, change, wanted.step.as_deref(), "no step waits for a person", &waits)?;
    if let Some(by) = &result.attended_by {
        return Err(Failure::Refused(format!("{by} is doing {} already", step.id)));
    }
    let mut consequences = Vec::new();
    if let Executor::Attended { instructions } = &step.executor {
        let lines = instructions.iter().enumerate();
        consequences.extend(lines.map(|(place, line)| (if place == 0 { "to do" } else { "" }, line.clone())));
    }
    let limit = duration(step.limit_minutes);
    consequences.push(("then", format!("the step ends when its evidence shows; after {limit} it is overdue")));
    let statement = Statement {
        site: situation.name(),
        about: About::Change(change),
        word: Word::Attend,
        step: Some((&step.id, result.attempt)),
        occasion: None,
        reason: wanted.saying.reason.clone(),
        expires_at: None,
        consequences,
    };
    say(connection, statement, &wanted.saying, streams).await
}

/// Runs `attest`.
///
/// # Errors
/// When nothing is to be attested, nothing is said to have been seen, or it cannot be said.
pub async fn attest(
    connection: &Connection,
    wanted: &StepArguments,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let situation = situation(connection, &wanted.site).await?;
    let Some(change) = &situation.change else {
        return Err(refusal(&situation, "nothing is to be attested"));
    };
    is_current(&situation, change, wanted.plan.as_deref())?;
    let afterwards = products::of(situation.site.spec.product)
        .attested_afterwards()
        .iter()
        .find(|(name, _)| wanted.step.as_deref() == Some(name));
    let (step, attempt, statement) = if let Some((name, statement)) = afterwards {
        (*name, 1, (*statement).to_owned())
    } else {
        let waits =
            |step: &Step, result: &StepResult| statement_of(step).is_some() && result.phase == StepPhase::Started;
        let (step, result) = chosen(&situation, change, wanted.step.as_deref(), "nothing is to be attested", &waits)?;
        (step.id.as_str(), result.attempt, statement_of(step).unwrap_or_default().to_owned())
    };
    let Some(reason) = wanted.saying.reason.clone().filter(|reason| !reason.trim().is_empty()) else {
        return Err(Failure::Input(vec![format!(
            "say in your own words what you saw, with --reason; asked is: {statement}"
        )]));
    };
    let statement = Statement {
        site: situation.name(),
        about: About::Change(change),
        word: Word::Attest,
        step: Some((step, attempt)),
        occasion: None,
        reason: Some(reason),
        expires_at: None,
        consequences: vec![
            ("asked", statement),
            ("then", "your word counts as evidence, and stands in the record with your name".to_owned()),
        ],
    };
    say(connection, statement, &wanted.saying, streams).await
}

/// Runs `retry`.
///
/// # Errors
/// When nothing is halted and nothing was taken back, or it cannot be said.
pub async fn retry(
    connection: &Connection,
    wanted: &StepArguments,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let situation = situation(connection, &wanted.site).await?;
    let nothing = "nothing is halted and no change was taken back";
    let Some(change) = &situation.change else { return Err(refusal(&situation, nothing)) };
    is_current(&situation, change, wanted.plan.as_deref())?;
    let record = change.status.clone().unwrap_or_default();
    let (step, attempt, then) = match record.phase {
        ChangePhase::Failed => {
            let last = record.steps.last().map_or(("preflight", 1), |result| (result.id.as_str(), result.attempt));
            let then = "the change was taken back; a new one is planned, with approval and window as usual";
            (last.0.to_owned(), last.1, then)
        }
        ChangePhase::Halted => {
            let waits = |_: &Step, result: &StepResult| result.phase == StepPhase::Failed;
            let none = "it is halted, but no step has failed: see kubectl crm explain";
            let (step, result) = chosen(&situation, change, wanted.step.as_deref(), none, &waits)?;
            let then = "the step is started once more, although it is not certain that nothing of it has happened";
            (step.id.clone(), result.attempt, then)
        }
        ChangePhase::Preparing
        | ChangePhase::Changing
        | ChangePhase::BackingOut
        | ChangePhase::Succeeded
        | ChangePhase::Superseded => return Err(refusal(&situation, nothing)),
    };
    let seen = record.result(&step).map(|result| result.evidence.clone()).filter(|text| !text.is_empty());
    let mut consequences: Vec<(&'static str, String)> = seen.map(|text| ("failed as", text)).into_iter().collect();
    consequences.push(("then", then.to_owned()));
    let statement = Statement {
        site: situation.name(),
        about: About::Change(change),
        word: Word::Retry,
        step: Some((&step, attempt)),
        occasion: None,
        reason: wanted.saying.reason.clone(),
        expires_at: None,
        consequences,
    };
    say(connection, statement, &wanted.saying, streams).await
}

/// The plan that a person has read must be the one that is current.
pub(super) fn is_current(situation: &Situation, change: &CrmChange, plan: Option<&str>) -> Result<(), Failure> {
    is_plan(situation, &change.spec.plan_hash, plan)
}

/// The same, for the plan with this hash.
pub(super) fn is_plan(situation: &Situation, current: &str, plan: Option<&str>) -> Result<(), Failure> {
    let Some(read) = plan else { return Ok(()) };
    let is_hash = read.chars().count() >= HASH_CHARS_MIN && read.chars().all(|letter| letter.is_ascii_hexdigit());
    if !is_hash {
        let text =
            format!("--plan {}: expected at least {HASH_CHARS_MIN} hexadecimal digits of its hash", quoted(read));
        return Err(Failure::Input(vec![text]));
    }
    if current.starts_with(&read.to_lowercase()) {
        return Ok(());
    }
    let (name, now) = (situation.name(), short(current));
    Err(Failure::Refused(format!(
        "plan {} is not current: the plan of {name} is {now} now; read it with: kubectl crm plan {name}",
        quoted(read)
    )))
}

/// The step that is named, or the only one that waits.
fn chosen<'a>(
    situation: &Situation,
    change: &'a CrmChange,
    named: Option<&str>,
    none: &str,
    waits: &dyn Fn(&Step, &StepResult) -> bool,
) -> Result<(&'a Step, &'a StepResult), Failure> {
    let results = change.status.as_ref().map(|record| record.steps.as_slice()).unwrap_or_default();
    let mut waiting = change.spec.steps.iter().filter_map(|step| {
        let result = results.iter().find(|result| result.id == step.id)?;
        waits(step, result).then_some((step, result))
    });
    let Some(named) = named else {
        return match (waiting.next(), waiting.next()) {
            (None, _) => Err(refusal(situation, none)),
            (Some(only), None) => Ok(only),
            (Some((one, _)), Some((other, _))) => {
                let text = format!("several steps wait: name one of {}, {}", one.id, other.id);
                Err(Failure::Refused(text))
            }
        };
    };
    if let Some(found) = waiting.find(|(step, _)| step.id == named) {
        return Ok(found);
    }
    let ids: Vec<&str> = change.spec.steps.iter().map(|step| step.id.as_str()).collect();
    let text = if ids.contains(&named) {
        format!("step {named} does not wait for that; see kubectl crm explain {}", situation.name())
    } else {
        let near = nearest(named, &ids).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        format!("the plan has no step {}{near}; its steps are: {}", quoted(named), ids.join(", "))
    };
    Err(Failure::Refused(text))
}

/// Why something cannot be said, with how the site stands.
pub(super) fn refusal(situation: &Situation, what: &str) -> Failure {
    use crm_api::condition::{Kind, find};
    let status = situation.site.status.as_ref();
    let conditions = status.map(|status| status.conditions.as_slice()).unwrap_or_default();
    let stands = find(conditions, Kind::UpToDate)
        .map_or("the controller has not looked at it yet".to_owned(), |one| format!("{}: {}", one.reason, one.message));
    Failure::Refused(format!("{what}. {} stands at {}", situation.name(), stands))
}

/// What follows an approval.
pub(super) fn course(situation: &Situation, change: &CrmChange) -> String {
    let window = situation.site.status.as_ref().and_then(|status| status.next_window.clone());
    let when = match window.as_deref() {
        None => "it begins at once".to_owned(),
        Some(open) if open.starts_with("open") => format!("it begins at once (the window is {open})"),
        Some(next) => format!("it begins in the next window, {next}"),
    };
    match minutes_out(&change.spec.steps) {
        Some(minutes) => format!("{when}; users are out for about {}", duration(minutes)),
        None => format!("{when}; users stay at work"),
    }
}

pub(super) fn is_attended(step: &Step) -> bool {
    matches!(step.executor, Executor::Attended { .. })
}

/// What the step asks a person to vouch for.
fn statement_of(step: &Step) -> Option<&str> {
    step.evidence.iter().find_map(|expectation| match &expectation.source {
        Source::Attestation { statement } => Some(statement.as_str()),
        Source::Node { .. } | Source::Database { .. } => None,
    })
}
