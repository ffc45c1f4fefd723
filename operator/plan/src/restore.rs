//! The way back: a restore from one verified set as a plan like any other, offered while a change is halted behind its
//! point of no return, and carried out on a person's word or by the declared policy.

use crm_api::CrmBackup;
use crm_api::change::{
    ChangePhase, CrmChange, CrmChangeSpec, CrmChangeStatus, Executor, Purpose, Restores, StepPhase, Undo,
};
use crm_api::condition::{self, Kind};
use crm_api::decision::Word;
use crm_api::order::Action;
use crm_api::release::CrmReleaseSpec;
use crm_api::site::{LastBackup, ObservedPart, OnHalt, PartState, RestoreOffer};

use crate::hash::begun;
use crate::products::Hop;
use crate::propose::{assemble, minutes_needed};
use crate::view::View;

/// The restore that would end a halted change, or why there is none.
///
/// # Errors
/// With the reason, where no set fits.
pub fn offer(view: &View<'_>, parts: &[ObservedPart], halted: &CrmChange) -> Result<Box<CrmChangeSpec>, String> {
    let name = halted.metadata.name.as_deref().unwrap_or_default();
    let backup = if halted.spec.purpose == Purpose::Forward {
        // Its own set is of a site that was half done: nothing could run from it.
        earlier_set(view, &halted.spec.from)?
    } else {
        let own = view.snapshot.backups.iter().find(|backup| backup.spec.change == name);
        own.ok_or_else(|| format!("the change {name} has no backup set"))?
    };
    if !halted.spec.installs.is_empty() {
        let installs = halted.spec.installs.join(", ");
        return Err(format!("the change installs parts that were not there ({installs}); no set can take them away"));
    }
    fits(view, &halted.spec.from, backup)?;
    let from = view.catalogue.find(&halted.spec.to);
    from_set(view, parts, backup, from, Some(name.to_owned()))
}

/// The restore that would bring a half-done site back, or why there is none.
///
/// # Errors
/// With the reason, where no set fits.
pub fn from_earlier_set(
    view: &View<'_>,
    parts: &[ObservedPart],
    (from, furthest): (&CrmReleaseSpec, &CrmReleaseSpec),
) -> Result<Box<CrmChangeSpec>, String> {
    let set = earlier_set(view, &from.version)?;
    from_set(view, parts, set, Some(furthest), None)
}

/// The newest verified set of this database that is of one release.
fn earlier_set<'a>(view: &View<'a>, release: &str) -> Result<&'a CrmBackup, String> {
    let sets = view.snapshot.backups.iter().filter(|set| !set.spec.mixed && fits(view, release, set).is_ok());
    let newest = sets.max_by_key(|set| set.status.as_ref().and_then(|status| status.taken_at.as_ref()).map(|at| at.0));
    newest.ok_or_else(|| format!("there is no verified backup set of {release}"))
}

/// The plan that brings a set back.
fn from_set(
    view: &View<'_>,
    parts: &[ObservedPart],
    backup: &CrmBackup,
    from: Option<&CrmReleaseSpec>,
    halted: Option<String>,
) -> Result<Box<CrmChangeSpec>, String> {
    let set = backup.metadata.name.clone().unwrap_or_default();
    if parts.iter().any(|part| part.state == PartState::Absent) {
        return Err(format!("parts are declared that are not installed; the set {set} cannot bring them back"));
    }
    let Some(to) = view.catalogue.find(&backup.spec.release) else {
        return Err(format!("the set {set} is of {}, which the catalogue does not know", backup.spec.release));
    };
    let verified = view.snapshot.site.status.as_ref().and_then(|status| status.verified.as_ref());
    let fast_cgi = verified.and_then(|verified| verified.fast_cgi);
    let hop = Hop {
        fast_cgi_now: fast_cgi,
        fast_cgi,
        backup_folder: &backup.spec.location,
        set: Some(backup),
        ..Hop::between(Purpose::Restore, from.unwrap_or(to), to)
    };
    let restores = Restores { backup: set.clone(), change: halted };
    let change = assemble(view, parts, &hop, crate::hash::spec_digest(view.spec), Some(restores))
        .map_err(|finding| finding.message)?;
    match missing_part(&change, backup) {
        Some(part) => Err(format!("the set {set} has no {part}: it does not fit the site as it is declared")),
        None => Ok(Box::new(change)),
    }
}

/// Whether a set is a verified one of this database and of the release that the site was at.
fn fits(view: &View<'_>, release: &str, backup: &CrmBackup) -> Result<(), String> {
    let set = backup.metadata.name.as_deref().unwrap_or_default();
    let conditions = backup.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    if !condition::is_true(conditions, Kind::Verified) {
        return Err(format!("the set {set} was never verified"));
    }
    if backup.spec.database != view.spec.database.name {
        return Err(format!(
            "the set {set} is of database {}, not of {}",
            backup.spec.database, view.spec.database.name
        ));
    }
    if backup.spec.release != release {
        let is = &backup.spec.release;
        return Err(format!("the set {set} is of {is}, and the change began at {release}: never across releases"));
    }
    Ok(())
}

/// What a step of a restore reads that the set has no record of.
fn missing_part(change: &CrmChangeSpec, backup: &CrmBackup) -> Option<String> {
    let files = backup.status.as_ref().map(|status| status.files.as_slice()).unwrap_or_default();
    // A tree and an export of several files are recorded by their list.
    let recorded = |path: &str| {
        files.iter().any(|file| file.file.path == path || file.file.path.strip_suffix(".sha256") == Some(path))
    };
    change.steps.iter().find_map(|step| {
        let Executor::Agent { actions } = &step.executor else { return None };
        actions.iter().find_map(|action| match action {
            Action::RestoreTree { from, .. }
            | Action::ImportRegistryKey { from, .. }
            | Action::ImportIis { from, .. } => (!recorded(from)).then(|| from.clone()),
            _ => None,
        })
    })
}

/// The offer as people read it in the site's status.
#[must_use]
pub fn described(view: &View<'_>, halted: Option<&CrmChangeStatus>, offer: &CrmChangeSpec) -> RestoreOffer {
    let backup = offer.restores.as_ref().map(|restores| restores.backup.clone()).unwrap_or_default();
    let set = view.snapshot.backups.iter().find(|set| set.metadata.name.as_deref() == Some(&backup));
    RestoreOffer {
        verification: set.and_then(|set| set.status.as_ref()?.verification),
        plan_hash: offer.plan_hash.clone(),
        release: offer.to.clone(),
        minutes: minutes_needed(&offer.steps).0,
        cost: cost(view, halted, &backup),
        backup,
    }
}

/// What is lost by a restore, as far as the records show.
fn cost(view: &View<'_>, halted: Option<&CrmChangeStatus>, set: &str) -> String {
    let taken = view
        .snapshot
        .backups
        .iter()
        .find(|backup| backup.metadata.name.as_deref() == Some(set))
        .and_then(|backup| backup.status.as_ref()?.taken_at.clone());
    let Some(taken) = taken else { return "it is not known when the set was taken".to_owned() };
    let at = crate::windows::local(view.spec.windows.as_ref(), taken.0);
    let Some(halted) = halted.filter(|status| status.backup.as_deref() == Some(set)) else {
        return format!("the set was taken {at}: everything that was written since is lost");
    };
    let nobody = halted.closed_at.as_ref().is_some_and(|closed| closed.0 <= taken.0) && halted.opened_at.is_none();
    if nobody {
        return format!(
            "the set was taken {at}, after users were out, and they have been out since: no work of users is lost, only what the change itself has done"
        );
    }
    let back = halted.opened_at.as_ref();
    let since = back.map(|at| crate::windows::local(view.spec.windows.as_ref(), at.0)).unwrap_or_default();
    format!("the set was taken {at}; users were back from {since}: everything that they wrote since is lost")
}

/// Who or what has the restore begun: a person's word about this very plan, or the site's policy.
#[must_use]
pub fn begun_by(view: &View<'_>, halted: &CrmChangeStatus, offer: &CrmChangeSpec) -> Option<String> {
    let said = view
        .snapshot
        .decisions
        .iter()
        .find(|decision| decision.spec.word == Word::Restore && decision.spec.is_about(&offer.plan_hash));
    if let Some(decision) = said {
        return Some(crate::said::signed(decision));
    }
    let declared = view.spec.recovery.as_ref().is_some_and(|recovery| recovery.on_halt == OnHalt::Restore);
    let failed = halted.steps.iter().any(|result| result.phase == StepPhase::Failed);
    let tried = view.snapshot.changes.iter().any(|change| {
        change.spec.restores.as_ref().is_some_and(|restores| Some(&restores.backup) == halted.backup.as_ref())
    });
    (declared && failed && halted.opened_at.is_none() && !tried).then(|| "spec.recovery.onHalt: Restore".to_owned())
}

/// The restore that has brought everything back and so ended a change.
#[must_use]
pub fn ended_by<'a>(view: &View<'a>, change: &str) -> Option<&'a CrmChange> {
    view.snapshot.changes.iter().find(|other| {
        other.spec.restores.as_ref().is_some_and(|restores| restores.change.as_deref() == Some(change))
            && other.status.as_ref().is_some_and(|status| status.phase == ChangePhase::Succeeded)
    })
}

/// The restore after which the declaration waits for a word: it was the last change, nothing was declared since, and
/// nobody has said `Retry`.
#[must_use]
pub fn awaits_decision<'a>(view: &View<'a>, digest: &str) -> Option<&'a CrmChange> {
    let last = view
        .snapshot
        .changes
        .iter()
        .max_by_key(|change| change.status.as_ref().and_then(|status| status.ended_at.as_ref()).map(|at| at.0))?;
    let restore = match last.spec.purpose {
        Purpose::Restore => last,
        _ => ended_by(view, last.metadata.name.as_deref().unwrap_or_default())?,
    };
    let status = restore.status.as_ref()?;
    let ended = status.ended_at.as_ref()?;
    let retried = view.snapshot.decisions.iter().any(|decision| {
        decision.spec.word == Word::Retry
            && decision.spec.is_about(&restore.spec.plan_hash)
            && decision
                .metadata
                .creation_timestamp
                .as_ref()
                .is_some_and(|said| said.0.as_second() >= ended.0.as_second())
    });
    (status.phase == ChangePhase::Succeeded && restore.spec.spec_digest == digest && !retried).then_some(restore)
}

/// How a person begins a restore.
#[must_use]
pub fn how(offer: &CrmChangeSpec) -> String {
    let set = offer.restores.as_ref().map_or("", |restores| restores.backup.as_str());
    let minutes = minutes_needed(&offer.steps).0;
    format!(
        "back, by a restore: create a CrmDecision with word Restore, a reason and planHash {} (set {set}, {}, about {minutes} minutes)",
        begun(&offer.plan_hash),
        offer.to
    )
}

/// The start type that a service had before an open change stopped it; `None` where no change has.
#[must_use]
pub fn start_before(view: &View<'_>, node: &str, service: &str) -> Option<crm_api::probe::StartType> {
    let steps = view.snapshot.open_changes().flat_map(|change| &change.spec.steps);
    steps.filter(|step| step.node.as_deref() == Some(node)).find_map(|step| match &step.undo {
        Undo::Actions { actions } => actions.iter().find_map(|action| match action {
            Action::SetServiceStart { name, start } if name == service => Some(*start),
            _ => None,
        }),
        Undo::Nothing {} | Undo::Setting {} | Undo::Restore {} => None,
    })
}

/// The newest set of this site that is fit for a restore, as people read it in the site's status.
#[must_use]
pub fn last_backup(view: &View<'_>) -> Option<LastBackup> {
    let taken = |set: &&CrmBackup| set.status.as_ref().and_then(|status| status.taken_at.as_ref()).map(|at| at.0);
    let fit = view.snapshot.backups.iter().filter(|set| !set.spec.mixed && fits(view, &set.spec.release, set).is_ok());
    let set = fit.max_by_key(taken)?;
    let status = set.status.as_ref()?;
    Some(LastBackup {
        name: set.metadata.name.clone().unwrap_or_default(),
        release: set.spec.release.clone(),
        taken_at: status.taken_at.clone(),
        verification: status.verification,
        verified_by: status.verified_by.clone(),
    })
}
