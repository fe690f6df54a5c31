//! The contract of a vendor's request format.

use http::StatusCode;

use crate::domain::{CallbackTarget, CallbackUrl, Message, Reply, State};

/// A vendor's request format: where clients post, and how we call them back. Requests and answers are parsed
/// and written by functions of the vendor's own, which its module in `functions/send` calls, because vendors
/// differ in how a request names its account and in whether an error rejects the whole request.
pub(crate) trait DialectFormat {
    /// The paths that `send` serves, as in template.yaml: a segment `{name}` stands for any text.
    const PATHS: &'static [&'static str];
    /// Where callbacks go.
    const CALLBACK_TARGET: CallbackTarget;

    /// Returns whether clients get a callback for `state`.
    fn notifies(state: State) -> bool;

    /// Returns the callback body for `state`, or `None` if we do not [notify](Self::notifies) it. The message
    /// itself may have moved on. `url` is where it goes.
    fn state_event(message: &Message, state: State, url: &CallbackUrl) -> Option<String>;

    /// Returns the callback body for a reply.
    fn reply_event(reply: &Reply) -> String;

    /// Returns the callback body for an accepted submit, if clients register webhooks for this event.
    fn sent_event(_: &Message) -> Option<String> {
        None
    }

    /// Returns the callback body for a START, if clients register webhooks for this event.
    fn opt_in_event(_: &Reply) -> Option<String> {
        None
    }

    /// Returns whether a client has taken the callback if it answers with this status.
    fn is_success(status: StatusCode) -> bool {
        status.is_success()
    }

    /// Returns the vendor's signature headers, besides those for Standard Webhooks.
    fn signature_headers(_secret: &[u8], _timestamp: i64, _body: &str) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}
