//! Pages of logs and conversations: query an index for IDs, then read their items.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use futures_util::future::try_join_all;
use jiff::Timestamp;

use super::{DynamoStore, Item, batch, keys, message_item, reply_item, string, unavailable};
use crate::{
    domain::{AccountId, PhoneNumber, SenderId},
    store::{Entry, Freshness, Page, Position, Record, StoreError},
};

/// Queries for a page of a conversation over one sender, of which a filter leaves out the other senders'
/// entries. A query reads a megabyte, about 6,000 entries.
const FILTERED_QUERIES: usize = 4;

/// Entries of an index, the newest first.
struct Positions {
    /// Each entry's position and ID.
    found: Vec<(String, String)>,
    /// The position after which there may be more.
    next: Option<Position>,
}

impl DynamoStore {
    /// Returns a page of an account's messages to a number and replies from it; with a sender, those over this
    /// sender.
    pub(super) async fn conversation_page(
        &self,
        account: &AccountId,
        number: &PhoneNumber,
        sender: Option<&SenderId>,
        after: Option<&Position>,
        limit: u16,
    ) -> Result<Page, StoreError> {
        let query = || self.newest_first(keys::CONVERSATION, keys::conversation(account, number));
        let Some(sender) = sender else {
            let read = positions(query().limit(limit.into()), after).await?;
            return self.page(read.found, read.next).await;
        };
        let (mut found, mut next) = (Vec::new(), after.cloned());
        // Most numbers are written to from a single sender, so we begin with a query as short as the page.
        for most in [Some(limit.into())].into_iter().chain([None; FILTERED_QUERIES - 1]) {
            let query = over_sender(query().set_limit(most), number, sender);
            let read = positions(query, next.as_ref()).await?;
            found.extend(read.found);
            next = read.next;
            if next.is_none() || found.len() >= usize::from(limit) {
                break;
            }
        }
        if found.len() > usize::from(limit) {
            found.truncate(limit.into());
            next = found.last().map(|(position, _)| Position::new(position));
        }
        self.page(found, next).await
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
            let queries = partitions
                .map(|partition| positions(self.newest_first(keys::LOG, partition).limit(limit.into()), after));
            found.extend(try_join_all(queries).await?.into_iter().flat_map(|read| read.found));
        }
        found.sort_by(|(a, _), (b, _)| b.cmp(a));
        found.truncate(usize::from(limit));
        let full = found.len() == usize::from(limit);
        let next = found.last().filter(|_| full).map(|(position, _)| Position::new(position));
        self.page(found, next).await
    }

    /// Returns a query of a partition, without a key condition.
    pub(super) fn newest_first(&self, index: &'static str, partition: String) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.tables.messages)
            .index_name(index)
            .expression_attribute_names("#partition", index)
            .expression_attribute_values(":partition", string(partition))
            .scan_index_forward(false)
    }

    async fn page(&self, found: Vec<(String, String)>, next: Option<Position>) -> Result<Page, StoreError> {
        if found.is_empty() {
            return Ok(Page { entries: Vec::new(), next });
        }
        let ids = found.iter().map(|(_, id)| id.clone()).collect();
        let items = batch::get(&self.client, &self.tables.messages, keys::ID, ids, Freshness::Recent).await?;
        let mut by_id: HashMap<String, Item> =
            items.into_iter().filter_map(|item| Some((item.get(keys::ID)?.as_s().ok()?.clone(), item))).collect();
        let mut entries = Vec::with_capacity(found.len());
        for (position, id) in found {
            // The index may still list a deleted item.
            let Some(item) = by_id.remove(&id) else { continue };
            let record = if keys::is_reply(&position) {
                Record::In(Box::new(reply_item::read(item)?))
            } else {
                Record::Out(Box::new(message_item::read(item)?))
            };
            entries.push(Entry { position: Position::new(position), record });
        }
        Ok(Page { entries, next })
    }
}

/// Leaves only the messages from a sender ID to the number, and the replies to them.
fn over_sender(query: QueryFluentBuilder, number: &PhoneNumber, sender: &SenderId) -> QueryFluentBuilder {
    query
        .filter_expression("(#from = :sender AND #to = :number) OR (#from = :number AND #to = :sender)")
        .expression_attribute_names("#from", keys::FROM)
        .expression_attribute_names("#to", keys::TO)
        .expression_attribute_values(":number", string(number.digits()))
        .expression_attribute_values(":sender", string(sender.as_str()))
}

/// Sends a query for the entries after a position.
async fn positions(query: QueryFluentBuilder, after: Option<&Position>) -> Result<Positions, StoreError> {
    let query = match after {
        None => query.key_condition_expression("#partition = :partition"),
        Some(position) => query
            .key_condition_expression("#partition = :partition AND #position < :position")
            .expression_attribute_names("#position", keys::POSITION)
            .expression_attribute_values(":position", string(position.as_str())),
    };
    let answer = query.send().await.map_err(unavailable("read a page"))?;
    let text = |item: &Item, key: &str| item.get(key)?.as_s().ok().cloned();
    let next = answer.last_evaluated_key.as_ref().and_then(|key| text(key, keys::POSITION)).map(Position::new);
    let found = answer.items.unwrap_or_default();
    let found = found.iter().filter_map(|item| text(item, keys::POSITION).zip(text(item, keys::ID))).collect();
    Ok(Positions { found, next })
}
