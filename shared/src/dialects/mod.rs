//! Dialects: the contract that each vendor's request format keeps.
//!
//! [`Dialect`] hands each call to the vendor's folder: `request.rs` parses what a client posts into drafts or field
//! errors, `response.rs` writes the answer, and `event.rs` writes callbacks. A message remembers the dialect that it
//! came in. How a request names its account, and whether one error rejects all of it, differ too much between vendors
//! for one function, so each dialect has a module of `send` for its paths.

use crate::{
    domain::{Dialect, Message, Reply, State},
    vendors::{cm::dialect as cm, cymba::dialect as mplus},
};

impl Dialect {
    /// Whether its clients name no callback with a message, and are told at
    /// their account's status URL instead.
    #[must_use]
    pub fn uses_account_status_url(self) -> bool {
        match self {
            Self::Mplus => false,
            Self::Cm => true,
        }
    }

    /// Whether a client of this dialect gets a callback for this state.
    #[must_use]
    pub fn notifies(self, state: State) -> bool {
        match self {
            Self::Mplus => mplus::event::notifies(state),
            Self::Cm => cm::event::notifies(state),
        }
    }

    /// Returns the body of the callback for a state; none if this dialect does not
    /// [notify](Self::notifies) of it. The state is given because the message may have moved on.
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
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn a_dialect_has_words_for_what_it_tells_and_makes_up_none() {
        for (dialect, state) in Dialect::iter().flat_map(|dialect| State::iter().map(move |state| (dialect, state))) {
            let event = dialect.state_event(&Message::example(), state);
            assert_eq!(event.is_some(), dialect.notifies(state), "{dialect:?} {state:?}");
        }
    }
}
