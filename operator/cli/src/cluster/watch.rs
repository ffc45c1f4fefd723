//! `status --watch`: the live view of the sandbox, on a site of any cluster. It looks every few seconds instead of
//! watching three kinds: one person looks, and a lost connection is simply tried again. It ends where nothing more comes
//! by itself; a wait for a person goes on unless it is told not to, and says with which words it is ended.

use std::time::Duration;

use crm_api::change::{ChangePhase, CrmChange};
use crm_api::condition::{Kind, find, is_true};
use crm_api::decision::CrmDecision;
use crm_sandbox::story::Follower;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value;

use super::explanation::{Blocker, blockers};
use super::read::{Situation, glance, list};
use super::status::say_blockers;
use crate::arguments::cluster::StatusArguments;
use crate::live::{Live, Title};
use crate::{Connection, Exit, Failure, Pace, Screen, Streams};

/// How often it looks while steps are carried out.
const LOOKS_EVERY: Duration = Duration::from_secs(2);
/// How often it looks while nothing is carried out: waits for people and windows last.
const LOOKS_AT_REST_EVERY: Duration = Duration::from_secs(10);
/// Failed looks in a row after which it gives up.
const FAILURES_MAX: u32 = 30;
/// Waits that only a person's word or hand ends.
const WAITS_FOR_PEOPLE: [&str; 5] = ["Approval", "Person", "Hold", "Stop", "Preflight"];

/// An end that is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct End {
    exit: Exit,
    /// Whether one look is enough. The controller may be about to leave any other one: somebody has just said Retry, or
    /// has just edited the site.
    is_sure: bool,
}

/// Follows a site until nothing more comes by itself.
///
/// # Errors
/// When there is no such site, the cluster does not answer for minutes, or the output ends.
pub async fn watch(
    connection: &Connection,
    name: &str,
    wanted: &StatusArguments,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let first = glance(connection, name).await?;
    let mut follower = Follower::new(&first.site);
    see(&mut follower, connection, &first).await?;
    // What was before is in the history; the view begins with how it stands.
    follower.take_events();
    let mut live = Live::new(streams.out, unpaced(streams.screen), title(&first));
    let mut was_open = first.open_change().is_some();
    let (mut last, mut is_new) = (first, true);
    let mut failures = 0;
    let mut told = Vec::new();
    let mut before = None;
    let exit = loop {
        if std::mem::take(&mut is_new) {
            let events = follower.take_events();
            events.iter().for_each(|event| live.show(event));
            tell(&mut live, &mut told, blockers(&last));
            live.tick(last.now, &follower.standing(last.now));
            let found = end(&last, was_open, wanted.until_person);
            if let Some(End { exit, .. }) = found.filter(|found| found.is_sure || before == Some(found.exit)) {
                break exit;
            }
            before = found.map(|found| found.exit);
            was_open |= last.open_change().is_some();
        }
        if live.is_broken() {
            break Exit::Good;
        }
        tokio::time::sleep(if is_at_work(&last) { LOOKS_EVERY } else { LOOKS_AT_REST_EVERY }).await;
        match look(&mut follower, connection, name).await {
            Ok(seen) => {
                failures = 0;
                (last, is_new) = (seen, true);
            }
            Err(Failure::Cluster(_)) if failures < FAILURES_MAX => failures += 1,
            Err(failure) => {
                live.finish()?;
                return Err(failure);
            }
        }
    };
    live.finish()?;
    if exit != Exit::Good {
        say_blockers(&last, streams)?;
    }
    Ok(exit)
}

/// Says once of everything that waits who can end it, and with which command.
fn tell(live: &mut Live<'_>, told: &mut Vec<(String, String)>, found: Vec<Blocker>) {
    let key = |blocker: &Blocker| (blocker.reason.clone(), blocker.command.clone().unwrap_or_default());
    for blocker in found.iter().filter(|blocker| blocker.command.is_some() && !told.contains(&key(blocker))) {
        let commands: Vec<&str> = blocker.command.iter().chain(&blocker.or_command).map(String::as_str).collect();
        let Blocker { reason, ended_by, .. } = blocker;
        live.note(&format!("{reason} is ended by {ended_by}: {}", commands.join(" or ")));
    }
    *told = found.iter().map(key).collect();
}

async fn look(follower: &mut Follower, connection: &Connection, name: &str) -> Result<Situation, Failure> {
    let seen = glance(connection, name).await?;
    see(follower, connection, &seen).await?;
    Ok(seen)
}

/// Hands everything that was seen to the follower: decisions first, as they are what the rest follows from.
async fn see(follower: &mut Follower, connection: &Connection, seen: &Situation) -> Result<(), Failure> {
    let decisions = list::<CrmDecision>(connection, "list decisions", Some(&connection.namespace)).await?;
    for decision in decisions.iter().filter(|decision| decision.spec.site.as_deref() == Some(seen.name())) {
        follower.see(seen.now, "CrmDecision", json(decision)?);
    }
    if let Some(change) = &seen.change {
        follower.see(seen.now, "CrmChange", json(change)?);
    }
    follower.see(seen.now, "CrmSite", json(&seen.site)?);
    Ok(())
}

fn json(object: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(object).map_err(|error| Failure::Cluster(format!("an object cannot be shown: {error}")))
}

fn is_at_work(seen: &Situation) -> bool {
    let record = seen.open_change().and_then(|change| change.status.as_ref());
    record.is_some_and(|record| matches!(record.phase, ChangePhase::Changing | ChangePhase::BackingOut))
}

/// How it ends, if it does.
fn end(seen: &Situation, was_open: bool, until_person: bool) -> Option<End> {
    let sure = |exit| Some(End { exit, is_sure: true });
    let seen_twice = |exit| Some(End { exit, is_sure: false });
    let status = seen.site.status.as_ref()?;
    if let Some(change) = seen.open_change() {
        let record = change.status.as_ref()?;
        let is_for_people = |reason: &str| WAITS_FOR_PEOPLE.contains(&reason);
        return match &record.waiting {
            _ if record.phase == ChangePhase::Halted => seen_twice(Exit::Halted),
            Some(waiting) if until_person && is_for_people(&waiting.reason) => seen_twice(Exit::Waiting),
            Some(_) | None => None,
        };
    }
    // Until the controller has seen a declaration, its conditions are about another one.
    let is_current = seen.site.metadata.generation.is_none_or(|now| status.observed_generation >= now);
    if is_current && is_true(&status.conditions, Kind::UpToDate) {
        return sure(Exit::Good);
    }
    let phase = |change: &CrmChange| change.status.as_ref().map(|record| record.phase);
    let is_taken_back = seen.change.as_ref().and_then(phase) == Some(ChangePhase::Failed);
    if was_open && is_taken_back {
        return sure(Exit::BackedOut);
    }
    let reason = |kind| find(&status.conditions, kind).map(|condition| condition.reason.as_str());
    match (reason(Kind::Stalled), reason(Kind::UpToDate)) {
        _ if !is_current => None,
        (_, Some("RestoredAwaitingDecision")) => seen_twice(Exit::BackedOut),
        (Some("Refused" | "Halted"), _) if is_taken_back => seen_twice(Exit::BackedOut),
        (Some("Refused"), _) | (_, Some("Malformed")) => seen_twice(Exit::No),
        (Some(_), _) => seen_twice(Exit::Halted),
        (None, _) => None,
    }
}

fn title(seen: &Situation) -> Title {
    let zone = seen.site.spec.windows.as_ref().and_then(|windows| TimeZone::get(&windows.time_zone).ok());
    Title {
        site: seen.name().to_owned(),
        product: format!("{:?}", seen.site.spec.product),
        zone: zone.unwrap_or(TimeZone::UTC),
        is_one_of_several: false,
    }
}

/// Real time needs no slowing down.
fn unpaced(screen: Screen) -> Screen {
    match screen {
        Screen::Pipe => Screen::Pipe,
        Screen::Terminal { columns, rows, colours, .. } => {
            Screen::Terminal { columns, rows, colours, pace: Pace::Unpaced }
        }
    }
}
