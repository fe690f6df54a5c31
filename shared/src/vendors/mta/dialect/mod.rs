//! Mobile Text Alerts' (MTA) API v3, by its reference and its tutorials.
//!
//! The pages leave these points open, and the choices are ours:
//!
//! - `messageId` is the request's number, which all its messages share. A reply has a number of its own in `messageId`.
//! - We send a text over 160 characters in segments, up to the operator's limit, instead of refusing it.
//! - `header` and `footer` are separate lines before and after the text.
//! - An `image` goes over RCS, or as a link in an SMS (see [`content`]).
//! - `threadId` is the recipient's number as a JSON number, so a client can answer a reply without a list of threads.
//! - Unknown fields are ignored, and `null` counts as absent: the format has no warnings.
//! - Callbacks use payload version V3, with numbers in E.164. We retry them for seven days, regardless of
//!   `retryOnError`.

pub mod account;
mod content;
pub mod deliveries;
pub mod error;
mod event;
mod fields;
pub mod number;
pub mod paging;
pub mod rejection;
pub mod request;
pub mod response;
pub mod scheduled;
#[cfg(test)]
mod tests;
pub mod webhooks;

use http::StatusCode;

use crate::{
    domain::{CallbackTarget, CallbackUrl, Message, Reply, State},
    hash::hmac_sha256,
    vendors::DialectFormat,
};

/// The header with the signature of a callback.
const SIGNATURE_HEADER: &str = "x-signature";

pub(crate) struct Mta;

impl DialectFormat for Mta {
    const PATHS: &'static [&'static str] = &["/v3/send"];
    const CALLBACK_TARGET: CallbackTarget = CallbackTarget::Webhooks;

    fn notifies(state: State) -> bool {
        event::notifies(state)
    }

    fn state_event(message: &Message, state: State, _: &CallbackUrl) -> Option<String> {
        event::delivery_status(message, state)
    }

    fn reply_event(reply: &Reply) -> String {
        event::message_reply(reply)
    }

    fn sent_event(message: &Message) -> Option<String> {
        Some(event::message_send(message))
    }

    fn opt_in_event(reply: &Reply) -> Option<String> {
        event::number_opt_in(reply)
    }

    /// Accepts only a 200, as the vendor's page says.
    fn is_success(status: StatusCode) -> bool {
        status == StatusCode::OK
    }

    /// Signs with the lower-case hex of the body's HMAC-SHA256.
    fn signature_headers(secret: &[u8], _: i64, body: &str) -> Vec<(&'static str, String)> {
        vec![(SIGNATURE_HEADER, hex::encode(hmac_sha256(secret, &[body.as_bytes()])))]
    }
}
