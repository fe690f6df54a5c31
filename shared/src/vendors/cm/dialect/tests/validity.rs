//! Validities: what a client writes, and when its message expires.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::super::validity::{ValidityError, read};
use crate::domain::Validity;

fn at(text: &str) -> Result<String, ValidityError> {
    // With the latest possible `now`, no time is too far ahead.
    read(text, Timestamp::MAX).map(|validity| validity.expires_at(Timestamp::UNIX_EPOCH).to_string())
}

#[test]
fn time_without_zone_is_central_european() {
    for (text, expected) in [
        ("2017-04-20 11:50 GMT", "2017-04-20T11:50:00Z"),
        ("2017-04-20T11:50:05Z", "2017-04-20T11:50:05Z"),
        ("2017-04-20 11:50:05+8", "2017-04-20T03:50:05Z"),
        ("2017-04-20 11:50:05 -07:00", "2017-04-20T18:50:05Z"),
        ("2017-04-20 11:50:05 gmt+0530", "2017-04-20T06:20:05Z"),
        ("2017-04-20 11:50 CET", "2017-04-20T10:50:00Z"),
        ("2017-04-20 11:50 CEST", "2017-04-20T09:50:00Z"),
        ("2017-04-20 11:50", "2017-04-20T09:50:00Z"),
        ("2017-01-20T11:50:00.5", "2017-01-20T10:50:00.5Z"),
        // Clock changes of 2026, on 29 March and 25 October.
        ("2026-03-29 01:59", "2026-03-29T00:59:00Z"),
        ("2026-03-29 02:30", "2026-03-29T01:30:00Z"),
        ("2026-03-29 03:00", "2026-03-29T01:00:00Z"),
        ("2026-10-25 01:59", "2026-10-24T23:59:00Z"),
        ("2026-10-25 02:30", "2026-10-25T00:30:00Z"),
        ("2026-10-25 03:00", "2026-10-25T02:00:00Z"),
    ] {
        assert_eq!(at(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn span_is_in_hours_or_minutes_and_at_most_72_hours() {
    for (text, minutes) in [("5H", 300), ("12h", 720), ("900m", 900), ("4320M", 4320), ("72 H", 4320)] {
        assert_eq!(read(text, Timestamp::UNIX_EPOCH), Ok(Validity::For(SignedDuration::from_mins(minutes))));
    }
    for text in ["73H", "4321M", "99999999H"] {
        assert_eq!(read(text, Timestamp::UNIX_EPOCH), Err(ValidityError::TooLong), "{text}");
    }
    assert!(read("1970-01-04 00:00 GMT", Timestamp::UNIX_EPOCH).is_ok());
    for text in ["1970-01-04 00:01 GMT", "9999-12-31T23:59:59Z", "9999-12-31 23:59"] {
        assert_eq!(read(text, Timestamp::UNIX_EPOCH), Err(ValidityError::TooLong), "{text}");
    }
}

#[test]
fn malformed_validity_is_rejected() {
    for text in [
        "",
        "H",
        "0H",
        "-5H",
        "5",
        "5D",
        "1H30M",
        "1.5H",
        "99999999999H",
        "tomorrow",
        "2017-04-20",
        "2017-04-20 ",
        "2017-04-20 11:50 Mars",
        "2017-04-20 25:00",
        "2017-02-30 11:50",
        "2017-04-20 11:50+15",
        "2017-04-20 11:50+25:00",
        "2017-04-20 11:50+02:00:30",
        "2017-04-20 11:50+",
        "2017-04-20 11:50+1:60",
        "20-04-2017 11:50",
    ] {
        assert_eq!(at(text), Err(ValidityError::Form), "{text}");
    }
}

proptest! {
    #[test]
    fn arbitrary_text_does_not_panic(text in "[0-9TZHMGhm:+ .-]{0,30}|\\PC{0,30}") {
        let _ = read(&text, Timestamp::UNIX_EPOCH);
    }
}
