//! Endpoints: where an account is called back, and what is on record of one while
//! it fails. One that works has nothing on record, so that it costs nothing.
//!
//! If an endpoint fails repeatedly, its circuit *opens*: its events wait without a call, and after each open period one
//! event probes it. The circuit opens, too, when the endpoint asks for a pause. An endpoint is *disabled* when it
//! answers 410, or when for five days every call has failed; then it is not called until an operator enables it, or for
//! a month.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use url::Url;

use crate::domain::{AccountId, CallbackUrl, EndpointId, ExecutionId};

/// How many calls in a row must fail, and over how long, before the circuit opens.
/// A busy one that fails now and then has a success in any such span.
const FAILURE_THRESHOLD: u32 = 3;
const FAILURE_WINDOW: SignedDuration = SignedDuration::from_secs(5);
/// How long the circuit stays open the first time; each further time is twice as long, up to the longest.
const FIRST_OPEN: SignedDuration = SignedDuration::from_secs(5);
/// It is as long as a queue delays at most: an event that waits for hours goes round
/// no more often than it must.
const LONGEST_OPEN: SignedDuration = SignedDuration::from_mins(15);
/// How long nothing but failures are borne, and how many there must be.
const DISABLE_AFTER: SignedDuration = SignedDuration::from_hours(24 * 5);
const DISABLE_THRESHOLD: u32 = 5;
/// Longer than any two tries of one event are apart. Failures that are further
/// apart than this are not one trouble.
const STALE_AFTER: SignedDuration = SignedDuration::from_hours(48);
/// How long a record is kept after the last failure: not much longer than it says
/// anything, for a client may have an address for each message.
const HEALTH_KEPT: SignedDuration = SignedDuration::from_hours(72);
/// How long a disabled endpoint is kept. Then it is tried anew.
const DISABLED_KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);

/// One address of one account, without query and fragment: clients put what differs
/// from message to message, and their tokens, there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    account: AccountId,
    url: CallbackUrl,
}

impl Endpoint {
    #[must_use]
    pub fn of(account: &AccountId, url: &CallbackUrl) -> Self {
        let bare = Url::parse(url.as_str()).ok().and_then(|mut bare| {
            bare.set_query(None);
            bare.set_fragment(None);
            bare.as_str().parse().ok()
        });
        Self { account: account.clone(), url: bare.unwrap_or_else(|| url.clone()) }
    }

    #[must_use]
    pub fn id(&self) -> EndpointId {
        EndpointId::of(&self.account, self.url.as_str())
    }

    #[must_use]
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    #[must_use]
    pub fn url(&self) -> &CallbackUrl {
        &self.url
    }
}

/// What is on record of an endpoint that fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointHealth {
    pub endpoint: Endpoint,
    /// When the first call of those that failed in a row was begun.
    pub since: Timestamp,
    /// When the last one failed.
    pub last_at: Timestamp,
    /// How many there were.
    pub failures: u32,
    /// What was wrong with the last one.
    pub reason: String,
    /// How often its circuit has opened.
    pub times_opened: u32,
    /// When it may be probed, if its circuit is open.
    pub retry_at: Timestamp,
    /// Until when it asked not to be called.
    pub paused_until: Option<Timestamp>,
    pub disabled: Option<Disabled>,
}

/// An endpoint was disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disabled {
    pub since: Timestamp,
    /// The run that did it.
    pub execution_id: ExecutionId,
}

/// What an endpoint's record says of the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CircuitState {
    /// It may be called.
    Closed,
    /// Not before then.
    Open(Timestamp),
    /// One event may probe it, and the others wait for the outcome.
    HalfOpen,
    /// It is called no more.
    Disabled,
    /// Its failures are too old to say anything.
    Stale,
}

impl EndpointHealth {
    #[must_use]
    pub fn circuit_state(&self, now: Timestamp) -> CircuitState {
        if self.disabled.is_some() {
            return CircuitState::Disabled;
        }
        if now.duration_since(self.last_at) > STALE_AFTER {
            return CircuitState::Stale;
        }
        let is_tripped = self.failures >= FAILURE_THRESHOLD && now.duration_since(self.since) >= FAILURE_WINDOW;
        match self.paused_until.max(is_tripped.then_some(self.retry_at)) {
            Some(until) if until > now => CircuitState::Open(until),
            _ if is_tripped => CircuitState::HalfOpen,
            _ => CircuitState::Closed,
        }
    }

    /// Until when the others wait for the one that tries it at `now` for up to
    /// `patience`, and how long the circuit stays open if that fails.
    #[must_use]
    pub fn open_until(&self, now: Timestamp, patience: Duration) -> Timestamp {
        let open_for = (FIRST_OPEN * (1 << self.times_opened.min(8))).min(LONGEST_OPEN);
        let patience = SignedDuration::try_from(patience).unwrap_or(LONGEST_OPEN);
        now.saturating_add(open_for + patience).unwrap_or(Timestamp::MAX)
    }

    /// Whether nothing but failures came for too long.
    #[must_use]
    pub fn should_disable(&self) -> bool {
        self.failures >= DISABLE_THRESHOLD && self.last_at.duration_since(self.since) >= DISABLE_AFTER
    }

    /// When one that fails for the first time at `at` may be tried again.
    #[must_use]
    pub fn first_retry_at(at: Timestamp) -> Timestamp {
        at.saturating_add(FIRST_OPEN).unwrap_or(Timestamp::MAX)
    }

    /// Until when an endpoint is paused that asks for that at `at`, for that long: no longer
    /// than any other. The event that it said so to waits as long as it asked for.
    #[must_use]
    pub fn paused_until(at: Timestamp, wait: Duration) -> Timestamp {
        let wait = SignedDuration::try_from(wait).unwrap_or(LONGEST_OPEN).min(LONGEST_OPEN);
        at.saturating_add(wait).unwrap_or(Timestamp::MAX)
    }

    /// Until when the record of a failure at `at` is kept.
    #[must_use]
    pub fn kept_until(at: Timestamp) -> Timestamp {
        at.saturating_add(HEALTH_KEPT).unwrap_or(Timestamp::MAX)
    }

    /// Until when it is kept that an endpoint was disabled at `at`.
    #[must_use]
    pub fn disabled_kept_until(at: Timestamp) -> Timestamp {
        at.saturating_add(DISABLED_KEPT).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn endpoint(account: &str, url: &str) -> Endpoint {
        Endpoint::of(&account.parse::<AccountId>().unwrap(), &url.parse::<CallbackUrl>().unwrap())
    }

    fn health(failures: u32, last: i64) -> EndpointHealth {
        EndpointHealth {
            endpoint: endpoint("acme", "https://a.example/dr"),
            since: at(0),
            last_at: at(last),
            failures,
            reason: "status 500".to_owned(),
            times_opened: 0,
            retry_at: at(20),
            paused_until: None,
            disabled: None,
        }
    }

    #[test]
    fn an_endpoint_is_an_accounts_address_without_its_query() {
        let ours = endpoint("acme", "https://a.example/dr?id=1#x");
        assert_eq!(ours.url().as_str(), "https://a.example/dr");
        assert_eq!(ours.id(), endpoint("acme", "https://A.example:443/dr?id=2").id());
        assert_ne!(ours.id(), endpoint("acme", "https://a.example/other").id());
        assert_ne!(ours.id(), endpoint("other", "https://a.example/dr").id());
    }

    #[test]
    fn occasional_failures_keep_the_circuit_closed() {
        assert_eq!(health(2, 10).circuit_state(at(10)), CircuitState::Closed, "too few");
        assert_eq!(health(100, 1).circuit_state(at(4)), CircuitState::Closed, "too short a time");
        assert_eq!(health(3, 15).circuit_state(at(15)), CircuitState::Open(at(20)));
        assert_eq!(health(3, 15).circuit_state(at(20)), CircuitState::HalfOpen);
        assert_eq!(health(3, 15).circuit_state(at(49 * 3_600)), CircuitState::Stale);
    }

    #[test]
    fn retry_after_opens_the_circuit_at_the_first_failure() {
        let asked = |wait| Some(EndpointHealth::paused_until(at(10), Duration::from_secs(wait)));
        let one = EndpointHealth { paused_until: asked(60), ..health(1, 10) };
        assert_eq!(one.circuit_state(at(69)), CircuitState::Open(at(70)));
        assert_eq!(one.circuit_state(at(70)), CircuitState::Closed);
        let long = EndpointHealth { paused_until: asked(86_400), ..health(9, 10) };
        assert_eq!(long.circuit_state(at(909)), CircuitState::Open(at(910)), "a quarter of an hour");
        assert_eq!(long.circuit_state(at(910)), CircuitState::HalfOpen);
    }

    #[test]
    fn open_time_grows_from_seconds_to_minutes() {
        let times_opened =
            |times_opened| EndpointHealth { times_opened, ..health(9, 15) }.open_until(at(0), Duration::from_secs(15));
        let seconds: Vec<_> = (0..9).map(|n| times_opened(n).duration_since(at(0)).as_secs()).collect();
        assert_eq!(seconds, [20, 25, 35, 55, 95, 175, 335, 655, 915]);
        assert_eq!(times_opened(u32::MAX).duration_since(at(0)).as_secs(), 915);
    }

    #[test]
    fn endpoint_is_disabled_after_five_days_of_only_failures() {
        let days = 5 * 86_400;
        assert!(health(5, days).should_disable());
        assert!(!health(5, days - 1).should_disable());
        assert!(!health(4, days).should_disable());
    }
}
