//! What is kept: messages and replies, recipients with their locks, and the
//! directory of accounts, senders and carriers; and carriers' secrets.
//!
//! The ports below speak of messages and claims, never of items and
//! expressions; [`dynamo`] is what they are on DynamoDB. Every change of a
//! message is one conditional write that says what it expects to find, and a
//! refused one brings back what it found instead.

mod change;
mod directory;
pub mod dynamo;
mod endpoints;
mod page;
mod secrets;
mod sent_ids;
mod ttl_cache;
mod unmatched;

pub use change::{
    Advance, Change, DueWork, FailOver, Insertion, Lease, OutcomeUpdate, ReceiptInsertion, Resend, ScheduledWork,
    Unfinished,
};
pub use directory::{DIRECTORY_TTL, Directory};
pub use dynamo::{AccountChange, CarrierChange, DynamoDirectory, DynamoStore, KeyRecord, Removal, TableNames};
pub use endpoints::{Endpoints, FailedCall, ProbeStart};
pub use page::{Bookmark, Entry, Page, Position, Record};
pub use secrets::{CarrierSecrets, SecretStore, SecretsByCarrier, SecretsManager};
pub use sent_ids::{SentId, SentIds};
pub use unmatched::UnmatchedStore;

use std::collections::HashMap;

use jiff::Timestamp;

use crate::{
    domain::{
        Account, AccountId, ApiKeyHash, CarrierName, CarrierSettings, ExecutionId, Exemptions, Keyword, Keywords,
        Message, MessageId, PhoneNumber, Rates, Receipt, Recipient, Reply, ReplyId, Routes, SenderId, SenderOwner,
        SignedDuration,
    },
    redact::unquoted,
};

/// A store that could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Try again: it did not answer, or refused for now.
    #[error("the store could not {action}")]
    Unavailable {
        action: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Do not: an item is not as this release writes it.
    #[error("a stored {what} cannot be read: {reason}")]
    Unreadable { what: &'static str, reason: String },
}

impl StoreError {
    /// Says nothing of what stands there.
    fn unreadable(what: &'static str, reason: impl ToString) -> Self {
        Self::Unreadable { what, reason: unquoted(&reason.to_string()) }
    }
}

/// By how much a message can be claimed before it is due, has its turn or is to be tried
/// again, as clocks differ.
pub const CLAIM_TOLERANCE: SignedDuration = SignedDuration::from_secs(1);

/// Over how many shards scheduled work is spread, each by itself, so that none is a hot
/// partition. It may grow between releases: what is [due](Messages::due_work) is asked of each.
pub const WAKE_SHARDS: u8 = 8;

/// How new what is read has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Every earlier write is seen.
    Latest,
    /// Writes of the last second may be missing; for half the cost.
    Recent,
}

/// What a recipient orders by a keyword.
#[derive(Clone, Copy, Debug)]
pub struct KeywordOrder<'a> {
    pub number: &'a PhoneNumber,
    /// The sender that it was said to.
    pub sender: &'a SenderId,
    pub at: Timestamp,
    pub reply: ReplyId,
}

/// Messages and replies.
pub trait Messages {
    /// Writes messages under fresh random ids.
    ///
    /// # Errors
    /// When not all are known to be written. Then some may be, and some may come to be
    /// later, as they are here: nothing may be done with any of them.
    async fn insert(&self, messages: &[Message]) -> Result<(), StoreError>;

    /// Writes a message unless its id is there already.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn insert_once(&self, message: &Message) -> Result<Insertion, StoreError>;

    /// # Errors
    /// When the store did not answer.
    async fn message(&self, id: MessageId, freshness: Freshness) -> Result<Option<Message>, StoreError>;

    /// Those of the messages that exist, in no order, each as it is now.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn messages(&self, ids: &[MessageId]) -> Result<Vec<Message>, StoreError>;

    /// Takes the message for the time of the lease, if it is due, its turn has come
    /// (or does so within [`CLAIM_TOLERANCE`]) and nobody has it.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn claim(&self, id: MessageId, lease: Lease) -> Result<Change, StoreError>;

    /// Records what a run found out, if it still holds the message.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn record_outcome(&self, id: MessageId, outcome_update: &OutcomeUpdate) -> Result<Change, StoreError>;

    /// Notes where a run goes on with the message that it holds, if it still
    /// holds it and the network has not said the last word.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn advance(&self, id: MessageId, advance: &Advance) -> Result<Change, StoreError>;

    /// Puts the message back to be sent over the next channel, if it still is at
    /// the one that failed, nobody holds it, and the network has not said the
    /// last word.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn fail_over(&self, id: MessageId, fail_over: &FailOver) -> Result<Change, StoreError>;

    /// Puts the message back to be sent again over the channel that it is at, if its
    /// outcome is still that of the same submit, unknown, and the network has said
    /// nothing of it.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn resend(&self, id: MessageId, again: &Resend) -> Result<Change, StoreError>;

    /// Cancels a message that has not been claimed.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn cancel(
        &self,
        account: &AccountId,
        id: MessageId,
        execution_id: ExecutionId,
        at: Timestamp,
    ) -> Result<Change, StoreError>;

    /// Records a receipt, the first of its status.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn record_receipt(&self, id: MessageId, receipt: &Receipt) -> Result<ReceiptInsertion, StoreError>;

    /// Up to `limit` scheduled items of one of the [`WAKE_SHARDS`] that are due before `before`,
    /// the earliest first, from the one after `after` on.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn due_work(
        &self,
        shard: u8,
        before: Timestamp,
        after: Option<DueWork>,
        limit: u16,
    ) -> Result<Vec<DueWork>, StoreError>;

    /// Moves a wake time, unless it has been moved or taken away.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn reschedule(&self, work: ScheduledWork, wake_at: Timestamp, until: Timestamp) -> Result<(), StoreError>;

    /// Clears the wake time of a message that has nothing scheduled, unless its
    /// wake time has been moved or taken away.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn clear_wake(&self, id: MessageId, wake_at: Timestamp) -> Result<(), StoreError>;

    /// Messages that are to be sent now or were being sent, by reading the whole
    /// table a page at a time: some of them, and after which to go on.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn unfinished(&self, after: Option<Bookmark>) -> Result<(Vec<Unfinished>, Option<Bookmark>), StoreError>;

    /// Takes the next `time` of a sender that is free, and says when it begins:
    /// `now` or later, to the microsecond. What is taken and not used stays idle.
    ///
    /// # Errors
    /// When the store did not answer; some time may have been taken.
    async fn reserve_send_slots(
        &self,
        sender: &SenderId,
        time: SignedDuration,
        now: Timestamp,
    ) -> Result<Timestamp, StoreError>;

    /// Gives a message back that `execution_id` holds and has not handed over, as if it had
    /// not been claimed, to be claimed from `until` on. One that `rests` is woken then.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn release_until(
        &self,
        held: &Message,
        execution_id: ExecutionId,
        until: Timestamp,
        wake: bool,
    ) -> Result<Change, StoreError>;

    /// Writes a reply unless it is there, to be kept from `now` on. Says whether this
    /// run wrote it.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn insert_reply(&self, reply: &Reply, now: Timestamp) -> Result<bool, StoreError>;

    /// # Errors
    /// When the store did not answer.
    async fn reply(&self, id: ReplyId) -> Result<Option<Reply>, StoreError>;

    /// What went between an account's sender and a number, the newest first.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn conversation(
        &self,
        account: &AccountId,
        sender: &SenderId,
        number: &PhoneNumber,
        after: Option<&Position>,
        limit: u16,
    ) -> Result<Page, StoreError>;

    /// What an account sent and got from `oldest` to `newest`, the newest first.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn log(
        &self,
        account: &AccountId,
        oldest: Timestamp,
        newest: Timestamp,
        after: Option<&Position>,
        limit: u16,
    ) -> Result<Page, StoreError>;
}

/// Recipients, their locks and opt-outs.
pub trait Recipients {
    /// An unknown one is an empty one. The read sees every earlier write.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn recipient(&self, number: &PhoneNumber) -> Result<Recipient, StoreError>;

    /// Several at once; locks of the last second may be missing.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn recipients(&self, numbers: &[PhoneNumber]) -> Result<HashMap<PhoneNumber, Recipient>, StoreError>;

    /// Locks the sender and the account to each other for this recipient, if
    /// neither is locked yet. Says what stands afterwards: both locks are there
    /// if it worked.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn lock(&self, number: &PhoneNumber, account: &AccountId, sender: &SenderId)
    -> Result<Recipient, StoreError>;

    /// Notes that the recipient wants nothing more from this sender. Says whether
    /// it was this reply that set the opt-out, now or at an earlier try.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn opt_out(&self, order: &KeywordOrder<'_>) -> Result<bool, StoreError>;

    /// Takes back an opt-out that is no newer. Says whether it was this reply that
    /// lifted it, now or at an earlier try.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn opt_in(&self, order: &KeywordOrder<'_>) -> Result<bool, StoreError>;

    /// Notes that the keyword of this reply is answered, unless another reply's was
    /// after `since`. Says whether it is to be answered; a reply that was there
    /// before is.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn claim_auto_reply(
        &self,
        order: &KeywordOrder<'_>,
        keyword: Keyword,
        since: Timestamp,
    ) -> Result<bool, StoreError>;
}

/// The directory as it is stored; [`Directory`] remembers what it read.
pub trait DirectoryStore {
    /// Whose key it is; none for an unknown or revoked one.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn account_of_key(&self, key: &ApiKeyHash) -> Result<Option<AccountId>, StoreError>;

    /// # Errors
    /// When the store did not answer.
    async fn account(&self, id: &AccountId) -> Result<Option<Account>, StoreError>;

    /// # Errors
    /// When the store did not answer.
    async fn owner(&self, sender: &SenderId) -> Result<Option<SenderOwner>, StoreError>;

    /// Every shared sender ID.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn pool(&self) -> Result<Vec<SenderId>, StoreError>;

    /// # Errors
    /// When the store did not answer.
    async fn carrier(&self, name: CarrierName) -> Result<Option<CarrierSettings>, StoreError>;

    /// Which carriers messages may go through.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn routes(&self) -> Result<Routes, StoreError>;

    /// Which senders carry only so much.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn rates(&self) -> Result<Rates, StoreError>;

    /// Which words are keywords beside the built-in ones.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn keywords(&self) -> Result<Keywords, StoreError>;

    /// Which senders opt-outs do not block.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn exemptions(&self) -> Result<Exemptions, StoreError>;
}
