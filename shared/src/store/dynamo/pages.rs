//! Pages of logs and conversations: query an index for IDs, then read their items.

use std::collections::HashMap;

use futures_util::future::try_join_all;
use jiff::Timestamp;

use super::{DynamoStore, Item, batch, keys, message_item, reply_item, string, unavailable};
use crate::{
    domain::{AccountId, PhoneNumber, SenderId},
    store::{Entry, Freshness, Page, Position, Record, StoreError},
};

impl DynamoStore {
    pub(super) async fn conversation_page(
        &self,
        account: &AccountId,
        sender: &SenderId,
        to: &PhoneNumber,
        after: Option<&Position>,
        limit: u16,
    ) -> Result<Page, StoreError> {
        let partition = keys::conversation(account, sender, to);
        let found = self.positions(keys::CONVERSATION, partition, after, limit).await?;
        self.page(found, limit).await
    }

    pub(super) async fn log_page(
        &self,
        account: &AccountId,
        oldest: Timestamp,
        newest: Timestamp,
        after: Option<&Position>,
        limit: u16,
    ) -> Result<Page, StoreError> {
        let mut found = Vec::new();
        let begin = after.and_then(Position::time).unwrap_or(newest).min(newest);
        let mut months = keys::months(begin, oldest);
        // Most accounts fill a page from their newest month. If not, read more and more months at once.
        let mut at_once = 1;
        while !months.is_empty() && found.len() < usize::from(limit) {
            let looked_at: Vec<_> = months.drain(..at_once.min(months.len())).collect();
            at_once *= 3;
            let partitions = looked_at
                .into_iter()
                .flat_map(|month| (0..keys::LOG_SHARDS).map(move |shard| keys::log(account, month, shard)));
            let queries = partitions.map(|partition| self.positions(keys::LOG, partition, after, limit));
            found.extend(try_join_all(queries).await?.into_iter().flatten());
        }
        found.sort_by(|(a, _), (b, _)| b.cmp(a));
        found.truncate(usize::from(limit));
        self.page(found, limit).await
    }

    /// Returns up to `limit` positions and IDs from a partition, the newest first.
    async fn positions(
        &self,
        index: &'static str,
        partition: String,
        after: Option<&Position>,
        limit: u16,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let mut request = self
            .client
            .query()
            .table_name(&self.tables.messages)
            .index_name(index)
            .expression_attribute_names("#partition", index)
            .expression_attribute_values(":partition", string(partition))
            .scan_index_forward(false)
            .limit(i32::from(limit));
        request = match after {
            None => request.key_condition_expression("#partition = :partition"),
            Some(position) => request
                .key_condition_expression("#partition = :partition AND #position < :position")
                .expression_attribute_names("#position", keys::POSITION)
                .expression_attribute_values(":position", string(position.as_str())),
        };
        let answer = request.send().await.map_err(unavailable("read a page"))?;
        let text = |item: &Item, key: &str| item.get(key)?.as_s().ok().cloned();
        let found = answer.items.unwrap_or_default();
        Ok(found.iter().filter_map(|item| text(item, keys::POSITION).zip(text(item, keys::ID))).collect())
    }

    async fn page(&self, found: Vec<(String, String)>, limit: u16) -> Result<Page, StoreError> {
        if found.is_empty() {
            return Ok(Page::default());
        }
        let full = found.len() == usize::from(limit);
        let next = found.last().filter(|_| full).map(|(position, _)| Position::new(position));
        let ids = found.iter().map(|(_, id)| id.clone()).collect();
        let items = batch::get(&self.client, &self.tables.messages, keys::ID, ids, Freshness::Recent).await?;
        let mut by_id: HashMap<String, Item> =
            items.into_iter().filter_map(|item| Some((item.get(keys::ID)?.as_s().ok()?.clone(), item))).collect();
        let mut entries = Vec::with_capacity(found.len());
        for (position, id) in found {
            // The index may still list a deleted item.
            let Some(item) = by_id.remove(&id) else { continue };
            let record = if keys::is_reply(&position) {
                Record::In(reply_item::read(item)?)
            } else {
                Record::Out(Box::new(message_item::read(item)?))
            };
            entries.push(Entry { position: Position::new(position), record });
        }
        Ok(Page { entries, next })
    }
}
