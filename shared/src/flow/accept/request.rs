//! A client's request, in any dialect.

use uuid::Uuid;

use crate::domain::{ApiKeyId, Dialect, Draft, IdempotencyKey, Lane, Lanes, OnUnknown, SenderId};

/// Messages that a client asks us to send.
pub struct Request {
    pub dialect: Dialect,
    /// The API key of the request.
    pub key: Option<ApiKeyId>,
    pub drafts: Vec<Draft>,
    /// How many messages the client posted, including those rejected by the dialect.
    pub posted: usize,
    pub idempotency_key: Option<IdempotencyKey>,
    /// The lane of the request or of its API key. `None`: the sender's applies, or else the usual one.
    pub lane: Option<Lane>,
    /// `None`: the account's setting applies.
    pub on_unknown: Option<OnUnknown>,
    /// Validate and answer without writing, locking or sending.
    pub dry_run: bool,
    pub grouping: Grouping,
}

impl Request {
    /// Returns the lane of a message from this sender.
    pub(super) fn lane_of(&self, sender: &SenderId, lanes: &Lanes) -> Lane {
        self.lane.or_else(|| lanes.of(sender)).unwrap_or_else(|| Lane::of_request(self.posted))
    }
}

/// The batches of a request's messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    /// Each message is a batch of its own.
    #[default]
    Single,
    /// All messages are one batch. They have one text, sender and send time.
    Batch {
        /// The client's own ID of the batch.
        id: Option<Uuid>,
    },
    /// All messages are one batch, whose ID is derived from a number. They share text, sender and send time. The batch
    /// is stored and listed only if it is scheduled.
    Numbered,
}
