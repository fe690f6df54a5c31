//! Times in webhooks.

use jiff::Timestamp;

use crate::domain::parse_time;

/// Parses a `date`. It is in UTC, and a page writes it with a stray `-`: `2020-06-22-T15:06:37Z`.
pub(super) fn date(text: &str) -> Option<Timestamp> {
    parse_time(&text.replacen("-T", "T", 1)).ok()
}

/// Parses a `timestamp`, in milliseconds.
pub(super) fn milliseconds(text: &str) -> Option<Timestamp> {
    Timestamp::from_millisecond(text.parse().ok()?).ok()
}
