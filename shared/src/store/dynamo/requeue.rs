//! Requeues a message after a submit, for its next channel or the same.

use super::{
    DynamoStore,
    change::Update,
    keys,
    messages::{applied_before, change, execution, millis},
    number, string,
};
use crate::{
    domain::{Attempt, ExecutionId, MessageId, Progress, ReceiptStatus, StateChange, Timestamp},
    store::{Change, FailOver, Resend, StoreError},
};

impl DynamoStore {
    pub(super) async fn requeue_next_channel(&self, id: MessageId, fail_over: &FailOver) -> Result<Change, StoreError> {
        let update = self
            .requeue(id, fail_over.execution_id, fail_over.at, &fail_over.attempt, fail_over.attempt.describe())?
            .set(keys::CHANNEL_INDEX, number(fail_over.channel_index + 1))
            // A *sent* receipt is about the failed channel.
            .remove(keys::receipt(ReceiptStatus::Sent))
            .expect_before(Progress::Queued)
            .expect_channel_index(fail_over.channel_index)
            .expect_not_held(millis(fail_over.at));
        // Another execution may have learned the outcome or resent the message.
        let update = match fail_over.expected_execution_id {
            Some(execution_id) => update.expect(keys::EXECUTION_ID, execution(execution_id)),
            None => update,
        };
        let change = change(update.send("fail over to the next channel").await?)?;
        Ok(applied_before(change, Progress::Queued, fail_over.execution_id))
    }

    pub(super) async fn requeue_same_channel(&self, id: MessageId, again: &Resend) -> Result<Change, StoreError> {
        let reason = format!("sent again: {}", again.attempt.describe());
        let update = self
            .requeue(id, again.execution_id, again.at, &again.attempt, reason)?
            .expect(keys::STATE, string(Progress::Unknown.into_str()))
            // Another execution may have resent the message, again with an unknown outcome.
            .expect(keys::EXECUTION_ID, execution(again.expected_execution_id))
            .expect_absent(keys::receipt(ReceiptStatus::Sent));
        let change = change(update.send("resend a message").await?)?;
        Ok(applied_before(change, Progress::Queued, again.execution_id))
    }

    fn requeue(
        &self,
        id: MessageId,
        execution_id: ExecutionId,
        at: Timestamp,
        attempt: &Attempt,
        reason: String,
    ) -> Result<Update, StoreError> {
        let state_change = StateChange { state: Progress::Queued.state(), at, reason: Some(reason) };
        let update = self
            .update(id)
            .transition(Progress::Queued, &state_change)?
            .set(keys::EXECUTION_ID, execution(execution_id))
            .append_attempts(std::slice::from_ref(attempt))?
            .remove(keys::LEASE)
            .remove(keys::RECEIPT_BY)
            .leave_line()
            .remove(keys::RETRY_AT)
            .clear_wake()
            .expect_no_final_receipt();
        Ok(update)
    }
}
