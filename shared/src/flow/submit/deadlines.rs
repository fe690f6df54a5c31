//! How long we wait for the receipt of a submit.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::domain::Progress;

/// How long an outcome on the last channel may stay unknown.
const UNKNOWN_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Returns the deadline for failing over, or for giving up an unknown outcome on the last channel.
/// `next_after` is the channel's receipt timeout, if a later channel is left.
pub(super) fn receipt_by(at: Timestamp, progress: Progress, next_after: Option<Duration>) -> Option<Timestamp> {
    match next_after {
        Some(within) => at.saturating_add(within).ok(),
        None if progress == Progress::Unknown => at.saturating_add(UNKNOWN_FOR).ok(),
        None => None,
    }
}
