//! [`SentIds`] on DynamoDB: one item for each spelling, in which each id that has it
//! is an attribute with the list of its submits.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::{DynamoStore, Item, change::Update, keys, message_item, number, string, unavailable};
use crate::{
    carriers::{CarrierName, SubmitReference},
    store::{SentId, SentIds, StoreError},
};

/// As long as a receipt is kept that matches nothing.
const KEPT_DAYS: u16 = 7;

impl SentIds for DynamoStore {
    async fn note_sent(
        &self,
        carrier: CarrierName,
        spelling: &str,
        id: &str,
        submit: SubmitReference,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let update = Update::of(&self.client, &self.tables.messages, keys::ID, keys::sent(carrier, spelling))
            .append(&keys::sent_id(id), string(submit.to_string()))
            .set(keys::EXPIRES_AT, number(message_item::expiry(now, KEPT_DAYS)));
        update.send("keep a carrier's id").await.map(drop)
    }

    async fn sent(&self, carrier: CarrierName, spelling: &str, now: Timestamp) -> Result<Vec<SentId>, StoreError> {
        let request = self.client.get_item().table_name(&self.tables.messages);
        let request = request.key(keys::ID, string(keys::sent(carrier, spelling))).consistent_read(true);
        let item = request.send().await.map_err(unavailable("look for a carrier's id"))?.item.unwrap_or_default();
        let expires_at = item.get(keys::EXPIRES_AT).and_then(|at| at.as_n().ok()?.parse::<i64>().ok());
        // DynamoDB may take days to delete what is over.
        if expires_at.is_none_or(|at| at <= now.as_second()) {
            return Ok(Vec::new());
        }
        read(&item)
    }
}

fn read(item: &Item) -> Result<Vec<SentId>, StoreError> {
    let ids = item.iter().filter_map(|(name, submits)| Some((keys::parse_sent_id(name)?, submits)));
    let read = |(id, submits): (&str, &AttributeValue)| {
        let listed = submits.as_l().map_err(|_| unreadable("no list"))?.iter();
        let submits = listed.map(|submit| submit.as_s().ok().and_then(|text| SubmitReference::parse(text)));
        let mut submits = submits.collect::<Option<Vec<_>>>().ok_or_else(|| unreadable("its submit"))?;
        // The SDK may have written one twice.
        submits.dedup();
        Ok(SentId { id: id.to_owned(), submits })
    };
    ids.map(read).collect()
}

fn unreadable(fault: &str) -> StoreError {
    StoreError::Unreadable { what: "carrier's id", fault: fault.to_owned() }
}
