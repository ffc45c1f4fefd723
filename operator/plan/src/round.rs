//! One round: look, decide, and say what to do in an order that loses nothing when it is cut off.

mod instruct;

use crm_api::backup::CrmBackupSpec;
use crm_api::change::{ChangePhase, CrmChange, CrmChangeSpec, CrmChangeStatus, Executor, Purpose, StepRole, Task};
use crm_api::site::{CrmSiteStatus, ObservedPart, PlanSummary, VerifiedState};
use jiff::Timestamp;

use crate::advance::{Advance, advance};
use crate::forecast::forecast;
use crate::hash::{begun, short};
use crate::intent::{Intent, Plan, Standing};
use crate::notices::{self, Telling};
use crate::products;
use crate::propose::{Verdict, minutes_needed, propose};
use crate::report::{Round, change_conditions, site_announcements, site_status};
use crate::snapshot::Snapshot;
use crate::view::View;
use crate::windows::local;
use instruct::instruct;

/// Decides what to do about one site: facts and `now` in, what to do and why out.
///
/// Without an open change it proposes one, or says why there is none. With an open change it never derives the steps
/// again: it takes the pinned ones and reads from facts which of them are verified.
#[must_use]
pub fn plan(snapshot: &Snapshot, now: Timestamp) -> Plan {
    let view = View::new(snapshot, now);
    let parts = products::of(view.spec.product).parts(&view);
    match snapshot.open_change() {
        Some(change) => with_change(&view, parts, change),
        None => without_change(&view, parts),
    }
}

fn with_change(view: &View<'_>, parts: Vec<ObservedPart>, change: &CrmChange) -> Plan {
    let old = change.status.clone().unwrap_or_default();
    let mut advance = advance(view, &parts, change);
    if advance.status.backup.is_none() && has_begun_backup(change, &advance.status) {
        advance.status.backup = change.metadata.name.clone();
    }
    let generation = change.metadata.generation.unwrap_or(1);
    let now = crm_api::Time::from(view.now);
    advance.status.conditions = change_conditions(&old, &advance.status, advance.halted.as_ref(), generation, &now);
    advance.status.findings.truncate(32);
    let mut telling = notices::tell(view, change, &mut advance.status, advance.halted.as_ref());
    let name = change.metadata.name.clone().unwrap_or_default();
    let standing = match &advance.halted {
        Some((reason, remedy)) => Standing::Halted {
            change: name.clone(),
            reason: reason.clone(),
            remedy: remedy.clone(),
            restore: advance.restore.clone(),
        },
        None => Standing::Underway { change: name.clone(), waiting: advance.status.waiting.clone() },
    };
    let verified = proven(view, Some((change, &advance.status)));
    let round = Round {
        standing: &standing,
        verified,
        parts,
        change: Some((change, &advance.status)),
        plan: Some(summary(view, &change.spec, Some(&advance.status))),
    };
    let status = site_status(view, round);
    let mut intents = Vec::new();
    hold_or_release(view, Some((&name, &advance.status)), &mut intents);
    intents.extend(create_backup(view, change, &advance.status));
    // Told before it is recorded: an event that is told twice is one event, one that is lost is none.
    for announcement in advance.announcements.drain(..) {
        if !was_told(&old, &advance.status, announcement.reason) {
            intents.push(Intent::Announce(announcement));
        }
    }
    intents.extend(telling.announcements.drain(..).map(Intent::Announce));
    record_backup(view, &name, &mut advance, &mut intents);
    // What takes over holds everything before this change lets go of it.
    if let Some((name, status)) = advance.handed_over.take() {
        intents.push(Intent::RecordChange { name, status });
    }
    if advance.status != old {
        intents.push(Intent::RecordChange { name: name.clone(), status: Box::new(advance.status.clone()) });
    }
    if let Some(spec) = advance.begin.take() {
        let name = format!("{}-{}", view.name(), short(&spec.plan_hash));
        intents.push(Intent::CreateChange { name, spec });
    }
    instruct(view, Some(change), &advance, &mut intents);
    intents.append(&mut advance.tasks);
    intents.append(&mut telling.deliveries);
    let left = notices::left_over(view, Some(change));
    let wake_at = earliest([advance.wake_at, telling.wake_at, tell_left_over(view, left, &mut intents)]);
    record_site(view, status, &mut intents);
    Plan { standing, intents, wake_at: if advance.status.phase.is_over() { Some(view.now) } else { wake_at } }
}

/// Records and posts what changes that are over have left to tell; when to look again.
fn tell_left_over(
    view: &View<'_>,
    left: Vec<(String, CrmChangeStatus, Telling)>,
    intents: &mut Vec<Intent>,
) -> Option<Timestamp> {
    let mut wake_at = None;
    for (name, status, telling) in left {
        intents.extend(telling.announcements.into_iter().map(Intent::Announce));
        let is_it = |change: &&CrmChange| change.metadata.name.as_ref() == Some(&name);
        if view.snapshot.changes.iter().find(is_it).and_then(|change| change.status.as_ref()) != Some(&status) {
            intents.push(Intent::RecordChange { name, status: Box::new(status) });
        }
        intents.extend(telling.deliveries);
        wake_at = earliest([wake_at, telling.wake_at]);
    }
    wake_at
}

fn earliest<const N: usize>(times: [Option<Timestamp>; N]) -> Option<Timestamp> {
    times.into_iter().flatten().min()
}

/// Whether an announcement of a lasting state has been made in an earlier round: it is made when the state begins.
fn was_told(old: &CrmChangeStatus, new: &CrmChangeStatus, reason: &str) -> bool {
    let waiting = |status: &CrmChangeStatus| status.waiting.as_ref().map(|waiting| waiting.reason.clone());
    match reason {
        "ApprovalNeeded" | "PreflightBlocked" => waiting(old).is_some() && waiting(old) == waiting(new),
        "Halted" => old.phase == ChangePhase::Halted,
        _ => false,
    }
}

fn without_change(view: &View<'_>, parts: Vec<ObservedPart>) -> Plan {
    let deleted = view.snapshot.site.metadata.deletion_timestamp.is_some();
    let proposal = propose(view, &parts);
    let mut intents = Vec::new();
    let mut summary_of_plan = None;
    let standing = match proposal.verdict {
        Verdict::Observing(missing) => Standing::Observing { missing },
        Verdict::Settled => Standing::Settled,
        Verdict::Refused(findings) => Standing::Refused { findings },
        Verdict::HalfDone(found) => Standing::HalfDone { found },
        Verdict::FailedBefore { change, reason } => Standing::Halted {
            reason: format!("{change} was taken back: {reason}"),
            remedy: format!(
                "mend the cause; then edit the spec, or create a CrmDecision with word Retry, {}",
                last_step(view)
            ),
            change,
            restore: None,
        },
        Verdict::Restored(restore) => Standing::Restored {
            remedy: format!(
                "edit the spec; or create a CrmDecision with word Retry, step verify-site and planHash {}, to begin the change again",
                begun(&restore.spec.plan_hash)
            ),
            change: restore.metadata.name.unwrap_or_default(),
        },
        Verdict::Change(spec, findings) => {
            summary_of_plan = Some(summary(view, &spec, None));
            if !deleted {
                let name = format!("{}-{}", view.name(), short(&spec.plan_hash));
                intents.push(Intent::CreateChange { name, spec: spec.clone() });
            }
            Standing::Proposed { change: spec, findings }
        }
    };
    let left = notices::left_over(view, None);
    let last = view.snapshot.changes.last();
    let recorded = |change: &CrmChange| {
        let now = left.iter().find(|(name, _, _)| change.metadata.name.as_ref() == Some(name));
        now.map(|(_, status, _)| status.clone()).or_else(|| change.status.clone())
    };
    let last = last.and_then(|change| recorded(change).map(|status| (change, status)));
    let round = Round {
        standing: &standing,
        verified: proposal.verified,
        parts,
        change: last.as_ref().map(|(change, status)| (*change, status)),
        plan: summary_of_plan,
    };
    let status = site_status(view, round);
    let none = Advance::default();
    instruct(view, None, &none, &mut intents);
    let tell_again_at = tell_left_over(view, left, &mut intents);
    record_site(view, status, &mut intents);
    hold_or_release(view, None, &mut intents);
    let wake_at = match &standing {
        Standing::Observing { .. } => view.now.checked_add(jiff::SignedDuration::from_secs(15)).ok(),
        Standing::Proposed { .. } => (!deleted).then_some(view.now),
        Standing::Settled
        | Standing::Refused { .. }
        | Standing::HalfDone { .. }
        | Standing::Underway { .. }
        | Standing::Halted { .. }
        | Standing::Restored { .. } => None,
    };
    Plan { standing, intents, wake_at: earliest([wake_at, tell_again_at]) }
}

/// The step at which the last change ended and its plan hash, as a decision names them.
fn last_step(view: &View<'_>) -> String {
    let declared = view.snapshot.changes.iter().rfind(|change| change.spec.purpose != Purpose::Correct);
    let Some(change) = declared else { return String::new() };
    let steps = change.status.as_ref().map(|status| status.steps.as_slice()).unwrap_or_default();
    let step = steps.last().map_or("preflight", |result| result.id.as_str());
    format!("step {step} and planHash {}", begun(&change.spec.plan_hash))
}

/// What the site is proven to be at, the end of its last change included.
#[must_use]
pub(crate) fn proven(view: &View<'_>, current: Option<(&CrmChange, &CrmChangeStatus)>) -> Option<VerifiedState> {
    let recorded = view.snapshot.site.status.as_ref().and_then(|status| status.verified.clone());
    let last =
        current.or_else(|| {
            let change =
                view.snapshot.changes.iter().rev().filter(|change| change.spec.purpose != Purpose::Correct).find(
                    |change| change.status.as_ref().is_some_and(|status| status.phase == ChangePhase::Succeeded),
                )?;
            change.status.as_ref().map(|status| (change, status))
        });
    let Some((change, status)) = last else { return recorded };
    let (ChangePhase::Succeeded, Some(ended)) = (status.phase, &status.ended_at) else { return recorded };
    if change.spec.purpose == Purpose::Correct {
        // It brought back what was proven by another change.
        return recorded;
    }
    if recorded.as_ref().is_some_and(|verified| verified.at.0 >= ended.0) {
        return recorded;
    }
    Some(VerifiedState {
        version: change.spec.to.clone(),
        rank: view.catalogue.find(&change.spec.to).map(|release| release.rank),
        fast_cgi: change.spec.fast_cgi,
        components: change.spec.components.clone(),
        spec_digest: change.spec.spec_digest.clone(),
        change: change.metadata.name.clone(),
        at: ended.clone(),
    })
}

pub(crate) fn summary(view: &View<'_>, change: &CrmChangeSpec, status: Option<&CrmChangeStatus>) -> PlanSummary {
    let forecast = forecast(view, change, status);
    let (minutes, restore_minutes) = minutes_needed(&change.steps);
    let text = |at: Option<Timestamp>| at.map(|at| local(view.spec.windows.as_ref(), at));
    PlanSummary {
        hash: change.plan_hash.clone(),
        purpose: change.purpose,
        from: change.from.clone(),
        to: change.to.clone(),
        steps: i32::try_from(change.steps.len()).unwrap_or(i32::MAX),
        then: crate::path::outline(view, &change.to),
        minutes,
        restore_minutes,
        ends_about: text(forecast.ends),
        restore_fits_before: text(forecast.restore_fits_before),
        path: change.path.clone(),
        path_hash: change.path_hash.clone(),
    }
}

pub(crate) fn backup_folder(change: &CrmChange) -> Option<&str> {
    change.spec.steps.iter().find_map(|step| match &step.executor {
        Executor::Controller { task: Task::BackUpDatabase { folder } } => Some(folder.as_str()),
        Executor::Agent { .. } | Executor::Attended { .. } | Executor::Controller { .. } => None,
    })
}

/// A set exists from the moment that its first part is begun.
fn has_begun_backup(change: &CrmChange, status: &CrmChangeStatus) -> bool {
    let mut parts = change.spec.steps.iter().filter(|step| step.role == Some(StepRole::BackUp));
    backup_folder(change).is_some() && parts.any(|step| status.result(&step.id).is_some())
}

fn create_backup(view: &View<'_>, change: &CrmChange, status: &CrmChangeStatus) -> Option<Intent> {
    let folder = backup_folder(change).filter(|_| has_begun_backup(change, status))?;
    let name = change.metadata.name.clone()?;
    let exists = view.snapshot.backups.iter().any(|backup| backup.spec.change == name);
    (!exists).then(|| Intent::CreateBackup {
        spec: Box::new(CrmBackupSpec {
            site: view.name().to_owned(),
            release: change.spec.from.clone(),
            mixed: change.spec.purpose == Purpose::Forward,
            change: name.clone(),
            database: view.spec.database.name.clone(),
            location: folder.to_owned(),
        }),
        name,
    })
}

/// The record of the set comes before the record of the step that proved it: a crash in between proves it again.
fn record_backup(view: &View<'_>, name: &str, advance: &mut Advance, intents: &mut Vec<Intent>) {
    let Some(status) = advance.backup.take() else { return };
    let stored = view.snapshot.backups.iter().find(|backup| backup.spec.change == name);
    if stored.and_then(|backup| backup.status.as_ref()) != Some(&status) {
        intents.push(Intent::RecordBackup { name: name.to_owned(), status: Box::new(status) });
    }
}

fn record_site(view: &View<'_>, status: CrmSiteStatus, intents: &mut Vec<Intent>) {
    let old = view.snapshot.site.status.clone().unwrap_or_default();
    intents.extend(site_announcements(&old, &status).into_iter().map(Intent::Announce));
    if view.snapshot.site.status.as_ref() != Some(&status) {
        intents.push(Intent::RecordSite { status: Box::new(status) });
    }
}

/// From freeze to unfreeze the site object cannot vanish.
fn hold_or_release(view: &View<'_>, change: Option<(&str, &CrmChangeStatus)>, intents: &mut Vec<Intent>) {
    let held = view
        .snapshot
        .site
        .metadata
        .finalizers
        .as_ref()
        .is_some_and(|finalizers| finalizers.iter().any(|name| name == crm_api::SITE_FINALIZER));
    // What was handed over is as closed as before.
    let is_closed = |status: &CrmChangeStatus| {
        status.closed_at.is_some() && (status.ended_at.is_none() || status.handed_over_to.is_some())
    };
    let elsewhere = view
        .snapshot
        .open_changes()
        .filter(|other| change.is_none_or(|(name, _)| other.metadata.name.as_deref() != Some(name)))
        .any(|other| other.status.as_ref().is_some_and(is_closed));
    let closed = elsewhere || change.is_some_and(|(_, status)| is_closed(status));
    match (held, closed) {
        (false, true) => intents.insert(0, Intent::HoldSite),
        (true, false) => intents.push(Intent::ReleaseSite),
        (true, true) | (false, false) => {}
    }
}
