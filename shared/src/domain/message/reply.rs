//! Replies from recipients.

use std::fmt;

use jiff::Timestamp;

use crate::domain::{
    AccountId, BatchId, Channel, Dialect, ExecutionId, Groupings, Message, MessageId, PhoneNumber, Reference, ReplyId,
    SenderId,
};

/// A reply matched to its account.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    pub id: ReplyId,
    pub account: AccountId,
    pub from: PhoneNumber,
    /// The answered sender ID.
    pub to: SenderId,
    pub body: String,
    pub channel: Channel,
    pub received_at: Timestamp,
    /// The client's message that we submitted last before the reply.
    pub replied_to: Option<Box<RepliedTo>>,
    /// The dialect of the callback.
    pub dialect: Dialect,
    pub execution_id: ExecutionId,
}

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
