//! Times in requests.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// The longest text that we parse, in bytes. We reject a longer text unread, because a request's `defaults`
/// may repeat it in a thousand messages.
const LONGEST_WRITTEN: usize = 64;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("is not an ISO 8601 date and time like 2026-01-01T09:00:00Z")]
pub struct TimeError;

/// Parses an ISO 8601 date and time, and drops fractions of a millisecond. Without a zone the time is GMT, as
/// Cymba documents it. A date alone means midnight.
///
/// # Errors
/// If the text is anything else.
pub fn parse_time(text: &str) -> Result<Timestamp, TimeError> {
    // The second parser would ignore a named zone (RFC 9557) and return GMT.
    if text.len() > LONGEST_WRITTEN || text.contains('[') {
        return Err(TimeError);
    }
    let time = text.parse::<Timestamp>().or_else(|_| {
        let civil: DateTime = text.parse()?;
        civil.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp())
    });
    let time = time.map_err(|_: jiff::Error| TimeError)?;
    Timestamp::from_millisecond(time.as_millisecond()).map_err(|_| TimeError)
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
            &format!("2026-06-01T09:00:00.{}Z", "0".repeat(64)),
        ] {
            assert_eq!(parse_time(text), Err(TimeError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "[0-9TZ:+ .-]{0,30}|\\PC{0,30}") {
            let _ = parse_time(&text);
        }
    }
}
