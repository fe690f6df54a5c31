//! Replies: what comes from a handset.

use std::fmt;

use jiff::Timestamp;

use super::{
    AccountId, BatchId, Channel, Groupings, Message, MessageId, PhoneNumber, Reference, ReplyId, SenderId, Stamp,
};
use crate::dialects::Dialect;

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
    pub stamp: Stamp,
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
            reference: message.reference.clone(),
            groupings: message.groupings.clone(),
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("id", &self.id).field("account", &self.account).finish_non_exhaustive()
    }
}

/// A reply that is an order rather than an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyword {
    /// Send nothing more from this sender.
    Stop,
    /// Send again.
    Start,
}

impl Keyword {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Start => "start",
        }
    }

    /// The keyword that a text consists of, in any case and with any
    /// punctuation around it. The words are those of the CTIA's messaging
    /// principles and of the vendors' own lists.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let word = text.trim_matches(|c: char| !c.is_alphanumeric()).to_uppercase();
        match word.as_str() {
            "STOP" | "STOPALL" | "STOP ALL" | "UNSUBSCRIBE" | "CANCEL" | "END" | "QUIT" | "REVOKE" | "OPTOUT"
            | "OPT OUT" | "OPT-OUT" => Some(Self::Stop),
            "START" | "UNSTOP" | "YES" | "SUBSCRIBE" | "OPTIN" | "OPT IN" | "OPT-IN" => Some(Self::Start),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyword_is_the_whole_text() {
        for text in ["STOP", "stop", " Stop. ", "\"Stop all\"", "unsubscribe!"] {
            assert_eq!(Keyword::of(text), Some(Keyword::Stop), "{text}");
        }
        assert_eq!(Keyword::of("Start"), Some(Keyword::Start));
        for text in ["", "please stop", "Stop it", "help", "..."] {
            assert_eq!(Keyword::of(text), None, "{text}");
        }
    }
}
