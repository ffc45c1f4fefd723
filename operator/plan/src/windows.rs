//! When a change may start: weekly windows in the site's own time zone, and black-outs that win over them.

use crm_api::site::{Day, WindowsSpec};
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _, Zoned};

/// Days that are searched for the next opening.
const SEARCH_DAYS: i32 = 60;

/// Whether a change may start now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// It may, and the window closes then (never, where none is declared).
    Open {
        /// First moment after it.
        until: Option<Timestamp>,
    },
    /// It may not.
    Closed {
        /// Why, for a person.
        why: String,
        /// Next opening, if there is one within two months.
        next: Option<Timestamp>,
    },
}

/// Why windows make no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("windows.{field}: {value:?} {problem}; {remedy}")]
pub struct BadWindow {
    /// Field below `spec.windows`.
    pub field: &'static str,
    /// Its value.
    pub value: String,
    /// What is wrong with it.
    pub problem: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// The site's time zone; UTC where no windows are declared.
///
/// # Errors
/// When the zone is unknown.
pub fn time_zone(windows: Option<&WindowsSpec>) -> Result<TimeZone, BadWindow> {
    match windows {
        None => Ok(TimeZone::UTC),
        Some(windows) => TimeZone::get(&windows.time_zone).map_err(|_| BadWindow {
            field: "timeZone",
            value: windows.time_zone.clone(),
            problem: "is no time zone",
            remedy: "use an IANA name, for example Europe/Oslo",
        }),
    }
}

/// Whether a change that needs `minutes` may start now.
///
/// # Errors
/// When the windows make no sense.
pub fn opening(windows: Option<&WindowsSpec>, minutes: i32, now: Timestamp) -> Result<Opening, BadWindow> {
    let Some(windows) = windows else {
        return Ok(Opening::Open { until: None });
    };
    let zone = time_zone(Some(windows))?;
    let need = SignedDuration::from_mins(i64::from(minutes));
    let mut next: Option<Timestamp> = None;
    let mut too_short = false;
    for (start, end) in occurrences(windows, &zone, now)? {
        if end <= now {
            continue;
        }
        let (start, end) = cut(windows, start, end);
        if start >= end {
            continue;
        }
        let from = start.max(now);
        if end.duration_since(from) < need {
            too_short |= from == now;
            continue;
        }
        if start <= now {
            return Ok(Opening::Open { until: Some(end) });
        }
        next = Some(next.map_or(start, |known| known.min(start)));
    }
    if let Some(deny) = windows.deny.iter().find(|deny| deny.from.0 <= now && now < deny.until.0) {
        return Ok(Opening::Closed { why: format!("black-out: {}", deny.reason), next });
    }
    let why = if too_short {
        format!("the rest and a restore need {minutes} minutes, and the open window has not that much left")
    } else if next.is_none() {
        format!("no window within {SEARCH_DAYS} days has room for {minutes} minutes; lengthen a window in spec.windows")
    } else {
        "outside the windows".to_owned()
    };
    Ok(Opening::Closed { why, next })
}

/// A moment in the site's own time, as people read it: `Sat 22:00`, with the date where it is further away.
#[must_use]
pub fn local(windows: Option<&WindowsSpec>, at: Timestamp) -> String {
    let zone = time_zone(windows).unwrap_or(TimeZone::UTC);
    at.to_zoned(zone).strftime("%a %Y-%m-%d %H:%M").to_string()
}

fn occurrences(
    windows: &WindowsSpec,
    zone: &TimeZone,
    now: Timestamp,
) -> Result<Vec<(Timestamp, Timestamp)>, BadWindow> {
    let today = now.to_zoned(zone.clone()).date();
    let mut found = Vec::new();
    for window in &windows.allow {
        let start: Time = format!("{}:00", window.start).parse().map_err(|_| BadWindow {
            field: "allow[].start",
            value: window.start.clone(),
            problem: "is no time of day",
            remedy: "write HH:MM, for example 22:00",
        })?;
        let length = SignedDuration::from_mins(i64::from(window.duration_minutes));
        for offset in -2..SEARCH_DAYS {
            let Ok(date) = today.checked_add(offset.days()) else { continue };
            if window.days.iter().any(|day| weekday(*day) == date.weekday())
                && let Some(opens) = at(date, start, zone)
            {
                found.push((opens, opens.saturating_add(length).unwrap_or(Timestamp::MAX)));
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// A local time that daylight saving skips opens at the first moment after the gap; one that it repeats, the first time.
fn at(date: Date, time: Time, zone: &TimeZone) -> Option<Timestamp> {
    let zoned: Zoned = date.to_datetime(time).to_zoned(zone.clone()).ok()?;
    Some(zoned.timestamp())
}

/// What black-outs leave of a window: its first free stretch from its start on.
fn cut(windows: &WindowsSpec, start: Timestamp, end: Timestamp) -> (Timestamp, Timestamp) {
    let (mut start, mut end) = (start, end);
    let mut denied: Vec<_> = windows.deny.iter().map(|deny| (deny.from.0, deny.until.0)).collect();
    denied.sort_unstable();
    for (from, until) in denied {
        if from <= start && start < until {
            start = until;
        } else if start < from && from < end {
            end = from;
        }
    }
    (start, end)
}

fn weekday(day: Day) -> Weekday {
    match day {
        Day::Mon => Weekday::Monday,
        Day::Tue => Weekday::Tuesday,
        Day::Wed => Weekday::Wednesday,
        Day::Thu => Weekday::Thursday,
        Day::Fri => Weekday::Friday,
        Day::Sat => Weekday::Saturday,
        Day::Sun => Weekday::Sunday,
    }
}
