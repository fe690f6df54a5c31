//! Messangi's API `raven`, by its page "Outbound SMS" and its pages on callback URLs.
//!
//! The page has no error body, no path to read a message, and no sample of an MO callback with files. There the
//! format is our choice, and the comment beside it says so. Also ours:
//!
//! - A text has at most 1,600 characters, the page's limit, however many segments that takes. Segments are counted
//!   as the networks bill them, so a Unicode text of several segments has 67 code units in each, not 70.
//! - `null` and an empty optional text count as absent, and we ignore unknown fields: the format has no warnings.
//! - The page's sample of a batch writes `"to:"` for `to`. We read both.
//! - `owner`, `operator` and `username` are the account's ID.

pub mod error;
mod event;
pub mod request;
pub mod response;
mod status;
mod template;
#[cfg(test)]
mod tests;

use crate::{
    domain::{CallbackTarget, CallbackUrl, Message, Reply, State},
    vendors::DialectFormat,
};

pub(crate) struct Messangi;

impl DialectFormat for Messangi {
    const PATHS: &'static [&'static str] =
        &["/raven/v2/messages", "/raven/v2/messages/{id}", "/raven/v3/messages/batch"];
    const CALLBACK_TARGET: CallbackTarget = CallbackTarget::RequestOrAccount;

    fn notifies(state: State) -> bool {
        status::notifies(state)
    }

    fn state_event(message: &Message, state: State, url: &CallbackUrl) -> Option<String> {
        event::mobile_terminated(message, state, url)
    }

    fn reply_event(reply: &Reply) -> String {
        event::mobile_originated(reply)
    }
}
