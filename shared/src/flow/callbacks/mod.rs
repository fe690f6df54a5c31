//! Step 6: a client is told what is on record.
//!
//! The job names what happened and the run that announced it. The record
//! decides: it bears that run's stamp (tell), another's (someone else tells),
//! or not yet one (the run is about to write it, or died before it did; its
//! news will be brought again under another stamp). A try that fails is made
//! again with growing gaps for seven days, by sending the job again, so that
//! nothing stays in flight; then it rests in the dead-letter queue.
//!
//! An endpoint that fails is left alone for a while, and one that is off is not
//! called: see [`endpoint`].

mod endpoint;
mod event;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tracing::{debug, info, warn};

use self::{
    endpoint::{Admission, EndpointStatus, admit, note_failure, note_success},
    event::{OnRecord, look_for_record},
};
use super::{Gateway, Unavailable};
use crate::{
    callbacks::{CallbackOutcome, CallbackRequest, Caller, retry_gap},
    domain::{Account, Dialect, Endpoint, WebhookSecret},
    queue::{CallbackJob, LONGEST_DELAY, Queue},
    runtime::Metric,
    store::Directory,
};

pub(super) use event::executions_of;

/// How long a record is waited for that was announced.
const RECORD_WITHIN: SignedDuration = SignedDuration::from_mins(5);
/// How long a client is tried. The last try is made when that is over.
const TRY_FOR: SignedDuration = SignedDuration::from_hours(24 * 7);
/// A try begins minutes after it was due at most. What comes so much later was a dead
/// letter, or the queue stood still.
const DEAD_AFTER: SignedDuration = SignedDuration::from_hours(12);

/// A call that is to be made, or was made, for a job.
struct Call<'a> {
    job: CallbackJob,
    account: &'a Account,
    /// None for a notice: that it cannot be told has no consequence for its address,
    /// or an address that fails would be told of for ever.
    endpoint: Option<Endpoint>,
    begun_at: Timestamp,
}

/// What was wrong with a call.
struct Failure {
    reason: String,
    retry_after: Option<Duration>,
    /// The endpoint wants to be left alone for that long, whatever the event.
    is_busy: bool,
    is_gone: bool,
}

impl Failure {
    fn of(reason: String) -> Self {
        Self { reason, retry_after: None, is_busy: false, is_gone: false }
    }
}

/// Tells a client, or puts it off.
///
/// # Errors
/// When the store or queue did not answer. Run it again.
pub async fn callback(
    gateway: &Gateway,
    directory: &Directory,
    caller: &Caller,
    job: CallbackJob,
) -> Result<(), Unavailable> {
    let now = gateway.clock.now();
    let job = revived(job, now);
    if let Some(not_before) = job.not_before.filter(|at| *at > now) {
        return put_off(gateway, job, not_before, now).await;
    }
    let told = match look_for_record(gateway, directory, job).await? {
        OnRecord::Ours(told) => told,
        OnRecord::Another => {
            debug!(event.id = %job.subject.event_id(), subject = %job.subject, "told by another run");
            return Ok(());
        }
        OnRecord::NotYet => return look_again_later(gateway, job, now).await,
    };
    if told.is_overtaken() {
        debug!(event.id = %job.subject.event_id(), subject = %job.subject, "overtaken");
        return Ok(());
    }
    let Some(account) = directory.account(told.account()).await? else {
        warn!(event.id = %job.subject.event_id(), subject = %job.subject, account.id = %told.account(), "the account is gone");
        return Ok(());
    };
    let Some(url) = told.url(&account) else {
        gateway.count(Metric::CallbacksHeldBack, Some(&account.id), None, 1);
        info!(event.id = %job.subject.event_id(), subject = %job.subject, account.id = %account.id, "not told, as the account has no URL for it");
        return Ok(());
    };
    // Another release may have announced what this one does not tell.
    let Some(body) = told.body() else {
        info!(event.id = %job.subject.event_id(), subject = %job.subject, "not told in this dialect");
        return Ok(());
    };
    let endpoint = told.counts_for_endpoint().then(|| Endpoint::of(&account.id, url));
    let call = Call { job, account: &account, endpoint, begun_at: now };
    match admit(gateway, directory, &call).await? {
        Admission::Now => {}
        Admission::Later(until) => {
            debug!(event.id = %job.subject.event_id(), subject = %job.subject, %until, "its endpoint rests");
            let tried_since = job.tried_since.or(Some(now));
            return put_off(gateway, CallbackJob { tried_since, ..job }, until, now).await;
        }
        Admission::Never => {
            hold_back(gateway, &call);
            return Ok(());
        }
    }
    let request = CallbackRequest {
        url,
        event: job.subject.event_id(),
        dialect_headers: dialect_headers(told.dialect(), &account.secrets, now, &body),
        secrets: &account.secrets,
        at: now,
        body,
    };
    let answer = caller.deliver(&request).await;
    conclude(gateway, directory, &call, answer).await
}

/// A client of the dialect checks its header with one secret: the oldest, until that is retired.
fn dialect_headers(
    dialect: Option<Dialect>,
    secrets: &[WebhookSecret],
    at: Timestamp,
    body: &str,
) -> Vec<(&'static str, String)> {
    let Some((dialect, oldest)) = dialect.zip(secrets.last()) else { return Vec::new() };
    dialect.signature_headers(oldest.bytes(), at.as_second(), body)
}

/// A job that SQS itself laid with the dead letters still knows its tries. When it
/// comes back after its seven days, it is tried like a new one, and not just once.
fn revived(job: CallbackJob, now: Timestamp) -> CallbackJob {
    let is_over = job.tried_since.is_some_and(|since| now.duration_since(since) > TRY_FOR);
    let is_late = job.not_before.is_none_or(|due| now.duration_since(due) > DEAD_AFTER);
    if is_over && is_late { job.untried() } else { job }
}

async fn look_again_later(gateway: &Gateway, job: CallbackJob, now: Timestamp) -> Result<(), Unavailable> {
    if now.duration_since(job.announced_at) > RECORD_WITHIN {
        info!(event.id = %job.subject.event_id(), subject = %job.subject, "what was announced was not recorded by that run");
        return Ok(());
    }
    gateway.queue.enqueue_callbacks(&[(job, Duration::from_secs(1))]).await?;
    Ok(())
}

async fn conclude(
    gateway: &Gateway,
    directory: &Directory,
    call: &Call<'_>,
    answer: CallbackOutcome,
) -> Result<(), Unavailable> {
    let (job, event) = (call.job, call.job.subject.event_id());
    let account = Some(&call.account.id);
    let failure = match answer {
        CallbackOutcome::Delivered { status } => {
            gateway.count(Metric::Told, account, None, 1);
            let passed = gateway.clock.now().duration_since(job.announced_at);
            gateway.time(Metric::CallbackDelay, account, None, passed);
            info!(event.id = %event, subject = %job.subject, status, attempts = job.attempts + 1, "told the client");
            note_success(directory, call).await;
            return Ok(());
        }
        CallbackOutcome::Gone if call.endpoint.is_none() => {
            gateway.count(Metric::CallbacksGivenUp, account, None, 1);
            warn!(event.id = %event, subject = %job.subject, "nobody takes this notice (410)");
            return Ok(());
        }
        CallbackOutcome::Gone => Failure { is_gone: true, ..Failure::of("gone for good (410)".to_owned()) },
        CallbackOutcome::Busy { reason, retry_after } => {
            Failure { retry_after: Some(retry_after), is_busy: true, ..Failure::of(reason) }
        }
        CallbackOutcome::Failed { reason, retry_after } => Failure { retry_after, ..Failure::of(reason) },
    };
    gateway.count(Metric::CallbackFailures, account, None, 1);
    match note_failure(gateway, directory, call, &failure).await? {
        EndpointStatus::Enabled => try_again(gateway, call, &failure).await,
        EndpointStatus::Disabled => {
            hold_back(gateway, call);
            Ok(())
        }
    }
}

/// What is on record stays there, and can be told when the endpoint is on again.
fn hold_back(gateway: &Gateway, call: &Call<'_>) {
    gateway.count(Metric::CallbacksHeldBack, Some(&call.account.id), None, 1);
    info!(event.id = %call.job.subject.event_id(), subject = %call.job.subject, "not told, as the endpoint is disabled");
}

async fn try_again(gateway: &Gateway, call: &Call<'_>, failure: &Failure) -> Result<(), Unavailable> {
    let (job, event, now) = (call.job, call.job.subject.event_id(), call.begun_at);
    let (attempts, reason) = (job.attempts + 1, &failure.reason);
    let tried_since = job.tried_since.unwrap_or(now);
    let end = tried_since.saturating_add(TRY_FOR).unwrap_or(Timestamp::MAX);
    if now >= end {
        warn!(event.id = %event, subject = %job.subject, attempts, reason, "gave the client up");
        gateway.queue.dead_letter(job).await?;
        gateway.count(Metric::CallbacksGivenUp, Some(&call.account.id), None, 1);
        return Ok(());
    }
    let gap = gateway.random.jittered(retry_gap(attempts)).max(failure.retry_after.unwrap_or_default());
    let again =
        now.saturating_add(SignedDuration::try_from(gap).unwrap_or(TRY_FOR)).map_or(end, |again| again.min(end));
    info!(event.id = %event, subject = %job.subject, attempts, reason, %again, "the client was not told");
    let job = CallbackJob { attempts, tried_since: Some(tried_since), ..job };
    put_off(gateway, job, again, now).await
}

/// SQS keeps a job for a quarter of an hour at most, so a longer wait takes several.
async fn put_off(
    gateway: &Gateway,
    job: CallbackJob,
    not_before: Timestamp,
    now: Timestamp,
) -> Result<(), Unavailable> {
    let wait = Duration::try_from(not_before.duration_since(now)).unwrap_or_default();
    let job = CallbackJob { not_before: Some(not_before), ..job };
    gateway.queue.enqueue_callbacks(&[(job, wait.min(LONGEST_DELAY))]).await?;
    Ok(())
}
