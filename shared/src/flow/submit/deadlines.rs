//! How long we wait for the receipt of a submit.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::domain::Progress;

/// How long we wait for the receipt of an unknown outcome without a next channel.
const UNKNOWN_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Returns the receipt deadline of a message submitted at `at`. After it we fail over to the next channel,
/// or give up an unknown outcome.
pub(super) fn receipt_by(at: Timestamp, progress: Progress, next_after: Option<Duration>) -> Option<Timestamp> {
    match next_after {
        Some(within) => at.saturating_add(within).ok(),
        None if progress == Progress::Unknown => at.saturating_add(UNKNOWN_FOR).ok(),
        None => None,
    }
}
