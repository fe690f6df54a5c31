//! The cached health of callback endpoints.
//!
//! A working endpoint has no record, and its absence is cached as long as other directory entries. A record
//! is cached only for [`HEALTH_TTL`], to see a recovery soon. A disabled endpoint is re-read with a
//! consistent read, because its events are dropped.

use jiff::{SignedDuration, Timestamp};

use super::{Directory, Freshness, StoreError};
use crate::domain::{Endpoint, EndpointHealth, EndpointId, ExecutionId};

/// How long a failing endpoint's record is cached.
const HEALTH_TTL: SignedDuration = SignedDuration::from_secs(5);

/// A failed call to an endpoint.
pub struct FailedCall<'a> {
    pub endpoint: &'a Endpoint,
    pub begun_at: Timestamp,
    pub at: Timestamp,
    pub reason: &'a str,
    /// End of the pause that the endpoint asked for.
    pub paused_until: Option<Timestamp>,
    /// For an origin: the endpoint that failed.
    pub failed_endpoint: Option<EndpointId>,
}

/// The result of claiming an endpoint's probe after an open period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeStart {
    /// This execution probes the endpoint.
    Ours(EndpointHealth),
    /// The record has changed: another execution probes, failures began anew, or the endpoint is disabled.
    Lost(EndpointHealth),
    /// The record is gone: the endpoint works again.
    Recovered,
}

/// Failing endpoints. To probe or disable an endpoint we expect the record behind that decision, so no race
/// disables an endpoint that has answered meanwhile.
pub trait Endpoints {
    /// Returns an endpoint's record; `None` if the endpoint works.
    async fn health(&self, endpoint: EndpointId, freshness: Freshness) -> Result<Option<EndpointHealth>, StoreError>;

    /// Counts a failure and returns the record. Does not count a failure of a disabled endpoint, nor at an origin a
    /// second failure in a row of the same endpoint. An SDK retry may count one failure twice, which does no harm.
    async fn record_failure(&self, call: &FailedCall<'_>) -> Result<EndpointHealth, StoreError>;

    /// Claims the probe and holds back other events until `until`, unless the record changed after `seen` was
    /// read, as [`ProbeStart`] lists.
    async fn begin_probe(
        &self,
        seen: &EndpointHealth,
        until: Timestamp,
        execution_id: ExecutionId,
    ) -> Result<ProbeStart, StoreError>;

    /// Disables an endpoint, unless the endpoint has answered after `seen` was read, or is disabled
    /// already. Returns the record afterwards, if there is one; `disabled` names the execution that did it.
    async fn disable(
        &self,
        seen: &EndpointHealth,
        at: Timestamp,
        execution_id: ExecutionId,
    ) -> Result<Option<EndpointHealth>, StoreError>;

    /// Deletes the record, unless the endpoint is disabled: a call that was already under way may still
    /// succeed, and must not enable the endpoint. Returns whether the record is gone.
    async fn clear(&self, endpoint: EndpointId) -> Result<bool, StoreError>;
}

impl Directory {
    /// Returns an endpoint's cached record; re-reads a disabled endpoint.
    pub async fn health(&self, endpoint: EndpointId) -> Result<Option<EndpointHealth>, StoreError> {
        let (now, read) = (self.clock.now(), || self.store.health(endpoint, Freshness::Recent));
        if self.endpoint_health.get(now, &endpoint, read).await?.is_none() {
            return Ok(None);
        }
        match self.endpoint_health.get_if_newer_than(HEALTH_TTL, now, &endpoint, read).await? {
            Some(found) if found.disabled.is_some() => self.latest_health(endpoint).await,
            found => Ok(found),
        }
    }

    /// Returns an endpoint's record with a consistent read.
    pub async fn latest_health(&self, endpoint: EndpointId) -> Result<Option<EndpointHealth>, StoreError> {
        let found = self.store.health(endpoint, Freshness::Latest).await?;
        self.endpoint_health.put(self.clock.now(), &endpoint, found.clone());
        Ok(found)
    }

    /// Calls [`Endpoints::record_failure`] and caches the record. Also returns the record cached before.
    pub async fn record_failure(
        &self,
        call: &FailedCall<'_>,
    ) -> Result<(EndpointHealth, Option<EndpointHealth>), StoreError> {
        let health = self.store.record_failure(call).await?;
        let earlier = self.endpoint_health.put(self.clock.now(), &call.endpoint.id(), Some(health.clone()));
        Ok((health, earlier.flatten()))
    }

    /// Calls [`Endpoints::begin_probe`] and caches the record.
    pub async fn begin_probe(
        &self,
        seen: &EndpointHealth,
        until: Timestamp,
        execution_id: ExecutionId,
    ) -> Result<ProbeStart, StoreError> {
        let begun = self.store.begin_probe(seen, until, execution_id).await?;
        let found = match &begun {
            ProbeStart::Ours(found) | ProbeStart::Lost(found) => Some(found.clone()),
            ProbeStart::Recovered => None,
        };
        self.endpoint_health.put(self.clock.now(), &seen.endpoint.id(), found);
        Ok(begun)
    }

    /// Calls [`Endpoints::disable`] and caches the record. Returns whether this execution disabled the
    /// endpoint.
    pub async fn disable(
        &self,
        seen: &EndpointHealth,
        at: Timestamp,
        execution_id: ExecutionId,
    ) -> Result<bool, StoreError> {
        let found = self.store.disable(seen, at, execution_id).await?;
        let is_ours = found
            .as_ref()
            .and_then(|found| found.disabled)
            .is_some_and(|disabled| disabled.execution_id == execution_id);
        self.endpoint_health.put(self.clock.now(), &seen.endpoint.id(), found);
        Ok(is_ours)
    }

    /// Calls [`Endpoints::clear`] and caches the record's absence.
    pub async fn clear_health(&self, endpoint: EndpointId) -> Result<bool, StoreError> {
        let is_clear = self.store.clear(endpoint).await?;
        if is_clear {
            self.endpoint_health.put(self.clock.now(), &endpoint, None);
        }
        Ok(is_clear)
    }
}
