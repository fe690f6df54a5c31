//! Fail over: requeue a message for its next channel.

use jiff::Timestamp;
use tracing::info;

use crate::{
    domain::{Attempt, AttemptOutcome, CarrierName, ExecutionId, Message, ReceiptDetails},
    flow::Gateway,
    runtime::Metric,
    store::{Change, FailOver, Messages, StoreError},
};

/// Requeues a message for its next channel, unless another execution did so or a final receipt came.
pub(super) async fn fail_over(
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
        let carrier = carrier.as_ref().map(CarrierName::as_str);
        info!(message.id = %message.id, carrier, outcome = outcome.into_str(), "failed over");
    }
    Ok(())
}

pub(super) fn timed_out_attempt(message: &Message, at: Timestamp) -> Attempt {
    Attempt {
        channel: message.channel(),
        carrier: message.delivery.carrier,
        at,
        outcome: AttemptOutcome::ReceiptTimeout,
        reason: None,
        details: ReceiptDetails::default(),
    }
}
