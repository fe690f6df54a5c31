//! Whether an endpoint may be called now, and what a call says about it.
//!
//! A client that does not answer holds a worker for as long as a call may take.
//! So what is to be told to an endpoint that fails again and again waits without a
//! call; after each of its rests one event tries it, and a success lets the others
//! go. Whoever sees a failure or a success puts it on record for all workers.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tracing::{info, warn};

use super::{Call, Failure};
use crate::{
    callbacks::TIMEOUT,
    domain::{Endpoint, Standing, Trouble},
    flow::{Gateway, Unavailable},
    queue::{CallbackJob, Queue, Subject},
    runtime::{About, Metric, error_chain},
    store::{Begun, Directory, DirectoryStore, Endpoints, FailedCall, StoreError},
};

/// Whether a call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    Now,
    /// Not before then, so that those that wait do not come all at once.
    Later(Timestamp),
    /// The endpoint is off.
    Never,
}

/// What a failure came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndpointIs {
    /// It is to be tried again.
    On,
    Off,
}

pub(super) async fn admit<S>(
    gateway: &Gateway<S, impl Queue>,
    directory: &Directory<impl DirectoryStore + Endpoints>,
    call: &Call<'_>,
) -> Result<Admission, StoreError> {
    let (Some(endpoint), now) = (&call.endpoint, call.begun_at) else { return Ok(Admission::Now) };
    let Some(trouble) = directory.trouble(endpoint.id()).await? else { return Ok(Admission::Now) };
    match trouble.standing(now) {
        Standing::Open => Ok(Admission::Now),
        Standing::Off => Ok(Admission::Never),
        Standing::Resting(until) => Ok(later(gateway, until, now)),
        Standing::Past => {
            let is_on = directory.clear_trouble(endpoint.id()).await?;
            Ok(if is_on { Admission::Now } else { Admission::Never })
        }
        Standing::OneMayTry => {
            let until = trouble.rest_from(now, TIMEOUT);
            match directory.begin_try(&trouble, until, gateway.random.execution_id()).await? {
                Begun::Ours(_) | Begun::Recovered => Ok(Admission::Now),
                Begun::Otherwise(found) if found.off.is_some() => Ok(Admission::Never),
                Begun::Otherwise(found) => Ok(later(gateway, found.retry_at.max(now), now)),
            }
        }
    }
}

/// A while after the rest: the longer that was, the more wait for its end.
fn later<S, Q>(gateway: &Gateway<S, Q>, until: Timestamp, now: Timestamp) -> Admission {
    let wait = Duration::try_from(until.duration_since(now)).unwrap_or_default();
    let spread = SignedDuration::try_from(gateway.random.up_to(wait / 2)).unwrap_or_default();
    Admission::Later(until.saturating_add(spread).unwrap_or(until))
}

/// What fails here costs nothing but time: the client has been told, and must not be
/// told again for this; an endpoint that works is soon found out again.
pub(super) async fn note_success(directory: &Directory<impl DirectoryStore + Endpoints>, call: &Call<'_>) {
    let Some(endpoint) = &call.endpoint else { return };
    if let Err(error) = clear_if_known(directory, endpoint, call.job).await {
        warn!(endpoint.id = %endpoint.id(), error = error_chain(&error), "could not note that an endpoint works again");
    }
}

async fn clear_if_known(
    directory: &Directory<impl DirectoryStore + Endpoints>,
    endpoint: &Endpoint,
    job: CallbackJob,
) -> Result<(), StoreError> {
    if job.attempts > 0 || directory.trouble(endpoint.id()).await?.is_some() {
        let is_on = directory.clear_trouble(endpoint.id()).await?;
        let words = if is_on { "an endpoint works again" } else { "an endpoint that is off has answered" };
        info!(endpoint.id = %endpoint.id(), "{words}");
    }
    Ok(())
}

pub(super) async fn note_failure<S>(
    gateway: &Gateway<S, impl Queue>,
    directory: &Directory<impl DirectoryStore + Endpoints>,
    call: &Call<'_>,
    failure: &Failure,
) -> Result<EndpointIs, Unavailable> {
    let Some(endpoint) = &call.endpoint else { return Ok(EndpointIs::On) };
    let at = gateway.clock.now();
    let asked_until = failure.retry_after.filter(|_| failure.is_busy).map(|wait| Trouble::asked_until(at, wait));
    let failed = FailedCall { endpoint, begun_at: call.begun_at, at, reason: &failure.reason, asked_until };
    let trouble = match directory.note_failure(&failed).await {
        Ok(trouble) => trouble,
        // The event has a next try of its own, whatever is on record of its endpoint.
        Err(error) => {
            warn!(endpoint.id = %endpoint.id(), error = error_chain(&error), "could not note that an endpoint fails");
            return Ok(EndpointIs::On);
        }
    };
    if trouble.off.is_some() {
        return Ok(EndpointIs::Off);
    }
    if !failure.is_gone && !trouble.is_unbearable() {
        return Ok(EndpointIs::On);
    }
    Ok(if switch_off(gateway, directory, call, &trouble).await? { EndpointIs::Off } else { EndpointIs::On })
}

/// Announces the notice if the account wants it, then records what it is about.
/// Says no where the endpoint has answered meanwhile, or another run was quicker.
async fn switch_off<S>(
    gateway: &Gateway<S, impl Queue>,
    directory: &Directory<impl DirectoryStore + Endpoints>,
    call: &Call<'_>,
    trouble: &Trouble,
) -> Result<bool, Unavailable> {
    let (endpoint, now, execution_id) = (trouble.endpoint.id(), gateway.clock.now(), gateway.random.execution_id());
    if call.account.notice_url.is_some() {
        let notice = CallbackJob::announcing(Subject::EndpointOff { endpoint, since: now }, execution_id, now);
        gateway.queue.enqueue_callbacks(&[(notice, Duration::ZERO)]).await?;
    }
    if !directory.switch_off(trouble, now, execution_id).await? {
        info!(endpoint.id = %endpoint, "an endpoint has answered meanwhile, or is off already");
        return Ok(false);
    }
    gateway.metrics.count(Metric::EndpointsOff, About::new(Some(&call.account.id), None), 1);
    warn!(account.id = %call.account.id, endpoint.id = %endpoint, failures = trouble.failures, reason = trouble.reason, "an endpoint was switched off");
    Ok(true)
}
