//! Dialects: the vendors' request formats that clients speak.
//!
//! Each dialect is a folder with the same three files: `request.rs` reads what
//! a client posts into [`Draft`]s, or into what was wrong with it; `response.rs`
//! writes the answer; `event.rs` writes what the client is told later. A message
//! remembers the dialect it came in. A new one is a folder, a variant of
//! [`Dialect`] and its arms below, and a module of `send` for its paths: how a
//! request names its account, and whether one fault refuses all of it, differ
//! too much from vendor to vendor to be put behind one function.

pub mod cm;
mod json;
pub mod mplus;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::{
    CallbackUrl, Channel, Content, Groupings, Message, PhoneNumber, Reference, Reply, SenderId, State, Text, Validity,
};

/// The dialects there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Cymba Messaging Plus.
    Mplus,
    /// CM.com's Business Messaging API.
    Cm,
}

/// A message as a client asked for it, valid but not yet accepted.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    /// Which message of the request it is, counted from 0.
    pub index: usize,
    pub to: PhoneNumber,
    pub from: SenderChoice,
    pub text: Text,
    pub callback: Option<CallbackUrl>,
    pub channels: Vec<Channel>,
    pub client_id: Option<Uuid>,
    pub send_at: Option<Timestamp>,
    pub reference: Option<Reference>,
    pub groupings: Groupings,
    pub validity: Option<Validity>,
    pub content: Option<Content>,
}

impl Draft {
    /// One with nothing but what every message has.
    #[must_use]
    pub fn new(to: PhoneNumber, from: SenderChoice, text: Text) -> Self {
        Self {
            index: 0,
            to,
            from,
            text,
            callback: None,
            channels: Vec::new(),
            client_id: None,
            send_at: None,
            reference: None,
            groupings: Groupings::default(),
            validity: None,
            content: None,
        }
    }
}

/// The sender that a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SenderChoice {
    Custom(SenderId),
    Shared,
}

/// What a client posted, read and validated.
pub struct ReadRequest {
    pub drafts: Vec<Draft>,
    pub warnings: Vec<Warning>,
}

/// Something that was ignored and that the client may have meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    pub field: String,
    pub message: String,
}

impl Dialect {
    pub const ALL: [Self; 2] = [Self::Mplus, Self::Cm];

    /// Whether its clients name no callback with a message, and are told at
    /// their account's status URL instead.
    #[must_use]
    pub fn tells_at_the_account(self) -> bool {
        match self {
            Self::Mplus => false,
            Self::Cm => true,
        }
    }

    /// Whether a client of this dialect is told when its message gets there.
    #[must_use]
    pub fn tells(self, state: State) -> bool {
        match self {
            Self::Mplus => mplus::event::tells(state),
            Self::Cm => cm::event::tells(state),
        }
    }

    /// What a client is told about a state of its message; none of one that this
    /// dialect does not [tell](Self::tells). The state is given because the message may
    /// be further by now.
    #[must_use]
    pub fn state_event(self, message: &Message, state: State) -> Option<String> {
        match self {
            Self::Mplus => mplus::event::receipt(message, state),
            Self::Cm => cm::event::status_report(message, state),
        }
    }

    /// What a client is told about a reply.
    #[must_use]
    pub fn reply_event(self, reply: &Reply) -> String {
        match self {
            Self::Mplus => mplus::event::reply(reply),
            Self::Cm => cm::event::reply(reply),
        }
    }

    /// The headers by which a client of this dialect checks where an event came
    /// from, beside the Standard Webhooks ones.
    #[must_use]
    pub fn signature_headers(self, secret: &[u8], timestamp: i64, body: &str) -> Vec<(&'static str, String)> {
        match self {
            Self::Mplus => mplus::event::signature_headers(secret, timestamp, body),
            // Its document knows none.
            Self::Cm => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialect_has_words_for_what_it_tells_and_makes_up_none() {
        for (dialect, state) in Dialect::ALL.into_iter().flat_map(|dialect| State::ALL.map(|state| (dialect, state))) {
            let event = dialect.state_event(&Message::example(), state);
            assert_eq!(event.is_some(), dialect.tells(state), "{dialect:?} {state:?}");
        }
    }
}
