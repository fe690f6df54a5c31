//! [`Parking`] on DynamoDB: one item for each receipt or reply, which is in the
//! index of sleepers as long as it is to be tried again.

use aws_sdk_dynamodb::error::SdkError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_dynamo::aws_sdk_dynamodb_1::to_item;

use super::{
    DynamoStore, Item, change::Update, item::from_item, keys, message_item::time, number, string, unavailable,
};
use crate::{
    carriers::SubmitReference,
    domain::{Parked, ParkedId},
    store::{Bookmark, Parking, StoreError},
};

const ACTION: &str = "park what a carrier brought";

#[derive(Serialize, Deserialize)]
struct ParkedItem {
    id: String,
    payload: String,
    #[serde(default)]
    index: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    submit: Option<String>,
    at: i64,
    #[serde(default)]
    tries: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wake_shard: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wake_at: Option<i64>,
    expires_at: i64,
}

fn write(parked: &Parked) -> Result<Item, StoreError> {
    let item = ParkedItem {
        id: keys::parked(parked.id),
        payload: parked.payload.clone(),
        index: parked.index,
        submit: parked.submit.map(|submit| submit.to_string()),
        at: parked.came_at.as_millisecond(),
        tries: parked.tries,
        wake_shard: parked.again_at.map(|_| keys::wake_shard(parked.id.uuid)),
        wake_at: parked.again_at.map(Timestamp::as_millisecond),
        expires_at: parked.kept_until().as_second(),
    };
    to_item(item).map_err(unreadable)
}

fn read(item: Item) -> Result<Parked, StoreError> {
    let item: ParkedItem = from_item(item).map_err(unreadable)?;
    let submit = item.submit.map(|text| SubmitReference::parse(&text).ok_or_else(|| unreadable("its submit")));
    Ok(Parked {
        id: keys::parse_parked(&item.id).ok_or_else(|| unreadable("its id"))?,
        payload: item.payload,
        index: item.index,
        submit: submit.transpose()?,
        came_at: time(item.at)?,
        tries: item.tries,
        again_at: item.wake_at.map(time).transpose()?,
    })
}

fn unreadable(fault: impl ToString) -> StoreError {
    StoreError::unreadable("parked receipt or reply", fault)
}

impl Parking for DynamoStore {
    async fn park(&self, parked: &Parked) -> Result<bool, StoreError> {
        let request = self
            .client
            .put_item()
            .table_name(&self.tables.messages)
            .set_item(Some(write(parked)?))
            // DynamoDB may take days to delete what is over.
            .condition_expression("attribute_not_exists(#id) OR #expires_at <= :now")
            .expression_attribute_names("#id", keys::ID)
            .expression_attribute_names("#expires_at", keys::EXPIRES_AT)
            .expression_attribute_values(":now", number(parked.came_at.as_second()));
        match request.send().await {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(failure)) if failure.err().is_conditional_check_failed_exception() => Ok(false),
            Err(error) => Err(unavailable(ACTION)(error)),
        }
    }

    async fn parked(&self, id: ParkedId) -> Result<Option<Parked>, StoreError> {
        let request = self.client.get_item().table_name(&self.tables.messages).key(keys::ID, string(keys::parked(id)));
        let answer = request.consistent_read(true).send().await.map_err(unavailable("read what is parked"))?;
        answer.item.map(read).transpose()
    }

    async fn park_again(&self, tried: &Parked) -> Result<(), StoreError> {
        let update = Update::of(&self.client, &self.tables.messages, keys::ID, keys::parked(tried.id))
            .set(keys::TRIES, number(tried.tries))
            .expect(keys::TRIES, number(tried.tries.saturating_sub(1)));
        let update = match tried.again_at {
            Some(at) => update.wake(tried.id.uuid, number(at.as_millisecond())),
            None => update.clear_wake(),
        };
        update.send(ACTION).await.map(|_| ())
    }

    async fn unpark(&self, id: ParkedId) -> Result<(), StoreError> {
        let request = self.client.delete_item().table_name(&self.tables.messages);
        let request = request.key(keys::ID, string(keys::parked(id)));
        request.send().await.map(|_| ()).map_err(unavailable("take away what was parked"))
    }

    async fn all_parked(&self, after: Option<Bookmark>) -> Result<(Vec<Parked>, Option<Bookmark>), StoreError> {
        let request = self
            .client
            .scan()
            .table_name(&self.tables.messages)
            .filter_expression("begins_with(#id, :parked)")
            .expression_attribute_names("#id", keys::ID)
            .expression_attribute_values(":parked", string(keys::PARKED))
            .set_exclusive_start_key(after.map(|Bookmark(id)| Item::from([(keys::ID.to_owned(), string(id))])));
        let answer = request.send().await.map_err(unavailable("read the whole table"))?;
        let next = answer.last_evaluated_key.as_ref().and_then(|key| key.get(keys::ID)?.as_s().ok().cloned());
        let found = answer.items.unwrap_or_default().into_iter().map(read).collect::<Result<_, _>>()?;
        Ok((found, next.map(Bookmark)))
    }
}
