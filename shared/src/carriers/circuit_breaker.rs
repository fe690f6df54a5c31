//! A circuit breaker for each carrier, and for each account's traffic to it. Repeated failures open a circuit, and we
//! do not call the carrier for a while. Then the circuit is half-open: one message probes the carrier.
//!
//! A circuit counts failures in a row, and opens only if several messages failed: one message may be to blame itself.
//! The failures of a single account open only the account's circuit, because a firewall may refuse what this account
//! writes. If messages of several accounts fail, the carrier's circuit opens for all. The probe is a message that has
//! not failed before, unless none comes for as long as the circuit was open.
//!
//! A refusal that is not the vendor's may be about the message. While the carrier accepts other messages, such refusals
//! do not count, and a circuit that opened for them alone does not hold back anything.
//!
//! Each `dispatch` instance counts the failures of its own submits. That costs no extra calls, but a new
//! instance starts from zero. Messages submitted together fail together, so the failures must also be spread
//! over some time.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use crate::domain::{AccountId, CarrierName, MessageId, Outcome};

/// Consecutive failures before the circuit opens, and the time that they must span.
const FAILURE_THRESHOLD: u32 = 10;
const FAILURE_WINDOW: SignedDuration = SignedDuration::from_secs(1);
/// Messages that must have failed, and for the carrier's circuit the accounts.
const FAILED_MESSAGES: usize = 3;
const FAILED_ACCOUNTS: usize = 2;
/// A carrier counts as working for this long after it accepted a message.
const WORKS_FOR: SignedDuration = SignedDuration::from_secs(10);
/// Maximum number of failed messages that a circuit remembers.
const MOST_REMEMBERED: usize = 100;
/// A circuit without a failure for this long is forgotten.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_mins(10);
/// First open period. It doubles each time, up to the maximum.
const FIRST_OPEN: SignedDuration = SignedDuration::from_secs(5);
const LONGEST_OPEN: SignedDuration = SignedDuration::from_secs(60);

#[derive(Default)]
pub(super) struct CircuitBreakers(Mutex<Circuits>);

#[derive(Default)]
struct Circuits {
    /// By carrier, with an account or for all accounts.
    by_scope: HashMap<Scope, Circuit>,
    last_accepted: HashMap<CarrierName, Timestamp>,
}

type Scope = (CarrierName, Option<AccountId>);

/// A submit or lookup, as the circuits see it.
#[derive(Clone, Copy)]
pub struct SubmitKey<'a> {
    pub carrier: CarrierName,
    pub account: &'a AccountId,
    /// `None` for a lookup, which no failed submit delays.
    pub message: Option<MessageId>,
    /// Whether a request for the message was refused before, perhaps in another instance.
    pub was_refused: bool,
}

impl SubmitKey<'_> {
    fn scopes(&self) -> [Scope; 2] {
        [(self.carrier, None), (self.carrier, Some(self.account.clone()))]
    }
}

/// A circuit that has just opened.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) until: Timestamp,
    /// Whether it is the carrier's, for all accounts.
    pub(super) for_all: bool,
}

struct Circuit {
    failures: u32,
    since: Timestamp,
    last_failed_at: Timestamp,
    messages: HashSet<MessageId>,
    /// The accounts of the failures, as many as matter.
    accounts: HashSet<AccountId>,
    /// Whether all failures were refusals that are not the vendor's.
    only_refusals: bool,
    times_opened: u32,
    open_until: Option<Timestamp>,
    /// How long the circuit is or was open.
    open_for: SignedDuration,
}

impl CircuitBreakers {
    /// Returns until when this submit must wait because of an open circuit, or `None` if the carrier may be called now.
    pub(super) fn open_until(&self, key: SubmitKey<'_>, now: Timestamp) -> Option<Timestamp> {
        self.lock().open_until(key, now)
    }

    /// Like [`open_until`](Self::open_until), but for use just before a submit. After the open period, the
    /// first caller probes the carrier. For later callers the circuit is open again, until the probe succeeds
    /// or the next period ends.
    pub(super) fn admit(&self, key: SubmitKey<'_>, now: Timestamp) -> Option<Timestamp> {
        let mut circuits = self.lock();
        let until = circuits.open_until(key, now);
        if until.is_none() {
            for scope in
                key.scopes().into_iter().filter(|scope| circuits.in_force(scope, now).is_some()).collect::<Vec<_>>()
            {
                if let Some(circuit) = circuits.by_scope.get_mut(&scope).filter(|circuit| circuit.open_until.is_some())
                {
                    circuit.open_from(now);
                }
            }
        }
        until
    }

    /// Records the outcome of a submit. A vendor's refusal of the message counts as a success: the carrier answered.
    /// Returns the circuit that this failure opened.
    pub(super) fn record(&self, key: SubmitKey<'_>, outcome: &Outcome, now: Timestamp) -> Option<Opened> {
        let circuits = &mut *self.lock();
        let scopes = key.scopes();
        match outcome {
            Outcome::Accepted { .. } | Outcome::Rejected { .. } | Outcome::OptedOut { .. } => {
                for scope in scopes {
                    circuits.by_scope.remove(&scope);
                }
                if let Outcome::Accepted { .. } = outcome {
                    circuits.last_accepted.insert(key.carrier, now);
                }
                None
            }
            Outcome::Refused { .. } if circuits.works(key.carrier, now) => None,
            Outcome::Busy { .. } | Outcome::Refused { .. } | Outcome::Unknown { .. } => {
                circuits.by_scope.retain(|_, circuit| now.duration_since(circuit.last_failed_at) <= FORGOTTEN_AFTER);
                let mut opened = None;
                for scope in scopes {
                    let for_all = scope.1.is_none();
                    let accounts = if for_all { FAILED_ACCOUNTS } else { 1 };
                    let circuit = circuits.by_scope.entry(scope).or_insert_with(|| Circuit::new(now));
                    circuit.count(key, outcome, now);
                    if circuit.is_tripped(accounts, now) {
                        circuit.open_from(now);
                        let until = circuit.open_until;
                        opened = opened.or(until.map(|until| Opened { until, for_all }));
                    }
                }
                opened
            }
        }
    }

    /// Returns whether the carrier accepted a message after this time.
    pub(super) fn has_accepted_since(&self, carrier: CarrierName, since: Timestamp) -> bool {
        self.lock().last_accepted.get(&carrier).is_some_and(|at| *at > since)
    }

    fn lock(&self) -> MutexGuard<'_, Circuits> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Circuits {
    fn works(&self, carrier: CarrierName, now: Timestamp) -> bool {
        self.last_accepted.get(&carrier).is_some_and(|at| now.duration_since(*at) <= WORKS_FOR)
    }

    fn open_until(&self, key: SubmitKey<'_>, now: Timestamp) -> Option<Timestamp> {
        key.scopes().iter().filter_map(|scope| self.in_force(scope, now)?.blocks(key, now)).max()
    }

    /// Returns the circuit, unless it counted only refusals and the carrier accepts other messages.
    fn in_force(&self, scope: &Scope, now: Timestamp) -> Option<&Circuit> {
        self.by_scope.get(scope).filter(|circuit| !circuit.only_refusals || !self.works(scope.0, now))
    }
}

impl Circuit {
    fn new(now: Timestamp) -> Self {
        Self {
            failures: 0,
            since: now,
            last_failed_at: now,
            messages: HashSet::new(),
            accounts: HashSet::new(),
            only_refusals: true,
            times_opened: 0,
            open_until: None,
            open_for: SignedDuration::ZERO,
        }
    }

    fn count(&mut self, key: SubmitKey<'_>, outcome: &Outcome, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        self.last_failed_at = now;
        self.only_refusals &= matches!(outcome, Outcome::Refused { .. });
        if self.messages.len() < MOST_REMEMBERED {
            self.messages.extend(key.message);
        }
        if self.accounts.len() < FAILED_ACCOUNTS && !self.accounts.contains(key.account) {
            self.accounts.insert(key.account.clone());
        }
    }

    /// Returns whether to open the circuit now.
    fn is_tripped(&self, accounts: usize, now: Timestamp) -> bool {
        let is_open = self.open_until.is_some_and(|open_until| open_until > now);
        !is_open
            && self.failures >= FAILURE_THRESHOLD
            && self.messages.len() >= FAILED_MESSAGES
            && self.accounts.len() >= accounts
            && now.duration_since(self.since) >= FAILURE_WINDOW
    }

    /// Returns until when this submit must wait: until the end of the open period, and as long again if its message has
    /// failed before.
    fn blocks(&self, key: SubmitKey<'_>, now: Timestamp) -> Option<Timestamp> {
        let open_until = self.open_until?;
        let has_failed = key.was_refused || key.message.is_some_and(|message| self.messages.contains(&message));
        let wait = if has_failed { self.open_for } else { SignedDuration::ZERO };
        Some(open_until.saturating_add(wait).unwrap_or(open_until)).filter(|until| *until > now)
    }

    fn open_from(&mut self, now: Timestamp) {
        self.open_for = (FIRST_OPEN * (1 << self.times_opened.min(8))).min(LONGEST_OPEN);
        self.times_opened = self.times_opened.saturating_add(1);
        self.open_until = now.saturating_add(self.open_for).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::LazyLock;
    use uuid::Uuid;

    static ACME: LazyLock<AccountId> = LazyLock::new(|| "acme".parse().unwrap());
    static OTHER: LazyLock<AccountId> = LazyLock::new(|| "other".parse().unwrap());

    /// A message that has not failed.
    const FRESH: u128 = 4_711;

    fn carrier() -> CarrierName {
        "cm-nl".parse().unwrap()
    }

    fn of(account: &AccountId, message: u128) -> SubmitKey<'_> {
        let message = Some(MessageId::new(Uuid::from_u128(message)));
        SubmitKey { carrier: carrier(), account, message, was_refused: false }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn failed() -> Outcome {
        Outcome::Unknown { reason: String::new() }
    }

    /// Lets a message of the account fail in each of the seconds up to the threshold. Returns what the last one opened.
    fn fail(circuits: &CircuitBreakers, account: &AccountId) -> Option<Opened> {
        (1..=FAILURE_THRESHOLD).fold(None, |opened, second| {
            assert_eq!(opened, None);
            circuits.record(of(account, second.into()), &failed(), at(second.into()))
        })
    }

    #[test]
    fn circuit_stays_open_longer_after_each_failed_probe() {
        let circuits = CircuitBreakers::default();
        assert_eq!(fail(&circuits, &ACME), Some(Opened { until: at(15), for_all: false }));
        assert_eq!(circuits.open_until(of(&ACME, FRESH), at(10)), Some(at(15)));
        let mut over = 15;
        for (probe, open_for) in (100..).zip([10, 20, 40, 60, 60]) {
            // One caller probes; the rest wait.
            assert_eq!(circuits.open_until(of(&ACME, FRESH), at(over)), None);
            assert_eq!(circuits.admit(of(&ACME, probe), at(over)), None);
            assert_eq!(circuits.admit(of(&ACME, 1_000), at(over)), Some(at(over + open_for)));
            // Submits already under way do not extend the open period.
            for _ in 0..10 {
                assert_eq!(circuits.record(of(&ACME, probe), &failed(), at(over + 1)), None, "open already");
            }
            over += open_for;
            assert_eq!(circuits.open_until(of(&ACME, FRESH), at(over - 1)), Some(at(over)));
        }
    }

    #[test]
    fn simultaneous_failures_do_not_open_the_circuit() {
        let circuits = CircuitBreakers::default();
        for message in 0..100 {
            circuits.record(of(&ACME, message), &failed(), at(0));
        }
        assert_eq!(circuits.open_until(of(&ACME, FRESH), at(0)), None);
        circuits.record(of(&ACME, 100), &failed(), at(2));
        assert_eq!(circuits.open_until(of(&ACME, FRESH), at(2)), Some(at(7)));
    }

    #[test]
    fn failures_of_two_messages_do_not_open_the_circuit() {
        let circuits = CircuitBreakers::default();
        for second in 0..100 {
            let message = of(&ACME, u128::from(second % 2 == 0));
            assert_eq!(circuits.record(message, &failed(), at(second)), None);
        }
        assert!(circuits.record(of(&ACME, 2), &failed(), at(100)).is_some());
    }

    #[test]
    fn one_accounts_failures_open_no_others_circuit() {
        let circuits = CircuitBreakers::default();
        fail(&circuits, &ACME);
        assert_eq!(circuits.open_until(of(&OTHER, FRESH), at(11)), None);
        assert_eq!(circuits.admit(of(&OTHER, 50), at(11)), None);
        // Another account's message fails, too.
        let opened = circuits.record(of(&OTHER, 50), &failed(), at(11));
        assert_eq!(opened, Some(Opened { until: at(16), for_all: true }));
        assert_eq!(circuits.open_until(of(&OTHER, FRESH), at(11)), Some(at(16)));
        // Its success closes the carrier's circuit, and not that of the first account.
        circuits.record(of(&OTHER, 51), &Outcome::Accepted { carrier_id: None }, at(12));
        assert_eq!(circuits.open_until(of(&OTHER, FRESH), at(12)), None);
        assert_eq!(circuits.open_until(of(&ACME, FRESH), at(12)), Some(at(15)));
    }

    #[test]
    fn message_that_failed_probes_only_if_no_other_does() {
        let circuits = CircuitBreakers::default();
        fail(&circuits, &ACME);
        let refused = SubmitKey { was_refused: true, ..of(&ACME, 77) };
        for poison in [of(&ACME, 1), refused] {
            assert_eq!(circuits.admit(poison, at(15)), Some(at(20)));
            assert_eq!(circuits.admit(poison, at(19)), Some(at(20)));
        }
        assert_eq!(circuits.admit(of(&ACME, 88), at(19)), None, "it has not failed");

        let circuits = CircuitBreakers::default();
        fail(&circuits, &ACME);
        assert_eq!(circuits.admit(of(&ACME, 1), at(20)), None);
    }

    /// A lookup asks about a submit that failed, and is no submit itself.
    #[test]
    fn lookup_waits_only_for_the_open_period() {
        let circuits = CircuitBreakers::default();
        fail(&circuits, &ACME);
        let lookup = SubmitKey { message: None, ..of(&ACME, 1) };
        assert_eq!(circuits.open_until(lookup, at(14)), Some(at(15)));
        assert_eq!(circuits.open_until(lookup, at(15)), None);
        assert_eq!(circuits.open_until(of(&ACME, 1), at(15)), Some(at(20)));
    }

    #[test]
    fn refusal_counts_unless_the_carrier_accepts_others() {
        let refused = Outcome::Refused { reason: "status 403".to_owned() };
        let circuits = CircuitBreakers::default();
        circuits.record(of(&OTHER, 1_000), &Outcome::Accepted { carrier_id: None }, at(0));
        let refuse = |from: i64, messages: i64| {
            let messages = (from..from + messages).map(|second| {
                let message = u128::try_from(second).unwrap();
                circuits.record(of(&ACME, message), &refused, at(second)).is_some()
            });
            messages.filter(|is_opened| *is_opened).count()
        };
        assert_eq!(refuse(1, 10), 0, "it accepted a message ten seconds ago at most");
        assert_eq!(refuse(11, 9), 0);
        assert_eq!(refuse(20, 1), 1);
        assert_eq!(circuits.open_until(of(&ACME, FRESH), at(21)), Some(at(25)));
        circuits.record(of(&OTHER, 1_001), &Outcome::Accepted { carrier_id: None }, at(21));
        assert_eq!(circuits.open_until(of(&ACME, FRESH), at(21)), None);
        for second in 21..=31 {
            assert_eq!(circuits.admit(of(&ACME, 5), at(second)), None, "another try for a message that was refused");
        }
        assert_eq!(circuits.admit(of(&ACME, FRESH), at(32)), None, "these tries opened nothing");
    }

    #[test]
    fn old_failures_are_forgotten() {
        let circuits = CircuitBreakers::default();
        for second in 1..FAILURE_THRESHOLD {
            circuits.record(of(&ACME, second.into()), &failed(), at(second.into()));
        }
        let later = i64::from(FAILURE_THRESHOLD) + FORGOTTEN_AFTER.as_secs();
        assert_eq!(circuits.record(of(&OTHER, 99), &failed(), at(later)), None);
        assert_eq!(circuits.lock().by_scope.len(), 2, "those of the latest failure");
        assert_eq!(circuits.record(of(&ACME, 99), &failed(), at(later)), None);
    }

    #[test]
    fn answer_closes_the_circuit_and_resets_the_count() {
        let rejected = Outcome::Rejected { reason: String::new() };
        let opted_out = Outcome::OptedOut { reason: String::new() };
        for outcome in [&Outcome::Accepted { carrier_id: None }, &rejected, &opted_out] {
            let circuits = CircuitBreakers::default();
            assert!(fail(&circuits, &ACME).is_some());
            circuits.record(of(&ACME, 99), outcome, at(10));
            assert_eq!(circuits.open_until(of(&ACME, FRESH), at(10)), None);
            circuits.record(of(&ACME, 1), &failed(), at(11));
            assert_eq!(circuits.open_until(of(&ACME, FRESH), at(11)), None);
            let is_accepted = matches!(outcome, Outcome::Accepted { .. });
            assert_eq!(circuits.has_accepted_since(carrier(), at(9)), is_accepted);
            assert!(!circuits.has_accepted_since(carrier(), at(10)));
        }
    }
}
