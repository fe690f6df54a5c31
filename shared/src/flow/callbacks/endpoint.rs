//! Whether an endpoint may be called now, and what a call says about it.
//!
//! A client that does not answer holds a worker for as long as a call may take.
//! So while an endpoint's circuit is open its events wait without a call; after each
//! open period one event probes it, and a success lets the others go. Whoever sees a failure or a success puts it on record for all workers.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tracing::{info, warn};

use super::call::{Call, Failure};
use crate::{
    callbacks::TIMEOUT,
    domain::{CircuitState, Endpoint, EndpointHealth, ExecutionId},
    flow::{Gateway, Unavailable},
    queue::{CallbackJob, Queue, Subject},
    runtime::{Metric, error_chain},
    store::{Directory, FailedCall, ProbeStart, StoreError},
};

/// Whether a call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    Now,
    /// Not before then, so that those that wait do not come all at once.
    Later(Timestamp),
    /// The endpoint is disabled.
    Never,
}

/// What a failure came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndpointStatus {
    /// It is to be tried again.
    Enabled,
    Disabled,
}

pub(super) async fn admit(gateway: &Gateway, directory: &Directory, call: &Call<'_>) -> Result<Admission, StoreError> {
    let (Some(endpoint), now) = (&call.endpoint, call.begun_at) else { return Ok(Admission::Now) };
    let Some(health) = directory.health(endpoint.id()).await? else { return Ok(Admission::Now) };
    match health.circuit_state(now) {
        CircuitState::Closed => Ok(Admission::Now),
        CircuitState::Disabled => Ok(Admission::Never),
        CircuitState::Open(until) => Ok(later(gateway, until, now)),
        CircuitState::Stale => {
            let is_on = directory.clear_health(endpoint.id()).await?;
            Ok(if is_on { Admission::Now } else { Admission::Never })
        }
        CircuitState::HalfOpen => {
            let until = health.open_until(now, TIMEOUT);
            match directory.begin_probe(&health, until, ExecutionId::random(&gateway.random)).await? {
                ProbeStart::Ours(_) | ProbeStart::Recovered => Ok(Admission::Now),
                ProbeStart::Lost(found) if found.disabled.is_some() => Ok(Admission::Never),
                ProbeStart::Lost(found) => Ok(later(gateway, found.retry_at.max(now), now)),
            }
        }
    }
}

/// A while after the open period: the longer that was, the more events wait for its end.
fn later(gateway: &Gateway, until: Timestamp, now: Timestamp) -> Admission {
    let wait = Duration::try_from(until.duration_since(now)).unwrap_or_default();
    let spread = SignedDuration::try_from(gateway.random.up_to(wait / 2)).unwrap_or_default();
    Admission::Later(until.saturating_add(spread).unwrap_or(until))
}

/// What fails here costs nothing but time: the client has been told, and must not be
/// told again for this; an endpoint that works is soon found out again.
pub(super) async fn record_success(directory: &Directory, call: &Call<'_>) {
    let Some(endpoint) = &call.endpoint else { return };
    if let Err(error) = clear_if_failing(directory, endpoint, call.job).await {
        warn!(endpoint.id = %endpoint.id(), error = error_chain(&error), "could not note that an endpoint works again");
    }
}

async fn clear_if_failing(directory: &Directory, endpoint: &Endpoint, job: CallbackJob) -> Result<(), StoreError> {
    if job.attempts > 0 || directory.health(endpoint.id()).await?.is_some() {
        let is_on = directory.clear_health(endpoint.id()).await?;
        let words = if is_on { "an endpoint works again" } else { "an endpoint that is disabled has answered" };
        info!(endpoint.id = %endpoint.id(), "{words}");
    }
    Ok(())
}

pub(super) async fn record_failure(
    gateway: &Gateway,
    directory: &Directory,
    call: &Call<'_>,
    failure: &Failure,
) -> Result<EndpointStatus, Unavailable> {
    let Some(endpoint) = &call.endpoint else { return Ok(EndpointStatus::Enabled) };
    let at = gateway.clock.now();
    let paused_until =
        failure.retry_after.filter(|_| failure.is_busy).map(|wait| EndpointHealth::paused_until(at, wait));
    let failed = FailedCall { endpoint, begun_at: call.begun_at, at, reason: &failure.reason, paused_until };
    let health = match directory.record_failure(&failed).await {
        Ok(health) => health,
        // The event has a next try of its own, whatever is on record of its endpoint.
        Err(error) => {
            warn!(endpoint.id = %endpoint.id(), error = error_chain(&error), "could not note that an endpoint fails");
            return Ok(EndpointStatus::Enabled);
        }
    };
    if health.disabled.is_some() {
        return Ok(EndpointStatus::Disabled);
    }
    if !failure.is_gone && !health.should_disable() {
        return Ok(EndpointStatus::Enabled);
    }
    Ok(if disable(gateway, directory, call, &health).await? {
        EndpointStatus::Disabled
    } else {
        EndpointStatus::Enabled
    })
}

/// Announces the notice if the account wants it, then records what it is about.
/// Says no where the endpoint has answered meanwhile, or another run was quicker.
async fn disable(
    gateway: &Gateway,
    directory: &Directory,
    call: &Call<'_>,
    health: &EndpointHealth,
) -> Result<bool, Unavailable> {
    let (endpoint, now, execution_id) =
        (health.endpoint.id(), gateway.clock.now(), ExecutionId::random(&gateway.random));
    if call.account.notice_url.is_some() {
        let notice = CallbackJob::new(Subject::EndpointDisabled { endpoint, since: now }, execution_id, now);
        gateway.queue.enqueue_callbacks(&[(notice, Duration::ZERO)]).await?;
    }
    if !directory.disable(health, now, execution_id).await? {
        info!(endpoint.id = %endpoint, "an endpoint has answered meanwhile, or is disabled already");
        return Ok(false);
    }
    gateway.count(Metric::EndpointsDisabled, Some(&call.account.id), None, 1);
    warn!(account.id = %call.account.id, endpoint.id = %endpoint, failures = health.failures, reason = health.reason, "endpoint disabled");
    Ok(true)
}
