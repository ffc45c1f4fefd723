use crm_api::Time;
use crm_api::site::{Blackout, Day, WeeklyWindow, WindowsSpec};
use jiff::Timestamp;

use crate::windows::{Opening, opening};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn saturdays(start: &str, duration_minutes: i32) -> WindowsSpec {
    WindowsSpec {
        time_zone: "Europe/Oslo".to_owned(),
        allow: vec![WeeklyWindow { days: vec![Day::Sat], start: start.to_owned(), duration_minutes }],
        deny: Vec::new(),
    }
}

fn next(windows: &WindowsSpec, minutes: i32, now: &str) -> Option<Timestamp> {
    match opening(Some(windows), minutes, at(now)).unwrap() {
        Opening::Open { .. } => Some(at(now)),
        Opening::Closed { next, .. } => next,
    }
}

#[test]
fn a_window_is_open_only_with_room_for_the_work() {
    let windows = saturdays("22:00", 360);
    assert!(matches!(opening(Some(&windows), 200, at("2026-11-28T21:00:00Z")).unwrap(), Opening::Open { .. }));
    assert!(matches!(opening(Some(&windows), 301, at("2026-11-28T22:00:00Z")).unwrap(), Opening::Closed { .. }));
    assert_eq!(next(&windows, 200, "2026-11-28T12:00:00Z"), Some(at("2026-11-28T21:00:00Z")));
}

#[test]
fn work_that_never_fits_has_no_opening_and_says_why() {
    let Opening::Closed { why, next } =
        opening(Some(&saturdays("22:00", 60)), 200, at("2026-11-28T12:00:00Z")).unwrap()
    else {
        unreachable!("200 minutes do not fit into 60")
    };
    assert_eq!(next, None);
    assert!(why.contains("200 minutes"), "{why}");
}

#[test]
fn daylight_saving_moves_the_opening_with_local_time() {
    let windows = saturdays("22:00", 360);
    // Summer time ends on 25 October 2026, begins on 28 March 2027.
    assert_eq!(next(&windows, 60, "2026-10-23T12:00:00Z"), Some(at("2026-10-24T20:00:00Z")));
    assert_eq!(next(&windows, 60, "2026-10-26T12:00:00Z"), Some(at("2026-10-31T21:00:00Z")));
    // 02:30 does not exist on 28 March 2027: the window opens when the clock has jumped.
    let sunday = WindowsSpec {
        allow: vec![WeeklyWindow { days: vec![Day::Sun], start: "02:30".to_owned(), duration_minutes: 120 }],
        ..windows
    };
    assert_eq!(next(&sunday, 60, "2027-03-27T12:00:00Z"), Some(at("2027-03-28T01:30:00Z")));
}

#[test]
fn deny_wins_over_allow() {
    let mut windows = saturdays("22:00", 360);
    windows.deny.push(Blackout {
        from: Time::from(at("2026-11-28T00:00:00Z")),
        until: Time::from(at("2026-11-30T00:00:00Z")),
        reason: "year-end closing".to_owned(),
    });
    let Opening::Closed { why, next } = opening(Some(&windows), 60, at("2026-11-28T22:00:00Z")).unwrap() else {
        unreachable!("denied")
    };
    assert!(why.contains("year-end closing"), "{why}");
    assert_eq!(next, Some(at("2026-12-05T21:00:00Z")));
}

#[test]
fn a_bad_time_zone_names_field_value_and_remedy() {
    let windows = WindowsSpec { time_zone: "Oslo".to_owned(), ..saturdays("22:00", 360) };
    let text = opening(Some(&windows), 60, at("2026-11-28T22:00:00Z")).unwrap_err().to_string();
    assert!(text.contains("timeZone") && text.contains("Oslo") && text.contains("IANA"), "{text}");
}

#[test]
fn without_windows_any_time_will_do() {
    assert_eq!(opening(None, 10_000, at("2026-11-28T22:00:00Z")).unwrap(), Opening::Open { until: None });
}
