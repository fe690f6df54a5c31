//! Callback: deliver a recorded event to the client.
//!
//! 1. Find the event on record, and deliver only if it has the job's execution ID (`event`). If it has
//!    another ID, that execution's job delivers. If the event is not recorded, retry for five minutes, then
//!    drop the job.
//! 2. Skip an intermediate state of a finished message. Delay the events of a suspended account. Their seven days begin
//!    with the first attempt.
//! 3. Find where the event goes (`destination`).
//! 4. Ask whether the endpoint may be called (`endpoint`).
//! 5. POST the event, signed (`signing`), and record the result for the endpoint.
//! 6. Retry a failure with growing gaps for seven days, each time as a new job, so that none stays in
//!    flight. Then move the job to the dead-letter queue.
//!
//! - **Crash.** If the execution that enqueued the job died before recording, the carrier or the queue
//!   redelivers the event, and another execution enqueues its own job.
//! - **Duplicate.** A crash after the POST delivers the event again, under the same event ID.
//! - **Race.** If executions race with one event, only the one on record delivers.

mod call;
mod destination;
mod endpoint;
mod event;
mod signing;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use self::{
    call::{Call, Failure},
    destination::{Destinations, find_destination},
    endpoint::{Admission, EndpointStatus, admit, record_failure, record_success},
    event::{EventLookup, find_event},
    signing::Signing,
};
use super::{Gateway, Unavailable};
use crate::{
    callbacks::{CallbackOutcome, CallbackRequest, Caller, RETRY_FOR, retry_gap},
    domain::Endpoint,
    queue::{CallbackJob, LONGEST_DELAY, Queue},
    runtime::Metric,
    store::{CallbackSecrets, Directory},
};

pub(super) use event::executions_of;

/// How long a job waits for its record.
const RECORDED_WITHIN: SignedDuration = SignedDuration::from_mins(5);
/// A job this long after its due time was redriven from the dead-letter queue, or the queue stood still.
const REDRIVEN_AFTER: SignedDuration = SignedDuration::from_hours(12);

/// How long a callback of a suspended account waits at most before we look at the account again. A job waits no longer
/// in the queue either.
const LONGEST_HOLD: SignedDuration = SignedDuration::from_mins(15);

/// Logs a line with the fields that name the callback's event and its message or reply.
macro_rules! log_callback {
    ($level:ident, $job:expr, $($fields:tt)+) => {
        tracing::$level!(
            event.id = %$job.subject.event_id(),
            message.id = $job.subject.message().map(tracing::field::display),
            reply.id = $job.subject.reply().map(tracing::field::display),
            subject = %$job.subject,
            url_index = $job.url_index,
            webhook.id = $job.webhook,
            $($fields)+
        )
    };
}

/// Delivers, delays, retries or drops a callback.
pub async fn callback(
    gateway: &Gateway,
    directory: &Directory,
    secrets: &CallbackSecrets,
    caller: &Caller,
    job: CallbackJob,
) -> Result<(), Unavailable> {
    let now = gateway.clock.now();
    let job = reset_if_redriven(job, now);
    if let Some(not_before) = job.not_before.filter(|at| *at > now) {
        return requeue(gateway, job, not_before, now).await;
    }
    let callback_event = match find_event(gateway, directory, &job).await? {
        EventLookup::Ours(callback_event) => callback_event,
        EventLookup::Other => {
            log_callback!(debug, job, "callback skipped: another execution delivers it");
            return Ok(());
        }
        EventLookup::NotRecorded => return wait_for_record(gateway, job, now).await,
    };
    if callback_event.is_overtaken() {
        log_callback!(debug, job, "callback skipped: superseded by a final state");
        return Ok(());
    }
    let Some(account) = directory.account(callback_event.account()).await? else {
        log_callback!(warn, job, account.id = %callback_event.account(), "callback dropped: account not found");
        return Ok(());
    };
    if let Some(until) = account.held_until(now, LONGEST_HOLD) {
        log_callback!(debug, job, account.id = %account.id, %until, "callback delayed: the account is suspended");
        return requeue(gateway, job, until, now).await;
    }
    let destination = match find_destination(gateway, directory, &callback_event, &account, &job).await? {
        Destinations::One(destination) => destination,
        Destinations::Several(webhooks) => {
            log_callback!(debug, job, webhooks, "callback enqueued for each webhook");
            return Ok(());
        }
        Destinations::None => {
            gateway.count(Metric::CallbacksWithheld, Some(&account.id), None, 1);
            log_callback!(info, job, account.id = %account.id, "callback withheld: the account has no URL for it");
            return Ok(());
        }
    };
    let (event_id, job) = (destination.event_id(&job), destination.job(job));
    // Another release may have enqueued this event.
    let Some(body) = callback_event.body(&destination) else {
        log_callback!(info, job, "callback skipped: the dialect has none for this event");
        return Ok(());
    };
    let signing = Signing::read(secrets, &account, destination.webhook.as_ref()).await?;
    let endpoint = callback_event.counts_for_endpoint().then(|| Endpoint::of(&account.id, &destination.url));
    let call = Call { job, account: &account, endpoint, begun_at: now };
    match admit(gateway, directory, &call).await? {
        Admission::Now => {}
        Admission::Later(until) => {
            log_callback!(debug, call.job, %until, "callback delayed: circuit open");
            let first_attempt_at = call.job.first_attempt_at.or(Some(now));
            return requeue(gateway, CallbackJob { first_attempt_at, ..call.job }, until, now).await;
        }
        Admission::Never => {
            withhold(gateway, &call);
            return Ok(());
        }
    }
    let request = CallbackRequest {
        url: &destination.url,
        event: event_id,
        dialect_headers: signing.dialect_headers(callback_event.dialect(), now, &body),
        secrets: &signing.of_account,
        at: now,
        body,
        is_success: callback_event.success_rule(),
    };
    let answer = caller.deliver(&request).await;
    record_result(gateway, directory, &call, answer).await
}

/// Resets a job that was redriven after its seven days, so that we retry for as long as with a new job. A
/// job that was redriven earlier, because SQS itself dead-lettered it, keeps its attempts.
fn reset_if_redriven(job: CallbackJob, now: Timestamp) -> CallbackJob {
    let is_over = job.first_attempt_at.is_some_and(|since| now.duration_since(since) > RETRY_FOR);
    let is_late = job.not_before.is_none_or(|due| now.duration_since(due) > REDRIVEN_AFTER);
    if is_over && is_late { job.reset() } else { job }
}

async fn wait_for_record(gateway: &Gateway, job: CallbackJob, now: Timestamp) -> Result<(), Unavailable> {
    if now.duration_since(job.created_at) > RECORDED_WITHIN {
        log_callback!(info, job, "callback dropped: its change was never recorded");
        return Ok(());
    }
    gateway.queue.enqueue_callbacks(&[(job, Duration::from_secs(1))]).await?;
    Ok(())
}

async fn record_result(
    gateway: &Gateway,
    directory: &Directory,
    call: &Call<'_>,
    answer: CallbackOutcome,
) -> Result<(), Unavailable> {
    let (job, account) = (&call.job, Some(&call.account.id));
    let failure = match answer {
        CallbackOutcome::Delivered { status } => {
            gateway.count(Metric::CallbacksDelivered, account, None, 1);
            let passed = gateway.clock.now().duration_since(job.created_at);
            gateway.time(Metric::CallbackDelay, account, None, passed);
            log_callback!(info, job, status, attempts = job.attempts + 1, "callback delivered");
            record_success(directory, call).await;
            return Ok(());
        }
        CallbackOutcome::Gone if call.endpoint.is_none() => {
            gateway.count(Metric::CallbacksGivenUp, account, None, 1);
            log_callback!(warn, job, "notice URL is gone (410)");
            return Ok(());
        }
        CallbackOutcome::Gone => Failure { is_gone: true, ..Failure::of("gone for good (410)".to_owned()) },
        CallbackOutcome::Busy { reason, retry_after } => {
            Failure { retry_after: Some(retry_after), is_busy: true, ..Failure::of(reason) }
        }
        CallbackOutcome::Failed { reason, retry_after } => Failure { retry_after, ..Failure::of(reason) },
    };
    gateway.count(Metric::CallbackFailures, account, None, 1);
    match record_failure(gateway, directory, call, &failure).await? {
        EndpointStatus::Enabled => schedule_retry(gateway, call, &failure).await,
        EndpointStatus::Disabled => {
            withhold(gateway, call);
            Ok(())
        }
    }
}

/// Drops a disabled endpoint's job. An operator can replay the event from its record.
fn withhold(gateway: &Gateway, call: &Call<'_>) {
    gateway.count(Metric::CallbacksWithheld, Some(&call.account.id), None, 1);
    log_callback!(info, call.job, "callback withheld: endpoint disabled");
}

async fn schedule_retry(gateway: &Gateway, call: &Call<'_>, failure: &Failure) -> Result<(), Unavailable> {
    let (job, now) = (&call.job, call.begun_at);
    let (attempts, reason) = (job.attempts + 1, &failure.reason);
    let first_attempt_at = job.first_attempt_at.unwrap_or(now);
    let end = first_attempt_at.saturating_add(RETRY_FOR).unwrap_or(Timestamp::MAX);
    if now >= end {
        log_callback!(warn, job, attempts, reason, "callback given up");
        gateway.queue.dead_letter(job.clone()).await?;
        gateway.count(Metric::CallbacksGivenUp, Some(&call.account.id), None, 1);
        return Ok(());
    }
    let gap = gateway.random.jittered(retry_gap(attempts)).max(failure.retry_after.unwrap_or_default());
    let again =
        now.saturating_add(SignedDuration::try_from(gap).unwrap_or(RETRY_FOR)).map_or(end, |again| again.min(end));
    log_callback!(info, job, attempts, reason, %again, "callback failed");
    let job = CallbackJob { attempts, first_attempt_at: Some(first_attempt_at), ..job.clone() };
    requeue(gateway, job, again, now).await
}

/// Requeues a job until `not_before`, in several steps of 15 minutes if need be, the longest delay of SQS.
async fn requeue(
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
