//! What people have said and what still stands of it: holds, stops, overrides, approvals.

use crm_api::CrmDecision;
use crm_api::change::{CrmChangeSpec, Purpose};
use crm_api::decision::Word;
use crm_api::site::{ApprovalScope, StandingWord};
use jiff::{SignedDuration, Timestamp};

use crate::view::View;

/// The hold that stands over the site: the last word of `Hold` and `Resume`, unless it has expired.
#[must_use]
pub fn hold(view: &View<'_>) -> Option<StandingWord> {
    let last = view
        .snapshot
        .decisions
        .iter()
        .rfind(|decision| matches!(decision.spec.word, Word::Hold | Word::Resume))
        .filter(|decision| decision.spec.word == Word::Hold)?;
    (!has_expired(last, view.now)).then(|| standing(last))
}

/// The oldest stop that stands over the site. It stands as long as it exists.
#[must_use]
pub fn stop(view: &View<'_>) -> Option<StandingWord> {
    view.snapshot.decisions.iter().find(|decision| decision.spec.word == Word::Stop).map(standing)
}

/// An override of the windows for this plan that may still be used, as `name (user)`.
#[must_use]
pub fn window_override(view: &View<'_>, plan_hash: &str) -> Option<String> {
    let of_plan = |decision: &&CrmDecision| {
        decision.spec.word == Word::Override
            && decision.spec.is_about(plan_hash)
            && decision.spec.expires_at.is_some()
            && !has_expired(decision, view.now)
    };
    view.snapshot.decisions.iter().find(of_plan).map(signed)
}

/// The approvals of a plan that still stand, of each person the first: those that name the plan, and, where one approval
/// covers a path, those that name the path.
#[must_use]
pub fn approvals<'a>(view: &View<'a>, change: &CrmChangeSpec) -> Vec<&'a CrmDecision> {
    let policy = &view.spec.approval;
    let too_old = |decision: &CrmDecision| {
        policy.expires_after_hours.is_some_and(|hours| {
            view.now.duration_since(said_at(decision)) > SignedDuration::from_hours(i64::from(hours))
        })
    };
    let mut approvals: Vec<&CrmDecision> = Vec::new();
    // Whoever has said Forward has read this very plan.
    let agrees = |decision: &&CrmDecision| match decision.spec.word {
        Word::Approve => true,
        Word::Forward => change.purpose == Purpose::Forward,
        _ => false,
    };
    for decision in view.snapshot.decisions.iter().filter(agrees) {
        let of_path = policy.scope == ApprovalScope::Path && decision.spec.is_about(&change.path_hash);
        let known = approvals.iter().any(|other| other.spec.user == decision.spec.user);
        if (of_path || decision.spec.is_about(&change.plan_hash)) && !too_old(decision) && !known {
            approvals.push(decision);
        }
    }
    approvals
}

/// Whether as many people as the site asks for have approved a plan.
#[must_use]
pub fn is_approved(view: &View<'_>, change: &CrmChangeSpec) -> bool {
    approvals(view, change).len() >= approvals_needed(view)
}

/// How many people have to approve a plan of this site.
#[must_use]
pub fn approvals_needed(view: &View<'_>) -> usize {
    if view.spec.approval.four_eyes { 2 } else { 1 }
}

/// The word about a plan, as `name (user)`.
#[must_use]
pub fn about(view: &View<'_>, word: Word, plan_hash: &str) -> Option<String> {
    let is_it = |decision: &&CrmDecision| decision.spec.word == word && decision.spec.is_about(plan_hash);
    view.snapshot.decisions.iter().find(is_it).map(signed)
}

/// A decision as records name it: `name (user)`.
#[must_use]
pub fn signed(decision: &CrmDecision) -> String {
    format!("{} ({})", decision.metadata.name.as_deref().unwrap_or_default(), decision.spec.user)
}

/// When it was said; the beginning of time where the API server has not said so.
#[must_use]
pub fn said_at(decision: &CrmDecision) -> Timestamp {
    decision.metadata.creation_timestamp.as_ref().map_or(Timestamp::MIN, |said| said.0)
}

fn has_expired(decision: &CrmDecision, now: Timestamp) -> bool {
    decision.spec.expires_at.as_ref().is_some_and(|expires| expires.0 <= now)
}

fn standing(decision: &CrmDecision) -> StandingWord {
    StandingWord {
        decision: decision.metadata.name.clone().unwrap_or_default(),
        namespace: decision.metadata.namespace.clone().unwrap_or_default(),
        user: decision.spec.user.clone(),
        reason: decision.spec.reason.clone().unwrap_or_default(),
        since: crm_api::Time::from(said_at(decision)),
        until: decision.spec.expires_at.clone(),
    }
}
