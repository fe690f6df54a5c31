//! Releases a claimed message that was not submitted, and undoes its claim.

use super::{
    DynamoStore,
    change::Update,
    keys, message_item,
    messages::{applied_before, change, execution, millis},
    number, string,
};
use crate::{
    domain::{ExecutionId, Message, Progress, Timestamp},
    store::{Change, StoreError},
};

impl DynamoStore {
    pub(super) async fn release_to_slot(
        &self,
        held: &Message,
        execution_id: ExecutionId,
        until: Timestamp,
        wake: bool,
    ) -> Result<Change, StoreError> {
        let mut update = self.released(held, execution_id, until).set(keys::NOT_BEFORE, millis(until));
        if wake {
            update = update.wake(held.id.uuid(), millis(until));
        }
        let change = change(update.send("release a message until its send slot").await?)?;
        Ok(applied_before(change, Progress::Queued, execution_id))
    }

    pub(super) async fn release_to_wake(
        &self,
        held: &Message,
        execution_id: ExecutionId,
        wake_at: Timestamp,
    ) -> Result<Change, StoreError> {
        let update = self.released(held, execution_id, wake_at).remove(keys::NOT_BEFORE);
        let change = change(update.wake(held.id.uuid(), millis(wake_at)).send("hold a message").await?)?;
        Ok(applied_before(change, Progress::Queued, execution_id))
    }

    /// Builds the update. The item is kept from `until` on.
    fn released(&self, held: &Message, execution_id: ExecutionId, until: Timestamp) -> Update {
        self.update(held.id)
            .set(keys::STATE, string(Progress::Queued.into_str()))
            .set(keys::EXPIRES_AT, number(message_item::expiry(until, self.retention_days)))
            .add(keys::ATTEMPTS, -1)
            .remove_history_entry(held.delivery.history.len().saturating_sub(1))
            .remove(keys::LEASE)
            .expect(keys::EXECUTION_ID, execution(execution_id))
            .expect_before(Progress::Queued)
            .expect_no_final_receipt()
    }
}
