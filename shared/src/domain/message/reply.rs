//! Replies: what comes from a handset.

use std::fmt;

use jiff::Timestamp;

use crate::domain::{
    AccountId, BatchId, Channel, Dialect, ExecutionId, Groupings, Message, MessageId, PhoneNumber, Reference, ReplyId,
    SenderId,
};

/// A reply whose account is known.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    pub id: ReplyId,
    pub account: AccountId,
    pub from: PhoneNumber,
    /// The sender ID that was answered.
    pub to: SenderId,
    pub body: String,
    pub channel: Channel,
    pub received_at: Timestamp,
    /// The newest message of the conversation that had been sent by then.
    pub replied_to: Option<Box<RepliedTo>>,
    /// The dialect that its client is told in.
    pub dialect: Dialect,
    /// The run that recorded it.
    pub execution_id: ExecutionId,
}

/// The message that a reply answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepliedTo {
    pub message: MessageId,
    pub batch: BatchId,
    pub reference: Option<Reference>,
    pub groupings: Groupings,
}

impl From<&Message> for RepliedTo {
    fn from(message: &Message) -> Self {
        Self {
            message: message.id,
            batch: message.batch,
            reference: message.request.reference.clone(),
            groupings: message.request.groupings.clone(),
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("id", &self.id).field("account", &self.account).finish_non_exhaustive()
    }
}
