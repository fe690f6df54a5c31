//! Replies from recipients.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{
    AccountId, BatchId, Channel, Dialect, ExecutionId, Groupings, Message, MessageId, Originator, Reference,
    ReplyContent, ReplyId, SenderId, Tags,
};

/// A reply matched to its account.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    pub id: ReplyId,
    pub account: AccountId,
    pub from: Originator,
    /// The originator's name on the channel.
    pub from_name: Option<String>,
    /// The answered sender ID.
    pub to: SenderId,
    pub content: ReplyContent,
    pub channel: Channel,
    /// When the recipient wrote it, by the carrier's clock, or else its arrival.
    pub at: Timestamp,
    pub received_at: Timestamp,
    /// The client's message that the carrier names, or else the one that we submitted last before the reply.
    pub replied_to: Option<Box<RepliedTo>>,
    /// Whether the reply is a START: the recipient wants messages again.
    pub opts_in: bool,
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
    pub tags: Tags,
}

impl From<&Message> for RepliedTo {
    fn from(message: &Message) -> Self {
        Self {
            message: message.id,
            batch: message.batch,
            reference: message.request.reference.clone(),
            groupings: message.request.groupings.clone(),
            tags: message.request.tags.clone(),
        }
    }
}

/// Carriers round times to seconds. If a reply arrives within this delay, its arrival sorts it better than its own
/// time.
const AT_ONCE: SignedDuration = SignedDuration::from_secs(5);

impl Reply {
    /// Returns the time by which the reply has its place among other replies and messages.
    #[must_use]
    pub fn sorted_by(&self) -> Timestamp {
        if self.received_at.duration_since(self.at) <= AT_ONCE { self.received_at } else { self.at }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("id", &self.id).field("account", &self.account).finish_non_exhaustive()
    }
}
