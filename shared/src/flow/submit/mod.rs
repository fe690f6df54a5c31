//! Submit: hand a message to a carrier exactly once.
//!
//! 1. Claim the message: one conditional write takes a 60 s lease and returns the record (`claim`).
//! 2. Prepare: expire the message, hold it for a suspended account, check its sender, block it, or let it wait for a
//!    send slot (`prepare`, `suspension`, `sender`, `opt_out`).
//! 3. Plan the route: the client's channels in order, and for each the carriers of the first matching route
//!    (`plan_route`).
//! 4. Attempt each candidate until one accepts. A rejection tries the next; a busy carrier is retried later
//!    (`attempt`).
//! 5. Record the outcome under our execution ID, so a worker whose lease expired cannot overwrite it
//!    (`record_outcome`).
//! 6. Fail over to the next channel after a failure receipt, or at the receipt deadline (`fail_over`).
//!
//! - **Crash.** If a worker dies after calling the carrier, the carrier may or may not have the message. It
//!   becomes `unknown`, and is not resent on that channel unless the client or account asked for that
//!   (`recovery`).
//! - **Duplicate.** A job that cannot claim its message does the work that is due instead (`recovery`).
//! - **Race.** A receipt may be faster than the carrier's answer. A final receipt overrides our outcome.

mod attempt;
mod claim;
mod deadlines;
mod fail_over;
mod opt_out;
mod plan_route;
mod prepare;
mod record_outcome;
mod recovery;
mod sender;
mod suspension;

use std::time::Duration;

use jiff::Timestamp;
use tracing::{info, warn};

pub(super) use self::claim::LEASE as CLAIM_LEASE;
use self::{
    attempt::{Attempted, ClaimedMessage},
    claim::{LEASE, claim, release},
    fail_over::fail_over,
    plan_route::{Routing, receipt_timeout},
    prepare::{Prepared, prepare},
    record_outcome::{record_outcome, retry_later},
    recovery::{Recovery, recover},
    suspension::hold,
};
use crate::{
    carriers::Submitter,
    domain::{Attempt, AttemptOutcome, CarrierReceipt, ExecutionId, Line, Message, MessageId, Progress},
    flow::{
        Gateway, JobOutcome, Unavailable,
        lines::{self, put_on_line, wait_on_line},
        outcome::write_outcome,
        receipts::{Relevance, Report, failure_reason, record_receipt, relevance},
        turn::{SlotSource, Turn},
    },
    queue::{FailedSubmit, Job, Queue, QueuedJob},
    runtime::error_chain,
    store::{Change, Directory, Freshness, Lease, Messages, OutcomeUpdate},
};

/// Delay of a failure receipt while the carrier's answer is outstanding.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Submits a message, or does the work that is due if the message cannot be claimed.
pub async fn submit(
    gateway: &Gateway,
    directory: &Directory,
    submitter: &Submitter,
    id: MessageId,
) -> Result<JobOutcome, Unavailable> {
    let until = gateway.clock.now().saturating_add(LEASE).unwrap_or(Timestamp::MAX);
    submit_until(gateway, directory, submitter, id, SlotSource::Line, until).await
}

/// Submits a message in its turn for a send slot. Returns [`JobOutcome::Retry`] if the message stays on its line.
pub(super) async fn submit_in_turn(
    gateway: &Gateway,
    directory: &Directory,
    submitter: &Submitter,
    id: MessageId,
    turn: Turn,
    until: Timestamp,
) -> Result<JobOutcome, Unavailable> {
    submit_until(gateway, directory, submitter, id, SlotSource::Turn(turn), until).await
}

/// Submits a message. Every claim ends at `until`, because the function's timeout does not start again.
async fn submit_until(
    gateway: &Gateway,
    directory: &Directory,
    submitter: &Submitter,
    id: MessageId,
    slot: SlotSource,
    until: Timestamp,
) -> Result<JobOutcome, Unavailable> {
    loop {
        let now = gateway.clock.now();
        let lease = Lease { execution_id: ExecutionId::random(&gateway.random), from: now, until };
        match claim(gateway, id, lease).await? {
            Change::Applied(message) => {
                // A dealer does its own counting.
                let line = Line::joined_by(&message).filter(|_| matches!(slot, SlotSource::Line));
                match submit_claimed(gateway, directory, submitter, message, lease, slot).await? {
                    Submitted::Finished => lines::left(gateway, line).await,
                    Submitted::OnLine => {}
                    Submitted::NoSlot => return Ok(JobOutcome::Retry),
                }
                return Ok(JobOutcome::Done);
            }
            Change::Conflict(found) => {
                match recover(gateway, directory, submitter, &found, lease.execution_id, now).await? {
                    Recovery::Finished(outcome) => return Ok(outcome),
                    Recovery::Requeued => {}
                }
            }
            Change::NotFound => {
                warn!(message.id = %id, "message not found");
                return Ok(JobOutcome::Done);
            }
        }
    }
}

/// Handles a failure receipt on a channel before the last: fails over, or records the receipt if no
/// candidate is left.
pub async fn after_failed_channel(
    gateway: &Gateway,
    directory: &Directory,
    submitter: &Submitter,
    failed: &FailedSubmit,
) -> Result<JobOutcome, Unavailable> {
    let id = failed.message;
    let Some(message) = gateway.store.message(id, Freshness::Latest).await? else {
        warn!(message.id = %id, "message not found");
        return Ok(JobOutcome::Done);
    };
    let now = gateway.clock.now();
    let is_claimed = message.delivery.progress == Progress::Submitting
        && message.delivery.lease_until.is_some_and(|until| until > now);
    if is_claimed {
        // The receipt was faster than the carrier's answer.
        let again = QueuedJob::of_message(Job::ChannelFailed(failed.clone()), &message, ANSWER_WITHIN);
        gateway.queue.enqueue(&[again]).await?;
        return Ok(JobOutcome::Done);
    }
    let FailedSubmit { carrier, channel_index, status, .. } = *failed;
    match relevance(&message, carrier, channel_index, status) {
        // We submit: an earlier execution of this job may have died after the failover, leaving no other job.
        Relevance::Unrelated | Relevance::Superseded
            if matches!(message.delivery.progress, Progress::Queued | Progress::Submitting) => {}
        Relevance::Unrelated | Relevance::Superseded => {
            info!(message.id = %id, carrier = carrier.as_str(), "receipt of a superseded submit");
            return Ok(JobOutcome::Done);
        }
        // No channel is left, or a final receipt came meanwhile.
        Relevance::Current
            if message.delivery.receipts.is_final()
                || receipt_timeout(&message, &Routing::of(directory, &message).await?).is_none() =>
        {
            let receipt = &CarrierReceipt::from(failed);
            let report = Report { carrier, channel_index, status, receipt, received_at: now };
            record_receipt(gateway, &message, &report).await?;
            return Ok(JobOutcome::Done);
        }
        Relevance::Current => {
            let attempt = Attempt {
                channel: message.channel(),
                carrier: Some(carrier),
                at: now,
                outcome: AttemptOutcome::Failed,
                reason: Some(failure_reason(failed)),
                details: failed.details.clone(),
            };
            // We submit even after another execution's failover, because that execution may have died.
            fail_over(gateway, &message, None, attempt, now).await?;
        }
    }
    submit(gateway, directory, submitter, id).await
}

/// What became of a claimed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Submitted {
    Finished,
    /// It waits on its line.
    OnLine,
    /// It stays on its line, because its dealer has no more slots.
    NoSlot,
}

async fn submit_claimed(
    gateway: &Gateway,
    directory: &Directory,
    submitter: &Submitter,
    mut message: Box<Message>,
    lease: Lease,
    slot: SlotSource,
) -> Result<Submitted, Unavailable> {
    let execution_id = lease.execution_id;
    let candidates = match prepare(gateway, directory, &message, execution_id, slot).await {
        Ok(Prepared::Ready(candidates)) => candidates,
        Ok(Prepared::Resolved(update)) => {
            record_outcome(gateway, &message, (*update).into()).await?;
            return Ok(Submitted::Finished);
        }
        Ok(Prepared::OnLine) => {
            let waits = wait_on_line(gateway, &message, execution_id).await;
            released_on_error(gateway, &message, execution_id, waits).await?;
            return Ok(Submitted::OnLine);
        }
        Ok(Prepared::NoSlot) => {
            let stays = put_on_line(gateway, &message, execution_id).await.map(drop);
            released_on_error(gateway, &message, execution_id, stays).await?;
            return Ok(Submitted::NoSlot);
        }
        Ok(Prepared::Held(until)) => {
            hold_or_release(gateway, &message, execution_id, until).await?;
            return Ok(Submitted::Finished);
        }
        Err(error) => {
            warn!(message.id = %message.id, error = error_chain(&error), "could not prepare message");
            let resolution =
                retry_later(&message, execution_id, gateway.clock.now(), "the gateway could not prepare it");
            record_outcome(gateway, &message, resolution).await?;
            return Ok(Submitted::Finished);
        }
    };
    let mut claimed = ClaimedMessage {
        gateway,
        directory,
        submitter,
        execution_id,
        lease_until: lease.until,
        failed_attempts: Vec::new(),
        refusals: message.delivery.refusals.clone(),
    };
    // In a box, because the future is large.
    let attempted = match Box::pin(claimed.attempt(&mut message, &candidates)).await {
        Ok(attempted) => attempted,
        Err(error) => {
            // No carrier has the message, or we would have a resolution.
            release(gateway, message.id, execution_id).await;
            return Err(error);
        }
    };
    match attempted {
        Attempted::Resolved(resolution) => record_outcome(gateway, &message, *resolution).await?,
        Attempted::Held(until) => hold_or_release(gateway, &message, execution_id, until).await?,
        Attempted::Lost => yield_to_receipt(gateway, &message, execution_id).await?,
    }
    Ok(Submitted::Finished)
}

async fn hold_or_release(
    gateway: &Gateway,
    message: &Message,
    execution_id: ExecutionId,
    until: Timestamp,
) -> Result<(), Unavailable> {
    let held = hold(gateway, message, execution_id, until).await;
    released_on_error(gateway, message, execution_id, held).await
}

/// Releases the claim if the message could not be put off. No carrier has the message.
async fn released_on_error(
    gateway: &Gateway,
    message: &Message,
    execution_id: ExecutionId,
    put_off: Result<(), Unavailable>,
) -> Result<(), Unavailable> {
    if put_off.is_err() {
        release(gateway, message.id, execution_id).await;
    }
    put_off
}

/// Ends an execution that lost its claim, usually to a receipt.
async fn yield_to_receipt(gateway: &Gateway, message: &Message, execution_id: ExecutionId) -> Result<(), Unavailable> {
    let Some(found) = gateway.store.message(message.id, Freshness::Latest).await? else { return Ok(()) };
    if found.delivery.receipts.is_final() {
        write_outcome(gateway, &found, &OutcomeUpdate::new(execution_id, Progress::Submitted, gateway.clock.now()))
            .await?;
    }
    Ok(())
}
