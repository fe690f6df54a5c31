//! Dialects: the contract that each vendor's request format keeps.
//!
//! [`Dialect`] hands callbacks to `event.rs` in the vendor's folder. A message remembers its dialect. For
//! requests and answers, `send` has a module per dialect, which calls the vendor's `request.rs` and
//! `response.rs`: vendors differ in how a request names its account and in whether an error rejects the whole
//! request.

use crate::{
    domain::{Dialect, Message, Reply, State},
    vendors::{cm::dialect as cm, cymba::dialect as mplus},
};

impl Dialect {
    /// Returns whether status callbacks go to the account's status URL, because requests name none.
    #[must_use]
    pub fn uses_account_status_url(self) -> bool {
        match self {
            Self::Mplus => false,
            Self::Cm => true,
        }
    }

    /// Returns whether clients get a callback for `state`.
    #[must_use]
    pub fn notifies(self, state: State) -> bool {
        match self {
            Self::Mplus => mplus::event::notifies(state),
            Self::Cm => cm::event::notifies(state),
        }
    }

    /// Returns the callback body for `state`, or `None` if we do not [notify](Self::notifies) it. The message
    /// itself may have moved on.
    #[must_use]
    pub fn state_event(self, message: &Message, state: State) -> Option<String> {
        match self {
            Self::Mplus => mplus::event::receipt(message, state),
            Self::Cm => cm::event::status_report(message, state),
        }
    }

    /// Returns the callback body for a reply.
    #[must_use]
    pub fn reply_event(self, reply: &Reply) -> String {
        match self {
            Self::Mplus => mplus::event::reply(reply),
            Self::Cm => cm::event::reply(reply),
        }
    }

    /// Returns the dialect's signature headers, besides those for Standard Webhooks.
    #[must_use]
    pub fn signature_headers(self, secret: &[u8], timestamp: i64, body: &str) -> Vec<(&'static str, String)> {
        match self {
            Self::Mplus => mplus::event::signature_headers(secret, timestamp, body),
            // CM.com documents none.
            Self::Cm => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn only_notified_states_have_a_state_event() {
        for (dialect, state) in Dialect::iter().flat_map(|dialect| State::iter().map(move |state| (dialect, state))) {
            let event = dialect.state_event(&Message::example(), state);
            assert_eq!(event.is_some(), dialect.notifies(state), "{dialect:?} {state:?}");
        }
    }
}
