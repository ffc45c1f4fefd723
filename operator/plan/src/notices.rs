//! What people are told about a change, when, and whether the webhook has it. A notice is recorded in the same write as
//! what it speaks of, so none is lost and none is told twice; what is recorded and not delivered is posted until the
//! receiver has taken it or it says nothing any more. Nothing here can hold a change up.

mod due;

use crm_api::change::{CrmChange, CrmChangeStatus};
use crm_api::condition::{Kind, State, Wanted};
use crm_api::notice::{Delivery, MESSAGE_CHARS_MAX, Notice, NoticeEvent, TOLD_MAX, ToldNotice, WebhookSpec};
use jiff::{SignedDuration, Timestamp};

use crate::intent::{Announcement, Intent};
use crate::view::View;
use crate::windows::local;

/// First wait after a try that failed; doubled with every further one.
const AGAIN_MIN: SignedDuration = SignedDuration::from_mins(1);
/// Longest wait between two tries.
const AGAIN_MAX: SignedDuration = SignedDuration::from_mins(30);
/// A notice that nobody has taken for so long says nothing any more.
const WORTH_TELLING: SignedDuration = SignedDuration::from_hours(24);

/// What is to be done about the notices of one change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Telling {
    /// Events for people.
    pub(crate) announcements: Vec<Announcement>,
    /// What is to be posted, after the record is written.
    pub(crate) deliveries: Vec<Intent>,
    /// When to look again.
    pub(crate) wake_at: Option<Timestamp>,
}

/// The notices of an open change: what has become due since its last record, and what is not delivered.
pub(crate) fn tell(
    view: &View<'_>,
    change: &CrmChange,
    status: &mut CrmChangeStatus,
    halted: Option<&(String, String)>,
) -> Telling {
    let mut telling = Telling::default();
    if view.spec.notices.is_some() {
        for notice in due::due(view, change, status, halted) {
            telling.announcements.extend(event_of(change, &notice));
            keep(status, notice);
        }
        telling.wake_at = due::next_reminder(view, change, status);
    }
    deliver(view, change, status, &mut telling);
    telling
}

/// The notices of changes that are over and that the webhook does not have yet: their records, and what is to be done.
pub(crate) fn left_over(view: &View<'_>, current: Option<&CrmChange>) -> Vec<(String, CrmChangeStatus, Telling)> {
    let mut left = Vec::new();
    for change in &view.snapshot.changes {
        let (Some(name), Some(before)) = (&change.metadata.name, &change.status) else { continue };
        let is_current = current.is_some_and(|current| current.metadata.name.as_ref() == Some(name));
        if is_current || !before.told.iter().any(|told| told.delivery == Delivery::Pending) {
            continue;
        }
        let (mut status, mut telling) = (before.clone(), Telling::default());
        deliver(view, change, &mut status, &mut telling);
        left.push((name.clone(), status, telling));
    }
    left
}

/// That the receiver has not taken a notice of this change, as long as it is so.
pub(crate) fn undelivered(view: &View<'_>, status: &CrmChangeStatus) -> Option<Wanted> {
    let is_open = |told: &&ToldNotice| told.delivery == Delivery::GivenUp || told.failure.is_some();
    let told = status.told.iter().filter(|told| told.delivery != Delivery::Delivered).rfind(is_open)?;
    let failure = told.failure.as_deref().unwrap_or("nobody took it");
    let (reason, next) = match &told.next_try_at {
        Some(at) => ("Retrying", format!("tried again at {}", local(view.spec.windows.as_ref(), at.0))),
        None => ("GivenUp", "given up".to_owned()),
    };
    let message = format!(
        "the webhook did not take the notice {} of {}: {failure}; {} tries, {next}. See that the address in the Secret is right and answers with 2xx; the change does not wait for it",
        told.event.name(),
        local(view.spec.windows.as_ref(), told.at.0),
        told.tries
    );
    Some(Wanted { kind: Kind::NoticesDelivered, state: State::False, reason, message })
}

/// Takes in what became of tries, gives up what says nothing any more, and posts what is due.
fn deliver(view: &View<'_>, change: &CrmChange, status: &mut CrmChangeStatus, telling: &mut Telling) {
    let name = change.metadata.name.clone().unwrap_or_default();
    let webhook = view.spec.notices.as_ref().and_then(|notices| notices.webhook.as_ref());
    for told in status.told.iter_mut().filter(|told| told.delivery == Delivery::Pending) {
        let tried = view.snapshot.deliveries.iter().find(|delivery| {
            delivery.change == name
                && delivery.number == told.number
                && delivery.attempt == told.tries.saturating_add(1)
        });
        match tried.map(|delivery| &delivery.result) {
            Some(Some(Ok(()))) => delivered(told, view.now),
            Some(Some(Err(why))) => telling.announcements.extend(failed(told, why, view.now, &name)),
            Some(None) | None => {}
        }
        if told.delivery == Delivery::Pending && (view.now >= says_nothing_from(told) || webhook.is_none()) {
            told.delivery = Delivery::GivenUp;
            told.next_try_at = None;
        }
        let Some(webhook) = webhook.filter(|_| told.delivery == Delivery::Pending) else { continue };
        match told.next_try_at.as_ref().map(|at| at.0).filter(|at| *at > view.now) {
            Some(later) => telling.wake_at = Some(telling.wake_at.map_or(later, |known| known.min(later))),
            None => telling.deliveries.push(post(view, change, &name, told, webhook)),
        }
    }
}

fn delivered(told: &mut ToldNotice, now: Timestamp) {
    told.delivery = Delivery::Delivered;
    told.tries = told.tries.saturating_add(1);
    told.delivered_at = Some(crm_api::Time::from(now));
    told.next_try_at = None;
    told.failure = None;
}

/// The first failure of a notice is an event; the condition says how it goes on.
fn failed(told: &mut ToldNotice, why: &str, now: Timestamp, change: &str) -> Option<Announcement> {
    told.tries = told.tries.saturating_add(1);
    told.failure = Some(clip(why));
    let doubled = 2_i32.saturating_pow(u32::try_from(told.tries.saturating_sub(1)).unwrap_or(0).min(16));
    let wait = AGAIN_MIN.saturating_mul(doubled).min(AGAIN_MAX);
    told.next_try_at = now.checked_add(wait).ok().map(crm_api::Time::from);
    (told.tries == 1).then(|| Announcement {
        reason: "NoticeNotDelivered",
        message: format!("the webhook did not take the notice {}: {why}; it is tried again", told.event.name()),
        warning: true,
        change: Some(change.to_owned()),
    })
}

/// A reminder says nothing once users are out; everything else is worth telling for a day.
fn says_nothing_from(told: &ToldNotice) -> Timestamp {
    let day = told.at.0.saturating_add(WORTH_TELLING).unwrap_or(Timestamp::MAX);
    match (told.event, &told.closes_at) {
        (NoticeEvent::Reminder, Some(closes)) => day.min(closes.0),
        (_, _) => day,
    }
}

fn post(view: &View<'_>, change: &CrmChange, name: &str, told: &ToldNotice, webhook: &WebhookSpec) -> Intent {
    Intent::DeliverNotice {
        change: name.to_owned(),
        number: told.number,
        attempt: told.tries.saturating_add(1),
        secret: webhook.url_ref.name.clone(),
        notice: Box::new(body(view, change, name, told)),
    }
}

/// The body of a notice: the same for every try.
fn body(view: &View<'_>, change: &CrmChange, name: &str, told: &ToldNotice) -> Notice {
    let namespace = view.snapshot.site.metadata.namespace.clone().unwrap_or_default();
    let recipients = view.spec.notices.as_ref().map(|notices| notices.recipients.clone());
    Notice {
        api_version: crm_api::API_VERSION.to_owned(),
        kind: Notice::KIND.to_owned(),
        id: format!("{namespace}/{name}/{}", told.number),
        event: told.event,
        namespace,
        site: view.name().to_owned(),
        product: view.spec.product,
        change: name.to_owned(),
        purpose: change.spec.purpose,
        from: change.spec.from.clone(),
        to: change.spec.to.clone(),
        recipients: recipients.unwrap_or_default(),
        message: told.message.clone(),
        at: told.at.clone(),
        closes_at: told.closes_at.clone(),
        opens_at: told.opens_at.clone(),
        time_zone: view.spec.windows.as_ref().map_or_else(|| "UTC".to_owned(), |windows| windows.time_zone.clone()),
    }
}

/// Writes a notice down. Of very many the oldest that need nothing more are dropped.
fn keep(status: &mut CrmChangeStatus, notice: ToldNotice) {
    if status.told.len() >= TOLD_MAX {
        let over = status.told.iter().position(|told| told.delivery != Delivery::Pending).unwrap_or(0);
        status.told.remove(over);
    }
    status.told.push(notice);
}

/// The event of a notice, where no other event says the same already.
fn event_of(change: &CrmChange, notice: &ToldNotice) -> Option<Announcement> {
    let reason = match notice.event {
        NoticeEvent::Reminder => "DowntimeSoon",
        NoticeEvent::UsersOut => "UsersOut",
        NoticeEvent::UsersBack => "UsersBack",
        NoticeEvent::Planned
        | NoticeEvent::Done
        | NoticeEvent::BackedOut
        | NoticeEvent::CalledOff
        | NoticeEvent::Halted => return None,
    };
    let change = change.metadata.name.clone();
    Some(Announcement { reason, message: notice.message.clone(), warning: false, change })
}

fn clip(text: &str) -> String {
    if text.chars().count() <= MESSAGE_CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(MESSAGE_CHARS_MAX - 1).chain(['…']).collect()
}
