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
    // 02:30 does not exist on 28 March 2027: the window opens when the clock jumps from 02:00 to 03:00.
    let sunday = WindowsSpec {
        allow: vec![WeeklyWindow { days: vec![Day::Sun], start: "02:30".to_owned(), duration_minutes: 120 }],
        ..windows
    };
    assert_eq!(next(&sunday, 60, "2027-03-27T12:00:00Z"), Some(at("2027-03-28T01:00:00Z")));
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

/// Openings and closings around both changes of the clock, in three zones: the moment at which the window opens, and the
/// last one at which one minute of work still fits.
#[test]
fn gap_and_fold() {
    let rows = [
        // zone, day, opens at, minutes, looked at from, opens, closes
        ("Europe/Oslo", Day::Sun, "02:00", 60, "2027-03-27T12:00:00Z", "2027-03-28T01:00:00Z", "2027-03-28T02:00:00Z"),
        ("Europe/Oslo", Day::Sun, "01:30", 120, "2027-03-27T12:00:00Z", "2027-03-28T00:30:00Z", "2027-03-28T02:30:00Z"),
        ("Europe/Oslo", Day::Sun, "03:00", 60, "2027-03-27T12:00:00Z", "2027-03-28T01:00:00Z", "2027-03-28T02:00:00Z"),
        // 02:30 comes twice on 25 October 2026: the first one counts, and the window does not open again.
        ("Europe/Oslo", Day::Sun, "02:30", 30, "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z"),
        ("Europe/Oslo", Day::Sat, "22:00", 360, "2026-10-24T12:00:00Z", "2026-10-24T20:00:00Z", "2026-10-25T02:00:00Z"),
        (
            "America/New_York",
            Day::Sun,
            "02:30",
            60,
            "2027-03-13T12:00:00Z",
            "2027-03-14T07:00:00Z",
            "2027-03-14T08:00:00Z",
        ),
        (
            "America/New_York",
            Day::Sun,
            "01:30",
            60,
            "2026-10-31T12:00:00Z",
            "2026-11-01T05:30:00Z",
            "2026-11-01T06:30:00Z",
        ),
        (
            "Australia/Lord_Howe",
            Day::Sun,
            "02:15",
            60,
            "2026-10-03T12:00:00Z",
            "2026-10-03T15:30:00Z",
            "2026-10-03T16:30:00Z",
        ),
        ("UTC", Day::Sun, "02:30", 60, "2027-03-27T12:00:00Z", "2027-03-28T02:30:00Z", "2027-03-28T03:30:00Z"),
    ];
    for (zone, day, start, duration_minutes, now, opens, closes) in rows {
        let windows = WindowsSpec {
            time_zone: zone.to_owned(),
            allow: vec![WeeklyWindow { days: vec![day], start: start.to_owned(), duration_minutes }],
            deny: Vec::new(),
        };
        let row = format!("{zone} {day:?} {start}");
        assert_eq!(next(&windows, 1, now), Some(at(opens)), "{row}");
        let until = Opening::Open { until: Some(at(closes)) };
        assert_eq!(opening(Some(&windows), 1, at(opens)).unwrap(), until, "{row}");
        let past = opening(Some(&windows), 1, at(closes)).unwrap();
        assert!(matches!(past, Opening::Closed { .. }), "{row}: {past:?}");
    }
}

#[test]
fn a_black_out_in_the_middle_leaves_both_ends() {
    let mut windows = saturdays("22:00", 360);
    windows.deny.push(Blackout {
        from: Time::from(at("2026-11-28T22:00:00Z")),
        until: Time::from(at("2026-11-28T23:00:00Z")),
        reason: "payroll run".to_owned(),
    });
    let open = |now| opening(Some(&windows), 30, at(now)).unwrap();
    assert_eq!(open("2026-11-28T21:00:00Z"), Opening::Open { until: Some(at("2026-11-28T22:00:00Z")) });
    assert!(
        matches!(open("2026-11-28T22:15:00Z"), Opening::Closed { next: Some(next), .. } if next == at("2026-11-28T23:00:00Z"))
    );
    assert_eq!(open("2026-11-28T23:30:00Z"), Opening::Open { until: Some(at("2026-11-29T03:00:00Z")) });
}

#[test]
fn windows_that_touch_are_one() {
    let mut windows = saturdays("22:00", 120);
    windows.allow.push(WeeklyWindow { days: vec![Day::Sun], start: "00:00".to_owned(), duration_minutes: 240 });
    let open = opening(Some(&windows), 300, at("2026-11-28T21:00:00Z")).unwrap();
    assert_eq!(open, Opening::Open { until: Some(at("2026-11-29T03:00:00Z")) });
}

#[test]
fn windows_that_nobody_can_have_meant_are_refused_with_field_value_and_remedy() {
    let window = |days: &[Day], start: &str, duration_minutes| WeeklyWindow {
        days: days.to_vec(),
        start: start.to_owned(),
        duration_minutes,
    };
    let from = Time::from(at("2026-12-20T00:00:00Z"));
    let backwards = Blackout { until: Time::from(at("2026-12-10T00:00:00Z")), from, reason: "holidays".to_owned() };
    let rows = [
        (
            vec![window(&[Day::Sat], "22:00", 360), window(&[Day::Sun], "03:00", 60)],
            vec![],
            "allow[1]: \"Sun 03:00 for 60 minutes\" overlaps allow[0]",
        ),
        (
            vec![window(&[Day::Mon], "00:30", 60), window(&[Day::Sun], "23:00", 120)],
            vec![],
            "allow[0]: \"Mon 00:30 for 60 minutes\" overlaps allow[1]",
        ),
        (vec![window(&[Day::Sat, Day::Sat], "22:00", 60)], vec![], "allow[0].days: \"Sat\" stands there twice"),
        (vec![window(&[Day::Sat], "25:00", 60)], vec![], "allow[0].start: \"25:00\" is no time of day"),
        (
            vec![window(&[Day::Sat], "22:00", 60)],
            vec![backwards],
            "deny[0].until: \"2026-12-10T00:00:00Z\" is not after from",
        ),
    ];
    for (allow, deny, expected) in rows {
        let windows = WindowsSpec { time_zone: "Europe/Oslo".to_owned(), allow, deny };
        let text = opening(Some(&windows), 60, at("2026-11-28T22:00:00Z")).unwrap_err().to_string();
        assert!(text.starts_with(&format!("spec.windows.{expected}")), "{text}");
        assert!(text.contains("; "), "a remedy follows: {text}");
    }
}

mod properties {
    use super::{Opening, at, opening};
    use crm_api::Time;
    use crm_api::site::{Blackout, Day, WeeklyWindow, WindowsSpec};
    use jiff::{SignedDuration, Timestamp};
    use proptest::prelude::*;

    fn windows() -> impl Strategy<Value = WindowsSpec> {
        let zones = ["Europe/Oslo", "America/New_York", "Australia/Lord_Howe", "UTC", "Pacific/Apia"];
        let days = [Day::Mon, Day::Wed, Day::Sat, Day::Sun];
        let window = (proptest::sample::subsequence(days.to_vec(), 1..=4), 0..24, 0..60, 15..=600).prop_map(
            |(days, hour, minute, duration_minutes)| WeeklyWindow {
                days,
                start: format!("{hour:02}:{minute:02}"),
                duration_minutes,
            },
        );
        let deny = (0..60_000_i64, 1..10_000_i64).prop_map(|(from, minutes)| Blackout {
            from: Time::from(later(from)),
            until: Time::from(later(from + minutes)),
            reason: "black-out".to_owned(),
        });
        (proptest::sample::select(zones.to_vec()), window, proptest::collection::vec(deny, 0..4))
            .prop_map(|(zone, window, deny)| WindowsSpec { time_zone: zone.to_owned(), allow: vec![window], deny })
    }

    fn later(minutes: i64) -> Timestamp {
        at("2026-10-01T00:00:00Z").checked_add(SignedDuration::from_mins(minutes)).unwrap()
    }

    fn is_denied(windows: &WindowsSpec, at: Timestamp) -> bool {
        windows.deny.iter().any(|deny| deny.from.0 <= at && at < deny.until.0)
    }

    proptest! {
        /// What is said to be open is open to its end for the whole work, never denied; what is said to open next does.
        #[test]
        fn openings_keep_their_word(windows in windows(), now in 0..300_000_i64, need in 0..300) {
            let now = later(now);
            match opening(Some(&windows), need, now).unwrap() {
                Opening::Open { until } => {
                    let until = until.unwrap();
                    prop_assert!(until.duration_since(now) >= SignedDuration::from_mins(i64::from(need)));
                    let mut moment = now;
                    while moment < until {
                        prop_assert!(!is_denied(&windows, moment), "denied at {moment}");
                        let open = matches!(opening(Some(&windows), 0, moment).unwrap(), Opening::Open { .. });
                        prop_assert!(open, "closed at {moment}, before {until}");
                        moment = moment.checked_add(SignedDuration::from_mins(7)).unwrap();
                    }
                }
                Opening::Closed { next: Some(next), .. } => {
                    prop_assert!(next > now);
                    let open = matches!(opening(Some(&windows), need, next).unwrap(), Opening::Open { .. });
                    prop_assert!(open, "said to open at {next}");
                }
                Opening::Closed { next: None, .. } => {}
            }
        }
    }
}
