//! Parses a message's validity: a date and time, or a number of hours (`5H`) or minutes (`90M`).
//!
//! Our copy of the page lacks the list of time zone spellings. We accept `Z`, `GMT`, `UTC`, `CET`, `CEST` and
//! an offset (`+2`, `-07:00`), also after `GMT` or `UTC`. Without a zone, we use CM.com's own, Central
//! European. A past time is accepted: the message expires before submit, and its client is notified.

use jiff::{
    SignedDuration, Timestamp,
    civil::DateTime,
    tz::{Offset, TimeZone},
};

use crate::domain::Validity;

pub(super) const DEFAULT: Validity = Validity::For(SignedDuration::from_hours(24));
const LONGEST: SignedDuration = SignedDuration::from_hours(72);
/// Central European Time since 1996, with summer time from March's last Sunday to October's. We use a POSIX
/// rule instead of a zone's name, because the database of all zones takes a third of a Lambda's package.
const CENTRAL_EUROPE: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum ValidityError {
    #[error("is neither a date and time nor a number of hours (H) or minutes (M)")]
    Form,
    #[error("is more than 72 hours ahead")]
    TooLong,
}

pub(super) fn read(text: &str, now: Timestamp) -> Result<Validity, ValidityError> {
    let text = text.trim();
    let validity = match read_span(text) {
        Some(span) => Validity::For(span),
        None => Validity::Until(read_time(text).ok_or(ValidityError::Form)?),
    };
    let ahead = validity.expires_at(now).duration_since(now);
    if ahead > LONGEST { Err(ValidityError::TooLong) } else { Ok(validity) }
}

fn read_span(text: &str) -> Option<SignedDuration> {
    let mut rest = text.chars();
    let unit = rest.next_back()?.to_ascii_uppercase();
    let number = rest.as_str().trim_end();
    if !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number = number.parse::<u32>().ok().filter(|number| *number > 0)?;
    match unit {
        'H' => Some(SignedDuration::from_hours(number.into())),
        'M' => Some(SignedDuration::from_mins(number.into())),
        _ => None,
    }
}

fn read_time(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.split_at_checked(10)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?.trim_start();
    let end = rest.find(|c: char| !c.is_ascii_digit() && !":.".contains(c)).unwrap_or(rest.len());
    let (time, zone) = rest.split_at(end);
    let civil: DateTime = format!("{date}T{time}").parse().ok()?;
    if time.is_empty() {
        return None;
    }
    let zoned = civil.to_zoned(read_zone(zone.trim())?).ok()?;
    Timestamp::from_millisecond(zoned.timestamp().as_millisecond()).ok()
}

fn read_zone(text: &str) -> Option<TimeZone> {
    let upper = text.to_ascii_uppercase();
    let hours = match upper.as_str() {
        "" => return TimeZone::posix(CENTRAL_EUROPE).ok(),
        "Z" | "GMT" | "UTC" => 0,
        "CET" => 1,
        "CEST" => 2,
        _ => return read_offset(upper.trim_start_matches("GMT").trim_start_matches("UTC")),
    };
    Some(TimeZone::fixed(Offset::from_hours(hours).ok()?))
}

fn read_offset(text: &str) -> Option<TimeZone> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 => digits.split_at_checked(2)?,
        None => (digits, "0"),
    };
    let number = |text: &str, most: i32| {
        let is_number = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<i32>().ok().filter(|number| is_number && *number <= most)
    };
    let seconds = number(hours, 14)? * 3600 + number(minutes, 59)? * 60;
    Some(TimeZone::fixed(Offset::from_seconds(sign * seconds).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
        assert_eq!(read("1970-01-04 00:01 GMT", Timestamp::UNIX_EPOCH), Err(ValidityError::TooLong));
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
}
