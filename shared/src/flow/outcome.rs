//! Records a message's outcome and enqueues its callback.

use std::time::Duration;

use jiff::Timestamp;
use tracing::{info, warn};

use super::{Gateway, Unavailable};
use crate::{
    domain::{CallbackTarget, CarrierName, ExecutionId, Message, MessageRequest, Progress, State},
    queue::{CallbackJob, Queue, Subject},
    runtime::{Metric, error_chain},
    store::{Change, Messages, OutcomeUpdate},
};

pub(super) enum OutcomeWrite {
    Recorded,
    /// Another outcome or a final receipt was recorded first. Holds the current message.
    Conflict(Box<Message>),
    Gone,
}

/// Enqueues the callback, if the client gets one, then records the outcome.
///
/// If the callback cannot be enqueued, a final outcome is not recorded, and the step fails. Any other outcome
/// is recorded all the same, or we might forget that a carrier accepted the message, and submit it twice.
pub(super) async fn write_outcome(
    gateway: &Gateway,
    message: &Message,
    update: &OutcomeUpdate,
) -> Result<OutcomeWrite, Unavailable> {
    let state = update.progress.state();
    if let Err(error) = enqueue_callback(gateway, message, state, update.execution_id, update.at).await {
        if state.is_final() {
            return Err(error);
        }
        warn!(message.id = %message.id, message.state = state.into_str(), error = error_chain(&error), "could not enqueue callback");
    }
    match gateway.store.record_outcome(message.id, update).await? {
        Change::Applied(message) => {
            count_outcome(gateway, &message, update);
            info!(
                message.id = %message.id,
                message.state = state.into_str(),
                carrier = update.carrier.as_ref().map(CarrierName::as_str),
                attempts = message.delivery.attempts,
                reason = update.reason,
                retry_at = update.retry_at.map(display),
                "{}", state.into_str()
            );
            Ok(OutcomeWrite::Recorded)
        }
        Change::Conflict(found) => {
            info!(message.id = %found.id, message.state = found.state().into_str(), update = state.into_str(), "another outcome was recorded first");
            Ok(OutcomeWrite::Conflict(found))
        }
        Change::NotFound => {
            warn!(message.id = %message.id, "message not found, outcome not recorded");
            Ok(OutcomeWrite::Gone)
        }
    }
}

fn count_outcome(gateway: &Gateway, message: &Message, update: &OutcomeUpdate) {
    let (account, carrier) = (Some(&message.account), update.carrier.or(message.delivery.carrier));
    let metric = match update.progress {
        Progress::Submitted => Metric::Submitted,
        Progress::Unknown => Metric::Unknown,
        Progress::Blocked => Metric::Blocked,
        Progress::Rejected | Progress::Failed | Progress::Expired => Metric::Failed,
        // Busy carriers are counted in the attempt.
        Progress::Scheduled | Progress::Queued | Progress::Submitting | Progress::Cancelled => return,
    };
    gateway.count(metric, account, carrier, 1);
    if metric == Metric::Submitted && !message.was_submitted_before() {
        gateway.time(Metric::SubmitDelay, account, carrier, update.at.duration_since(message.due_since()));
    }
}

/// Enqueues the callback for `state`, if the client gets one.
pub(super) async fn enqueue_callback(
    gateway: &Gateway,
    message: &Message,
    state: State,
    execution_id: ExecutionId,
    at: Timestamp,
) -> Result<(), Unavailable> {
    let MessageRequest { dialect, keyword, callbacks, .. } = &message.request;
    // No client posted an automatic reply.
    let has_webhooks = dialect.callback_target() == CallbackTarget::Webhooks && keyword.is_none();
    if !dialect.notifies(state) || (callbacks.is_empty() && !has_webhooks) {
        return Ok(());
    }
    // The client knows the state: the message has reached it, or was submitted on an earlier channel.
    if !state.is_final() && (message.state() >= state || message.was_on_earlier_channel()) {
        return Ok(());
    }
    let subject = Subject::State { message: message.id, state };
    let job = CallbackJob::new(subject, &message.account, execution_id, at);
    let jobs: Vec<_> = match callbacks.as_slice() {
        // The step `callback` finds the webhooks.
        [] => vec![(job, Duration::ZERO)],
        urls => job.for_each(urls).map(|(job, _)| (job, Duration::ZERO)).collect(),
    };
    gateway.queue.enqueue_callbacks(&jobs).await?;
    Ok(())
}
