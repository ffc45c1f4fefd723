//! No change is open: is one needed, can there be one, and which?

mod observed;
mod refusals;

use crm_api::CrmChange;
use crm_api::change::{CrmChangeSpec, Purpose, Restores, Step, StepRole, Undo};
use crm_api::decision::Word;
use crm_api::release::CrmReleaseSpec;
use crm_api::site::{Finding, ObservedPart, Severity, VerifiedState};

use crate::correct;
use crate::half_done::{self, Found};
use crate::hash::{json_bytes, plan_hash, short, spec_digest};
use crate::path;
use crate::products::{self, Hop};
use crate::sort::sort;
use crate::view::View;
use crate::windows;
pub use observed::absent;
use observed::{adopted, any_gone, current_release, missing, placed, settled, unheard, without};
use refusals::{moved_by_hand, no_way, unknown_version};
pub(crate) use refusals::{refusal, surroundings};

/// What is decided about a site without an open change.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// What the site is proven to be at, after this look.
    pub verified: Option<VerifiedState>,
    /// What there is to do.
    pub verdict: Verdict,
}

/// What there is to do.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Too little was seen.
    Observing(Vec<String>),
    /// Nothing.
    Settled,
    /// Something, but there is no plan for it.
    Refused(Vec<Finding>),
    /// Other hands left it half done, and a person has to choose.
    HalfDone(Box<Found>),
    /// The same plan has failed, and nothing has changed since.
    FailedBefore {
        /// The change that failed.
        change: String,
        /// Why.
        reason: String,
    },
    /// This restore was the last change; the declaration waits for a word.
    Restored(Box<CrmChange>),
    /// This change.
    Change(Box<CrmChangeSpec>, Vec<Finding>),
}

/// Looks at a site without an open change.
#[must_use]
pub fn propose(view: &View<'_>, parts: &[ObservedPart]) -> Proposal {
    let before = crate::round::proven(view, None);
    let keep = |verdict| Proposal { verified: before.clone(), verdict };
    let in_the_way = surroundings(view);
    if !in_the_way.is_empty() {
        return keep(Verdict::Refused(in_the_way));
    }
    let missing = missing(view);
    if !missing.is_empty() {
        return keep(Verdict::Observing(missing));
    }
    if let Err(bad) = windows::opening(view.spec.windows.as_ref(), 0, view.now) {
        let message = format!("spec.windows.{}: {:?} {}", bad.field, bad.value, bad.problem);
        return keep(Verdict::Refused(vec![refusal("Windows", message, bad.remedy.to_owned())]));
    }
    let found = half_done::look(view, parts).filter(|_| !any_gone(parts, before.as_ref()));
    let (to_policy, found) = match found {
        Some(found) if before.is_some() && correct::takes(view, &found) => (Some(found), None),
        found => (None, found),
    };
    if let Some(found) = found {
        let chosen = found.chosen(view).cloned().map(Box::new);
        let findings = found.findings();
        return keep(match chosen {
            Some(change) => Verdict::Change(change, findings),
            None => Verdict::HalfDone(Box::new(found)),
        });
    }
    let current = match current_release(view, parts, before.as_ref()) {
        Ok(current) => current,
        Err(findings) => return keep(Verdict::Refused(findings)),
    };
    let target = match view.catalogue.find(&view.spec.version) {
        Some(target) => target,
        None => {
            let verified = before.clone().or_else(|| Some(adopted(view, parts, current)));
            return Proposal { verified, verdict: Verdict::Refused(vec![unknown_version(view)]) };
        }
    };
    // What was proven comes back before anything new is begun.
    if before.as_ref().is_some_and(|before| before.version == current.version)
        && let Some(correction) = correct::next(view, parts, current)
    {
        return keep(Verdict::Change(correction, Vec::new()));
    }
    let rules = products::of(view.spec.product);
    let is_there = target.version == current.version && absent(parts).is_empty() && rules.differences(view).is_empty();
    if let Some(found) = to_policy.filter(|_| !is_there) {
        return keep(Verdict::Refused(found.findings()));
    }
    if is_there {
        return Proposal { verified: Some(settled(view, parts, current, before)), verdict: Verdict::Settled };
    }
    let verified = match before.clone() {
        None => adopted(view, parts, current),
        Some(verified) if verified.version != current.version => {
            return keep(Verdict::Refused(vec![moved_by_hand(&verified, current)]));
        }
        Some(verified) => verified,
    };
    if let Some(restore) = crate::restore::awaits_decision(view, &spec_digest(view.spec)) {
        let verdict = Verdict::Restored(Box::new(restore.clone()));
        return Proposal { verified: Some(verified), verdict };
    }
    let verdict = next_hop(view, parts, (current, target), None);
    Proposal { verified: Some(verified), verdict }
}

/// The hop behind an open change whose release every part shows, as a change that takes over from it; `None` where there is
/// none, or something blocks it.
#[must_use]
pub(crate) fn following(view: &View<'_>, parts: &[ObservedPart], change: &CrmChange) -> Option<Box<CrmChangeSpec>> {
    let current = view.catalogue.find(&change.spec.to)?;
    let target = view.catalogue.find(&view.spec.version).filter(|target| target.version != current.version)?;
    match next_hop(view, parts, (current, target), change.metadata.name.as_deref()) {
        Verdict::Change(next, _) => Some(next),
        _ => None,
    }
}

fn next_hop(
    view: &View<'_>,
    parts: &[ObservedPart],
    (current, target): (&CrmReleaseSpec, &CrmReleaseSpec),
    takes_over: Option<&str>,
) -> Verdict {
    let way = match view.catalogue.path(current, target) {
        Ok(way) => way,
        Err(no_path) => return Verdict::Refused(vec![no_way(current, target, &no_path)]),
    };
    let to = way.first().copied().unwrap_or(target);
    let rules = products::of(view.spec.product);
    let fast_cgi_now = rules.fast_cgi(view);
    let digest = spec_digest(view.spec);
    let folder = free_folder(view, &digest, current, to);
    let purpose = if to.version == current.version { Purpose::Configure } else { Purpose::Upgrade };
    let absent = absent(parts);
    // A missing component is installed once: in the first hop that demands it, or in the last one.
    let demanded = to.version == target.version || rules.demands_all(to);
    let installs = if demanded { absent.clone() } else { Vec::new() };
    let hop = Hop {
        fast_cgi_now,
        fast_cgi: rules.wanted_fast_cgi(view, &absent, &installs),
        absent: &absent,
        installs: &installs,
        backup_folder: &folder,
        takes_over,
        ..Hop::between(purpose, current, to)
    };
    let findings = path::checked(view, &hop);
    if findings.iter().any(|finding| finding.severity == Severity::Block) {
        let unheard = unheard(view);
        return if unheard.is_empty() { Verdict::Refused(findings) } else { Verdict::Observing(unheard) };
    }
    if let Some((change, reason)) = failed_before(view, &digest) {
        return Verdict::FailedBefore { change, reason };
    }
    match assemble(view, parts, &hop, digest, None) {
        Ok(change) => match never_opens(view, &change.steps).or_else(|| a_later_hop_never_opens(view, to)) {
            Some(finding) => Verdict::Refused(vec![finding]),
            None => {
                let whole = path::whole(view, &change.spec_digest, current, &way);
                let change = CrmChangeSpec { path: whole.stops, path_hash: whole.hash, ..change };
                Verdict::Change(Box::new(change), findings)
            }
        },
        Err(finding) => Verdict::Refused(vec![*finding]),
    }
}

/// A plan for which no window has room is refused before anybody is asked to approve it.
pub(crate) fn never_opens(view: &View<'_>, steps: &[Step]) -> Option<Finding> {
    let (felt, restore) = minutes_needed(steps);
    match windows::opening(view.spec.windows.as_ref(), felt.saturating_add(restore), view.now) {
        Ok(windows::Opening::Closed { why, next: None }) => {
            let message = format!("{why} ({felt} minutes for the change, {restore} minutes kept for a restore)");
            Some(refusal(
                "Window",
                message,
                "lengthen or add a window in spec.windows.allow, or shorten what spec.windows.deny takes from it"
                    .to_owned(),
            ))
        }
        Ok(windows::Opening::Closed { .. } | windows::Opening::Open { .. }) | Err(_) => None,
    }
}

/// A path on whose way no window is long enough is not begun.
fn a_later_hop_never_opens(view: &View<'_>, to: &CrmReleaseSpec) -> Option<Finding> {
    path::later_steps(view, &to.version).into_iter().find_map(|(_, later, steps)| {
        let finding = never_opens(view, &steps)?;
        Some(Finding { message: format!("a later hop, to {}: {}", later, finding.message), ..finding })
    })
}

/// The pinned plan of a hop: its steps sorted, with reasons, and hashed.
///
/// # Errors
/// When the rules contradict each other, or the plan is too large.
pub(crate) fn assemble(
    view: &View<'_>,
    parts: &[ObservedPart],
    hop: &Hop<'_>,
    spec_digest: String,
    restores: Option<Restores>,
) -> Result<CrmChangeSpec, Box<Finding>> {
    let rules = products::of(view.spec.product);
    let steps = sort(rules.steps(view, hop), rules.rules(hop.purpose)).map_err(|cycle| {
        Box::new(refusal("OrderingRules", cycle.to_string(), "report this: it is a fault of the operator".to_owned()))
    })?;
    let schema_change = steps.iter().any(|step| matches!(step.undo, Undo::Restore {}));
    let removed = rules.removes(view, hop);
    let mut change = CrmChangeSpec {
        site: view.name().to_owned(),
        site_uid: view.snapshot.site.metadata.uid.clone().unwrap_or_default(),
        purpose: hop.purpose,
        from: hop.from.version.clone(),
        to: hop.to.version.clone(),
        from_number: hop.from.number.clone(),
        to_number: hop.to.number.clone(),
        fast_cgi: hop.fast_cgi,
        corrects: hop.corrects.to_vec(),
        restores,
        takes_over: hop.takes_over.map(str::to_owned),
        components: without(placed(view, parts, hop.installs), &removed),
        installs: hop.installs.to_vec(),
        plan_hash: String::new(),
        path: Vec::new(),
        path_hash: String::new(),
        spec_digest,
        schema_change,
        claims: rules.claims(view),
        notices: rules.notices(view, hop),
        owes: rules.owes(view, hop).iter().map(|kind| kind.as_str().to_owned()).collect(),
        steps,
    };
    change.plan_hash = plan_hash(&change, &[hop.from, hop.to], earlier_tries(view, hop));
    let size = json_bytes(&change);
    if size > crm_api::change::CHANGE_BYTES_MAX {
        let message = format!("the plan has {size} bytes, {} fit", crm_api::change::CHANGE_BYTES_MAX);
        return Err(Box::new(refusal("PlanSize", message, "declare fewer nodes in one site".to_owned())));
    }
    Ok(change)
}

/// How often the same restore, the same correction, or a way forward, was tried before.
#[must_use]
pub(crate) fn earlier_tries(view: &View<'_>, hop: &Hop<'_>) -> usize {
    let set = hop.set.and_then(|set| set.metadata.name.as_ref());
    let is_one = |change: &&CrmChange| match hop.purpose {
        Purpose::Forward => change.spec.purpose == Purpose::Forward,
        Purpose::Restore => {
            let same = change.spec.restores.as_ref().is_some_and(|restores| Some(&restores.backup) == set);
            same && change.status.as_ref().is_some_and(|status| status.phase.is_over())
        }
        Purpose::Correct => change.spec.purpose == Purpose::Correct && change.spec.corrects == hop.corrects,
        Purpose::Upgrade | Purpose::Configure => false,
    };
    view.snapshot.changes.iter().filter(is_one).count()
}

/// Expected minutes from the first step that passes the window on, and what a restore would need.
#[must_use]
pub fn minutes_needed(steps: &[Step]) -> (i32, i32) {
    let is_gate = |step: &Step| step.gate == Some(crm_api::change::Gate::Window);
    // A restore waits for no window: all of it counts.
    let first = steps.iter().position(is_gate).unwrap_or(0);
    let felt: i32 = steps.iter().skip(first).map(|step| step.minutes).sum();
    (felt, restore_minutes(steps))
}

/// Expected minutes of a restore: reading back takes about twice what writing the set took.
#[must_use]
pub fn restore_minutes(steps: &[Step]) -> i32 {
    steps.iter().filter(|step| step.role == Some(StepRole::BackUp)).map(|step| step.minutes.saturating_mul(2)).sum()
}

/// The change that failed with this very declaration, unless a person has said `Retry` since.
fn failed_before(view: &View<'_>, digest: &str) -> Option<(String, String)> {
    // A correction that failed is reported with the drift; it stands in nobody's way.
    let last = view.snapshot.changes.iter().rfind(|change| change.spec.purpose != Purpose::Correct)?;
    let status = last.status.as_ref()?;
    let failed = status.phase == crm_api::change::ChangePhase::Failed && last.spec.spec_digest == digest;
    let retried = view.snapshot.decisions.iter().any(|decision| {
        let after = match (&decision.metadata.creation_timestamp, &status.ended_at) {
            (Some(said), Some(ended)) => said.0 >= ended.0,
            (_, _) => false,
        };
        decision.spec.word == Word::Retry && decision.spec.is_about(&last.spec.plan_hash) && after
    });
    let reason = status.backing_out.clone().unwrap_or_default();
    (failed && !retried).then(|| (last.metadata.name.clone().unwrap_or_default(), reason))
}

/// Folder of the set of a new change: one that no set of this site has, whatever was deleted since.
pub(crate) fn free_folder(view: &View<'_>, digest: &str, from: &CrmReleaseSpec, to: &CrmReleaseSpec) -> String {
    let location = view.spec.backup.location.trim_end_matches('\\');
    let mut number = view.snapshot.changes.len();
    loop {
        let tried = crate::hash::digest(&serde_json::json!([digest, from.version, to.version, number]));
        let folder = format!(r"{location}\{}-{}", view.name(), short(&tried));
        if !view.snapshot.backups.iter().any(|backup| backup.spec.location == folder) {
            return folder;
        }
        number = number.saturating_add(1);
    }
}
