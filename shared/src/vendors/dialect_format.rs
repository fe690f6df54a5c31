//! The contract of a vendor's request format.

use crate::domain::{CallbackUrl, Message, Reply, State};

/// A vendor's request format: where clients post, and how we call them back. Requests and answers are parsed
/// and written by functions of the vendor's own, which its module in `functions/send` calls, because vendors
/// differ in how a request names its account and in whether an error rejects the whole request.
pub(crate) trait DialectFormat {
    /// The paths that `send` serves, as in template.yaml: a segment `{name}` stands for any text.
    const PATHS: &'static [&'static str];
    /// Whether status callbacks go to the account's status URL, because requests name none.
    const USES_ACCOUNT_STATUS_URL: bool;

    /// Returns whether clients get a callback for `state`.
    fn notifies(state: State) -> bool;

    /// Returns the callback body for `state`, or `None` if we do not [notify](Self::notifies) it. The message
    /// itself may have moved on. `url` is where it goes.
    fn state_event(message: &Message, state: State, url: &CallbackUrl) -> Option<String>;

    /// Returns the callback body for a reply.
    fn reply_event(reply: &Reply) -> String;

    /// Returns the vendor's signature headers, besides those for Standard Webhooks.
    fn signature_headers(_secret: &[u8], _timestamp: i64, _body: &str) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}
