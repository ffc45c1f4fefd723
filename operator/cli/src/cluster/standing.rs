//! Words that stand over a site: a hold until somebody resumes, and an override of its windows.

use crm_api::Time;
use crm_api::change::{ChangePhase, Gate};
use crm_api::decision::{CrmDecision, Word};
use crm_plan::windows::local;
use jiff::Timestamp;

use super::read::{Situation, list, situation};
use super::say::{About, Statement, say};
use super::words::{course, is_current, refusal};
use crate::arguments::cluster::Saying;
use crate::arguments::standing::{Expiry, HoldArguments, OverrideArguments, WordArguments};
use crate::{Connection, Exit, Failure, Streams};

/// Runs `hold`.
///
/// # Errors
/// When no reason is given, there is no such site, or it cannot be said.
pub async fn hold(connection: &Connection, wanted: &HoldArguments, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let situation = situation(connection, &wanted.site).await?;
    let said = holds(connection, &wanted.site).await?;
    if let Some(held) = standing(&said, situation.now) {
        let (name, user) = (held.metadata.name.as_deref().unwrap_or_default(), &held.spec.user);
        writeln!(streams.err, "{} is held already, by {user}: CrmDecision {name}", wanted.site)?;
        return Ok(Exit::Good);
    }
    let reason = reason(&wanted.saying, "hold")?;
    let until = until(&wanted.expiry, situation.now)?;
    let ends = match until {
        Some(until) => format!("until {}, or until", local(situation.site.spec.windows.as_ref(), until)),
        None => "until".to_owned(),
    };
    let resume = format!("{ends} somebody says: kubectl crm resume {} -n {}", wanted.site, connection.namespace);
    let statement = Statement {
        site: &wanted.site,
        about: About::Site,
        word: Word::Hold,
        step: None,
        occasion: Some(said.len() + 1),
        reason: Some(reason),
        expires_at: until.map(Time::from),
        consequences: vec![("then", held_back(&situation)), ("ends", resume)],
    };
    say(connection, statement, &wanted.saying, streams).await
}

/// Runs `resume`.
///
/// # Errors
/// When nothing is held, there is no such site, or it cannot be said.
pub async fn resume(
    connection: &Connection,
    wanted: &WordArguments,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let situation = situation(connection, &wanted.site).await?;
    let said = holds(connection, &wanted.site).await?;
    let Some(held) = standing(&said, situation.now) else {
        return Err(refusal(&situation, "nothing is held"));
    };
    let mut consequences =
        vec![("hold", format!("by {}: {}", held.spec.user, held.spec.reason.clone().unwrap_or_default()))];
    consequences.push(match situation.open_change() {
        Some(change) => ("then", format!("the change that waits goes on: {}", course(&situation, change))),
        None => ("then", "changes are planned and begin as usual".to_owned()),
    });
    let statement = Statement {
        site: &wanted.site,
        about: About::Site,
        word: Word::Resume,
        step: None,
        occasion: Some(said.len() + 1),
        reason: wanted.saying.reason.clone(),
        expires_at: None,
        consequences,
    };
    say(connection, statement, &wanted.saying, streams).await
}

/// Runs `override`.
///
/// # Errors
/// When nothing waits for a window, no reason or no end is given, or it cannot be said.
pub async fn override_windows(
    connection: &Connection,
    wanted: &OverrideArguments,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let situation = situation(connection, &wanted.site).await?;
    let nothing = "nothing waits for a window";
    let Some(change) = situation.open_change() else { return Err(refusal(&situation, nothing)) };
    is_current(&situation, change, wanted.plan.as_deref())?;
    let record = change.status.clone().unwrap_or_default();
    let gated = change.spec.steps.iter().any(|step| step.gate == Some(Gate::Window));
    if record.phase != ChangePhase::Preparing || !gated {
        return Err(refusal(&situation, nothing));
    }
    let here = Some(connection.namespace.as_str());
    let all = list::<CrmDecision>(connection, "list decisions", here).await?;
    let of_plan = |decision: &&CrmDecision| {
        decision.spec.word == Word::Override
            && decision.spec.site.as_deref() == Some(&wanted.site)
            && decision.spec.is_about(&change.spec.plan_hash)
    };
    let said: Vec<&CrmDecision> = all.iter().filter(of_plan).collect();
    if let Some(before) = said.iter().find(|decision| !is_over(decision, situation.now)) {
        let name = before.metadata.name.as_deref().unwrap_or_default();
        writeln!(streams.err, "{} has said so before: CrmDecision {name}", before.spec.user)?;
        return Ok(Exit::Good);
    }
    let reason = reason(&wanted.saying, "override")?;
    let Some(until) = until(&wanted.expiry, situation.now)? else {
        let text = "an override is for one occasion: say with --for or --until how long it may be used";
        return Err(Failure::Input(vec![text.to_owned()]));
    };
    let windows = situation.site.spec.windows.as_ref();
    let approved = if record.approved_by.is_some() { "" } else { ", as soon as it is approved" };
    let out = course(&situation, change);
    let out = out.split_once("; ").map_or(out.as_str(), |(_, out)| out);
    let mut consequences = vec![
        ("then", format!("it begins outside the windows{approved}; {out}")),
        ("ends", format!("not used by {}, it says nothing any more", local(windows, until))),
    ];
    if let Some(next) = &situation.site.status.as_ref().and_then(|status| status.next_window.clone()) {
        consequences.push(("else", format!("without it, the window is: {next}")));
    }
    let statement = Statement {
        site: &wanted.site,
        about: About::Change(change),
        word: Word::Override,
        step: None,
        occasion: Some(said.len() + 1),
        reason: Some(reason),
        expires_at: Some(Time::from(until)),
        consequences,
    };
    say(connection, statement, &wanted.saying, streams).await
}

/// Every hold and every resume of a site, oldest first.
async fn holds(connection: &Connection, site: &str) -> Result<Vec<CrmDecision>, Failure> {
    let mut said = list::<CrmDecision>(connection, "list decisions", Some(&connection.namespace)).await?;
    said.retain(|decision| {
        decision.spec.site.as_deref() == Some(site) && matches!(decision.spec.word, Word::Hold | Word::Resume)
    });
    Ok(said)
}

/// The hold that stands: the last of these words, if it is one and has not ended by itself.
fn standing(said: &[CrmDecision], now: Timestamp) -> Option<&CrmDecision> {
    said.last().filter(|last| last.spec.word == Word::Hold && !is_over(last, now))
}

fn is_over(decision: &CrmDecision, now: Timestamp) -> bool {
    decision.spec.expires_at.as_ref().is_some_and(|expires| expires.0 <= now)
}

/// What a hold does to a site as it stands.
fn held_back(situation: &Situation) -> String {
    let Some(change) = situation.open_change() else {
        return "no change begins".to_owned();
    };
    let name = change.metadata.name.as_deref().unwrap_or_default();
    let record = change.status.clone().unwrap_or_default();
    match (record.point_of_no_return_at.is_some(), record.closed_at.is_some()) {
        (true, _) => format!("{name} is beyond its point of no return and runs to its end; nothing begins after it"),
        (false, true) => format!(
            "{name} is under way and users are out: it waits half an hour at its point of no return, then it is taken back"
        ),
        (false, false) => format!("{name} does not begin"),
    }
}

/// The reason, where one is demanded.
///
/// # Errors
/// When none is given.
pub(super) fn reason(saying: &Saying, word: &str) -> Result<String, Failure> {
    let given = saying.reason.clone().filter(|reason| !reason.trim().is_empty());
    given.ok_or_else(|| Failure::Input(vec![format!("say why, with --reason; a {word} stands in the record with it")]))
}

fn until(expiry: &Expiry, now: Timestamp) -> Result<Option<Timestamp>, Failure> {
    let until = match (expiry.until, expiry.length) {
        (Some(until), _) => until,
        (None, Some(length)) => now.saturating_add(length).unwrap_or(Timestamp::MAX),
        (None, None) => return Ok(None),
    };
    if until <= now {
        return Err(Failure::Input(vec![format!("--until {until}: that is over; it is {now}")]));
    }
    Ok(Some(until))
}
