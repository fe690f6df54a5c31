//! Cymba Messaging Plus, by its pages "Add Message", "Starting a conversation" and those on batches. Where they are
//! silent the choice is ours, and a comment says so.

pub mod batch;
pub mod event;
pub mod request;
pub mod response;
#[cfg(test)]
mod tests;

use crate::{
    domain::{CallbackTarget, CallbackUrl, Message, Reply, State},
    vendors::DialectFormat,
};

pub(crate) struct Mplus;

impl DialectFormat for Mplus {
    const PATHS: &'static [&'static str] = &["/message", "/batch", "/batch/{id}"];
    const CALLBACK_TARGET: CallbackTarget = CallbackTarget::Request;

    fn notifies(state: State) -> bool {
        event::notifies(state)
    }

    fn state_event(message: &Message, state: State, _: &CallbackUrl) -> Option<String> {
        event::receipt(message, state)
    }

    fn reply_event(reply: &Reply) -> String {
        event::reply(reply)
    }

    fn signature_headers(secret: &[u8], timestamp: i64, body: &str) -> Vec<(&'static str, String)> {
        event::signature_headers(secret, timestamp, body)
    }
}
