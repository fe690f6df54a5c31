//! [`SendSlotStore`] on DynamoDB: an item for each sender with a rate limit, and the index `line`.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::{
    DynamoStore, Item,
    change::{Update, UpdateResult},
    keys, message_item,
    messages::{execution, millis},
    number, string, unavailable,
};
use crate::{
    domain::{ExecutionId, Line, MessageId, SenderId},
    store::{DealEnd, Lease, LeaseEnd, LineEntry, SendSlotStore, SendSlots, StoreError},
};

/// How long an idle sender's item is kept.
const KEPT_DAYS: u16 = 400;
/// Lines per update, because DynamoDB takes expressions of 4 KB at most.
const MOST_LINES: usize = 100;

impl SendSlotStore for DynamoStore {
    async fn send_slots(&self, sender: &SenderId, consistent: bool) -> Result<SendSlots, StoreError> {
        let request = self.client.get_item().table_name(&self.tables.messages);
        let request = request.key(keys::ID, string(keys::send_slots(sender))).consistent_read(consistent);
        let item = request.send().await.map_err(unavailable("read send slots"))?.item;
        item.map_or_else(|| Ok(SendSlots::default()), |item| read(sender, &item))
    }

    async fn join_lines(
        &self,
        sender: &SenderId,
        joined: &HashMap<Line, i64>,
        now: Timestamp,
    ) -> Result<SendSlots, StoreError> {
        let mut found = SendSlots::default();
        for joined in Vec::from_iter(joined).chunks(MOST_LINES) {
            let update = self
                .update_slots(sender)
                .set(keys::EXPIRES_AT, number(message_item::expiry(now, KEPT_DAYS)))
                .count(keys::JOINS, 1);
            match count(update, joined.iter().map(|(line, joined)| (*line, **joined))).send("join a line").await? {
                UpdateResult::Applied(item) | UpdateResult::Conflict(item) => found = read(sender, &item)?,
                UpdateResult::NotFound => {}
            }
        }
        Ok(found)
    }

    async fn leave_line(&self, line: &Line) -> Result<(), StoreError> {
        self.left_lines(&line.sender, &HashMap::from([(line.clone(), 1)])).await
    }

    async fn lease_send_slots(
        &self,
        sender: &SenderId,
        job: ExecutionId,
        found: &SendSlots,
        lease: Lease,
    ) -> Result<bool, StoreError> {
        let update = self
            .update_slots(sender)
            .set(keys::DEALER, execution(lease.execution_id))
            .set(keys::JOB, execution(job))
            .set(keys::LEASE, millis(lease.until))
            .set(keys::DEALERS, number(found.dealers.saturating_add(1)))
            .set(keys::EXPIRES_AT, number(message_item::expiry(lease.from, KEPT_DAYS)));
        // A late attempt of a request must not take a lease again that its dealer has given back.
        let update = match found.dealers {
            0 => update.expect_absent(keys::DEALERS),
            dealers => update.expect(keys::DEALERS, number(dealers)),
        };
        match update.send("lease send slots").await? {
            UpdateResult::Applied(_) => Ok(true),
            // An earlier attempt of the same request may have been applied, and its answer lost.
            UpdateResult::Conflict(item) => {
                Ok(read(sender, &item)?.dealer.is_some_and(|(dealer, _)| dealer == lease.execution_id))
            }
            UpdateResult::NotFound => Ok(false),
        }
    }

    async fn end_if_none_joined(&self, sender: &SenderId, end: &DealEnd) -> Result<LeaseEnd, StoreError> {
        let removed = &end.empty[..end.empty.len().min(MOST_LINES)];
        let kept = end.left.iter().filter(|(line, _)| !removed.contains(line)).collect::<Vec<_>>();
        let (first, more) = kept.split_at(kept.len().min(MOST_LINES));
        // Without joins, no message has ever joined.
        let update = count_out(self.end(sender, end), first).expect_no_other(keys::JOINS, number(end.joins));
        let update = removed.iter().fold(update, |update, line| update.remove(&keys::waiting(line)));
        match update.send("give back the lease of send slots").await? {
            UpdateResult::Applied(_) => self.count_out_more(sender, more).await.map(|()| LeaseEnd::GivenBack),
            UpdateResult::Conflict(item) => Ok(match read(sender, &item)?.dealer {
                Some((dealer, _)) if dealer == end.dealer => LeaseEnd::Joined,
                _ => LeaseEnd::Lost,
            }),
            UpdateResult::NotFound => Ok(LeaseEnd::Lost),
        }
    }

    async fn end_lease(&self, sender: &SenderId, end: &DealEnd) -> Result<LeaseEnd, StoreError> {
        let left = Vec::from_iter(&end.left);
        let (first, more) = left.split_at(left.len().min(MOST_LINES));
        match count_out(self.end(sender, end), first).send("give back the lease of send slots").await? {
            UpdateResult::Applied(_) => self.count_out_more(sender, more).await.map(|()| LeaseEnd::GivenBack),
            UpdateResult::Conflict(_) | UpdateResult::NotFound => Ok(LeaseEnd::Lost),
        }
    }

    async fn left_lines(&self, sender: &SenderId, left: &HashMap<Line, i64>) -> Result<(), StoreError> {
        self.count_out_more(sender, &Vec::from_iter(left)).await
    }

    async fn line_page(&self, line: &Line, after: Option<LineEntry>, limit: u16) -> Result<Vec<LineEntry>, StoreError> {
        let start = after.map(|after| {
            Item::from([
                (keys::ID.to_owned(), string(after.message.to_string())),
                (keys::LINE.to_owned(), string(keys::line(line))),
                (keys::LINE_AT.to_owned(), number(after.line_at)),
            ])
        });
        let request = self
            .client
            .query()
            .table_name(&self.tables.messages)
            .index_name(keys::LINE_INDEX)
            .key_condition_expression("#line = :line")
            .expression_attribute_names("#line", keys::LINE)
            .expression_attribute_values(":line", string(keys::line(line)))
            .set_exclusive_start_key(start)
            .limit(i32::from(limit));
        let answer = request.send().await.map_err(unavailable("query a line"))?;
        let entries = answer.items.unwrap_or_default();
        entries.iter().map(|item| read_entry(item).ok_or_else(|| unreadable("an entry of a line"))).collect()
    }
}

impl DynamoStore {
    fn update_slots(&self, sender: &SenderId) -> Update {
        Update::of(&self.client, &self.tables.messages, keys::ID, keys::send_slots(sender))
    }

    fn end(&self, sender: &SenderId, end: &DealEnd) -> Update {
        self.update_slots(sender)
            .set(keys::FREE_AT, number(end.free_at.as_microsecond()))
            .remove(keys::DEALER)
            .remove(keys::JOB)
            .remove(keys::LEASE)
            .expect(keys::DEALER, execution(end.dealer))
    }

    async fn count_out_more(&self, sender: &SenderId, left: &[(&Line, &i64)]) -> Result<(), StoreError> {
        for left in left.chunks(MOST_LINES) {
            let update = self.update_slots(sender).expect_present(keys::JOINS);
            count_out(update, left).send("leave a line").await?;
        }
        Ok(())
    }
}

fn count_out(update: Update, left: &[(&Line, &i64)]) -> Update {
    count(update, left.iter().map(|(line, left)| (*line, -**left)))
}

fn count<'a>(update: Update, counts: impl Iterator<Item = (&'a Line, i64)>) -> Update {
    counts.fold(update, |update, (line, count)| update.count(&keys::waiting(line), count))
}

fn read(sender: &SenderId, item: &Item) -> Result<SendSlots, StoreError> {
    let until = whole(item, keys::LEASE)?.map(message_item::time).transpose()?;
    let free_at = whole(item, keys::FREE_AT)?.map(Timestamp::from_microsecond).transpose();
    let waiting = item.keys().filter_map(|name| Some((keys::parse_waiting(sender, name)?, name)));
    Ok(SendSlots {
        free_at: free_at.map_err(|_| unreadable("free_at"))?,
        joins: counter(item, keys::JOINS)?,
        dealers: counter(item, keys::DEALERS)?,
        dealer: execution_in(item, keys::DEALER)?.zip(until),
        job: execution_in(item, keys::JOB)?,
        waiting: waiting
            .map(|(line, name)| Ok((line, whole(item, name)?.unwrap_or_default())))
            .collect::<Result<_, _>>()?,
    })
}

fn execution_in(item: &Item, attribute: &str) -> Result<Option<ExecutionId>, StoreError> {
    let value = item.get(attribute).map(|value| value.as_s().ok().and_then(|text| text.parse::<ExecutionId>().ok()));
    value.map(|value| value.ok_or_else(|| unreadable("an execution ID"))).transpose()
}

fn counter(item: &Item, attribute: &str) -> Result<u64, StoreError> {
    Ok(whole(item, attribute)?.and_then(|count| count.try_into().ok()).unwrap_or_default())
}

fn whole(item: &Item, attribute: &str) -> Result<Option<i64>, StoreError> {
    let value = item.get(attribute).map(|value| value.as_n().ok().and_then(|text| text.parse().ok()));
    value.map(|value| value.ok_or_else(|| unreadable("a number"))).transpose()
}

fn read_entry(item: &Item) -> Option<LineEntry> {
    let message = item.get(keys::ID)?.as_s().ok()?.parse::<MessageId>().ok()?;
    Some(LineEntry { message, line_at: item.get(keys::LINE_AT).map(AttributeValue::as_n)?.ok()?.parse().ok()? })
}

fn unreadable(what: &str) -> StoreError {
    StoreError::unreadable("send slots of a sender", format!("{what} is malformed"))
}
