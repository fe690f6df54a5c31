//! [`Batches`] on DynamoDB. A scheduled batch is in the index `log`, in a partition of its own for each account.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_dynamo::aws_sdk_dynamodb_1::to_item;

use super::{
    DynamoStore, Item, batch,
    change::{Update, UpdateResult},
    item::from_item,
    keys, message_item,
    messages::millis,
    put, string, unavailable,
};
use crate::{
    domain::{AccountId, Batch, BatchId, Fingerprint, SenderId},
    store::{BatchInsertion, Batches, Freshness, StoreError},
};

/// The most queries for a list of pending batches. Each query reads as many batches as the list may have.
const QUERIES: usize = 10;

#[derive(Serialize, Deserialize)]
struct BatchItem {
    id: String,
    from: SenderId,
    at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    send_at: Option<i64>,
    count: u16,
    segments: u16,
    fingerprint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cancelled_at: Option<i64>,
    /// With `position`: present while the batch is pending, or was not removed from the list afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    log: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    position: Option<String>,
    /// In seconds, for DynamoDB's time to live.
    expires_at: i64,
}

fn write(batch: &Batch, retention_days: u16) -> Result<Item, StoreError> {
    let item = BatchItem {
        id: keys::batch(&batch.account, batch.id),
        from: batch.from.clone(),
        at: batch.created_at.as_millisecond(),
        send_at: batch.send_at.map(Timestamp::as_millisecond),
        count: batch.message_count,
        segments: batch.segments,
        fingerprint: URL_SAFE_NO_PAD.encode(batch.fingerprint.as_bytes()),
        cancelled_at: batch.cancelled_at.map(Timestamp::as_millisecond),
        log: batch.send_at.map(|_| keys::batches(&batch.account)),
        position: batch.send_at.map(|at| keys::batch_position(at, batch.id)),
        expires_at: message_item::expiry(batch.send_at.unwrap_or(batch.created_at), retention_days),
    };
    to_item(item).map_err(unreadable)
}

fn read(item: Item) -> Result<Batch, StoreError> {
    let item: BatchItem = from_item(item).map_err(unreadable)?;
    let (account, id) = keys::parse_batch(&item.id).ok_or_else(|| unreadable("key"))?;
    let fingerprint = URL_SAFE_NO_PAD.decode(&item.fingerprint).map_err(unreadable)?;
    Ok(Batch {
        id,
        account,
        from: item.from,
        created_at: message_item::time(item.at)?,
        send_at: item.send_at.map(message_item::time).transpose()?,
        message_count: item.count,
        segments: item.segments,
        fingerprint: Fingerprint::from_bytes(fingerprint.try_into().map_err(|_| unreadable("fingerprint"))?),
        cancelled_at: item.cancelled_at.map(message_item::time).transpose()?,
    })
}

impl Batches for DynamoStore {
    async fn insert_batch(&self, batch: &Batch) -> Result<BatchInsertion, StoreError> {
        let item = write(batch, self.retention_days)?;
        let found = put::if_absent(&self.client, &self.tables.messages, item, "write a batch").await?;
        match found {
            None => Ok(BatchInsertion::New),
            Some(item) => read(item).map(Box::new).map(BatchInsertion::Existing),
        }
    }

    async fn batch(&self, account: &AccountId, id: BatchId) -> Result<Option<Batch>, StoreError> {
        let item = self.get(keys::batch(account, id), Freshness::Latest).await?;
        item.map(read).transpose()
    }

    async fn pending_batches(
        &self,
        account: &AccountId,
        are_numbered: bool,
        now: Timestamp,
        limit: u16,
    ) -> Result<Vec<Batch>, StoreError> {
        let ids = self.pending_ids(account, are_numbered, now, limit).await?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let items = batch::get(&self.client, &self.tables.messages, keys::ID, ids, Freshness::Recent).await?;
        // The index may still list a batch that was ended meanwhile.
        let listed = items.into_iter().filter(|item| item.contains_key(keys::LOG));
        let mut found = listed.map(read).collect::<Result<Vec<_>, _>>()?;
        found.retain(|batch| batch.send_at.is_some_and(|at| at > now));
        found.sort_by_key(|batch| (batch.send_at, batch.id));
        Ok(found)
    }

    async fn begin_cancel_batch(
        &self,
        account: &AccountId,
        id: BatchId,
        at: Timestamp,
    ) -> Result<Option<Batch>, StoreError> {
        let update = self.update_batch(account, id).set_once(keys::CANCELLED_AT, millis(at)).expect_present(keys::ID);
        match update.send("cancel a batch").await? {
            UpdateResult::Applied(item) => read(item).map(Some),
            UpdateResult::Conflict(_) | UpdateResult::NotFound => Ok(None),
        }
    }

    async fn end_batch(&self, account: &AccountId, id: BatchId) -> Result<(), StoreError> {
        let update = self.update_batch(account, id).remove(keys::LOG).remove(keys::POSITION).expect_present(keys::LOG);
        update.send("end a batch").await.map(drop)
    }
}

impl DynamoStore {
    fn update_batch(&self, account: &AccountId, id: BatchId) -> Update {
        Update::of(&self.client, &self.tables.messages, keys::ID, keys::batch(account, id))
    }

    /// Returns the keys of pending batches, the next to be sent first.
    async fn pending_ids(
        &self,
        account: &AccountId,
        are_numbered: bool,
        now: Timestamp,
        limit: u16,
    ) -> Result<Vec<String>, StoreError> {
        let is_wanted =
            |id: &String| keys::parse_batch(id).is_some_and(|(_, batch)| batch.is_numbered() == are_numbered);
        let query = self
            .newest_first(keys::LOG, keys::batches(account))
            .scan_index_forward(true)
            .limit(limit.into())
            .key_condition_expression("#partition = :partition AND #position > :now")
            .expression_attribute_names("#position", keys::POSITION)
            .expression_attribute_values(":now", string(crate::store::Position::before(now).as_str()));
        let (mut ids, mut next): (Vec<String>, Option<Item>) = (Vec::new(), None);
        // The index holds both kinds of batches.
        for _ in 0..QUERIES {
            let answer = query.clone().set_exclusive_start_key(next).send().await;
            let answer = answer.map_err(unavailable("list batches"))?;
            let listed = answer.items.unwrap_or_default();
            let found = listed.iter().filter_map(|item| item.get(keys::ID)?.as_s().ok().cloned());
            ids.extend(found.filter(is_wanted));
            next = answer.last_evaluated_key;
            if next.is_none() || ids.len() >= usize::from(limit) {
                break;
            }
        }
        ids.truncate(limit.into());
        Ok(ids)
    }
}

fn unreadable(reason: impl ToString) -> StoreError {
    StoreError::unreadable("batch", reason)
}
