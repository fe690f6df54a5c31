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

use crate::domain::{AccountId, CarrierName, Channel, MessageId, Outcome};

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
    last_accepted: HashMap<(CarrierName, Channel), Timestamp>,
}

type Scope = (CarrierName, Option<AccountId>);

/// A submit, as the circuits see it.
#[derive(Clone, Copy)]
pub struct SubmitKey<'a> {
    pub carrier: CarrierName,
    pub account: &'a AccountId,
    pub channel: Channel,
    pub message: MessageId,
    /// Whether a request for the message was refused before, perhaps in another instance.
    pub was_refused: bool,
}

impl SubmitKey<'_> {
    fn scopes(&self) -> [Scope; 2] {
        scopes(self.carrier, self.account)
    }
}

fn scopes(carrier: CarrierName, account: &AccountId) -> [Scope; 2] {
    [(carrier, None), (carrier, Some(account.clone()))]
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

    /// Returns until when a lookup must wait. It asks about a submit that failed, but is no submit itself, so it waits
    /// only for the open period.
    pub(super) fn lookup_open_until(
        &self,
        carrier: CarrierName,
        account: &AccountId,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let circuits = self.lock();
        let open_until = |scope: &Scope| circuits.in_force(scope, now)?.open_until;
        scopes(carrier, account).iter().filter_map(open_until).max().filter(|until| *until > now)
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
                    circuits.last_accepted.insert((key.carrier, key.channel), now);
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

    /// Returns whether the carrier accepted a message on the channel after this time.
    pub(super) fn has_accepted_since(&self, carrier: CarrierName, channel: Channel, since: Timestamp) -> bool {
        self.lock().last_accepted.get(&(carrier, channel)).is_some_and(|at| *at > since)
    }

    fn lock(&self) -> MutexGuard<'_, Circuits> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Circuits {
    /// Returns whether the carrier accepted a message on any channel a short time ago.
    fn works(&self, carrier: CarrierName, now: Timestamp) -> bool {
        let mut accepted = self.last_accepted.iter().filter(|((of, _), _)| *of == carrier);
        accepted.any(|(_, at)| now.duration_since(*at) <= WORKS_FOR)
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
            self.messages.insert(key.message);
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
        let has_failed = key.was_refused || self.messages.contains(&key.message);
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
mod tests;
