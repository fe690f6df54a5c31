//! CM.com's request formats, by the page "Business Messaging API": a JSON gateway, an XML gateway and an HTTP
//! GET gateway. Where the page is silent the choice is ours, and a comment says so.
//!
//! All three fill [`message::Fields`], which are validated in one place. The JSON gateway judges each message
//! alone. XML and GET reject the whole request for any error.

mod channel_rules;
mod content;
pub mod error;
pub mod event;
mod message;
pub mod query;
pub mod request;
pub mod response;
#[cfg(test)]
mod tests;
mod validity;
pub mod xml;

#[cfg(test)]
pub(crate) use content::read as read_content;
pub use message::{ParsedMessage, ReadContext};

use crate::{
    domain::{CallbackTarget, CallbackUrl, Message, Reply, State},
    vendors::DialectFormat,
};

/// Header that may bear the product token.
pub const TOKEN_HEADER: &str = "x-cm-producttoken";
/// Limit on a request's messages.
pub const MOST_MESSAGES: usize = 1000;

pub(crate) struct Cm;

impl DialectFormat for Cm {
    const PATHS: &'static [&'static str] = &["/v1.0/message", "/gateway.ashx"];
    const CALLBACK_TARGET: CallbackTarget = CallbackTarget::RequestOrAccount;

    fn notifies(state: State) -> bool {
        event::notifies(state)
    }

    fn state_event(message: &Message, state: State, _: &CallbackUrl) -> Option<String> {
        event::status_report(message, state)
    }

    fn reply_event(reply: &Reply) -> String {
        event::reply(reply)
    }
}
