//! One cell of an answer as the text that the port promises: numbers in digits, bits as 1 and 0, times by RFC 3339 in UTC.
//!
//! `datetime`, `smalldatetime` and `datetime2` have no zone; they are taken as UTC, and it is up to the statement that they
//! are.

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime};
use tiberius::{ColumnData, numeric::Numeric};

use crate::{DatabaseError, Row};

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// A row; NULL and columns without a name are left out.
pub(super) fn row(statement: &'static str, row: &tiberius::Row) -> Result<Row, DatabaseError> {
    let mut cells = Row::new();
    for (column, data) in row.cells() {
        let unreadable = |message: &str| DatabaseError::Unexpected {
            statement,
            message: format!("column {}: {message}", column.name()),
        };
        if let Some(text) = text(data).map_err(unreadable)? {
            cells.insert(column.name().to_owned(), text);
        }
    }
    cells.remove("");
    Ok(cells)
}

fn text(data: &ColumnData<'_>) -> Result<Option<String>, &'static str> {
    let past = "a time that no calendar holds";
    Ok(match data {
        ColumnData::U8(value) => value.map(|value| value.to_string()),
        ColumnData::I16(value) => value.map(|value| value.to_string()),
        ColumnData::I32(value) => value.map(|value| value.to_string()),
        ColumnData::I64(value) => value.map(|value| value.to_string()),
        ColumnData::F32(value) => value.map(|value| value.to_string()),
        ColumnData::F64(value) => value.map(|value| value.to_string()),
        ColumnData::Bit(value) => value.map(|value| if value { "1" } else { "0" }.to_owned()),
        ColumnData::String(value) => value.as_ref().map(|value| value.to_string()),
        ColumnData::Guid(value) => value.map(|value| value.to_string().to_uppercase()),
        ColumnData::Binary(value) => value.as_ref().map(|value| hexadecimal(value)),
        ColumnData::Numeric(value) => value.map(decimal),
        ColumnData::Xml(value) => value.as_ref().map(|value| value.to_string()),
        ColumnData::DateTime(None)
        | ColumnData::SmallDateTime(None)
        | ColumnData::Time(None)
        | ColumnData::Date(None)
        | ColumnData::DateTime2(None)
        | ColumnData::DateTimeOffset(None) => None,
        ColumnData::DateTime(Some(value)) => {
            let nanos = i64::from(value.seconds_fragments()) * NANOS_PER_SECOND / 300;
            Some(time(1900, i64::from(value.days()), nanos).ok_or(past)?)
        }
        // The second number of a smalldatetime counts minutes (MS-TDS, 2.2.5.5.1.8).
        ColumnData::SmallDateTime(Some(value)) => {
            let nanos = i64::from(value.seconds_fragments()) * 60 * NANOS_PER_SECOND;
            Some(time(1900, i64::from(value.days()), nanos).ok_or(past)?)
        }
        ColumnData::DateTime2(Some(value)) => {
            let nanos = nanos(value.time()).ok_or(past)?;
            Some(time(1, i64::from(value.date().days()), nanos).ok_or(past)?)
        }
        // On the wire date and time of a datetimeoffset are UTC already; the offset says how people write it.
        ColumnData::DateTimeOffset(Some(value)) => {
            let utc = value.datetime2();
            let nanos = nanos(utc.time()).ok_or(past)?;
            Some(time(1, i64::from(utc.date().days()), nanos).ok_or(past)?)
        }
        ColumnData::Date(Some(value)) => Some(day(1, i64::from(value.days())).ok_or(past)?.to_string()),
        ColumnData::Time(Some(value)) => {
            let nanos = nanos(*value).ok_or(past)?;
            let midnight = DateTime::constant(1, 1, 1, 0, 0, 0, 0);
            let at = midnight.checked_add(SignedDuration::from_nanos(nanos)).map_err(|_| past)?;
            Some(at.time().to_string())
        }
    })
}

fn day(year: i16, days: i64) -> Option<Date> {
    let days = SignedDuration::from_hours(days.checked_mul(24)?);
    Date::new(year, 1, 1).ok()?.checked_add(days).ok()
}

fn time(year: i16, days: i64, nanos: i64) -> Option<String> {
    let midnight = day(year, days)?.to_datetime(jiff::civil::Time::midnight());
    let at = midnight.checked_add(SignedDuration::from_nanos(nanos)).ok()?;
    Some(at.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().to_string())
}

/// Since midnight.
fn nanos(time: tiberius::time::Time) -> Option<i64> {
    let scale = 9_u32.checked_sub(u32::from(time.scale()))?;
    i64::try_from(time.increments()).ok()?.checked_mul(10_i64.checked_pow(scale)?)
}

/// All digits: numbers of a log sequence have 25, and none of them may be lost.
fn decimal(value: Numeric) -> String {
    let (digits, scale) = (value.value().unsigned_abs().to_string(), usize::from(value.scale()));
    let sign = if value.value() < 0 { "-" } else { "" };
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, part) = digits.split_at(digits.len() - scale);
    format!("{sign}{whole}.{part}")
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold("0x".to_owned(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02X}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::text;
    use std::borrow::Cow;
    use tiberius::ColumnData;
    use tiberius::numeric::Numeric;
    use tiberius::time::{Date, DateTime, DateTime2, DateTimeOffset, SmallDateTime, Time};

    /// Days from 1900-01-01 and from 0001-01-01 to 2024-05-04.
    const SINCE_1900: i32 = 45_414;
    const SINCE_1: u32 = 739_009;

    fn said(data: &ColumnData<'_>) -> String {
        text(data).unwrap().unwrap()
    }

    #[test]
    fn numbers_and_texts() {
        assert_eq!(said(&ColumnData::U8(Some(7))), "7");
        assert_eq!(said(&ColumnData::I64(Some(-9_007_199_254_740_993))), "-9007199254740993");
        assert_eq!(said(&ColumnData::Bit(Some(true))), "1");
        assert_eq!(said(&ColumnData::Bit(Some(false))), "0");
        assert_eq!(said(&ColumnData::String(Some(Cow::from("x\u{e6}")))), "x\u{e6}");
        assert_eq!(said(&ColumnData::Binary(Some(Cow::from(&[0x0a_u8, 0xff][..])))), "0x0AFF");
        let sequence = Numeric::new_with_scale(1_234_567_890_123_456_789_012_345, 0);
        assert_eq!(said(&ColumnData::Numeric(Some(sequence))), "1234567890123456789012345");
        assert_eq!(said(&ColumnData::Numeric(Some(Numeric::new_with_scale(-5, 2)))), "-0.05");
        for null in [ColumnData::I32(None), ColumnData::String(None), ColumnData::DateTime2(None)] {
            assert_eq!(text(&null), Ok(None));
        }
    }

    #[test]
    fn times_are_utc_by_rfc_3339_and_can_be_read_back() {
        let half_past_eight = (20 * 3600 + 30 * 60) * 300;
        let datetime = DateTime::new(SINCE_1900, half_past_eight + 37);
        assert_eq!(said(&ColumnData::DateTime(Some(datetime))), "2024-05-04T20:30:00.123333333Z");
        let small = SmallDateTime::new(u16::try_from(SINCE_1900).unwrap(), 20 * 60 + 30);
        assert_eq!(said(&ColumnData::SmallDateTime(Some(small))), "2024-05-04T20:30:00Z");
        let exact = DateTime2::new(Date::new(SINCE_1), Time::new(738_001_234_567, 7));
        assert_eq!(said(&ColumnData::DateTime2(Some(exact))), "2024-05-04T20:30:00.1234567Z");
        let there = DateTimeOffset::new(exact, 120);
        assert_eq!(said(&ColumnData::DateTimeOffset(Some(there))), "2024-05-04T20:30:00.1234567Z");
        assert_eq!(said(&ColumnData::Date(Some(Date::new(SINCE_1)))), "2024-05-04");
        assert_eq!(said(&ColumnData::Time(Some(Time::new(73_800, 0)))), "20:30:00");
        assert!("2024-05-04T20:30:00.123333333Z".parse::<jiff::Timestamp>().is_ok());
    }

    #[test]
    fn a_time_that_cannot_be_is_an_error_and_no_panic() {
        assert!(text(&ColumnData::DateTime(Some(DateTime::new(i32::MAX, u32::MAX)))).is_err());
        assert!(
            text(&ColumnData::DateTime2(Some(DateTime2::new(Date::new(SINCE_1), Time::new(u64::MAX, 7))))).is_err()
        );
        assert!(text(&ColumnData::Time(Some(Time::new(1, 12)))).is_err());
    }
}
