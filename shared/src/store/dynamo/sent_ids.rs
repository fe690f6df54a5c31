//! [`SentIds`] on DynamoDB: an item per canonical spelling, with an attribute per ID that lists its
//! submits.

use aws_sdk_dynamodb::{error::SdkError, types::AttributeValue};
use jiff::Timestamp;

use super::{
    DynamoStore, Item,
    change::{Update, UpdateResult},
    keys, message_item, number, string, unavailable,
};
use crate::{
    domain::{CarrierName, SubmitReference},
    store::{SentId, SentIds, StoreError},
};

/// How long we keep an item: as long as unmatched receipts.
const KEPT_DAYS: u16 = 7;
/// Stored submits per ID. Two different submits already make an ID ambiguous; the rest leaves room for
/// duplicates from SDK retries.
const MOST_SUBMITS: usize = 8;
const KEEP: &str = "record a carrier's ID";

impl SentIds for DynamoStore {
    async fn record_sent_id(
        &self,
        carrier: CarrierName,
        spelling: &str,
        id: &str,
        submit: SubmitReference,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (key, id) = (keys::sent(carrier, spelling), keys::sent_id(id));
        let (submit, expiry) = (string(submit.to_string()), number(message_item::expiry(now, KEPT_DAYS)));
        loop {
            let update = Update::of(&self.client, &self.tables.messages, keys::ID, &key)
                .append(&id, submit.clone())
                .set(keys::EXPIRES_AT, expiry.clone())
                .expect_none_below(keys::EXPIRES_AT, number(now.as_second() + 1))
                .expect_shorter(&id, MOST_SUBMITS);
            let UpdateResult::Conflict(found) = update.send(KEEP).await? else { return Ok(()) };
            if !is_over(&found, now) {
                return Ok(());
            }
            let anew = [
                (keys::ID.to_owned(), string(&key)),
                (id.clone(), AttributeValue::L(vec![submit.clone()])),
                (keys::EXPIRES_AT.to_owned(), expiry.clone()),
            ];
            if self.replace_expired(anew.into(), now).await? {
                return Ok(());
            }
        }
    }

    async fn sent(&self, carrier: CarrierName, spelling: &str, now: Timestamp) -> Result<Vec<SentId>, StoreError> {
        let request = self.client.get_item().table_name(&self.tables.messages);
        let request = request.key(keys::ID, string(keys::sent(carrier, spelling))).consistent_read(true);
        let item = request.send().await.map_err(unavailable("look up a carrier's ID"))?.item.unwrap_or_default();
        if is_over(&item, now) { Ok(Vec::new()) } else { read(&item) }
    }
}

impl DynamoStore {
    /// Replaces an expired item. Returns false if another execution replaced the item first.
    async fn replace_expired(&self, item: Item, now: Timestamp) -> Result<bool, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.tables.messages)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#expires) OR #expires <= :now")
            .expression_attribute_names("#expires", keys::EXPIRES_AT)
            .expression_attribute_values(":now", number(now.as_second()));
        match put.send().await {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(failure)) if failure.err().is_conditional_check_failed_exception() => Ok(false),
            Err(error) => Err(unavailable(KEEP)(error)),
        }
    }
}

/// Returns whether the item is missing or has expired. DynamoDB may take days to delete an expired item.
fn is_over(item: &Item, now: Timestamp) -> bool {
    let expires_at = item.get(keys::EXPIRES_AT).and_then(|at| at.as_n().ok()?.parse::<i64>().ok());
    expires_at.is_none_or(|at| at <= now.as_second())
}

fn read(item: &Item) -> Result<Vec<SentId>, StoreError> {
    let ids = item.iter().filter_map(|(name, submits)| Some((keys::parse_sent_id(name)?, submits)));
    let read = |(id, submits): (&str, &AttributeValue)| {
        let listed = submits.as_l().map_err(|_| unreadable("submits are not a list"))?.iter();
        let submits = listed.map(|submit| submit.as_s().ok().and_then(|text| text.parse::<SubmitReference>().ok()));
        let mut submits = submits.collect::<Option<Vec<_>>>().ok_or_else(|| unreadable("bad submit reference"))?;
        // An SDK retry may have appended a submit twice.
        submits.dedup();
        Ok(SentId { id: id.to_owned(), submits })
    };
    ids.map(read).collect()
}

fn unreadable(reason: &str) -> StoreError {
    StoreError::Unreadable { what: "carrier's ID", reason: reason.to_owned() }
}
