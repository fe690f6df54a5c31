//! Times in rich content: of calendar events and of time slots.

use std::{fmt, str::FromStr};

use jiff::{
    SignedDuration, Timestamp,
    civil::DateTime,
    fmt::{strtime, temporal::Pieces, temporal::PiecesOffset},
    tz::Offset,
};
use serde::{Deserialize, Serialize};

/// Longest text to parse, in bytes.
const LONGEST_WRITTEN: usize = 64;
/// The offsets furthest from UTC: Line Islands, and ships at the date line.
const MOST_SECONDS: i32 = 14 * 3600;
const FURTHEST_WEST: SignedDuration = SignedDuration::from_hours(12);
/// `Date.toString()` in JavaScript, without the zone's name in parentheses. CM.com's JavaScript client writes this.
const JAVASCRIPT: &str = "%a %b %d %Y %H:%M:%S GMT%z";

/// A local date and time with its zone as written: `Z`, an offset, or none.
///
/// We hand on a time with its zone as the client wrote it. A vendor without a place for the zone converts
/// [`EventTime::instant`]. If there is none, [`EventTime::local`] is the time on the recipient's clock, and only a
/// vendor that can say so shows the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct EventTime {
    local: DateTime,
    zone: Option<Zone>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Zone {
    /// Written as `Z`.
    Utc,
    Offset(Offset),
}

#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum EventTimeError {
    #[error("is not like 2018-02-05T07:00:00, 2018-02-05T07:00:00Z or 2018-02-05T07:00:00+01:00")]
    Form,
    #[error("has a zone in brackets, where an offset may be")]
    Brackets,
    #[error("has an offset of more than 14 hours")]
    Offset,
    #[error("has an offset with seconds")]
    OffsetSeconds,
}

impl EventTime {
    /// Returns the point in time, or `None` if the client wrote no zone.
    #[must_use]
    pub fn instant(self) -> Option<Timestamp> {
        let offset = match self.zone? {
            Zone::Utc => Offset::UTC,
            Zone::Offset(offset) => offset,
        };
        offset.to_timestamp(self.local).ok()
    }

    /// Compares points in time, or clocks if neither time has a zone. A time with a zone and a time without
    /// cannot be compared.
    #[must_use]
    pub fn is_before(self, other: Self) -> bool {
        match (self.instant(), other.instant()) {
            (Some(this), Some(other)) => this < other,
            (None, None) => self.local < other.local,
            _ => false,
        }
    }

    /// Returns whether the time has come in its zone, or everywhere if it has none.
    #[must_use]
    pub fn has_come(self, now: Timestamp) -> bool {
        let everywhere = || Offset::UTC.to_timestamp(self.local).ok()?.checked_add(FURTHEST_WEST).ok();
        self.instant().or_else(everywhere).is_some_and(|instant| instant <= now)
    }
}

impl FromStr for EventTime {
    type Err = EventTimeError;

    fn from_str(written: &str) -> Result<Self, EventTimeError> {
        let written = written.trim();
        if written.contains('[') {
            return Err(EventTimeError::Brackets);
        }
        let written = written.split_once(" (").map_or(written, |(time, _)| time);
        if written.len() > LONGEST_WRITTEN {
            return Err(EventTimeError::Form);
        }
        parse(written).or_else(|| parse_javascript(written)).ok_or(EventTimeError::Form)?.checked()
    }
}

fn parse(written: &str) -> Option<EventTime> {
    let pieces = Pieces::parse(written).ok()?;
    let local = pieces.date().to_datetime(pieces.time().unwrap_or_default());
    let zone = pieces.offset().map(|offset| match offset {
        PiecesOffset::Numeric(offset) => Zone::Offset(offset.offset()),
        _ => Zone::Utc,
    });
    Some(EventTime { local, zone })
}

fn parse_javascript(written: &str) -> Option<EventTime> {
    let broken_down = strtime::parse(JAVASCRIPT, written).ok()?;
    Some(EventTime { local: broken_down.to_datetime().ok()?, zone: Some(Zone::Offset(broken_down.offset()?)) })
}

impl EventTime {
    fn checked(self) -> Result<Self, EventTimeError> {
        match self.zone {
            Some(Zone::Offset(offset)) if offset.seconds().abs() > MOST_SECONDS => Err(EventTimeError::Offset),
            Some(Zone::Offset(offset)) if offset.seconds() % 60 != 0 => Err(EventTimeError::OffsetSeconds),
            _ => Ok(self),
        }
    }
}

impl fmt::Display for EventTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.local)?;
        match self.zone {
            None => Ok(()),
            Some(Zone::Utc) => write!(f, "Z"),
            Some(Zone::Offset(offset)) => {
                let (sign, minutes) = (if offset.seconds() < 0 { '-' } else { '+' }, offset.seconds().abs() / 60);
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }
}

impl From<EventTime> for String {
    fn from(time: EventTime) -> Self {
        time.to_string()
    }
}

impl TryFrom<String> for EventTime {
    type Error = EventTimeError;

    fn try_from(written: String) -> Result<Self, EventTimeError> {
        written.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn time(written: &str) -> EventTime {
        written.parse().unwrap_or_else(|error| panic!("{written} {error}"))
    }

    #[test]
    fn zone_is_kept_as_written() {
        for (written, kept, instant) in [
            ("2026-12-05T09:00:00", "2026-12-05T09:00:00", None),
            ("2026-12-05T09:00", "2026-12-05T09:00:00", None),
            ("2026-12-05", "2026-12-05T00:00:00", None),
            ("2026-12-05T09:00:00Z", "2026-12-05T09:00:00Z", Some("2026-12-05T09:00:00Z")),
            ("2026-12-05T09:00:00-08:00", "2026-12-05T09:00:00-08:00", Some("2026-12-05T17:00:00Z")),
            ("2026-12-05T09:00:00+00:00", "2026-12-05T09:00:00+00:00", Some("2026-12-05T09:00:00Z")),
            ("2026-12-05T09:00:00+14:00", "2026-12-05T09:00:00+14:00", Some("2026-12-04T19:00:00Z")),
            ("2026-12-05T09:00:00-0330", "2026-12-05T09:00:00-03:30", Some("2026-12-05T12:30:00Z")),
            ("2026-12-05T09:00:00.1234567Z", "2026-12-05T09:00:00.1234567Z", Some("2026-12-05T09:00:00.1234567Z")),
            (
                "Sat Dec 05 2026 09:00:00 GMT+0100 (Central European Standard Time)",
                "2026-12-05T09:00:00+01:00",
                Some("2026-12-05T08:00:00Z"),
            ),
        ] {
            let read = time(written);
            assert_eq!(read.to_string(), kept, "{written}");
            assert_eq!(read.instant().map(|at| at.to_string()).as_deref(), instant, "{written}");
            assert_eq!(time(kept), read);
        }
    }

    #[test]
    fn other_zones_and_forms_are_rejected() {
        for (written, error) in [
            ("2026-12-05T09:00:00+01:00[Europe/Paris]", EventTimeError::Brackets),
            ("2026-12-05T09:00:00[u-ca=hebrew]", EventTimeError::Brackets),
            ("2026-12-05T09:00:00+14:01", EventTimeError::Offset),
            ("2026-12-05T09:00:00-24:00", EventTimeError::Offset),
            ("2026-12-05T09:00:00+01:00:30", EventTimeError::OffsetSeconds),
            ("2026-12-05T09:00:00+99:00", EventTimeError::Form),
            ("2026-12-05T09:00:00 CET", EventTimeError::Form),
            ("2026-02-30T09:00:00", EventTimeError::Form),
            ("soon", EventTimeError::Form),
            ("", EventTimeError::Form),
            (&format!("2026-12-05T09:00:00.{}Z", "0".repeat(64)), EventTimeError::Form),
        ] {
            assert_eq!(written.parse::<EventTime>(), Err(error), "{written}");
        }
    }

    #[test]
    fn times_are_compared_in_their_zones() {
        let nine_in_paris = time("2026-12-05T09:00:00+01:00");
        assert!(!nine_in_paris.is_before(time("2026-12-05T09:00:00+02:00")));
        assert!(time("2026-12-05T08:30:00Z").is_before(time("2026-12-05T09:00:00Z")));
        assert!(nine_in_paris.is_before(time("2026-12-05T08:30:00Z")));
        assert!(time("2026-12-05T08:59").is_before(time("2026-12-05T09:00")));
        assert!(!time("2026-12-04T09:00").is_before(nine_in_paris), "without a zone there is no order");
    }

    #[test]
    fn time_without_zone_has_come_once_past_everywhere() {
        let now: Timestamp = "2026-12-05T09:00:00Z".parse().unwrap();
        for (written, has_come) in [
            ("2026-12-05T09:00:00Z", true),
            ("2026-12-05T10:00:00+01:00", true),
            ("2026-12-05T09:00:01Z", false),
            ("2026-12-05T01:00:01-08:00", false),
            ("2026-12-04T21:00:00", true),
            ("2026-12-04T21:00:01", false),
        ] {
            assert_eq!(time(written).has_come(now), has_come, "{written}");
        }
    }

    proptest! {
        #[test]
        fn parsed_time_is_read_back(text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-9:.]{0,12}[Z+-]?[0-9:]{0,6}|\\PC{0,30}") {
            if let Ok(read) = text.parse::<EventTime>() {
                prop_assert_eq!(read.to_string().parse::<EventTime>(), Ok(read));
            }
        }
    }
}
