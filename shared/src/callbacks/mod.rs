//! Telling clients: one signed POST to an address that is theirs to choose and
//! therefore not to be trusted.
//!
//! Redirects are failures, names that lead to private addresses are refused
//! when they are resolved, an answer's body is not read, and nothing takes
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

/// The gap after the `attempts`-th failed try, before jitter: quick at first,
/// for a client that restarts; every six hours in the end, for one that is down.
#[must_use]
pub fn retry_gap(attempts: u32) -> Duration {
    const GAPS: [u64; 9] = [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 21_600];
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    Duration::from_secs(GAPS[index.min(GAPS.len() - 1)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gaps_grow_to_six_hours() {
        let gaps: Vec<_> = (1..=20).map(retry_gap).collect();
        assert!(gaps.is_sorted());
        assert_eq!((gaps[0].as_secs(), gaps[19].as_secs()), (5, 21_600));
    }
}
