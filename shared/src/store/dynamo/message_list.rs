//! Lists an account's messages from an index alone, which has each message's ID and position.

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;
use jiff::{SignedDuration, Timestamp};

use super::{DynamoStore, Item, keys, string, unavailable};
use crate::{
    domain::{AccountId, MessageId, PhoneNumber},
    store::{MessageList, Position, Span, StoreError},
};

/// The most queries per partition. A query reads a megabyte, about 6,000 entries. Replies are among them, and no
/// condition can leave them out.
const QUERIES: usize = 4;

/// A partition's messages, newest first.
struct Part {
    /// Each message's position and ID.
    found: Vec<(String, MessageId)>,
    /// The position down to which we read the partition. `None` if we read all of it.
    end: Option<String>,
}

impl DynamoStore {
    pub(super) async fn list_log(
        &self,
        account: &AccountId,
        span: Span,
        most: usize,
    ) -> Result<MessageList, StoreError> {
        let months = keys::months(span.newest, span.oldest).into_iter();
        let groups = months.map(|month| (0..keys::LOG_SHARDS).map(|shard| keys::log(account, month, shard)).collect());
        self.list(keys::LOG, groups, span, most).await
    }

    pub(super) async fn list_conversation(
        &self,
        account: &AccountId,
        number: &PhoneNumber,
        span: Span,
        most: usize,
    ) -> Result<MessageList, StoreError> {
        self.list(keys::CONVERSATION, [vec![keys::conversation(account, number)]], span, most).await
    }

    /// Lists the messages from groups of partitions. Each group is older than the group before.
    async fn list(
        &self,
        index: &'static str,
        groups: impl IntoIterator<Item = Vec<String>>,
        span: Span,
        most: usize,
    ) -> Result<MessageList, StoreError> {
        let (mut ids, mut omits_older) = (Vec::new(), false);
        // DynamoDB refuses a condition whose upper bound is below the lower.
        let groups = groups.into_iter().take_while(|_| span.oldest <= span.newest);
        for group in groups {
            // One more entry tells whether there are older messages.
            let wanted = most + 1 - ids.len();
            let parts = group.into_iter().map(|partition| self.read_partition(index, partition, span, wanted));
            let parts = try_join_all(parts).await?;
            // Below this position, we may not have read some partition's messages.
            let end = parts.iter().filter_map(|part| part.end.clone()).max();
            let mut found: Vec<_> = parts.into_iter().flat_map(|part| part.found).collect();
            found.sort_by(|(a, _), (b, _)| b.cmp(a));
            found.retain(|(position, _)| end.as_ref().is_none_or(|end| position >= end));
            ids.extend(found.into_iter().map(|(_, id)| id));
            omits_older = end.is_some() || ids.len() > most;
            if omits_older {
                break;
            }
        }
        ids.truncate(most);
        Ok(MessageList { ids, omits_older })
    }

    async fn read_partition(
        &self,
        index: &'static str,
        partition: String,
        span: Span,
        wanted: usize,
    ) -> Result<Part, StoreError> {
        let query = self
            .newest_first(index, partition)
            .key_condition_expression("#partition = :partition AND #position BETWEEN :oldest AND :newest")
            .expression_attribute_names("#position", keys::POSITION)
            .expression_attribute_values(":oldest", position_before(span.oldest))
            .expression_attribute_values(":newest", position_before(span.newest + SignedDuration::from_millis(1)))
            .limit(i32::try_from(wanted).unwrap_or(i32::MAX));
        let (mut found, mut next): (Vec<(String, MessageId)>, Option<Item>) = (Vec::new(), None);
        for _ in 0..QUERIES {
            let answer = query.clone().set_exclusive_start_key(next).send();
            let answer = answer.await.map_err(unavailable("list messages"))?;
            found.extend(answer.items.unwrap_or_default().iter().filter_map(message));
            next = answer.last_evaluated_key;
            if next.is_none() || found.len() >= wanted {
                break;
            }
        }
        let mut end = next.as_ref().and_then(|key| text(key, keys::POSITION));
        if found.len() > wanted {
            found.truncate(wanted);
            end = found.last().map(|(position, _)| position.clone());
        }
        Ok(Part { found, end })
    }
}

/// Returns the entry's position and ID, unless the entry is a reply.
fn message(entry: &Item) -> Option<(String, MessageId)> {
    let position = text(entry, keys::POSITION).filter(|position| !keys::is_reply(position))?;
    Some((position, text(entry, keys::ID)?.parse().ok()?))
}

fn text(entry: &Item, key: &str) -> Option<String> {
    entry.get(key)?.as_s().ok().cloned()
}

fn position_before(at: Timestamp) -> AttributeValue {
    string(Position::before(at).as_str())
}
