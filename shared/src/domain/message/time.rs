//! Times in requests.

use jiff::{
    Timestamp,
    civil::DateTime,
    fmt::temporal::{Pieces, PiecesOffset},
    tz::{Offset, TimeZone},
};

/// The longest text that we parse, in bytes. We reject a longer text unread, because a request's `defaults`
/// may repeat it in a thousand messages.
const LONGEST_WRITTEN: usize = 64;
/// Offsets are smaller, in seconds. The parser would accept up to 25:59:59, and move the time by a day.
const OFFSET_LIMIT: i32 = 24 * 3600;

/// [`Timestamp::MAX`] without its fraction, which `Timestamp::from_millisecond` refuses.
const LAST: Timestamp = Timestamp::constant(253_402_207_200, 0);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("is not an ISO 8601 date and time like 2026-01-01T09:00:00Z")]
pub struct TimeError;

/// A date and time as written, and the offset if one was written. `Z` is an offset of zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct WrittenTime {
    civil: DateTime,
    offset: Option<Offset>,
}

/// Parses an ISO 8601 date and time, and drops fractions of a millisecond. Without a zone the time is GMT, as
/// Cymba documents it. A date alone means midnight. Only the ends of the years -9999 and 9999, which may be
/// beyond [`Timestamp`]'s range, are moved, to the ends of that range.
///
/// # Errors
/// If the text is anything else.
pub fn parse_time(text: &str) -> Result<Timestamp, TimeError> {
    let WrittenTime { civil, offset } = parse_written_time(text)?;
    let time = saturating_timestamp(civil, &TimeZone::fixed(offset.unwrap_or(Offset::UTC)));
    Timestamp::from_millisecond(time.as_millisecond()).map_err(|_| TimeError)
}

/// Parses an ISO 8601 date and time, and keeps its offset.
///
/// # Errors
/// If the text is anything else, has a named zone (RFC 9557), or has an offset of 24 hours or more, or with
/// seconds.
fn parse_written_time(text: &str) -> Result<WrittenTime, TimeError> {
    if text.len() > LONGEST_WRITTEN {
        return Err(TimeError);
    }
    let pieces = Pieces::parse(text).map_err(|_| TimeError)?;
    if pieces.time_zone_annotation().is_some() {
        return Err(TimeError);
    }
    let offset = pieces.offset().map(|written| match written {
        PiecesOffset::Zulu => Offset::UTC,
        written => written.to_numeric_offset(),
    });
    if offset.is_some_and(|offset| offset.seconds().abs() >= OFFSET_LIMIT || offset.seconds() % 60 != 0) {
        return Err(TimeError);
    }
    Ok(WrittenTime { civil: pieces.date().to_datetime(pieces.time().unwrap_or_default()), offset })
}

/// Returns the time in a zone, or the end of [`Timestamp`]'s range if the time is beyond it.
pub fn saturating_timestamp(civil: DateTime, zone: &TimeZone) -> Timestamp {
    let end = if civil.year() > 0 { LAST } else { Timestamp::MIN };
    zone.to_timestamp(civil).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn time_without_zone_is_gmt() {
        for (text, expected) in [
            ("2026-01-01T09:00:00Z", "2026-01-01T09:00:00Z"),
            ("2026-01-01T09:00:00", "2026-01-01T09:00:00Z"),
            ("2026-01-01 09:00", "2026-01-01T09:00:00Z"),
            ("2026-01-01T09:00:00+02:00", "2026-01-01T07:00:00Z"),
            ("2026-01-01T09:00:00.123456Z", "2026-01-01T09:00:00.123Z"),
            ("2026-01-01", "2026-01-01T00:00:00Z"),
            ("2026-01-01T09:00:00-23:59", "2026-01-02T08:59:00Z"),
            ("2026-01-01T09:00:00+1400", "2025-12-31T19:00:00Z"),
        ] {
            assert_eq!(parse_time(text).unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn other_text_is_rejected() {
        for text in [
            "",
            "tomorrow",
            "09:00",
            "2026-13-01T00:00:00Z",
            "1767258000",
            "2026-02-30",
            "2026-06-01T09:00:00[Europe/London]",
            "2026-06-01T09:00:00Z[UTC]",
            "2026-06-01T09:00:00+25:00",
            "2026-06-01T09:00:00+24:00",
            "2026-06-01T09:00:00-24:00",
            "2026-06-01T09:00:00+2500",
            "2026-06-01T09:00:00+02:00:30",
            "2026-06-01T09:00:00+02:60",
            &format!("2026-06-01T09:00:00.{}Z", "0".repeat(64)),
        ] {
            assert_eq!(parse_time(text), Err(TimeError), "{text}");
        }
    }

    #[test]
    fn offset_is_kept_as_written() {
        let offset = |text| parse_written_time(text).unwrap().offset.map(Offset::seconds);
        assert_eq!(offset("2026-12-05T09:00:00-08:00"), Some(-8 * 3600));
        assert_eq!(offset("2026-12-05T09:00:00Z"), Some(0));
        assert_eq!(offset("2026-12-05T09:00:00"), None);
        let civil = parse_written_time("2026-12-05T09:00:00-08:00").unwrap().civil;
        assert_eq!(civil.to_string(), "2026-12-05T09:00:00");
    }

    #[test]
    fn last_day_of_the_calendar_is_a_time() {
        for text in ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999-23:59", "9999-12-31"] {
            assert_eq!(parse_time(text), Ok(LAST), "{text}");
        }
        assert_eq!(LAST.as_second(), Timestamp::MAX.as_second());
        assert_eq!(parse_time("-009999-01-01T00:00:00+23:59"), Ok(Timestamp::MIN));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "[0-9TZ:+ .-]{0,30}|\\PC{0,30}") {
            let _ = parse_time(&text);
        }
    }
}
