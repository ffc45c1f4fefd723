//! `approve`: a plan, or the whole path that it belongs to; by one person or by two; as long as the word stands.

use crm_api::change::{CrmChange, Gate, Step};
use crm_api::decision::{CrmDecision, Word};
use crm_api::site::ApprovalScope;
use crm_plan::hash::short;
use jiff::SignedDuration;

use super::read::{Situation, list, situation};
use super::say::{About, Statement, say, who_am_i};
use super::words::{course, is_attended, is_current, refusal};
use crate::arguments::cluster::ApproveArguments;
use crate::{Connection, Exit, Failure, Streams};

/// Runs `approve`.
///
/// # Errors
/// When nothing waits for approval, another plan is current, or it cannot be said.
pub async fn approve(
    connection: &Connection,
    wanted: &ApproveArguments,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let situation = situation(connection, &wanted.site).await?;
    let Some(change) = situation.open_change() else {
        return Err(refusal(&situation, "nothing waits for approval"));
    };
    is_current(&situation, change, wanted.plan.as_deref())?;
    let path = wanted.path.then(|| path(&situation, change)).transpose()?;
    let record = change.status.clone().unwrap_or_default();
    if let Some(by) = &record.approved_by {
        return Err(Failure::Refused(format!("plan {} is approved already, by {by}", short(&change.spec.plan_hash))));
    }
    if !change.spec.steps.iter().any(|step| step.gate == Some(Gate::Approval)) {
        return Err(refusal(&situation, "the plan needs no approval"));
    }
    let standing = standing(connection, &situation, change).await?;
    if let Some(before) = &standing.before {
        writeln!(streams.err, "{} has said so before: CrmDecision {}", before.spec.user, name(before))?;
        return Ok(Exit::Good);
    }
    let mut consequences = Vec::new();
    if let Some(path) = &path {
        consequences.push(("path", format!("{}: this word covers every hop of it", path.join(" -> "))));
    }
    match standing.lacking {
        0 | 1 => consequences.push(("then", course(&situation, change))),
        _ => consequences.push(("then", "another person has to approve as well (spec.approval.fourEyes)".to_owned())),
    }
    consequences.extend(lasts(&situation));
    if let Some((number, step)) = numbered(change, |step| step.gate == Some(Gate::PointOfNoReturn)) {
        consequences.push(("no return", format!("from step {number} ({}) only a restore leads back", step.title)));
    }
    let people = change.spec.steps.iter().enumerate().filter(|(_, step)| is_attended(step));
    for (place, step) in people {
        let node = step.node.as_deref().unwrap_or("the site");
        consequences.push(("needs", format!("a person at {node} for step {} ({})", place + 1, step.title)));
    }
    consequences.extend(change.spec.notices.iter().map(|notice| ("mind", notice.clone())));
    let statement = Statement {
        site: situation.name(),
        about: if path.is_some() { About::Path(change) } else { About::Change(change) },
        word: Word::Approve,
        step: None,
        occasion: standing.occasion,
        reason: wanted.saying.reason.clone(),
        expires_at: None,
        consequences,
    };
    say(connection, statement, &wanted.saying, streams).await
}

/// The releases of the path that one word may cover.
fn path<'a>(situation: &Situation, change: &'a CrmChange) -> Result<&'a [String], Failure> {
    if situation.site.spec.approval.scope == ApprovalScope::Path {
        return Ok(&change.spec.path);
    }
    let text =
        "--path: spec.approval.scope is Hop, so each hop is approved by itself; leave --path out, or declare Path";
    Err(Failure::Refused(text.to_owned()))
}

/// What has been said so far.
struct Said {
    /// An approval that stands and makes this one needless.
    before: Option<CrmDecision>,
    /// How many approvals are lacking, this one included.
    lacking: usize,
    /// Which approval of this plan it is, from the second on.
    occasion: Option<usize>,
}

async fn standing(connection: &Connection, situation: &Situation, change: &CrmChange) -> Result<Said, Failure> {
    let policy = &situation.site.spec.approval;
    let me = who_am_i(connection).await?;
    let mut all = list::<CrmDecision>(connection, "list decisions", Some(&connection.namespace)).await?;
    all.retain(|decision| {
        let spec = &decision.spec;
        let of_path = policy.scope == ApprovalScope::Path && spec.is_about(&change.spec.path_hash);
        spec.word == Word::Approve
            && spec.site.as_deref() == Some(situation.name())
            && (of_path || spec.is_about(&change.spec.plan_hash))
    });
    let occasion = (!all.is_empty()).then_some(all.len() + 1);
    let limit = policy.expires_after_hours.map(|hours| SignedDuration::from_hours(i64::from(hours)));
    all.retain(|decision| {
        let said = decision.metadata.creation_timestamp.as_ref().map(|at| at.0).unwrap_or_default();
        limit.is_none_or(|limit| situation.now.duration_since(said) <= limit)
    });
    let needless = |decision: &&CrmDecision| !policy.four_eyes || decision.spec.user == me;
    let before = all.iter().find(needless).cloned();
    let needed = if policy.four_eyes { 2 } else { 1_usize };
    Ok(Said { before, lacking: needed.saturating_sub(all.len()), occasion })
}

/// How long the word stands.
fn lasts(situation: &Situation) -> Option<(&'static str, String)> {
    let hours = situation.site.spec.approval.expires_after_hours?;
    Some(("ends", format!("not begun within {hours} h, it says nothing any more and is asked for again")))
}

fn name(decision: &CrmDecision) -> &str {
    decision.metadata.name.as_deref().unwrap_or_default()
}

fn numbered(change: &CrmChange, is_it: impl Fn(&Step) -> bool) -> Option<(usize, &Step)> {
    change.spec.steps.iter().enumerate().find(|(_, step)| is_it(step)).map(|(place, step)| (place + 1, step))
}
