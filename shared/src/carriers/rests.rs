//! Carriers that fail again and again are left alone for a while, and then tried
//! with one message.
//!
//! Each running copy of `dispatch` finds out by itself, from what it sends anyway:
//! that costs nothing, and a copy that starts anew errs for a few messages at most.
//! Messages that go out together fail together, so failures must also be some time
//! apart.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use super::{CarrierName, Outcome};

/// How many submits in a row must fail, and over how long.
const PATIENCE: u32 = 10;
const SPAN: SignedDuration = SignedDuration::from_secs(1);
/// How long the first rest is; each further one is twice as long, up to the longest.
const FIRST_REST: SignedDuration = SignedDuration::from_secs(5);
const LONGEST_REST: SignedDuration = SignedDuration::from_secs(60);

#[derive(Default)]
pub(super) struct Rests(Mutex<HashMap<CarrierName, Failing>>);

struct Failing {
    in_a_row: u32,
    since: Timestamp,
    rests: u32,
    until: Option<Timestamp>,
}

impl Rests {
    /// Until when the carrier is rested; none if it may be tried now.
    pub(super) fn until(&self, carrier: CarrierName, now: Timestamp) -> Option<Timestamp> {
        self.lock().get(&carrier)?.until.filter(|until| *until > now)
    }

    /// To be asked just before a submit: the same, but when a rest is over, only the
    /// first to ask may try, and the others wait for what comes of it.
    pub(super) fn begin(&self, carrier: CarrierName, now: Timestamp) -> Option<Timestamp> {
        let mut carriers = self.lock();
        let failing = carriers.get_mut(&carrier)?;
        let until = failing.until?;
        if until > now {
            return Some(until);
        }
        failing.rest_from(now);
        None
    }

    /// Notes what became of a submit. A carrier that refuses a message is well.
    pub(super) fn note(&self, carrier: CarrierName, outcome: &Outcome, now: Timestamp) {
        let mut carriers = self.lock();
        match outcome {
            Outcome::Accepted { .. } | Outcome::Rejected { .. } => {
                carriers.remove(&carrier);
            }
            Outcome::Busy { .. } | Outcome::Unknown { .. } => {
                let begun = Failing { in_a_row: 0, since: now, rests: 0, until: None };
                let failing = carriers.entry(carrier).or_insert(begun);
                failing.in_a_row = failing.in_a_row.saturating_add(1);
                let is_rested = failing.until.is_some_and(|until| until > now);
                if failing.in_a_row >= PATIENCE && now.duration_since(failing.since) >= SPAN && !is_rested {
                    failing.rest_from(now);
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CarrierName, Failing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Failing {
    fn rest_from(&mut self, now: Timestamp) {
        let rest = (FIRST_REST * (1 << self.rests.min(8))).min(LONGEST_REST);
        self.rests = self.rests.saturating_add(1);
        self.until = now.saturating_add(rest).ok();
    }
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
        for second in 1..PATIENCE {
            rests.note(CARRIER, &failed(), at(second.into()));
            assert_eq!(rests.until(CARRIER, at(10)), None);
        }
        rests.note(CARRIER, &failed(), at(10));
        assert_eq!(rests.until(CARRIER, at(10)), Some(at(15)));
        let mut over = 15;
        for rest in [10, 20, 40, 60, 60] {
            // One may try, and the others wait for it.
            assert_eq!(rests.until(CARRIER, at(over)), None);
            assert_eq!(rests.begin(CARRIER, at(over)), None);
            assert_eq!(rests.begin(CARRIER, at(over)), Some(at(over + rest)));
            // Those that were on their way make it no longer.
            for _ in 0..10 {
                rests.note(CARRIER, &failed(), at(over + 1));
            }
            over += rest;
            assert_eq!(rests.until(CARRIER, at(over - 1)), Some(at(over)));
        }
    }

    #[test]
    fn messages_that_fail_together_are_one_failure() {
        let rests = Rests::default();
        for _ in 0..100 {
            rests.note(CARRIER, &failed(), at(0));
        }
        assert_eq!(rests.until(CARRIER, at(0)), None);
        rests.note(CARRIER, &failed(), at(2));
        assert_eq!(rests.until(CARRIER, at(2)), Some(at(7)));
    }

    #[test]
    fn an_answer_ends_the_rest_and_the_count() {
        let rejected = Outcome::Rejected { reason: String::new() };
        for outcome in [&Outcome::Accepted { carrier_id: None }, &rejected] {
            let rests = Rests::default();
            for second in 0..PATIENCE {
                rests.note(CARRIER, &failed(), at(second.into()));
            }
            assert!(rests.until(CARRIER, at(9)).is_some());
            rests.note(CARRIER, outcome, at(10));
            assert_eq!(rests.until(CARRIER, at(10)), None);
            rests.note(CARRIER, &failed(), at(11));
            assert_eq!(rests.until(CARRIER, at(11)), None);
            assert_eq!(rests.begin(CarrierName::Cm, at(11)), None);
        }
    }
}
