//! Callbacks: one signed POST to a URL that the client chose, and that we therefore do not trust.
//!
//! A redirect counts as a failure, we connect only to public addresses, we read no body, and no call takes
//! longer than [`TIMEOUT`].

mod caller;
#[cfg(test)]
mod caller_tests;
mod guard;
#[cfg(test)]
mod guard_tests;
pub(crate) mod notice;
mod public_address;
mod signature;

pub use caller::{CallbackOutcome, CallbackRequest, Caller, CallerError, TIMEOUT};

use std::time::Duration;

use jiff::SignedDuration;

/// How long a callback is retried. The last attempt is made at the end of this.
///
/// To change the retry schedule, edit `RETRY_FOR` and `GAPS`. `RetentionDays` (`runtime/config.rs`,
/// `template.yaml`) must stay longer than `RETRY_FOR`, because a retry reads the message's record. In
/// `domain/endpoint/health.rs`, `STALE_AFTER` must stay longer than every gap, and `DISABLE_AFTER` shorter than
/// `RETRY_FOR`. The test below and `tests/flows/callbacks/seven_days.rs` hold the schedule, and documents name
/// it: `git grep -i 'seven days'`.
pub const RETRY_FOR: SignedDuration = SignedDuration::from_hours(24 * 7);
/// Seconds before each retry. The last gap repeats.
const GAPS: [u64; 9] = [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 21_600];

/// Returns the gap after the `attempts`-th failed attempt, before jitter: seconds at first, in case the
/// client restarts, and six hours in the end, in case it is down.
#[must_use]
pub fn retry_gap(attempts: u32) -> Duration {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    Duration::from_secs(GAPS[index.min(GAPS.len() - 1)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_gaps_grow_to_six_hours() {
        let gaps: Vec<_> = (1..=20).map(retry_gap).collect();
        assert!(gaps.is_sorted());
        assert_eq!((gaps[0].as_secs(), gaps[19].as_secs()), (5, 21_600));
    }
}
