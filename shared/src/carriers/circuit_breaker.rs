//! A circuit breaker for each carrier. Repeated failures open the circuit, and we do not call the carrier for
//! a while. Then the circuit is half-open: one message probes the carrier.
//!
//! Each `dispatch` instance counts the failures of its own submits. That costs no extra calls, but a new
//! instance starts from zero. Messages submitted together fail together, so the failures must also be spread
//! over some time.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use crate::domain::{CarrierName, Outcome};

/// Consecutive failures before the circuit opens, and the time that they must span.
const FAILURE_THRESHOLD: u32 = 10;
const FAILURE_WINDOW: SignedDuration = SignedDuration::from_secs(1);
/// First open period. It doubles each time, up to the maximum.
const FIRST_OPEN: SignedDuration = SignedDuration::from_secs(5);
const LONGEST_OPEN: SignedDuration = SignedDuration::from_secs(60);

#[derive(Default)]
pub(super) struct CircuitBreakers(Mutex<HashMap<CarrierName, Circuit>>);

struct Circuit {
    failures: u32,
    since: Timestamp,
    times_opened: u32,
    open_until: Option<Timestamp>,
}

impl CircuitBreakers {
    /// Returns when the open circuit of `carrier` may be probed, or `None` if the carrier may be called now.
    pub(super) fn open_until(&self, carrier: CarrierName, now: Timestamp) -> Option<Timestamp> {
        self.lock().get(&carrier)?.open_until.filter(|open_until| *open_until > now)
    }

    /// Like [`open_until`](Self::open_until), but for use just before a submit. After the open period, the
    /// first caller probes the carrier. For later callers the circuit is open again, until the probe succeeds
    /// or the next period ends.
    pub(super) fn admit(&self, carrier: CarrierName, now: Timestamp) -> Option<Timestamp> {
        let mut carriers = self.lock();
        let circuit = carriers.get_mut(&carrier)?;
        let open_until = circuit.open_until?;
        if open_until > now {
            return Some(open_until);
        }
        circuit.open_from(now);
        None
    }

    /// Records the outcome of a submit. A refusal counts as a success: the carrier answered. Returns the end
    /// of the open period if this failure opened the circuit.
    pub(super) fn record(&self, carrier: CarrierName, outcome: &Outcome, now: Timestamp) -> Option<Timestamp> {
        let mut carriers = self.lock();
        match outcome {
            Outcome::Accepted { .. } | Outcome::Rejected { .. } | Outcome::OptedOut { .. } => {
                carriers.remove(&carrier);
                None
            }
            Outcome::Busy { .. } | Outcome::Unknown { .. } => {
                let new_circuit = Circuit { failures: 0, since: now, times_opened: 0, open_until: None };
                let circuit = carriers.entry(carrier).or_insert(new_circuit);
                circuit.failures = circuit.failures.saturating_add(1);
                let is_open = circuit.open_until.is_some_and(|open_until| open_until > now);
                if circuit.failures >= FAILURE_THRESHOLD
                    && now.duration_since(circuit.since) >= FAILURE_WINDOW
                    && !is_open
                {
                    circuit.open_from(now);
                    return circuit.open_until;
                }
                None
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CarrierName, Circuit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Circuit {
    fn open_from(&mut self, now: Timestamp) {
        let open_for = (FIRST_OPEN * (1 << self.times_opened.min(8))).min(LONGEST_OPEN);
        self.times_opened = self.times_opened.saturating_add(1);
        self.open_until = now.saturating_add(open_for).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carrier(name: &str) -> CarrierName {
        name.parse().unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn failed() -> Outcome {
        Outcome::Unknown { reason: String::new() }
    }

    #[test]
    fn circuit_stays_open_longer_after_each_failed_probe() {
        let circuits = CircuitBreakers::default();
        for second in 1..FAILURE_THRESHOLD {
            circuits.record(carrier("cm-nl"), &failed(), at(second.into()));
            assert_eq!(circuits.open_until(carrier("cm-nl"), at(10)), None);
        }
        assert_eq!(circuits.record(carrier("cm-nl"), &failed(), at(10)), Some(at(15)));
        assert_eq!(circuits.open_until(carrier("cm-nl"), at(10)), Some(at(15)));
        let mut over = 15;
        for open_for in [10, 20, 40, 60, 60] {
            // One caller probes; the rest wait.
            assert_eq!(circuits.open_until(carrier("cm-nl"), at(over)), None);
            assert_eq!(circuits.admit(carrier("cm-nl"), at(over)), None);
            assert_eq!(circuits.admit(carrier("cm-nl"), at(over)), Some(at(over + open_for)));
            // Submits already under way do not extend the open period.
            for _ in 0..10 {
                assert_eq!(circuits.record(carrier("cm-nl"), &failed(), at(over + 1)), None, "open already");
            }
            over += open_for;
            assert_eq!(circuits.open_until(carrier("cm-nl"), at(over - 1)), Some(at(over)));
        }
    }

    #[test]
    fn simultaneous_failures_do_not_open_the_circuit() {
        let circuits = CircuitBreakers::default();
        for _ in 0..100 {
            circuits.record(carrier("cm-nl"), &failed(), at(0));
        }
        assert_eq!(circuits.open_until(carrier("cm-nl"), at(0)), None);
        circuits.record(carrier("cm-nl"), &failed(), at(2));
        assert_eq!(circuits.open_until(carrier("cm-nl"), at(2)), Some(at(7)));
    }

    #[test]
    fn answer_closes_the_circuit_and_resets_the_count() {
        let rejected = Outcome::Rejected { reason: String::new() };
        let opted_out = Outcome::OptedOut { reason: String::new() };
        for outcome in [&Outcome::Accepted { carrier_id: None }, &rejected, &opted_out] {
            let circuits = CircuitBreakers::default();
            for second in 0..FAILURE_THRESHOLD {
                circuits.record(carrier("cm-nl"), &failed(), at(second.into()));
            }
            assert!(circuits.open_until(carrier("cm-nl"), at(9)).is_some());
            circuits.record(carrier("cm-nl"), outcome, at(10));
            assert_eq!(circuits.open_until(carrier("cm-nl"), at(10)), None);
            circuits.record(carrier("cm-nl"), &failed(), at(11));
            assert_eq!(circuits.open_until(carrier("cm-nl"), at(11)), None);
            assert_eq!(circuits.admit(carrier("cm-uk"), at(11)), None);
        }
    }
}
