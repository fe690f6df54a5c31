//! Endpoint: decide whether an endpoint may be called, and record results for all workers.
//!
//! 1. Closed circuit: call.
//! 2. Open circuit: delay the event without a call, because a client that hangs blocks a worker until the
//!    timeout. The delay does not count as an attempt.
//! 3. Half-open circuit: one event probes the endpoint, chosen by a conditional write. A success closes the
//!    circuit.
//! 4. Disabled endpoint: drop the event, after a consistent read.
//!
//! The account's origin has a circuit, too, because a client may call each URL only once. Both circuits must admit a
//! call. Endpoints whose own circuit is closed are the first to probe the origin.
//!
//! A client that hangs blocks each worker until a timeout. A worker sees the open circuit half a minute later
//! at most, and from then on only probes block a worker, one at a time. The events of a batch are called at
//! once, so they do not wait for each other. But the batch ends with its slowest call, and if the worker dies
//! before that, delivered events are delivered again. Batches of one would block as many workers, and cost
//! ten times the invocations.

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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    Now,
    /// Each waiting event gets a different time, so they do not come all at once.
    Later(Timestamp),
    Never,
}

/// The endpoint after a failure. If enabled, the event is retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndpointStatus {
    Enabled,
    Disabled,
}

pub(super) async fn admit(gateway: &Gateway, directory: &Directory, call: &Call<'_>) -> Result<Admission, StoreError> {
    let (Some(endpoint), now) = (&call.endpoint, call.begun_at) else { return Ok(Admission::Now) };
    let mut to_probe = Vec::new();
    // We look at both before we claim a probe. A probe that is claimed but not made costs a whole open period.
    for id in [endpoint.id(), endpoint.origin().id()] {
        let Some(health) = directory.health(id).await? else { continue };
        match health.circuit_state(now) {
            CircuitState::Closed => {}
            CircuitState::Open(until) => return Ok(later(gateway, until, now)),
            CircuitState::Stale if directory.clear_health(id).await? => {}
            CircuitState::Stale | CircuitState::Disabled => return Ok(Admission::Never),
            // The endpoint would be a probe itself, so it lets endpoints that work go first.
            CircuitState::HalfOpen if !to_probe.is_empty() && health.failing_may_probe_at() > now => {
                return Ok(later(gateway, health.failing_may_probe_at(), now));
            }
            CircuitState::HalfOpen => to_probe.push(health),
        }
    }
    // The origin first, because more workers compete for its probe.
    for health in to_probe.into_iter().rev() {
        let until = health.open_until(now, TIMEOUT);
        match directory.begin_probe(&health, until, ExecutionId::random(&gateway.random)).await? {
            ProbeStart::Ours(_) | ProbeStart::Recovered => {}
            ProbeStart::Lost(found) if found.disabled.is_some() => return Ok(Admission::Never),
            ProbeStart::Lost(found) => return Ok(later(gateway, found.retry_at.max(now), now)),
        }
    }
    Ok(Admission::Now)
}

/// Delays an event until `until` plus up to half of the wait: the longer the wait, the more events end it
/// together.
fn later(gateway: &Gateway, until: Timestamp, now: Timestamp) -> Admission {
    let wait = Duration::try_from(until.duration_since(now)).unwrap_or_default();
    let spread = SignedDuration::try_from(gateway.random.up_to(wait / 2)).unwrap_or_default();
    Admission::Later(until.saturating_add(spread).unwrap_or(until))
}

/// Clears the endpoint's failures. Errors are only logged, because the client must not get the event again,
/// and the next success clears the failures.
pub(super) async fn record_success(directory: &Directory, call: &Call<'_>) {
    let Some(endpoint) = &call.endpoint else { return };
    for endpoint in [endpoint, &endpoint.origin()] {
        if let Err(error) = clear_if_failing(directory, endpoint, &call.job).await {
            warn!(endpoint.id = %endpoint.id(), error = error_chain(&error), "could not record endpoint success");
        }
    }
}

async fn clear_if_failing(directory: &Directory, endpoint: &Endpoint, job: &CallbackJob) -> Result<(), StoreError> {
    let may_have_failed = job.attempts > 0 && !endpoint.is_origin();
    if may_have_failed || directory.health(endpoint.id()).await?.is_some() {
        let is_on = directory.clear_health(endpoint.id()).await?;
        let words = if is_on { "endpoint recovered" } else { "disabled endpoint answered" };
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
    let failed = FailedCall {
        endpoint,
        begun_at: call.begun_at,
        at,
        reason: &failure.reason,
        paused_until,
        failed_endpoint: None,
    };
    // A busy or gone endpoint says nothing about the others.
    if !failure.is_busy && !failure.is_gone {
        record_origin_failure(directory, endpoint, &failed).await;
    }
    let (health, earlier) = match directory.record_failure(&failed).await {
        Ok(recorded) => recorded,
        // The event is retried in any case.
        Err(error) => {
            warn!(endpoint.id = %endpoint.id(), error = error_chain(&error), "could not record endpoint failure");
            return Ok(EndpointStatus::Enabled);
        }
    };
    if health.disabled.is_some() {
        return Ok(EndpointStatus::Disabled);
    }
    if let Some(until) = health.opened_until(earlier.as_ref()) {
        info!(account.id = %call.account.id, endpoint.id = %endpoint.id(), failures = health.failures, reason = health.reason, %until, "endpoint paused");
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

/// Counts the failure for the endpoint's origin. Errors are only logged, because the endpoint has its own record.
async fn record_origin_failure(directory: &Directory, endpoint: &Endpoint, failed: &FailedCall<'_>) {
    let origin = endpoint.origin();
    let failed = FailedCall { endpoint: &origin, failed_endpoint: Some(endpoint.id()), ..*failed };
    match directory.record_failure(&failed).await {
        Ok((health, earlier)) => {
            if let Some(until) = health.opened_until(earlier.as_ref()) {
                info!(account.id = %origin.account(), endpoint.id = %origin.id(), failures = health.failures, reason = health.reason, %until, "origin paused");
            }
        }
        Err(error) => {
            warn!(endpoint.id = %origin.id(), error = error_chain(&error), "could not record the failure of an origin");
        }
    }
}

/// Enqueues a notice if the account wants notices, then disables the endpoint. Returns false if the
/// endpoint answered meanwhile or was disabled already.
async fn disable(
    gateway: &Gateway,
    directory: &Directory,
    call: &Call<'_>,
    health: &EndpointHealth,
) -> Result<bool, Unavailable> {
    let (endpoint, now, execution_id) =
        (health.endpoint.id(), gateway.clock.now(), ExecutionId::random(&gateway.random));
    if call.account.notice_url.is_some() {
        let notice =
            CallbackJob::new(Subject::EndpointDisabled { endpoint, since: now }, &call.account.id, execution_id, now);
        gateway.queue.enqueue_callbacks(&[(notice, Duration::ZERO)]).await?;
    }
    if !directory.disable(health, now, execution_id).await? {
        info!(endpoint.id = %endpoint, "endpoint not disabled: it answered or was disabled already");
        return Ok(false);
    }
    gateway.count(Metric::EndpointsDisabled, Some(&call.account.id), None, 1);
    warn!(account.id = %call.account.id, endpoint.id = %endpoint, failures = health.failures, reason = health.reason, "endpoint disabled");
    Ok(true)
}
