//! Step 3: a message is handed to a carrier, once.
//!
//! One conditional write claims it for the length of a lease and brings it
//! along. Whoever finds it claimed waits; whoever finds the lease over knows
//! that a worker died with it, perhaps after the carrier took it: then the
//! outcome is *unknown*, and it is not sent again over that channel unless
//! that is wanted. A worker that fails before it asked the carrier, or after
//! the carrier refused, gives the message back.
//!
//! A client may allow several channels. One that refuses the message, that
//! fails it by a receipt, or that brings no receipt in its time gives way to the
//! next; a receipt that says *delivered* ends that, whenever it comes.
//!
//! What may be done about an unknown outcome beside waiting is in `unknown`: its
//! carrier may be asked, and it may be sent again where that is wanted.

mod due;
mod hand_over;
mod lookup;
mod plan_route;
mod record_outcome;
mod unclaimed;
mod unknown;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tracing::{debug, info, warn};

use self::{
    hand_over::ClaimedMessage,
    plan_route::{RouteCandidate, plan_route, receipt_within},
    record_outcome::{Resolution, put_back, record_outcome},
    unclaimed::{Recovery, recover},
};
use super::{
    Gateway, Unavailable,
    outcome::{outcome_update, write_outcome},
    rate_limit,
    receipt::{Bearing, bearing, record, words_of},
};
use crate::{
    carriers::Submitter,
    domain::{
        Attempt, AttemptOutcome, CarrierName, CarrierReceipt, ExecutionId, Message, MessageId, Progress, ReceiptStatus,
    },
    queue::{FailedSubmit, Job, Queue},
    runtime::{Metric, error_chain},
    store::{
        Change, Directory, DirectoryStore, FailOver, Freshness, Lease, Messages, OutcomeUpdate, Recipients, StoreError,
    },
};

/// How long a worker holds a message. Longer than any carrier's time-out, and
/// shorter than the time after which the queue delivers the job again.
const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// How long a receipt waits for the answer to its submit.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// What became of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// It needs no further run.
    Finished,
    /// It is not the time: another worker holds the message and may die, or it
    /// is not due. The queue is to deliver the job again.
    Again,
}

/// Does what is due for this message.
///
/// # Errors
/// When the store or queue did not answer. Run it again.
pub async fn submit(
    gateway: &Gateway,
    directory: &Directory,
    submitter: &Submitter,
    id: MessageId,
) -> Result<Done, Unavailable> {
    // Whatever is asked first, the function's own time is over with the lease.
    let until = gateway.clock.now().saturating_add(LEASE).unwrap_or(Timestamp::MAX);
    loop {
        let now = gateway.clock.now();
        let execution_id = ExecutionId::random(&gateway.random);
        let lease = Lease { execution_id, from: now, until };
        let claimed = match gateway.store.claim(id, lease).await {
            Ok(claimed) => claimed,
            Err(error) => {
                give_back_unseen(gateway, id, execution_id).await;
                return Err(error.into());
            }
        };
        match claimed {
            Change::Applied(message) => {
                debug!(message.id = %id, attempts = message.delivery.attempts, "claimed");
                send(gateway, directory, submitter, message, lease).await?;
                return Ok(Done::Finished);
            }
            Change::Conflict(found) => match recover(gateway, directory, submitter, &found, execution_id, now).await? {
                Recovery::Done(done) => return Ok(done),
                Recovery::Requeued => {}
            },
            Change::NotFound => {
                warn!(message.id = %id, "a job names a message that is gone");
                return Ok(Done::Finished);
            }
        }
    }
}

/// A receipt says that a submit failed which was not the message's last way: sends
/// the message over its next channel, or records the failure if none is left.
///
/// # Errors
/// When the store or queue did not answer. Run it again.
pub async fn after_failed_channel(
    gateway: &Gateway,
    directory: &Directory,
    submitter: &Submitter,
    failed: &FailedSubmit,
) -> Result<Done, Unavailable> {
    let id = failed.message;
    let Some(message) = gateway.store.message(id, Freshness::Latest).await? else {
        warn!(message.id = %id, "a job names a message that is gone");
        return Ok(Done::Finished);
    };
    let now = gateway.clock.now();
    let is_held = message.delivery.progress == Progress::Submitting
        && message.delivery.lease_until.is_some_and(|until| until > now);
    if is_held {
        // The receipt was faster than the answer. Whoever waits for that is soon done.
        gateway.queue.enqueue(&[(Job::ChannelFailed(failed.clone()), ANSWER_WITHIN)]).await?;
        return Ok(Done::Finished);
    }
    let receipt = CarrierReceipt::from(failed);
    match bearing(&message, failed.carrier, failed.channel_index, failed.status) {
        // A run of this same job may have been cut off after the channel gave way, or
        // died with the message on a later way. Then no other job may be left.
        Bearing::Nothing | Bearing::GivenUp
            if matches!(message.delivery.progress, Progress::Queued | Progress::Submitting) => {}
        Bearing::Nothing | Bearing::GivenUp => {
            info!(message.id = %id, carrier = failed.carrier.as_str(), "a receipt of a channel that was given up");
            return Ok(Done::Finished);
        }
        // It gives way to nothing, or what came meanwhile says that it need not.
        Bearing::Counts
            if message.delivery.receipts.is_final()
                || receipt_within(&message, &directory.routes().await?).is_none() =>
        {
            record(gateway, failed.carrier, &message, failed.channel_index, &receipt, now).await?;
            return Ok(Done::Finished);
        }
        Bearing::Counts => {
            let attempt = Attempt {
                channel: message.channel(),
                carrier: Some(failed.carrier),
                at: now,
                outcome: AttemptOutcome::Failed,
                reason: Some(words_of(&receipt)),
            };
            // Where it was given way already, whoever did that may have died with it.
            fail_over(gateway, &message, None, attempt, now).await?;
        }
    }
    submit(gateway, directory, submitter, id).await
}

/// Puts the message back to be sent over its next channel, unless a quicker run has, or
/// the network has said the last word.
async fn fail_over(
    gateway: &Gateway,
    message: &Message,
    expected_execution_id: Option<ExecutionId>,
    attempt: Attempt,
    at: Timestamp,
) -> Result<(), StoreError> {
    let (outcome, carrier) = (attempt.outcome, attempt.carrier);
    let fail_over = FailOver {
        channel_index: message.delivery.channel_index,
        expected_execution_id,
        execution_id: ExecutionId::random(&gateway.random),
        at,
        attempt,
    };
    if let Change::Applied(_) = gateway.store.fail_over(message.id, &fail_over).await? {
        gateway.count(Metric::FailedOver, Some(&message.account), carrier, 1);
        info!(message.id = %message.id, carrier = carrier.map(CarrierName::as_str), outcome = outcome.as_str(), "gives candidate");
    }
    Ok(())
}

/// Sends a message that this run has claimed, and records what came of it.
async fn send(
    gateway: &Gateway,
    directory: &Directory,
    submitter: &Submitter,
    mut message: Box<Message>,
    lease: Lease,
) -> Result<(), Unavailable> {
    let execution_id = lease.execution_id;
    let candidates = match prepare(gateway, directory, &message, execution_id).await {
        Ok(Prepared::Ready(candidates)) => candidates,
        Ok(Prepared::Not(resolution)) => return record_outcome(gateway, &message, resolution).await,
        Ok(Prepared::Later(slot)) => return put_off(gateway, &message, execution_id, slot).await,
        Err(error) => {
            warn!(message.id = %message.id, error = error_chain(&error), "could not be prepared");
            let resolution = put_back(&message, execution_id, gateway.clock.now(), "the gateway could not prepare it");
            return record_outcome(gateway, &message, resolution).await;
        }
    };
    let mut claimed = ClaimedMessage {
        gateway,
        directory,
        submitter,
        execution_id,
        lease_until: lease.until,
        failed_attempts: Vec::new(),
    };
    let resolution = match claimed.attempt(&mut message, &candidates).await {
        Ok(resolution) => resolution,
        Err(error) => {
            // Nothing was taken yet, or it would have been concluded.
            give_back_unseen(gateway, message.id, execution_id).await;
            return Err(error);
        }
    };
    match resolution {
        Some(resolution) => record_outcome(gateway, &message, resolution).await,
        None => leave(gateway, &message, execution_id).await,
    }
}

/// A claim whose answers were all lost may have been made: the message goes
/// back if it can, and would else be taken for handed over.
async fn give_back_unseen(gateway: &Gateway, id: MessageId, execution_id: ExecutionId) {
    let back = outcome_update(execution_id, Progress::Queued, gateway.clock.now());
    if let Err(error) = gateway.store.record_outcome(id, &back).await {
        warn!(message.id = %id, error = error_chain(&error), "a claim may be left behind");
    }
}

/// What a message needs before it can be handed over, or why it cannot be.
enum Prepared {
    Ready(Vec<RouteCandidate>),
    /// Its sender's rate does not let it go yet.
    Later(Timestamp),
    Not(Resolution),
}

/// Looks at the validity, and up the opt-out and the routes, and takes a turn if
/// the message has none.
async fn prepare(
    gateway: &Gateway,
    directory: &Directory,
    message: &Message,
    execution_id: ExecutionId,
) -> Result<Prepared, StoreError> {
    let now = gateway.clock.now();
    if message.has_unknown_attempt() && message.delivery.receipts.get(ReceiptStatus::Sent).is_some() {
        // What it waited to be sent again for has been said meanwhile.
        let (reason, carrier) =
            (Some("the network has it already".to_owned()), message.carriers_of_unknown_attempts().next());
        let taken = OutcomeUpdate {
            reason,
            carrier: carrier.flatten(),
            ..outcome_update(execution_id, Progress::Submitted, now)
        };
        return Ok(Prepared::Not(taken.into()));
    }
    if message.request.expires_at.is_some_and(|at| at <= now) {
        let reason = Some("its validity was over before it was sent".to_owned());
        let expired = OutcomeUpdate { reason, ..outcome_update(execution_id, Progress::Expired, now) };
        return Ok(Prepared::Not(expired.into()));
    }
    if is_blocked(gateway, directory, message).await? {
        let reason = Some("the recipient has opted out of this sender".to_owned());
        let blocked = OutcomeUpdate { reason, ..outcome_update(execution_id, Progress::Blocked, now) };
        return Ok(Prepared::Not(blocked.into()));
    }
    let candidates = plan_route(message, &directory.routes().await?);
    if candidates.is_empty() {
        return Ok(Prepared::Ready(candidates));
    }
    let slot = rate_limit::next_send_slot(gateway, directory, message, now).await?;
    Ok(slot.map_or(Prepared::Ready(candidates), Prepared::Later))
}

/// Whether the recipient has opted out of what the message is.
async fn is_blocked(gateway: &Gateway, directory: &Directory, message: &Message) -> Result<bool, StoreError> {
    if message.passes_opt_outs() {
        return Ok(false);
    }
    let has_opted_out = gateway.store.recipient(&message.request.to).await?.opt_outs.contains(&message.request.from.id);
    Ok(has_opted_out && !directory.exemptions().await?.cover(&message.request.from.id, &message.account))
}

/// Back to the queue until the message has its turn.
async fn put_off(
    gateway: &Gateway,
    message: &Message,
    execution_id: ExecutionId,
    slot: Timestamp,
) -> Result<(), Unavailable> {
    let put_off = rate_limit::postpone_to_slot(gateway, message, execution_id, slot).await;
    if put_off.is_err() {
        give_back_unseen(gateway, message.id, execution_id).await;
    }
    put_off
}

/// A run that may not go on with its message: as a rule a receipt came while the
/// run was on its way to another carrier, and says what became of it.
async fn leave(gateway: &Gateway, message: &Message, execution_id: ExecutionId) -> Result<(), Unavailable> {
    let Some(found) = gateway.store.message(message.id, Freshness::Latest).await? else { return Ok(()) };
    if found.delivery.receipts.is_final() {
        write_outcome(gateway, &found, &outcome_update(execution_id, Progress::Submitted, gateway.clock.now())).await?;
    }
    Ok(())
}
