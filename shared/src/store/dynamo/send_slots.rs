//! Send slots: an item per rate-limited sender, with the sender's next free time. The time only increases.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};

use super::{
    DynamoStore, Item,
    change::{Update, UpdateResult},
    keys, message_item, number,
};
use crate::{domain::SenderId, store::StoreError};

/// How long an idle sender's item is kept. The sender has long been free by then.
const KEPT_DAYS: u16 = 400;
/// Attempts at both writes. Two are enough, because the time only increases; the rest is a margin.
const ROUNDS: u32 = 4;

impl DynamoStore {
    /// Reserves `time` from when the sender is next free. Costs one write if messages are waiting, two
    /// otherwise, because DynamoDB bills refused writes.
    pub(super) async fn reserve_slots(
        &self,
        sender: &SenderId,
        time: SignedDuration,
        now: Timestamp,
    ) -> Result<Timestamp, StoreError> {
        let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        let now_micros = now.as_microsecond();
        let update = || {
            Update::of(&self.client, &self.tables.messages, keys::ID, keys::send_slots(sender))
                .set(keys::EXPIRES_AT, number(message_item::expiry(now, KEPT_DAYS)))
        };
        for _ in 0..ROUNDS {
            let behind = update().add(keys::FREE_AT, micros).expect_above(keys::FREE_AT, number(now_micros));
            if let UpdateResult::Applied(item) = behind.send("reserve a send slot").await? {
                return read(&item)?.checked_sub(time).map_err(unreadable);
            }
            let first = update()
                .set(keys::FREE_AT, number(now_micros.saturating_add(micros)))
                .expect_none_above(keys::FREE_AT, number(now_micros));
            if let UpdateResult::Applied(_) = first.send("reserve a send slot").await? {
                return Ok(now);
            }
        }
        Err(StoreError::Unavailable {
            action: "reserve a send slot",
            source: "lost every race against other writers".into(),
        })
    }
}

fn read(item: &Item) -> Result<Timestamp, StoreError> {
    let micros = item.get(keys::FREE_AT).map(AttributeValue::as_n);
    let micros = micros.and_then(Result::ok).and_then(|micros| micros.parse().ok());
    Timestamp::from_microsecond(micros.ok_or_else(|| unreadable("free_at is missing or not a number"))?)
        .map_err(|_| unreadable("a time is out of range"))
}

fn unreadable(reason: impl ToString) -> StoreError {
    StoreError::unreadable("send slots of a sender", reason)
}
