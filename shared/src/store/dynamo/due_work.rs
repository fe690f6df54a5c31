//! Queries for due work, on the index `wake`.

use jiff::Timestamp;

use super::{
    DynamoStore, Item, directory::account_in, keys, lanes::lane_in, message_item, messages::millis, number, string,
    unavailable,
};
use crate::store::{DueWork, StoreError};

impl DynamoStore {
    pub(super) async fn due_page(
        &self,
        shard: u8,
        before: Timestamp,
        after: Option<DueWork>,
        limit: u16,
    ) -> Result<Vec<DueWork>, StoreError> {
        let start = after.map(|due| {
            Item::from([
                (keys::ID.to_owned(), string(keys::scheduled_work(&due.work))),
                (keys::WAKE_SHARD.to_owned(), number(due.shard)),
                (keys::WAKE_AT.to_owned(), millis(due.wake_at)),
            ])
        });
        let request = self
            .client
            .query()
            .table_name(&self.tables.messages)
            .index_name(keys::WAKE_INDEX)
            .key_condition_expression("#shard = :shard AND #at <= :before")
            .expression_attribute_names("#shard", keys::WAKE_SHARD)
            .expression_attribute_names("#at", keys::WAKE_AT)
            .expression_attribute_values(":shard", number(shard))
            .expression_attribute_values(":before", millis(before))
            .set_exclusive_start_key(start)
            .limit(i32::from(limit));
        let answer = request.send().await.map_err(unavailable("query due work"))?;
        answer.items.unwrap_or_default().iter().map(|item| read_due(item, shard)).collect()
    }
}

fn read_due(item: &Item, shard: u8) -> Result<DueWork, StoreError> {
    let unreadable = || StoreError::Unreadable { what: "wake time", reason: "the key or time is missing".to_owned() };
    let work = item.get(keys::ID).and_then(|id| id.as_s().ok()).map(|id| keys::parse_scheduled_work(id));
    let (work, wake_at) = work.zip(time_in(item, keys::WAKE_AT)).ok_or_else(unreadable)?;
    // A later release may write values that we cannot read. They must not block the shard.
    let (account, lane) = (account_in(item).ok().flatten(), lane_in(item).unwrap_or_default());
    Ok(DueWork { work, account, lane, wake_at, shard })
}

pub(super) fn time_in(item: &Item, attribute: &str) -> Option<Timestamp> {
    let millis = item.get(attribute)?.as_n().ok()?.parse().ok()?;
    message_item::time(millis).ok()
}
