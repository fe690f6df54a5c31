//! Messages that were handed over and go back to the queue: for their next channel,
//! or once more for the same.

use super::{
    DynamoStore,
    change::Update,
    keys,
    messages::{change, made_before, millis, stamp},
    number, string,
};
use crate::{
    domain::{MessageId, Moment, Progress, ReceiptStatus, Stamp, Timestamp, Tried},
    store::{Change, GivingWay, SendingAgain, StoreError},
};

impl DynamoStore {
    pub(super) async fn queue_for_the_next_channel(
        &self,
        id: MessageId,
        giving: &GivingWay,
    ) -> Result<Change, StoreError> {
        let update = self
            .back_to_queue(id, giving.stamp, giving.at, &giving.tried, giving.tried.describe())?
            .set(keys::PLACE, number(giving.place + 1))
            // It was of the channel that is given up.
            .remove(keys::receipt(ReceiptStatus::Sent))
            .expect_before(Progress::Queued)
            .expect_place(giving.place)
            .expect_not_held(millis(giving.at));
        // It may have been found out meanwhile, or sent again.
        let update = match giving.expected_stamp {
            Some(run) => update.expect(keys::STAMP, stamp(run)),
            None => update,
        };
        let change = change(update.send("give way to the next channel").await?)?;
        Ok(made_before(change, Progress::Queued, giving.stamp))
    }

    pub(super) async fn queue_for_the_same_channel(
        &self,
        id: MessageId,
        again: &SendingAgain,
    ) -> Result<Change, StoreError> {
        let reason = format!("sent again: {}", again.tried.describe());
        let update = self
            .back_to_queue(id, again.stamp, again.at, &again.tried, reason)?
            .expect(keys::STATE, string(Progress::Unknown.as_str()))
            // Another run may have sent it again before, to another unknown outcome.
            .expect(keys::STAMP, stamp(again.expected_stamp))
            .expect_absent(keys::receipt(ReceiptStatus::Sent));
        let change = change(update.send("send a message again").await?)?;
        Ok(made_before(change, Progress::Queued, again.stamp))
    }

    fn back_to_queue(
        &self,
        id: MessageId,
        run: Stamp,
        at: Timestamp,
        tried: &Tried,
        reason: String,
    ) -> Result<Update, StoreError> {
        let moment = Moment { state: Progress::Queued.state(), at, reason: Some(reason) };
        let update = self
            .update(id)
            .advance(Progress::Queued, &moment)?
            .set(keys::STAMP, stamp(run))
            .append_tried(std::slice::from_ref(tried))?
            .remove(keys::LEASE)
            .remove(keys::RECEIPT_BY)
            .remove(keys::NOT_BEFORE)
            .remove(keys::RETRY_AT)
            .clear_wake()
            .expect_no_final_receipt();
        Ok(update)
    }
}
