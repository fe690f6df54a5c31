//! Releases a claimed message that was not submitted, and undoes its claim.

use super::{
    DynamoStore,
    change::Update,
    keys, message_item,
    messages::{applied_before, change, execution, millis},
    number, string,
};
use crate::{
    domain::{ExecutionId, Line, Message, Progress, SignedDuration, Timestamp},
    store::{Change, StoreError},
};

impl DynamoStore {
    pub(super) async fn release_to_line(
        &self,
        held: &Message,
        execution_id: ExecutionId,
        wake_at: Option<Timestamp>,
    ) -> Result<Change, StoreError> {
        // A retried message goes before others of its time, and has another position each time.
        let retried = || SignedDuration::from_micros(held.delivery.attempts.saturating_sub(1).into());
        let line_at = held
            .delivery
            .line_at
            .unwrap_or_else(|| held.due_since().saturating_sub(retried()).unwrap_or(Timestamp::MIN));
        let mut update = self
            .released(held, execution_id)
            .set(keys::LINE, string(keys::line(&Line::of(held))))
            .set(keys::LINE_AT, number(line_at.as_microsecond()));
        if let Some(wake_at) = wake_at {
            update = update.wake(held.id.uuid(), millis(wake_at));
        }
        let change = change(update.send("put a message on its line").await?)?;
        Ok(applied_before(change, Progress::Queued, execution_id))
    }

    pub(super) async fn release_to_wake(
        &self,
        held: &Message,
        execution_id: ExecutionId,
        wake_at: Timestamp,
    ) -> Result<Change, StoreError> {
        // The item is kept from then on.
        let kept = number(message_item::expiry(wake_at, self.retention_days));
        let update = self.released(held, execution_id).set(keys::EXPIRES_AT, kept).leave_line();
        let change = change(update.wake(held.id.uuid(), millis(wake_at)).send("hold a message").await?)?;
        Ok(applied_before(change, Progress::Queued, execution_id))
    }

    fn released(&self, held: &Message, execution_id: ExecutionId) -> Update {
        self.update(held.id)
            .set(keys::STATE, string(Progress::Queued.into_str()))
            .add(keys::ATTEMPTS, -1)
            .remove_history_entry(held.delivery.history.len().saturating_sub(1))
            .remove(keys::LEASE)
            .expect(keys::EXECUTION_ID, execution(execution_id))
            .expect_before(Progress::Queued)
            .expect_no_final_receipt()
    }
}
