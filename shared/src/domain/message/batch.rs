//! Batches: one text to many recipients, accepted in one request.

use std::fmt;

use jiff::Timestamp;

use crate::domain::{AccountId, BatchId, Fingerprint, MessageId, SenderId};

/// An accepted batch, without its messages. `Debug` shows only the ID.
#[derive(Clone, PartialEq, Eq)]
pub struct Batch {
    /// Unique within the account.
    pub id: BatchId,
    pub account: AccountId,
    pub from: SenderId,
    pub created_at: Timestamp,
    /// When a scheduled batch is sent.
    pub send_at: Option<Timestamp>,
    pub message_count: u16,
    /// Of each message.
    pub segments: u16,
    /// Distinguishes a repeated request from a different one under the same ID.
    pub fingerprint: Fingerprint,
    /// When a client began to cancel it. No message is accepted for it afterwards.
    pub cancelled_at: Option<Timestamp>,
}

impl Batch {
    /// Returns the IDs of its messages, in the request's order.
    pub fn message_ids(&self) -> impl Iterator<Item = MessageId> {
        (0..usize::from(self.message_count)).map(|index| MessageId::of_batch(&self.account, self.id, index))
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The numbers of a batch's messages after a cancellation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CancelledBatch {
    /// Cancelled now or before.
    pub cancelled: usize,
    /// A carrier has these messages, or may have them.
    pub too_late: usize,
    /// The request that accepts the batch may still be storing these messages. Cancel the batch again.
    pub missing: usize,
}
