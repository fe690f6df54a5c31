//! What is on record of endpoints that fail, remembered for a short while: that
//! there is nothing for as long as the rest of the directory, and what there is only
//! for [`HEALTH_TTL`], so that an endpoint that works again is soon known to. That
//! one is disabled is looked up each time, because its events end there.

use jiff::{SignedDuration, Timestamp};

use super::{Directory, Freshness, StoreError};
use crate::domain::{Endpoint, EndpointHealth, EndpointId, ExecutionId};

/// How long it is remembered that an endpoint fails.
const HEALTH_TTL: SignedDuration = SignedDuration::from_secs(5);

/// A call that failed.
pub struct FailedCall<'a> {
    pub endpoint: &'a Endpoint,
    pub begun_at: Timestamp,
    pub at: Timestamp,
    pub reason: &'a str,
    /// Until when the endpoint wants to be left alone, if it said so.
    pub paused_until: Option<Timestamp>,
}

/// The result of beginning to probe an endpoint after an open period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeStart {
    /// This run is the one that tries.
    Ours(EndpointHealth),
    /// Something else is on record by now.
    Lost(EndpointHealth),
    /// Nothing is: it works again.
    Recovered,
}

/// Endpoints that fail. Each change says what it expects to find, so that no race
/// disables an endpoint that has answered.
pub trait Endpoints {
    /// What is on record of it.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn health(&self, endpoint: EndpointId, freshness: Freshness) -> Result<Option<EndpointHealth>, StoreError>;

    /// Counts a failure. Gives what is on record then.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn record_failure(&self, call: &FailedCall<'_>) -> Result<EndpointHealth, StoreError>;

    /// Lets the others wait until then, if nobody has begun to try it since it was `seen`.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn begin_probe(
        &self,
        seen: &EndpointHealth,
        until: Timestamp,
        execution_id: ExecutionId,
    ) -> Result<ProbeStart, StoreError>;

    /// Disables it, unless it has answered since it was `seen`, or is disabled already.
    /// Gives what is on record then, which has the id of the execution that did.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn disable(
        &self,
        seen: &EndpointHealth,
        at: Timestamp,
        execution_id: ExecutionId,
    ) -> Result<Option<EndpointHealth>, StoreError>;

    /// Removes the record, unless it is disabled: one answer among others, of an
    /// event that was under way, does not enable it. Says whether nothing is on record.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn clear(&self, endpoint: EndpointId) -> Result<bool, StoreError>;
}

impl Directory {
    /// What is on record of an endpoint, as it was a short while ago; that it is disabled,
    /// as it is now.
    ///
    /// # Errors
    /// When the store did not answer.
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

    /// What is on record of an endpoint now.
    ///
    /// # Errors
    /// When the store did not answer.
    pub async fn latest_health(&self, endpoint: EndpointId) -> Result<Option<EndpointHealth>, StoreError> {
        let found = self.store.health(endpoint, Freshness::Latest).await?;
        self.endpoint_health.put(self.clock.now(), &endpoint, found.clone());
        Ok(found)
    }

    /// See [`Endpoints::record_failure`].
    ///
    /// # Errors
    /// When the store did not answer.
    pub async fn record_failure(&self, call: &FailedCall<'_>) -> Result<EndpointHealth, StoreError> {
        let health = self.store.record_failure(call).await?;
        self.endpoint_health.put(self.clock.now(), &call.endpoint.id(), Some(health.clone()));
        Ok(health)
    }

    /// See [`Endpoints::begin_probe`].
    ///
    /// # Errors
    /// When the store did not answer.
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

    /// See [`Endpoints::disable`]. Says whether this run did.
    ///
    /// # Errors
    /// When the store did not answer.
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

    /// See [`Endpoints::clear`].
    ///
    /// # Errors
    /// When the store did not answer.
    pub async fn clear_health(&self, endpoint: EndpointId) -> Result<bool, StoreError> {
        let is_clear = self.store.clear(endpoint).await?;
        if is_clear {
            self.endpoint_health.put(self.clock.now(), &endpoint, None);
        }
        Ok(is_clear)
    }
}
