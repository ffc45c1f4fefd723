//! `status --watch`: the live view of the sandbox, on a site of any cluster. It looks every few seconds instead of
//! watching three kinds: one person looks, and a lost connection is simply tried again.

use std::time::Duration;

use crm_api::change::{ChangePhase, CrmChange};
use crm_api::condition::{Kind, is_true};
use crm_api::decision::CrmDecision;
use crm_sandbox::story::Follower;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value;

use super::read::{Situation, glance, list};
use crate::live::{Live, Title};
use crate::{Connection, Exit, Failure, Pace, Screen, Streams};

/// How often it looks while steps are carried out.
const LOOKS_EVERY: Duration = Duration::from_secs(2);
/// How often it looks while nothing is carried out: waits for people and windows last.
const LOOKS_AT_REST_EVERY: Duration = Duration::from_secs(10);
/// Failed looks in a row after which it gives up.
const FAILURES_MAX: u32 = 30;

/// Follows a site until it is as declared, or its change was taken back.
///
/// # Errors
/// When there is no such site, the cluster does not answer for minutes, or the output ends.
pub async fn watch(connection: &Connection, name: &str, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let first = glance(connection, name).await?;
    let mut follower = Follower::new(&first.site);
    see(&mut follower, connection, &first).await?;
    // What was before is in the history; the view begins with how it stands.
    follower.take_events();
    let mut live = Live::new(streams.out, unpaced(streams.screen), title(&first));
    let mut was_open = first.open_change().is_some();
    let mut last = Some(first);
    let mut failures = 0;
    let mut pause = LOOKS_EVERY;
    let exit = loop {
        if let Some(seen) = last.take() {
            pause = if is_at_work(&seen) { LOOKS_EVERY } else { LOOKS_AT_REST_EVERY };
            let events = follower.take_events();
            events.iter().for_each(|event| live.show(event));
            live.tick(seen.now, &follower.standing(seen.now));
            if let Some(exit) = end(&seen, was_open) {
                break exit;
            }
            was_open |= seen.open_change().is_some();
        }
        if live.is_broken() {
            break Exit::Good;
        }
        tokio::time::sleep(pause).await;
        match look(&mut follower, connection, name).await {
            Ok(seen) => {
                failures = 0;
                last = Some(seen);
            }
            Err(Failure::Cluster(_)) if failures < FAILURES_MAX => failures += 1,
            Err(failure) => {
                live.finish()?;
                return Err(failure);
            }
        }
    };
    live.finish()?;
    Ok(exit)
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
fn end(seen: &Situation, was_open: bool) -> Option<Exit> {
    if seen.open_change().is_some() {
        return None;
    }
    let status = seen.site.status.as_ref()?;
    let is_current = seen.site.metadata.generation.is_none_or(|now| status.observed_generation >= now);
    if is_current && is_true(&status.conditions, Kind::UpToDate) {
        return Some(Exit::Good);
    }
    let phase = |change: &CrmChange| change.status.as_ref().map(|record| record.phase);
    let taken_back = seen.change.as_ref().and_then(phase) == Some(ChangePhase::Failed);
    (was_open && taken_back).then_some(Exit::BackedOut)
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
