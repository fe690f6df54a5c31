//! Carriers that fail again and again are left alone for a while, and then tried
//! with one message.
//!
//! Each running copy of `dispatch` finds out by itself, from what it sends anyway:
//! that costs nothing, and a copy that starts anew errs for a few messages at most.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use super::{CarrierName, Outcome};

/// How many submits in a row must fail.
const PATIENCE: u32 = 10;
/// How long the first rest is; each further one is twice as long, up to the longest.
const FIRST_REST: SignedDuration = SignedDuration::from_secs(5);
const LONGEST_REST: SignedDuration = SignedDuration::from_secs(60);

#[derive(Default)]
pub(super) struct Rests(Mutex<HashMap<CarrierName, Failing>>);

#[derive(Clone, Copy, Default)]
struct Failing {
    in_a_row: u32,
    until: Option<Timestamp>,
}

impl Rests {
    /// Until when the carrier is rested; none if it may be tried now. When a rest
    /// is over, the first to ask may try, and the others wait for what comes of it.
    pub(super) fn until(&self, carrier: CarrierName, now: Timestamp) -> Option<Timestamp> {
        let mut carriers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failing = carriers.get_mut(&carrier)?;
        let until = failing.until?;
        if until > now {
            return Some(until);
        }
        failing.until = Some(rest_from(now, failing.in_a_row));
        None
    }

    /// Notes what became of a submit. A carrier that refuses a message is well.
    pub(super) fn note(&self, carrier: CarrierName, outcome: &Outcome, now: Timestamp) {
        let mut carriers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Outcome::Accepted { .. } | Outcome::Rejected { .. } => {
                carriers.remove(&carrier);
            }
            Outcome::Busy { .. } | Outcome::Unknown { .. } => {
                let failing = carriers.entry(carrier).or_default();
                failing.in_a_row = failing.in_a_row.saturating_add(1);
                if failing.in_a_row >= PATIENCE {
                    failing.until = Some(rest_from(now, failing.in_a_row));
                }
            }
        }
    }
}

fn rest_from(now: Timestamp, in_a_row: u32) -> Timestamp {
    let doublings = in_a_row.saturating_sub(PATIENCE).min(8);
    let rest = (FIRST_REST * (1 << doublings)).min(LONGEST_REST);
    now.saturating_add(rest).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARRIER: CarrierName = CarrierName::Loopback;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn failed() -> Outcome {
        Outcome::Unknown { reason: String::new() }
    }

    #[test]
    fn a_carrier_that_fails_again_and_again_is_rested_ever_longer() {
        let rests = Rests::default();
        for _ in 1..PATIENCE {
            rests.note(CARRIER, &failed(), at(0));
            assert_eq!(rests.until(CARRIER, at(0)), None);
        }
        rests.note(CARRIER, &failed(), at(0));
        assert_eq!(rests.until(CARRIER, at(0)), Some(at(5)));
        // One may try, and the others wait for it.
        assert_eq!(rests.until(CARRIER, at(5)), None);
        assert_eq!(rests.until(CARRIER, at(5)), Some(at(10)));
        rests.note(CARRIER, &failed(), at(6));
        assert_eq!(rests.until(CARRIER, at(6)), Some(at(16)));
        for _ in 0..100 {
            rests.note(CARRIER, &failed(), at(20));
        }
        assert_eq!(rests.until(CARRIER, at(20)), Some(at(80)));
    }

    #[test]
    fn an_answer_ends_the_rest_and_the_count() {
        let rests = Rests::default();
        let rejected = Outcome::Rejected { reason: String::new() };
        for outcome in [&Outcome::Accepted { carrier_id: None }, &rejected] {
            for _ in 0..PATIENCE {
                rests.note(CARRIER, &failed(), at(0));
            }
            assert!(rests.until(CARRIER, at(0)).is_some());
            rests.note(CARRIER, outcome, at(1));
            assert_eq!(rests.until(CARRIER, at(1)), None);
            rests.note(CARRIER, &failed(), at(1));
            assert_eq!(rests.until(CARRIER, at(1)), None);
        }
        assert_eq!(rests.until(CarrierName::Cm, at(1)), None);
    }
}
