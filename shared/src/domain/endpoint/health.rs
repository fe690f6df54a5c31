//! Endpoints: an account's callback URLs, and the health of failing ones. A healthy endpoint has no record,
//! so it costs nothing.
//!
//! If an endpoint fails repeatedly, its circuit *opens*: its callbacks wait, and after each open period one
//! callback probes it. Its callbacks also wait if it asks for a pause. An endpoint is *disabled* if it
//! answers 410, or if every call failed for five days. We then stop calling it for 30 days, or until an
//! operator enables it.
//!
//! An account's whole origin has a circuit, too. A client may put an ID into each URL's path, and would otherwise never
//! fail twice at one endpoint. The origin's circuit opens if calls to several endpoints fail and none succeeds. An
//! origin is never disabled.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use url::Url;

use crate::domain::{AccountId, CallbackUrl, EndpointId, ExecutionId};

/// The circuit opens after `FAILURE_THRESHOLD` failures in a row, the first of them at least `FAILURE_WINDOW`
/// ago. A busy endpoint with occasional failures has a success within any such window.
const FAILURE_THRESHOLD: u32 = 3;
const FAILURE_WINDOW: SignedDuration = SignedDuration::from_secs(5);
/// The first open period. Each further period is twice as long, up to [`LONGEST_OPEN`].
const FIRST_OPEN: SignedDuration = SignedDuration::from_secs(5);
/// As long as SQS can delay a message, so we requeue a waiting callback as rarely as possible.
const LONGEST_OPEN: SignedDuration = SignedDuration::from_mins(15);
/// We disable an endpoint after `DISABLE_THRESHOLD` failures in a row over at least `DISABLE_AFTER`.
const DISABLE_AFTER: SignedDuration = SignedDuration::from_hours(24 * 5);
const DISABLE_THRESHOLD: u32 = 5;
/// Longer than the gap between any two attempts of one callback. Failures further apart are not one outage.
const STALE_AFTER: SignedDuration = SignedDuration::from_hours(48);
/// How long we keep a record after the last failure: only a little longer than [`STALE_AFTER`], because a
/// client may use a different URL, and so leave a record, for each message.
const HEALTH_KEPT: SignedDuration = SignedDuration::from_hours(72);
/// After this time we call a disabled endpoint again.
const DISABLED_KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);

/// An account's callback URL, without query and fragment, where clients put tokens and per-message values; or all of
/// the account's URLs of one origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    account: AccountId,
    url: CallbackUrl,
    is_origin: bool,
}

impl Endpoint {
    #[must_use]
    pub fn of(account: &AccountId, url: &CallbackUrl) -> Self {
        Self { account: account.clone(), url: bare(url, |_| {}), is_origin: false }
    }

    /// Returns all of the account's URLs with this one's scheme, host and port.
    #[must_use]
    pub fn origin(&self) -> Self {
        Self { account: self.account.clone(), url: bare(&self.url, |url| url.set_path("/")), is_origin: true }
    }

    #[must_use]
    pub fn id(&self) -> EndpointId {
        if self.is_origin {
            EndpointId::of_origin(&self.account, self.url.as_str())
        } else {
            EndpointId::of(&self.account, self.url.as_str())
        }
    }

    #[must_use]
    pub fn is_origin(&self) -> bool {
        self.is_origin
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

/// Returns the URL without query and fragment, after `change`.
fn bare(url: &CallbackUrl, change: impl FnOnce(&mut Url)) -> CallbackUrl {
    let bare = Url::parse(url.as_str()).ok().and_then(|mut bare| {
        bare.set_query(None);
        bare.set_fragment(None);
        change(&mut bare);
        bare.as_str().parse().ok()
    });
    bare.unwrap_or_else(|| url.clone())
}

/// Returns how long the circuit is open after this number of probes.
fn open_period(probes: u32) -> SignedDuration {
    (FIRST_OPEN * (1 << probes.min(8))).min(LONGEST_OPEN)
}

/// The record of a failing endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointHealth {
    pub endpoint: Endpoint,
    /// When the first call in this series of failures began.
    pub since: Timestamp,
    pub last_at: Timestamp,
    /// The number of failures in a row.
    pub failures: u32,
    pub reason: String,
    /// The number of probes begun. Each doubles the next open period.
    pub times_opened: u32,
    /// When the next probe may begin, if the circuit is open.
    pub retry_at: Timestamp,
    /// End of the pause requested by the endpoint.
    pub paused_until: Option<Timestamp>,
    pub disabled: Option<Disabled>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disabled {
    pub since: Timestamp,
    pub execution_id: ExecutionId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CircuitState {
    Closed,
    /// No call before this time.
    Open(Timestamp),
    /// One callback may probe the endpoint. Other callbacks wait for the result.
    HalfOpen,
    Disabled,
    /// The failures are too old to count.
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

    /// Returns the end of the open period if the last failure opened the circuit. `earlier` is the record
    /// before that failure, if known.
    ///
    /// A failure of the first probe counts too, because the circuit may not have been open before the probe:
    /// after failures far apart the circuit is half-open at once, and opens only when its probe fails.
    #[must_use]
    pub fn opened_until(&self, earlier: Option<&Self>) -> Option<Timestamp> {
        let at_last_failure = |health: &Self| match health.circuit_state(health.last_at) {
            CircuitState::Open(until) => Some(until),
            _ => None,
        };
        let same_outage = earlier.filter(|earlier| earlier.since == self.since);
        let is_first = self.times_opened == 1 || same_outage.and_then(at_last_failure).is_none();
        at_last_failure(self).filter(|_| is_first)
    }

    /// Returns when the next probe may begin if a probe begins now, takes up to `patience`, and fails.
    #[must_use]
    pub fn open_until(&self, now: Timestamp, patience: Duration) -> Timestamp {
        let open_for = open_period(self.times_opened);
        let patience = SignedDuration::try_from(patience).unwrap_or(LONGEST_OPEN);
        now.saturating_add(open_for + patience).unwrap_or(Timestamp::MAX)
    }

    /// Returns when an endpoint may probe this origin if its own circuit was open, too: half an open period after the
    /// other endpoints. Their waiting events come within that time, and their success closes the origin's circuit.
    #[must_use]
    pub fn failing_may_probe_at(&self) -> Timestamp {
        let open_for = open_period(self.times_opened.saturating_sub(1));
        self.retry_at.saturating_add(open_for / 2).unwrap_or(Timestamp::MAX)
    }

    #[must_use]
    pub fn should_disable(&self) -> bool {
        self.failures >= DISABLE_THRESHOLD && self.last_at.duration_since(self.since) >= DISABLE_AFTER
    }

    /// Returns when an endpoint may be probed after its first failure.
    #[must_use]
    pub fn first_retry_at(at: Timestamp) -> Timestamp {
        at.saturating_add(FIRST_OPEN).unwrap_or(Timestamp::MAX)
    }

    /// Returns the end of a requested pause, at most 15 minutes after `at`. Only the callback whose answer
    /// asked for the pause waits the full `wait`.
    #[must_use]
    pub fn paused_until(at: Timestamp, wait: Duration) -> Timestamp {
        let wait = SignedDuration::try_from(wait).unwrap_or(LONGEST_OPEN).min(LONGEST_OPEN);
        at.saturating_add(wait).unwrap_or(Timestamp::MAX)
    }

    /// Returns when the record of a failure expires.
    #[must_use]
    pub fn kept_until(at: Timestamp) -> Timestamp {
        at.saturating_add(HEALTH_KEPT).unwrap_or(Timestamp::MAX)
    }

    /// Returns when the record of a disabled endpoint expires.
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
    fn endpoint_ignores_the_query_but_not_the_account() {
        let ours = endpoint("acme", "https://a.example/dr?id=1#x");
        assert_eq!(ours.url().as_str(), "https://a.example/dr");
        assert_eq!(ours.id(), endpoint("acme", "https://A.example:443/dr?id=2").id());
        assert_ne!(ours.id(), endpoint("acme", "https://a.example/other").id());
        assert_ne!(ours.id(), endpoint("other", "https://a.example/dr").id());
    }

    #[test]
    fn origin_has_all_paths_of_an_account() {
        let ours = endpoint("acme", "https://a.example/dr/7?id=1").origin();
        assert_eq!((ours.url().as_str(), ours.is_origin()), ("https://a.example/", true));
        assert_eq!(ours, endpoint("acme", "https://a.example:443/dr/8").origin());
        for other in [
            endpoint("acme", "https://a.example/"),
            endpoint("acme", "https://a.example:8443/dr").origin(),
            endpoint("acme", "https://b.example/dr").origin(),
            endpoint("other", "https://a.example/dr").origin(),
        ] {
            assert_ne!(ours.id(), other.id(), "{other:?}");
        }
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
    fn circuit_opens_once_and_not_with_each_failure() {
        let (closed, open) = (health(2, 10), health(3, 15));
        assert_eq!(closed.opened_until(None), None);
        assert_eq!(open.opened_until(Some(&closed)), Some(at(20)));
        assert_eq!(open.opened_until(None), Some(at(20)), "another worker saw the earlier failures");
        assert_eq!(health(4, 16).opened_until(Some(&open)), None, "open already");
        // Half-open at once: the probe's failure opens the circuit. A probe moves `retry_at` when it begins.
        assert_eq!(health(3, 30).opened_until(Some(&closed)), None);
        let probed = |times_opened, retry_at, last| EndpointHealth {
            times_opened,
            retry_at: at(retry_at),
            ..health(4 + times_opened, last)
        };
        assert_eq!(probed(1, 55, 36).opened_until(Some(&probed(1, 55, 30))), Some(at(55)));
        assert_eq!(probed(2, 95, 61).opened_until(Some(&probed(2, 95, 36))), None, "a later probe");
        let busy = |last| EndpointHealth { paused_until: Some(at(70)), ..health(1, last) };
        assert_eq!(busy(1).opened_until(None), Some(at(70)));
        assert_eq!(busy(2).opened_until(Some(&busy(1))), None);
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
    fn failing_endpoint_probes_its_origin_after_the_others() {
        let waits = [0, 1, 2, 5, 100].map(|times_opened| {
            let origin = EndpointHealth { times_opened, ..health(3, 15) };
            origin.failing_may_probe_at().duration_since(origin.retry_at).as_millis()
        });
        assert_eq!(waits, [2_500, 2_500, 5_000, 40_000, 450_000]);
    }

    #[test]
    fn endpoint_is_disabled_after_five_days_of_only_failures() {
        let days = 5 * 86_400;
        assert!(health(5, days).should_disable());
        assert!(!health(5, days - 1).should_disable());
        assert!(!health(4, days).should_disable());
    }
}
