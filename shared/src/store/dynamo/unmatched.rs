//! [`UnmatchedStore`] on DynamoDB: an item per receipt or reply, in the index `wake` until its last retry.

use aws_sdk_dynamodb::error::SdkError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_dynamo::aws_sdk_dynamodb_1::to_item;

use super::{
    DynamoStore, Item, change::Update, item::from_item, keys, message_item::time, number, scan::Scan, string,
    unavailable,
};
use crate::{
    domain::{SubmitReference, Unmatched, UnmatchedId},
    store::{Bookmark, StoreError, UnmatchedStore},
};

const ACTION: &str = "write an unmatched item";

#[derive(Serialize, Deserialize)]
struct UnmatchedItem {
    id: String,
    payload: String,
    index: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    submit: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unknown_status: Option<String>,
    at: i64,
    tries: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wake_shard: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wake_at: Option<i64>,
    expires_at: i64,
}

fn write(unmatched: &Unmatched) -> Result<Item, StoreError> {
    let item = UnmatchedItem {
        id: keys::unmatched(unmatched.id),
        payload: unmatched.payload.clone(),
        index: unmatched.index,
        submit: unmatched.submit.map(|submit| submit.to_string()),
        unknown_status: unmatched.unknown_status.clone(),
        at: unmatched.received_at.as_millisecond(),
        tries: unmatched.tries,
        wake_shard: unmatched.retry_at.map(|_| keys::wake_shard(unmatched.id.uuid)),
        wake_at: unmatched.retry_at.map(Timestamp::as_millisecond),
        expires_at: unmatched.kept_until().as_second(),
    };
    to_item(item).map_err(unreadable)
}

fn read(item: Item) -> Result<Unmatched, StoreError> {
    let item: UnmatchedItem = from_item(item).map_err(unreadable)?;
    let submit = item.submit.map(|text| text.parse::<SubmitReference>().map_err(|_| unreadable("bad submit")));
    Ok(Unmatched {
        id: keys::parse_unmatched(&item.id).ok_or_else(|| unreadable("bad key"))?,
        payload: item.payload,
        index: item.index,
        submit: submit.transpose()?,
        unknown_status: item.unknown_status,
        received_at: time(item.at)?,
        tries: item.tries,
        retry_at: item.wake_at.map(time).transpose()?,
    })
}

fn unreadable(reason: impl ToString) -> StoreError {
    StoreError::unreadable("unmatched receipt or reply", reason)
}

impl UnmatchedStore for DynamoStore {
    async fn keep_unmatched(&self, unmatched: &Unmatched) -> Result<bool, StoreError> {
        let request = self
            .client
            .put_item()
            .table_name(&self.tables.messages)
            .set_item(Some(write(unmatched)?))
            // DynamoDB may take days to delete an expired item.
            .condition_expression("attribute_not_exists(#id) OR #expires_at <= :now")
            .expression_attribute_names("#id", keys::ID)
            .expression_attribute_names("#expires_at", keys::EXPIRES_AT)
            .expression_attribute_values(":now", number(unmatched.received_at.as_second()));
        match request.send().await {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(failure)) if failure.err().is_conditional_check_failed_exception() => Ok(false),
            Err(error) => Err(unavailable(ACTION)(error)),
        }
    }

    async fn unmatched(&self, id: UnmatchedId) -> Result<Option<Unmatched>, StoreError> {
        let request =
            self.client.get_item().table_name(&self.tables.messages).key(keys::ID, string(keys::unmatched(id)));
        let answer = request.consistent_read(true).send().await.map_err(unavailable("read an unmatched item"))?;
        answer.item.map(read).transpose()
    }

    async fn reschedule_unmatched(&self, unmatched: &Unmatched) -> Result<(), StoreError> {
        let update = Update::of(&self.client, &self.tables.messages, keys::ID, keys::unmatched(unmatched.id))
            .set(keys::TRIES, number(unmatched.tries))
            .expect(keys::TRIES, number(unmatched.tries.saturating_sub(1)));
        let update = match unmatched.retry_at {
            Some(at) => update.wake(unmatched.id.uuid, number(at.as_millisecond())),
            None => update.clear_wake(),
        };
        update.send(ACTION).await.map(|_| ())
    }

    async fn delete_unmatched(&self, id: UnmatchedId) -> Result<(), StoreError> {
        let request = self.client.delete_item().table_name(&self.tables.messages);
        let request = request.key(keys::ID, string(keys::unmatched(id)));
        request.send().await.map(|_| ()).map_err(unavailable("delete an unmatched item"))
    }

    async fn list_unmatched(&self, after: Option<Bookmark>) -> Result<(Vec<Unmatched>, Option<Bookmark>), StoreError> {
        let filter = format!("begins_with(#{}, :unmatched)", keys::ID);
        let scan = Scan {
            action: "scan for unmatched items",
            filter: &filter,
            values: [(":unmatched".to_owned(), string(keys::UNMATCHED))].into(),
            returned: &[],
        };
        let (found, next) = self.scan_page(scan, after).await?;
        Ok((found.into_iter().map(read).collect::<Result<_, _>>()?, next))
    }
}
