//! [`Messages`] on DynamoDB.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::{TryStreamExt, stream};
use jiff::Timestamp;

use super::{
    DynamoStore, Item, batch,
    change::{Update, UpdateResult, message},
    keys, message_item, number, put, reply_item, string, unavailable,
};
use crate::{
    domain::{
        AccountId, ExecutionId, Message, MessageId, PhoneNumber, Progress, Receipt, ReceiptStatus, Reply, ReplyId,
        SenderId, StateChange,
    },
    store::{
        Advance, Bookmark, CLAIM_TOLERANCE, Change, DueWork, FailOver, Freshness, Insertion, Lease, MessageList,
        Messages, OutcomeUpdate, Page, Position, ReceiptInsertion, Resend, ScheduledWork, Span, StoreError, Unfinished,
    },
};

/// Concurrent conditional writes per call.
const CONCURRENCY: usize = 16;

impl DynamoStore {
    pub(super) fn update(&self, id: MessageId) -> Update {
        Update::of_message(&self.client, &self.tables.messages, id)
    }

    pub(super) async fn get(&self, id: String, freshness: Freshness) -> Result<Option<Item>, StoreError> {
        let request = self.client.get_item().table_name(&self.tables.messages).key(keys::ID, string(id));
        let request = request.consistent_read(freshness == Freshness::Latest);
        Ok(request.send().await.map_err(unavailable("read a message"))?.item)
    }

    /// Returns the items of the messages with a wake time or on a line, or of the others.
    fn items<'a>(
        &self,
        messages: &'a [Message],
        resting: bool,
    ) -> Box<dyn Iterator<Item = Result<Item, StoreError>> + Send + 'a> {
        let retention_days = self.retention_days;
        let wanted = messages.iter().filter(move |message| is_resting(message) == resting);
        Box::new(wanted.map(move |message| message_item::write(message, retention_days)))
    }

    /// Puts an item unless its ID is taken; returns the existing item, if any.
    async fn put_once(&self, item: Item) -> Result<Option<Item>, StoreError> {
        put::if_absent(&self.client, &self.tables.messages, item, "write a message").await
    }
}

impl Messages for DynamoStore {
    async fn insert(&self, messages: &[Message]) -> Result<(), StoreError> {
        if let [message] = messages {
            // A condition is free. With it, a delayed request cannot overwrite the message later.
            return self.put_once(message_item::write(message, self.retention_days)?).await.map(|_| ());
        }
        // The schedule enqueues a stored message with a wake time, and a dealer submits one on a line, even if we report
        // a failure to the client. So a lost answer must not fail its write, and a late write must not overwrite what
        // was submitted: we write it conditionally, and the SDK retries.
        batch::put(&self.client, &self.tables.messages, self.items(messages, false)).await?;
        let resting = stream::iter(self.items(messages, true));
        let written = resting.map_ok(|item| self.put_once(item)).try_buffer_unordered(CONCURRENCY);
        written.try_for_each(async |_| Ok(())).await
    }

    async fn insert_once(&self, message: &Message) -> Result<Insertion, StoreError> {
        match self.put_once(message_item::write(message, self.retention_days)?).await? {
            None => Ok(Insertion::New),
            Some(item) => message_item::read(item).map(Box::new).map(Insertion::Existing),
        }
    }

    async fn message(&self, id: MessageId, freshness: Freshness) -> Result<Option<Message>, StoreError> {
        let item = self.get(id.to_string(), freshness).await?;
        item.filter(message_item::is_message).map(message_item::read).transpose()
    }

    async fn messages(&self, ids: &[MessageId]) -> Result<Vec<Message>, StoreError> {
        let ids = ids.iter().map(ToString::to_string).collect();
        let items = batch::get(&self.client, &self.tables.messages, keys::ID, ids, Freshness::Latest).await?;
        items.into_iter().filter(message_item::is_message).map(message_item::read).collect()
    }

    async fn recent_messages(&self, ids: &[MessageId]) -> Result<Vec<Message>, StoreError> {
        let wanted = ids.iter().map(ToString::to_string).collect();
        let items = batch::get(&self.client, &self.tables.messages, keys::ID, wanted, Freshness::Recent).await?;
        let messages = items.into_iter().filter(message_item::is_message).map(message_item::read);
        let mut by_id =
            messages.map(|read| read.map(|message| (message.id, message))).collect::<Result<HashMap<_, _>, _>>()?;
        Ok(ids.iter().filter_map(|id| by_id.remove(id)).collect())
    }

    async fn claim(&self, id: MessageId, lease: Lease) -> Result<Change, StoreError> {
        let state_change = StateChange { state: Progress::Submitting.state(), at: lease.from, reason: None };
        let latest = lease.from.saturating_add(CLAIM_TOLERANCE).unwrap_or(lease.from);
        let update = self
            .update(id)
            .transition(Progress::Submitting, &state_change)?
            .set(keys::EXECUTION_ID, execution(lease.execution_id))
            .set(keys::LEASE, millis(lease.until))
            .add(keys::ATTEMPTS, 1)
            .remove(keys::CARRIER)
            .remove(keys::CARRIER_ID)
            .clear_wake()
            .expect_before(Progress::Submitting)
            // A late attempt of a request must not claim again what its execution has released.
            .expect_other(keys::EXECUTION_ID, execution(lease.execution_id))
            .expect_due(millis(latest))
            .expect_none_above(keys::RETRY_AT, millis(latest))
            .expect_no_final_receipt();
        let change = change(update.send("claim a message").await?)?;
        Ok(applied_before(change, Progress::Submitting, lease.execution_id))
    }

    async fn record_outcome(&self, id: MessageId, outcome_update: &OutcomeUpdate) -> Result<Change, StoreError> {
        let progress = outcome_update.progress;
        let state_change =
            StateChange { state: progress.state(), at: outcome_update.at, reason: outcome_update.reason.clone() };
        let update = match outcome_update.remove_history_entry {
            None => self.update(id).transition(progress, &state_change)?,
            Some(index) => self.update(id).set(keys::STATE, string(progress.into_str())).remove_history_entry(index),
        };
        let mut update = update
            .set(keys::EXECUTION_ID, execution(outcome_update.execution_id))
            .set_if_given(keys::CARRIER, outcome_update.carrier.map(|carrier| string(carrier.as_str())))
            .set_if_given(keys::CARRIER_ID, outcome_update.carrier_id.as_deref().map(string))
            .append_attempts(&outcome_update.failed_attempts)?
            .remove(keys::LEASE)
            .expect(keys::EXECUTION_ID, execution(outcome_update.claimed_by))
            .expect_before(progress);
        update = match outcome_update.receipt_by {
            Some(until) => {
                let wake_at = outcome_update.check_at.map_or(until, |at| at.min(until));
                update.set(keys::RECEIPT_BY, millis(until)).wake(id.uuid(), millis(wake_at))
            }
            None => update.remove(keys::RECEIPT_BY).clear_wake(),
        };
        let is_open = matches!(progress, Progress::Unknown | Progress::Queued | Progress::Failed | Progress::Expired);
        // After a final receipt we record neither these outcomes nor a receipt deadline.
        if is_open || outcome_update.receipt_by.is_some() {
            update = update.expect_no_final_receipt();
        }
        if !outcome_update.refusals.is_empty() {
            update = update.set(keys::REFUSALS, message_item::write_refusals(&outcome_update.refusals)?);
        }
        // A released message stays on its line.
        if progress != Progress::Queued || outcome_update.retry_at.is_some() {
            update = update.leave_line();
        }
        let update = update
            .set_if_given(keys::RETRY_AT, outcome_update.retry_at.map(millis))
            .set_if_given(keys::CHANNEL_INDEX, outcome_update.channel_index.map(number));
        let change = change(update.send("record an outcome").await?)?;
        Ok(applied_before(change, progress, outcome_update.execution_id))
    }

    async fn advance(&self, id: MessageId, advance: &Advance) -> Result<Change, StoreError> {
        let update = self
            .update(id)
            .set(keys::CHANNEL_INDEX, number(advance.channel_index))
            .set(keys::CARRIER, string(advance.carrier.as_str()))
            .append_attempts(&advance.failed_attempts)?
            .expect(keys::EXECUTION_ID, execution(advance.claimed_by))
            .expect(keys::STATE, string(Progress::Submitting.into_str()))
            .expect_channel_index(advance.from.0)
            .expect_no_final_receipt();
        let update = match advance.from.1 {
            Some(carrier) => update.expect(keys::CARRIER, string(carrier.as_str())),
            None => update.expect_absent(keys::CARRIER),
        };
        let is_advanced = |found: &Message| {
            (found.delivery.progress, found.delivery.execution_id) == (Progress::Submitting, Some(advance.claimed_by))
                && (found.delivery.channel_index, found.delivery.carrier)
                    == (advance.channel_index, Some(advance.carrier))
        };
        Ok(match change(update.send("advance a message to its next candidate").await?)? {
            // An earlier attempt of the same request was applied and its answer lost.
            Change::Conflict(found) if is_advanced(&found) && !found.delivery.receipts.is_final() => {
                Change::Applied(found)
            }
            other => other,
        })
    }

    async fn fail_over(&self, id: MessageId, fail_over: &FailOver) -> Result<Change, StoreError> {
        self.requeue_next_channel(id, fail_over).await
    }

    async fn resend(&self, id: MessageId, again: &Resend) -> Result<Change, StoreError> {
        self.requeue_same_channel(id, again).await
    }

    async fn cancel(
        &self,
        account: &AccountId,
        id: MessageId,
        execution_id: ExecutionId,
        at: Timestamp,
    ) -> Result<Change, StoreError> {
        let state_change = StateChange { state: Progress::Cancelled.state(), at, reason: None };
        let update = self
            .update(id)
            .transition(Progress::Cancelled, &state_change)?
            .set(keys::EXECUTION_ID, execution(execution_id))
            .clear_wake()
            .leave_line()
            .expect(keys::ACCOUNT, string(account.as_str()))
            .expect_before(Progress::Cancelled)
            // The carrier of a failed attempt may have the message.
            .expect_absent(keys::FAILED_ATTEMPTS)
            .expect_no_final_receipt();
        change(update.send("cancel a message").await?)
    }

    async fn record_receipt(&self, id: MessageId, receipt: &Receipt) -> Result<ReceiptInsertion, StoreError> {
        let attribute = keys::receipt(receipt.status);
        let mut update = self
            .update(id)
            .set(attribute, message_item::write_receipt(receipt)?)
            .expect_above(keys::ATTEMPTS, number(0))
            .expect_absent(attribute);
        update = match receipt.status {
            // A *sent* for an earlier channel says nothing about the current one.
            ReceiptStatus::Sent => update.expect_channel_index(receipt.channel_index),
            _ => update.clear_wake().leave_line(),
        };
        match update.send("record a receipt").await? {
            UpdateResult::Applied(_) => Ok(ReceiptInsertion::New),
            UpdateResult::Conflict(item) if message_item::is_message(&item) => {
                let message = message_item::read(item)?;
                Ok(match message.delivery.receipts.get(receipt.status) {
                    Some(there) if there.execution_id == receipt.execution_id => ReceiptInsertion::New,
                    Some(_) => ReceiptInsertion::Duplicate,
                    None if message.delivery.channel_index != receipt.channel_index => ReceiptInsertion::Duplicate,
                    None => ReceiptInsertion::NoMessage,
                })
            }
            UpdateResult::Conflict(_) | UpdateResult::NotFound => Ok(ReceiptInsertion::NoMessage),
        }
    }

    async fn due_work(
        &self,
        shard: u8,
        before: Timestamp,
        after: Option<DueWork>,
        limit: u16,
    ) -> Result<Vec<DueWork>, StoreError> {
        self.due_page(shard, before, after, limit).await
    }

    async fn reschedule(&self, work: ScheduledWork, wake_at: Timestamp, until: Timestamp) -> Result<(), StoreError> {
        let update = Update::of(&self.client, &self.tables.messages, keys::ID, keys::scheduled_work(&work))
            .set(keys::WAKE_AT, millis(until))
            .expect(keys::WAKE_AT, millis(wake_at));
        update.send("reschedule a record").await?;
        Ok(())
    }

    async fn clear_wake(&self, id: MessageId, wake_at: Timestamp) -> Result<(), StoreError> {
        let update = self.update(id).clear_wake().expect(keys::WAKE_AT, millis(wake_at));
        update.send("clear a wake time").await.map(|_| ())
    }

    async fn unfinished(
        &self,
        account: Option<&AccountId>,
        after: Option<Bookmark>,
    ) -> Result<(Vec<Unfinished>, Option<Bookmark>), StoreError> {
        self.scan_unfinished(account, after).await
    }

    async fn put_on_line(
        &self,
        held: &Message,
        execution_id: ExecutionId,
        wake_at: Option<Timestamp>,
    ) -> Result<Change, StoreError> {
        self.release_to_line(held, execution_id, wake_at).await
    }

    async fn hold(&self, held: &Message, execution_id: ExecutionId, wake_at: Timestamp) -> Result<Change, StoreError> {
        self.release_to_wake(held, execution_id, wake_at).await
    }

    async fn insert_reply(&self, reply: &Reply, now: Timestamp) -> Result<bool, StoreError> {
        match self.put_once(reply_item::write(reply, message_item::expiry(now, self.retention_days))?).await? {
            None => Ok(true),
            Some(item) => Ok(reply_item::read(item)?.execution_id == reply.execution_id),
        }
    }

    async fn reply(&self, id: ReplyId) -> Result<Option<Reply>, StoreError> {
        let item = self.get(id.to_string(), Freshness::Recent).await?;
        item.filter(|item| !message_item::is_message(item)).map(reply_item::read).transpose()
    }

    async fn conversation(
        &self,
        account: &AccountId,
        sender: &SenderId,
        to: &PhoneNumber,
        after: Option<&Position>,
        limit: u16,
    ) -> Result<Page, StoreError> {
        self.conversation_page(account, to, Some(sender), after, limit).await
    }

    async fn with_number(
        &self,
        account: &AccountId,
        number: &PhoneNumber,
        after: Option<&Position>,
        limit: u16,
    ) -> Result<Page, StoreError> {
        self.conversation_page(account, number, None, after, limit).await
    }

    async fn log(
        &self,
        account: &AccountId,
        oldest: Timestamp,
        newest: Timestamp,
        after: Option<&Position>,
        limit: u16,
    ) -> Result<Page, StoreError> {
        self.log_page(account, oldest, newest, after, limit).await
    }

    async fn list_messages(&self, account: &AccountId, span: Span, most: usize) -> Result<MessageList, StoreError> {
        self.list_log(account, span, most).await
    }

    async fn list_messages_to(
        &self,
        account: &AccountId,
        number: &PhoneNumber,
        span: Span,
        most: usize,
    ) -> Result<MessageList, StoreError> {
        self.list_conversation(account, number, span, most).await
    }
}

/// Returns whether the message is submitted even without a job.
fn is_resting(message: &Message) -> bool {
    message.delivery.wake_at.is_some() || message.delivery.line_at.is_some()
}

pub(super) fn change(answer: UpdateResult) -> Result<Change, StoreError> {
    Ok(match answer {
        UpdateResult::Applied(item) => Change::Applied(message(item)?),
        UpdateResult::Conflict(item) if message_item::is_message(&item) => Change::Conflict(message(item)?),
        UpdateResult::Conflict(_) | UpdateResult::NotFound => Change::NotFound,
    })
}

/// Turns a conflict with this execution's own write into success: an earlier attempt was applied and its
/// answer lost.
pub(super) fn applied_before(change: Change, progress: Progress, execution_id: ExecutionId) -> Change {
    match change {
        Change::Conflict(found)
            if found.delivery.progress == progress && found.delivery.execution_id == Some(execution_id) =>
        {
            Change::Applied(found)
        }
        other => other,
    }
}

pub(super) fn execution(execution_id: ExecutionId) -> AttributeValue {
    string(execution_id.to_string())
}

pub(super) fn millis(at: Timestamp) -> AttributeValue {
    number(at.as_millisecond())
}
