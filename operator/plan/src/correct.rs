//! Corrections: what was proven is brought back by a change of its own, without a word of a person but the policy that
//! declares it. A version is never corrected, nothing is corrected beside another change, and nothing twice in a day.

use crm_api::change::{ChangePhase, CrmChange, CrmChangeSpec, Executor, Gate, Purpose, Step, Task};
use crm_api::release::CrmReleaseSpec;
use crm_api::site::{DriftAction, Finding, ObservedPart, Severity};
use jiff::SignedDuration;

use crate::drift::{key, policy_of, seen};
use crate::half_done::Found;
use crate::hash::spec_digest;
use crate::products::{self, Correctable, Hop};
use crate::propose::{assemble, free_folder, never_opens};
use crate::view::View;
use crate::windows::local;

/// The same correction is made once within this time: what comes back sooner has a cause that a person must find.
const ONCE_WITHIN: SignedDuration = SignedDuration::from_hours(24);

/// The correction that is to be made next, if one is: those that interrupt nobody before those that need a window.
#[must_use]
pub fn next(view: &View<'_>, parts: &[ObservedPart], current: &CrmReleaseSpec) -> Option<Box<CrmChangeSpec>> {
    let (at_once, in_window): (Vec<_>, Vec<_>) =
        wanted(view).into_iter().partition(|(_, when)| *when == Correctable::AtOnce);
    let group = if at_once.is_empty() { in_window } else { at_once };
    let corrects: Vec<String> = group.iter().map(|(finding, _)| key(finding)).collect();
    if corrects.is_empty() {
        return None;
    }
    let rules = products::of(view.spec.product);
    let digest = spec_digest(view.spec);
    let folder = free_folder(view, &digest, current, current);
    let verified = view.snapshot.site.status.as_ref().and_then(|status| status.verified.as_ref());
    let hop = Hop {
        fast_cgi_now: rules.fast_cgi(view),
        fast_cgi: verified.and_then(|verified| verified.fast_cgi),
        corrects: &corrects,
        backup_folder: &folder,
        ..Hop::between(Purpose::Correct, current, current)
    };
    if rules.checks(view, &hop).iter().any(|finding| finding.severity == Severity::Block) {
        return None;
    }
    let plan = assemble(view, parts, &hop, digest, None).ok()?;
    let is_gated = plan.steps.iter().any(|step| step.gate == Some(Gate::Window));
    never_opens(view, &plan.steps).filter(|_| is_gated).is_none().then(|| Box::new(plan))
}

/// Every finding that the policy has corrected, and that can be corrected as things stand.
fn wanted(view: &View<'_>) -> Vec<(Finding, Correctable)> {
    if !view.spec.drift.iter().any(|policy| policy.action == DriftAction::Correct) {
        return Vec::new();
    }
    let rules = products::of(view.spec.product);
    seen(view)
        .into_iter()
        .filter(|finding| policy_of(view, finding).is_some_and(|policy| policy.action == DriftAction::Correct))
        .filter(|finding| tried_lately(view, &key(finding)).is_none())
        .map(|finding| {
            let when = rules.correctable(view, &finding);
            (finding, when)
        })
        .filter(|(_, when)| matches!(when, Correctable::AtOnce | Correctable::InWindow))
        .collect()
}

/// Whether all that was found half done is left to the policy, which then takes it away.
#[must_use]
pub fn takes(view: &View<'_>, found: &Found) -> bool {
    let rules = products::of(view.spec.product);
    found.findings().iter().all(|finding| {
        policy_of(view, finding).is_some_and(|policy| policy.action == DriftAction::Correct)
            && tried_lately(view, &key(finding)).is_none()
            && rules.correctable(view, finding) != Correctable::No
    })
}

/// Whether nothing is left of what an open correction is to take away, or the policy no longer wants it taken away. Once
/// a step of it has begun, it is carried to its end.
#[must_use]
pub fn is_moot(view: &View<'_>, change: &CrmChange) -> bool {
    let begun = change.status.as_ref().is_some_and(|status| {
        let acts = |step: &Step| match &step.executor {
            Executor::Agent { .. } | Executor::Attended { .. } => true,
            Executor::Controller { task } => !matches!(task, Task::Preflight {} | Task::Notify { .. }),
        };
        change.spec.steps.iter().any(|step| acts(step) && status.result(&step.id).is_some())
    });
    if change.spec.purpose != Purpose::Correct || begun || view.database().is_none() {
        return false;
    }
    let wanted: Vec<String> = wanted(view).iter().map(|(finding, _)| key(finding)).collect();
    !change.spec.corrects.iter().all(|key| wanted.contains(key))
}

/// What became of the last correction of a finding, where that was less than a day ago.
#[must_use]
pub fn tried_lately(view: &View<'_>, key: &str) -> Option<String> {
    let of_this = |change: &&CrmChange| {
        change.spec.purpose == Purpose::Correct && change.spec.corrects.iter().any(|corrected| corrected == key)
    };
    let ended = view.snapshot.changes.iter().filter(of_this).filter_map(|change| {
        let status = change.status.as_ref()?;
        let outcome = match status.phase {
            ChangePhase::Succeeded => "and has come back",
            ChangePhase::Failed => "in vain",
            _ => return None,
        };
        Some((status.ended_at.as_ref()?.0, change.metadata.name.as_deref().unwrap_or_default(), outcome))
    });
    let (at, name, outcome) = ended.max_by_key(|(at, _, _)| *at)?;
    let again = at.saturating_add(ONCE_WITHIN).unwrap_or(at);
    let local = |at| local(view.spec.windows.as_ref(), at);
    (view.now < again).then(|| {
        format!(
            "{name} corrected it on {} {outcome}: a person has to find the cause; it is not corrected again before {}",
            local(at),
            local(again)
        )
    })
}
