//! The store: messages, replies, recipients, the operator's directory, and secrets.
//!
//! The traits below are ports in domain types; [`dynamo`] implements them. Every change to a message is one
//! conditional write; [`Change::Conflict`] holds the current record.
//!
//! # Errors
//!
//! Every method returns [`StoreError::Unavailable`] if AWS did not answer or refused the request: retry. A
//! method that returns a stored item returns [`StoreError::Unreadable`] if the item does not parse: do not
//! retry.

mod batches;
mod callback_secrets;
mod change;
mod directory;
pub mod dynamo;
mod endpoints;
mod page;
mod secrets;
mod send_slots;
mod sent_ids;
mod ttl_cache;
mod unmatched;
mod webhooks;

pub use batches::{BatchInsertion, Batches};
pub use callback_secrets::CallbackSecrets;
pub use change::{
    Advance, Change, DueWork, FailOver, Insertion, Lease, OutcomeUpdate, ReceiptInsertion, Resend, ScheduledWork,
    Unfinished,
};
pub use directory::{DIRECTORY_TTL, Directory};
pub use dynamo::{AccountChange, CarrierChange, DynamoDirectory, DynamoStore, KeyRecord, Removal, TableNames};
pub use endpoints::{Endpoints, FailedCall, ProbeStart};
pub use page::{Bookmark, Entry, MessageList, Page, Position, Record, Span};
pub use secrets::{CarrierSecrets, SecretStore, SecretsByCarrier, SecretsManager};
pub use send_slots::{DealEnd, LeaseEnd, LineEntry, SendSlotStore, SendSlots};
pub use sent_ids::{SentId, SentIds};
pub use unmatched::UnmatchedStore;
pub use webhooks::{MOST_WEBHOOKS, WebhookAddition};

use std::collections::HashMap;

use jiff::Timestamp;

use crate::{
    domain::{
        Account, AccountId, ApiKeyHash, Carrier, CarrierName, ExecutionId, Exemptions, KeyHolder, Keyword, Keywords,
        Lanes, Message, MessageId, PhoneNumber, Rates, Receipt, Recipient, Reply, ReplyId, Routes, SenderId,
        SenderOwner, SignedDuration, Webhooks,
    },
    redact::unquoted,
};

/// A failed read or write.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// AWS did not answer, or refused the request. Retry.
    #[error("the store could not {action}")]
    Unavailable {
        action: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A stored item is not in this release's format. Do not retry.
    #[error("a stored {what} cannot be read: {reason}")]
    Unreadable { what: &'static str, reason: String },
}

impl StoreError {
    /// Builds the error without quoting stored values.
    fn unreadable(what: &'static str, reason: impl ToString) -> Self {
        Self::Unreadable { what, reason: unquoted(&reason.to_string()) }
    }
}

/// How much earlier than due a message can be claimed, because clocks differ.
pub const CLAIM_TOLERANCE: SignedDuration = SignedDuration::from_secs(1);

/// Partitions of the index `wake`, to avoid a hot one. The number may grow between releases, because the
/// schedule asks each shard for [`Messages::due_work`].
pub const WAKE_SHARDS: u8 = 8;

/// How recent a read has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Consistent: sees every earlier write.
    Latest,
    /// Eventually consistent, at half the cost: may miss writes of the last second.
    Recent,
}

/// A recipient's keyword.
#[derive(Clone, Copy, Debug)]
pub struct KeywordOrder<'a> {
    pub number: &'a PhoneNumber,
    /// The sender ID that received the keyword.
    pub sender: &'a SenderId,
    pub at: Timestamp,
    pub reply: ReplyId,
}

/// Messages and replies.
pub trait Messages {
    /// Inserts messages under new random IDs.
    ///
    /// # Errors
    /// If not every message is known to be written. Some may be, and a lost write may still arrive later,
    /// so the caller must not enqueue or change any message.
    async fn insert(&self, messages: &[Message]) -> Result<(), StoreError>;

    /// Inserts a message unless its ID is taken.
    async fn insert_once(&self, message: &Message) -> Result<Insertion, StoreError>;

    /// Returns a message by ID.
    async fn message(&self, id: MessageId, freshness: Freshness) -> Result<Option<Message>, StoreError>;

    /// Returns the existing messages, in no particular order, with a consistent read.
    async fn messages(&self, ids: &[MessageId]) -> Result<Vec<Message>, StoreError>;

    /// Returns the existing messages, in the IDs' order. Eventually consistent.
    async fn recent_messages(&self, ids: &[MessageId]) -> Result<Vec<Message>, StoreError>;

    /// Claims a queued or scheduled message until the lease expires, if the message is due within
    /// [`CLAIM_TOLERANCE`] and has no final receipt. A retry time counts as a due time.
    async fn claim(&self, id: MessageId, lease: Lease) -> Result<Change, StoreError>;

    /// Records a submit's outcome, if no other execution has changed the message's progress since the claim.
    /// After a final receipt, an unknown, queued, failed or expired outcome, or a deadline, is a conflict.
    async fn record_outcome(&self, id: MessageId, outcome_update: &OutcomeUpdate) -> Result<Change, StoreError>;

    /// Records the next route candidate, if the execution still holds the message and no final receipt has
    /// arrived.
    async fn advance(&self, id: MessageId, advance: &Advance) -> Result<Change, StoreError>;

    /// Requeues a message for its next channel, if the failed channel is still current, no lease is valid,
    /// and no final receipt has arrived.
    async fn fail_over(&self, id: MessageId, fail_over: &FailOver) -> Result<Change, StoreError>;

    /// Requeues a message for its current channel, if the same submit's outcome is still unknown and no
    /// receipt has arrived.
    async fn resend(&self, id: MessageId, again: &Resend) -> Result<Change, StoreError>;

    /// Cancels an account's queued or scheduled message, unless an attempt has failed or a final receipt
    /// has arrived.
    async fn cancel(
        &self,
        account: &AccountId,
        id: MessageId,
        execution_id: ExecutionId,
        at: Timestamp,
    ) -> Result<Change, StoreError>;

    /// Records a receipt, unless its status is recorded already.
    async fn record_receipt(&self, id: MessageId, receipt: &Receipt) -> Result<ReceiptInsertion, StoreError>;

    /// Returns up to `limit` records from a shard with a wake time up to `before`, the earliest first,
    /// starting after `after`.
    async fn due_work(
        &self,
        shard: u8,
        before: Timestamp,
        after: Option<DueWork>,
        limit: u16,
    ) -> Result<Vec<DueWork>, StoreError>;

    /// Moves a record's wake time from `wake_at` to `until`, or does nothing if the time has changed.
    async fn reschedule(&self, work: ScheduledWork, wake_at: Timestamp, until: Timestamp) -> Result<(), StoreError>;

    /// Clears a message's wake time, or does nothing if the time has changed.
    async fn clear_wake(&self, id: MessageId, wake_at: Timestamp) -> Result<(), StoreError>;

    /// Scans the table for queued and submitting messages, of all accounts or one. Returns a page and the bookmark for
    /// the next.
    async fn unfinished(
        &self,
        account: Option<&AccountId>,
        after: Option<Bookmark>,
    ) -> Result<(Vec<Unfinished>, Option<Bookmark>), StoreError>;

    /// Releases a message that `execution_id` claimed and did not submit: queues it on its line, by when it was due,
    /// and undoes the claim's count and history entry. With `wake_at`, the schedule enqueues the message then.
    async fn put_on_line(
        &self,
        held: &Message,
        execution_id: ExecutionId,
        wake_at: Option<Timestamp>,
    ) -> Result<Change, StoreError>;

    /// Releases a message that `execution_id` claimed and did not submit: queues it, undoes the claim's count and
    /// history entry, and has the schedule enqueue it at `wake_at`. The message can be claimed before.
    async fn hold(&self, held: &Message, execution_id: ExecutionId, wake_at: Timestamp) -> Result<Change, StoreError>;

    /// Inserts a reply unless its ID is taken. Retention counts from `now`. Returns whether this execution
    /// wrote the reply.
    async fn insert_reply(&self, reply: &Reply, now: Timestamp) -> Result<bool, StoreError>;

    /// Returns a reply by ID. Eventually consistent.
    async fn reply(&self, id: ReplyId) -> Result<Option<Reply>, StoreError>;

    /// Returns a page from an account's conversation with a number over one sender ID, the newest first. The
    /// page may be short, or empty, and have a next page.
    async fn conversation(
        &self,
        account: &AccountId,
        sender: &SenderId,
        number: &PhoneNumber,
        after: Option<&Position>,
        limit: u16,
    ) -> Result<Page, StoreError>;

    /// Returns a page of an account's messages to a number and replies from it, over all sender IDs that are
    /// numbers, the newest first.
    async fn with_number(
        &self,
        account: &AccountId,
        number: &PhoneNumber,
        after: Option<&Position>,
        limit: u16,
    ) -> Result<Page, StoreError>;

    /// Returns a page from an account's log of the months from `oldest` to `newest`, the newest first.
    async fn log(
        &self,
        account: &AccountId,
        oldest: Timestamp,
        newest: Timestamp,
        after: Option<&Position>,
        limit: u16,
    ) -> Result<Page, StoreError>;

    /// Lists the account's messages accepted in a span of time, `most` at most. Reads no items. Eventually consistent.
    async fn list_messages(&self, account: &AccountId, span: Span, most: usize) -> Result<MessageList, StoreError>;

    /// As [`list_messages`](Self::list_messages), but only messages to this number from numeric sender IDs.
    async fn list_messages_to(
        &self,
        account: &AccountId,
        number: &PhoneNumber,
        span: Span,
        most: usize,
    ) -> Result<MessageList, StoreError>;
}

/// Recipients: locks, opt-outs and automatic replies.
pub trait Recipients {
    /// Returns a recipient with a consistent read; empty if unknown.
    async fn recipient(&self, number: &PhoneNumber) -> Result<Recipient, StoreError>;

    /// Returns the known recipients. Eventually consistent.
    async fn recipients(&self, numbers: &[PhoneNumber]) -> Result<HashMap<PhoneNumber, Recipient>, StoreError>;

    /// Locks sender and account to each other for this recipient, unless either is locked. The lock is unused. Returns
    /// the recipient afterwards, with both locks on success.
    async fn lock(
        &self,
        number: &PhoneNumber,
        account: &AccountId,
        sender: &SenderId,
        reserved_until: Timestamp,
    ) -> Result<Recipient, StoreError>;

    /// Moves an unused lock from `holder` to this account, if its reservation ended by `now` and the account has no
    /// lock. Returns the recipient afterwards.
    async fn take_over(
        &self,
        number: &PhoneNumber,
        account: &AccountId,
        sender: &SenderId,
        holder: &AccountId,
        now: Timestamp,
        reserved_until: Timestamp,
    ) -> Result<Recipient, StoreError>;

    /// Reserves an account's unused lock until a later time. Returns the recipient afterwards.
    async fn reserve(
        &self,
        number: &PhoneNumber,
        account: &AccountId,
        sender: &SenderId,
        reserved_until: Timestamp,
    ) -> Result<Recipient, StoreError>;

    /// Marks an account's lock as used. Sets the lock, too, if neither sender nor account is locked. Returns whether
    /// the account now has the sender.
    async fn use_lock(&self, number: &PhoneNumber, account: &AccountId, sender: &SenderId) -> Result<bool, StoreError>;

    /// Removes an account's lock; a used lock only with `even_used`. Returns whether it was removed.
    async fn release_lock(
        &self,
        number: &PhoneNumber,
        account: &AccountId,
        sender: &SenderId,
        even_used: bool,
    ) -> Result<bool, StoreError>;

    /// Records an opt-out, unless a START is newer. Returns whether this reply set it, now or on an earlier
    /// attempt.
    async fn opt_out(&self, order: &KeywordOrder<'_>) -> Result<bool, StoreError>;

    /// Lifts an opt-out, unless the opt-out is newer. Returns whether this reply lifted it, now or on an
    /// earlier attempt.
    async fn opt_in(&self, order: &KeywordOrder<'_>) -> Result<bool, StoreError>;

    /// Records that the account's client opts the recipient out of all messages from the account. The latest time
    /// counts.
    async fn opt_out_of_account(
        &self,
        number: &PhoneNumber,
        account: &AccountId,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Claims the automatic reply to a keyword, unless another reply claimed it after `since`. Returns true
    /// again if this reply claimed it before.
    async fn claim_auto_reply(
        &self,
        order: &KeywordOrder<'_>,
        keyword: Keyword,
        since: Timestamp,
    ) -> Result<bool, StoreError>;
}

/// The stored directory. [`Directory`] caches it.
pub trait DirectoryStore {
    /// Returns an API key's holder; `None` if the key is unknown or revoked.
    async fn key_holder(&self, key: &ApiKeyHash) -> Result<Option<KeyHolder>, StoreError>;

    async fn account(&self, id: &AccountId) -> Result<Option<Account>, StoreError>;

    async fn owner(&self, sender: &SenderId) -> Result<Option<SenderOwner>, StoreError>;

    /// Returns the shared sender IDs.
    async fn pool(&self) -> Result<Vec<SenderId>, StoreError>;

    async fn carrier(&self, name: CarrierName) -> Result<Option<Carrier>, StoreError>;

    /// Returns the names of all carriers. A carrier without settings is being added or removed.
    async fn carriers(&self) -> Result<Vec<CarrierName>, StoreError>;

    async fn routes(&self) -> Result<Routes, StoreError>;

    /// Returns the senders' rate limits.
    async fn rates(&self) -> Result<Rates, StoreError>;

    /// Returns the senders' lanes.
    async fn lanes(&self) -> Result<Lanes, StoreError>;

    /// Returns the operator's keywords, without the built-in ones.
    async fn keywords(&self) -> Result<Keywords, StoreError>;

    /// Returns the senders exempt from opt-outs.
    async fn exemptions(&self) -> Result<Exemptions, StoreError>;

    /// Returns the senders listed for an account, sorted. A listed sender may have lost or changed its owner.
    async fn listed_senders(&self, account: &AccountId) -> Result<Vec<SenderId>, StoreError>;

    async fn webhooks(&self, account: &AccountId) -> Result<Webhooks, StoreError>;
}
