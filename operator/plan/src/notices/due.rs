//! Which notices have become due: what has changed since the last record of the change, and reminders by the clock.

use crm_api::change::{ChangePhase, CrmChange, CrmChangeStatus, Executor, Felt, Gate, Step, StepResult, Task};
use crm_api::notice::{Delivery, NoticeEvent, ToldNotice};
use jiff::{SignedDuration, Timestamp};

use super::clip;
use crate::explain::{duration, minutes_out};
use crate::forecast::forecast;
use crate::view::View;
use crate::windows::local;

/// A notice in the making.
struct Draft {
    event: NoticeEvent,
    message: String,
    closes_at: Option<Timestamp>,
    opens_at: Option<Timestamp>,
    minutes_before: Option<i32>,
}

/// Everything that has become due, in the order in which it happened.
pub(super) fn due(
    view: &View<'_>,
    change: &CrmChange,
    status: &CrmChangeStatus,
    halted: Option<&(String, String)>,
) -> Vec<ToldNotice> {
    let old = change.status.clone().unwrap_or_default();
    let site = view.name();
    let at = |at: Timestamp| local(view.spec.windows.as_ref(), at);
    let out_already = out_by_halted(view, change);
    let (own_closed, opened) = (status.closed_at.as_ref().map(|at| at.0), status.opened_at.as_ref().map(|at| at.0));
    let closed = out_already.or(own_closed);
    let mut drafts = Vec::new();
    let mut add = |event, message: String, closes_at, opens_at| {
        drafts.push(Draft { event, message, closes_at, opens_at, minutes_before: None });
    };
    if let Some(told) = announced(change, status)
        && announced(change, &old).is_none()
    {
        let times = times(view, change, status);
        add(NoticeEvent::Planned, told.evidence.clone(), times.map(|times| times.0), times.map(|times| times.1));
    }
    if let Some(out) = own_closed.filter(|_| old.closed_at.is_none() && out_already.is_none()) {
        let back = minutes_out(&change.spec.steps).and_then(|minutes| later(out, minutes));
        let about = back.map(|back| format!("; they are expected back about {}", at(back))).unwrap_or_default();
        add(NoticeEvent::UsersOut, format!("{site}: users are out from now on{about}"), Some(out), back);
    }
    let took_back = status.backing_out.is_some();
    if let Some(back) = opened.filter(|_| old.opened_at.is_none() && !took_back) {
        let message = format!("{site}: users can work again{}", was_out(closed, back));
        add(NoticeEvent::UsersBack, message, closed, Some(back));
    }
    if status.phase != old.phase {
        let reason = status.backing_out.clone().unwrap_or_default();
        let to = &change.spec.to;
        match status.phase {
            ChangePhase::Succeeded if status.handed_over_to.is_some() => {
                let message = format!("{site}: {to} is proven; users stay out, and the next hop follows at once");
                add(NoticeEvent::Done, message, closed, None);
            }
            ChangePhase::Succeeded if opened.is_none() => {
                add(NoticeEvent::Done, format!("{site}: {to} is proven; the site was open all the time"), None, None);
            }
            ChangePhase::Failed if status.restored_by.is_none() && announced(change, status).is_some() => {
                let message = match (closed, opened) {
                    (Some(_), Some(back)) => format!("users can work again{}", was_out(closed, back)),
                    (_, _) => "users were never out".to_owned(),
                };
                let message =
                    format!("{site}: {to} was not reached, everything is as it was before, {message}: {reason}");
                add(NoticeEvent::BackedOut, message, closed, opened);
            }
            ChangePhase::Superseded if announced(change, status).is_some() => {
                let message = format!("{site}: the announced change to {to} does not take place: {reason}");
                add(NoticeEvent::CalledOff, message, None, None);
            }
            ChangePhase::Halted => {
                let (why, _) = halted.cloned().unwrap_or_default();
                let users = match (closed, opened) {
                    (Some(out), None) => format!("users are out since {}", at(out)),
                    (_, _) => "users can work".to_owned(),
                };
                let message = format!("{site}: halted until a person acts; {users}: {why}");
                add(NoticeEvent::Halted, message, closed, opened);
            }
            ChangePhase::Succeeded
            | ChangePhase::Failed
            | ChangePhase::Superseded
            | ChangePhase::Preparing
            | ChangePhase::Changing
            | ChangePhase::BackingOut => {}
        }
    }
    drafts.extend(reminder(view, change, status));
    written(view, status, drafts)
}

fn written(view: &View<'_>, status: &CrmChangeStatus, drafts: Vec<Draft>) -> Vec<ToldNotice> {
    let posted = view.spec.notices.as_ref().is_some_and(|notices| notices.webhook.is_some());
    let last = status.told.last().map_or(0, |told| told.number);
    let write = |(number, draft): (i32, Draft)| ToldNotice {
        number,
        event: draft.event,
        at: crm_api::Time::from(view.now),
        message: clip(&draft.message),
        closes_at: draft.closes_at.map(crm_api::Time::from),
        opens_at: draft.opens_at.map(crm_api::Time::from),
        minutes_before: draft.minutes_before,
        delivery: if posted { Delivery::Pending } else { Delivery::NotPosted },
        tries: 0,
        next_try_at: None,
        delivered_at: None,
        failure: None,
    };
    (last.saturating_add(1)..).zip(drafts).map(write).collect()
}

/// Since when users are out by the halted change that this restore ends.
fn out_by_halted(view: &View<'_>, change: &CrmChange) -> Option<Timestamp> {
    let halted = change.spec.restores.as_ref()?.change.as_ref()?;
    let found = view.snapshot.changes.iter().find(|other| other.metadata.name.as_ref() == Some(halted))?;
    let status = found.status.as_ref().filter(|status| status.opened_at.is_none())?;
    status.closed_at.as_ref().map(|at| at.0)
}

/// The step that announces the change, once it is verified: from then on people know of it.
fn announced<'a>(change: &CrmChange, status: &'a CrmChangeStatus) -> Option<&'a StepResult> {
    let tells = |step: &&Step| matches!(&step.executor, Executor::Controller { task: Task::Notify { .. } });
    let step = change.spec.steps.iter().find(tells)?;
    status.result(&step.id).filter(|_| status.is_verified(&step.id))
}

/// When users will be out and back, where that is known beforehand.
fn times(view: &View<'_>, change: &CrmChange, status: &CrmChangeStatus) -> Option<(Timestamp, Timestamp)> {
    minutes_out(&change.spec.steps)?;
    let gate = change.spec.steps.iter().position(|step| step.gate == Some(Gate::Window))?;
    let begins = forecast(view, &change.spec, Some(status)).begins?;
    let entered = change.spec.steps.iter().skip(gate);
    let mut open = false;
    let until_back = entered.take_while(|step| !std::mem::replace(&mut open, step.felt == Felt::Opens));
    Some((begins, later(begins, until_back.map(|step| step.minutes).sum())?))
}

/// Reminders of a change that waits for nothing but its window: minutes before, and when users will be out. Nobody is
/// reminded of what was announced later than that.
fn reminders(view: &View<'_>, change: &CrmChange, status: &CrmChangeStatus) -> Vec<(i32, Timestamp, Timestamp)> {
    let waits = status.waiting.as_ref().is_some_and(|waiting| waiting.reason == "Window");
    let (Some(notices), Some(told)) = (&view.spec.notices, announced(change, status).filter(|_| waits)) else {
        return Vec::new();
    };
    let Some((closes, opens)) = times(view, change, status) else { return Vec::new() };
    let told_at = told.ended_at.as_ref().map_or(view.now, |at| at.0);
    let mut minutes = notices.minutes_before.clone();
    minutes.sort_unstable();
    minutes.retain(|minutes| later(closes, -minutes).is_some_and(|at| at > told_at));
    minutes.into_iter().map(|minutes| (minutes, closes, opens)).collect()
}

/// The reminder that is due now. Where several have become due, only the last one still says something.
fn reminder(view: &View<'_>, change: &CrmChange, status: &CrmChangeStatus) -> Option<Draft> {
    let all = reminders(view, change, status);
    let is_due = |(minutes, closes, _): &&(i32, Timestamp, Timestamp)| {
        view.now < *closes && later(*closes, -minutes).is_some_and(|at| at <= view.now)
    };
    let (minutes, closes, opens) = *all.iter().find(is_due)?;
    let known = status.told.iter().any(|told| {
        let same = told.closes_at.as_ref().is_some_and(|at| at.0 == closes);
        told.event == NoticeEvent::Reminder && told.minutes_before == Some(minutes) && same
    });
    if known {
        return None;
    }
    let windows = view.spec.windows.as_ref();
    let left = minutes_between(view.now, closes);
    let message = format!(
        "{}: users are out from {} on, in {}, until about {}: {} -> {}",
        view.name(),
        local(windows, closes),
        duration(left.max(1)),
        local(windows, opens),
        change.spec.from,
        change.spec.to
    );
    let (closes_at, opens_at) = (Some(closes), Some(opens));
    Some(Draft { event: NoticeEvent::Reminder, message, closes_at, opens_at, minutes_before: Some(minutes) })
}

/// When the next reminder becomes due.
pub(super) fn next_reminder(view: &View<'_>, change: &CrmChange, status: &CrmChangeStatus) -> Option<Timestamp> {
    let all = reminders(view, change, status).into_iter();
    all.filter_map(|(minutes, closes, _)| later(closes, -minutes)).filter(|at| *at > view.now).min()
}

fn was_out(closed: Option<Timestamp>, back: Timestamp) -> String {
    closed.map(|out| format!("; they were out for {}", duration(minutes_between(out, back)))).unwrap_or_default()
}

fn minutes_between(from: Timestamp, to: Timestamp) -> i32 {
    i32::try_from(to.duration_since(from).as_mins()).unwrap_or(i32::MAX)
}

fn later(at: Timestamp, minutes: i32) -> Option<Timestamp> {
    at.checked_add(SignedDuration::from_mins(i64::from(minutes))).ok()
}
