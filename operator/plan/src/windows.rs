//! When a change may start: weekly windows in the site's own time zone, and black-outs that win over them.

use crm_api::site::{Day, WeeklyWindow, WindowsSpec};
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan as _};

/// Days that are searched for the next opening.
const SEARCH_DAYS: i32 = 60;
const MINUTES_OF_DAY: i32 = 24 * 60;

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
#[error("spec.windows.{field}: {value:?} {problem}; {remedy}")]
pub struct BadWindow {
    /// Field below `spec.windows`.
    pub field: String,
    /// Its value.
    pub value: String,
    /// What is wrong with it.
    pub problem: String,
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
            field: "timeZone".to_owned(),
            value: windows.time_zone.clone(),
            problem: "is no time zone".to_owned(),
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
    validate(windows)?;
    let need = SignedDuration::from_mins(i64::from(minutes));
    let (mut next, mut too_short) = (None, false);
    for (start, end) in stretches(windows, &zone, now)? {
        if end <= now {
            continue;
        }
        if end.duration_since(start.max(now)) < need {
            too_short |= start <= now;
            continue;
        }
        if start <= now {
            return Ok(Opening::Open { until: Some(end) });
        }
        next = Some(start);
        break;
    }
    if let Some(deny) = windows.deny.iter().find(|deny| deny.from.0 <= now && now < deny.until.0) {
        let until = local(Some(windows), deny.until.0);
        let why = match next {
            Some(_) => format!("black-out: {}", deny.reason),
            None => format!(
                "spec.windows.deny: the black-out until {until} ({}) leaves no window within {SEARCH_DAYS} days with room for {minutes} minutes",
                deny.reason
            ),
        };
        return Ok(Opening::Closed { why, next });
    }
    let why = if too_short {
        format!("the rest and a restore need {minutes} minutes, and the open window has not that much left")
    } else if next.is_none() {
        format!("no window within {SEARCH_DAYS} days has room for {minutes} minutes")
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

/// Whether windows can be what somebody meant. Two windows that overlap would open twice for one night, and which of the
/// two was meant to be edited cannot be told; black-outs may overlap, since each is a reason of its own.
fn validate(windows: &WindowsSpec) -> Result<(), BadWindow> {
    let mut week: Vec<(i32, i32, String, String)> = Vec::new();
    for (place, window) in windows.allow.iter().enumerate() {
        let start = time_of_day(place, window)?;
        let minute = i32::from(start.hour()) * 60 + i32::from(start.minute());
        for (nth, day) in window.days.iter().enumerate() {
            if window.days.iter().take(nth).any(|before| before == day) {
                return Err(BadWindow {
                    field: format!("allow[{place}].days"),
                    value: format!("{day:?}"),
                    problem: "stands there twice".to_owned(),
                    remedy: "name each day once",
                });
            }
            let opens = i32::from(weekday(*day).to_monday_zero_offset()) * MINUTES_OF_DAY + minute;
            let text = format!("{day:?} {} for {} minutes", window.start, window.duration_minutes);
            week.push((opens, opens + window.duration_minutes, format!("allow[{place}]"), text));
        }
    }
    week.sort();
    let around = week
        .first()
        .cloned()
        .map(|(opens, ends, field, text)| (opens + 7 * MINUTES_OF_DAY, ends + 7 * MINUTES_OF_DAY, field, text));
    for (one, other) in week.iter().zip(week.iter().skip(1).chain(&around)) {
        if other.0 < one.1 {
            return Err(BadWindow {
                field: other.2.clone(),
                value: other.3.clone(),
                problem: format!("overlaps {} ({})", one.2, one.3),
                remedy: "make one window of the two, or let the first end where the second begins",
            });
        }
    }
    for (place, deny) in windows.deny.iter().enumerate() {
        if deny.until.0 <= deny.from.0 {
            return Err(BadWindow {
                field: format!("deny[{place}].until"),
                value: deny.until.0.to_string(),
                problem: format!("is not after from ({})", deny.from.0),
                remedy: "write the moment at which the black-out ends",
            });
        }
    }
    Ok(())
}

fn time_of_day(place: usize, window: &WeeklyWindow) -> Result<Time, BadWindow> {
    format!("{}:00", window.start).parse().map_err(|_| BadWindow {
        field: format!("allow[{place}].start"),
        value: window.start.clone(),
        problem: "is no time of day".to_owned(),
        remedy: "write HH:MM, for example 22:00",
    })
}

/// When it is open, in order and apart: what is allowed, joined where windows touch, less what is denied. Begins with
/// windows that may have opened two days ago.
fn stretches(windows: &WindowsSpec, zone: &TimeZone, now: Timestamp) -> Result<Vec<(Timestamp, Timestamp)>, BadWindow> {
    let today = now.to_zoned(zone.clone()).date();
    let mut allowed = Vec::new();
    for (place, window) in windows.allow.iter().enumerate() {
        let start = time_of_day(place, window)?;
        let length = SignedDuration::from_mins(i64::from(window.duration_minutes));
        for offset in -2..SEARCH_DAYS {
            let Ok(date) = today.checked_add(offset.days()) else { continue };
            if window.days.iter().any(|day| weekday(*day) == date.weekday())
                && let Some(opens) = at(date, start, zone)
            {
                allowed.push((opens, opens.saturating_add(length).unwrap_or(Timestamp::MAX)));
            }
        }
    }
    allowed.sort_unstable();
    let mut open: Vec<(Timestamp, Timestamp)> = Vec::new();
    for (start, end) in allowed {
        match open.last_mut().filter(|last| start <= last.1) {
            // Windows that touch are one; so are those that a jump of the clock has pushed together.
            Some(last) => last.1 = last.1.max(end),
            None => open.push((start, end)),
        }
    }
    for deny in &windows.deny {
        open = open.into_iter().flat_map(|stretch| without(stretch, (deny.from.0, deny.until.0))).collect();
    }
    Ok(open)
}

/// What a black-out leaves of a stretch: nothing, one part or two.
fn without(stretch: (Timestamp, Timestamp), denied: (Timestamp, Timestamp)) -> Vec<(Timestamp, Timestamp)> {
    let before = (stretch.0, stretch.1.min(denied.0));
    let behind = (stretch.0.max(denied.1), stretch.1);
    let mut left: Vec<_> = [before, behind].into_iter().filter(|(start, end)| start < end).collect();
    left.dedup();
    left
}

/// A local time that the clock skips opens at the first moment after the gap; one that it shows twice, the first time.
/// How long a window lasts is counted in real minutes, whatever the clock does meanwhile.
fn at(date: Date, time: Time, zone: &TimeZone) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_zoned(date.to_datetime(time));
    let in_gap = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
    let opens = ambiguous.compatible().ok()?.timestamp();
    if !in_gap {
        return Some(opens);
    }
    let jump = zone.preceding(opens.saturating_add(SignedDuration::from_secs(1)).ok()?).next();
    Some(jump.map_or(opens, |jump| jump.timestamp()))
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
