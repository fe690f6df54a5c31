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

use crate::domain::{Validity, saturating_timestamp};

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
    let time = saturating_timestamp(civil, &read_zone(zone.trim())?);
    Timestamp::from_millisecond(time.as_millisecond()).ok()
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
