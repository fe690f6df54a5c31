//! The answer to `POST /message`: each accepted message with its sender and IDs. Our additions:
//!
//! - `segments` and `encoding` of the text as an SMS, and in `unicode` the characters that force UCS-2, if any.
//! - `warnings`, if we ignored something.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::request::Warning;
use crate::{
    domain::{BatchId, CallbackUrl, Channel, Draft, Message, MessageId, SenderKind},
    formats::{json, text_cost::TextCost},
};

#[derive(Serialize)]
struct Answer<'a> {
    messages: Vec<Accepted<'a>>,
    #[serde(skip_serializing_if = "<[Warning]>::is_empty")]
    warnings: &'a [Warning],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Accepted<'a> {
    to: &'a str,
    body: &'a str,
    from: From<'a>,
    batch_uuid: BatchId,
    message_uuid: MessageId,
    scheduled: bool,
    #[serde(flatten)]
    cost: TextCost,
    #[serde(skip_serializing_if = "Option::is_none")]
    callback: Option<&'a CallbackUrl>,
    #[serde(skip_serializing_if = "<[Channel]>::is_empty")]
    channels: &'a [Channel],
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Uuid>,
    #[serde(rename = "send_at", skip_serializing_if = "Option::is_none")]
    send_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct From<'a> {
    r#type: SenderKind,
    value: &'a str,
}

/// Limit on the answer, in bytes. Lambda's limit is 6 MB. If the answer would not fit, we must reject the
/// request before we accept any message.
const LARGEST_ANSWER: usize = 5_500_000;
/// Most bytes per message, besides its text and callback. `unicode` repeats characters of the text, each of which
/// [`ESCAPED`] counts four times.
const BESIDE: usize = 500;
/// Most bytes per byte of text after escaping twice, for JSON in JSON.
const ESCAPED: usize = 4;

/// Returns whether the answer is sure to fit. Defaults can make it far larger than the request.
#[must_use]
pub fn fits(drafts: &[Draft]) -> bool {
    drafts.iter().map(estimate).sum::<usize>() <= LARGEST_ANSWER
}

/// Returns at least the length of a message in the answer.
pub(super) fn estimate(draft: &Draft) -> usize {
    let callback = draft.callbacks.iter().map(|url| url.as_str().len()).sum::<usize>();
    ESCAPED * (draft.text.as_str().len() + callback) + BESIDE
}

/// Returns the answer's body.
#[must_use]
pub fn write(messages: &[Message], warnings: &[Warning]) -> String {
    let messages = messages.iter().map(accepted).collect();
    json::write(&Answer { messages, warnings })
}

fn accepted(message: &Message) -> Accepted<'_> {
    Accepted {
        to: message.request.to.digits(),
        body: message.request.text.as_str(),
        from: From { r#type: message.request.from.kind, value: message.request.from.id.as_str() },
        batch_uuid: message.batch,
        message_uuid: message.id,
        scheduled: message.was_scheduled(),
        cost: (&message.request.text).into(),
        callback: message.request.callbacks.first(),
        channels: &message.request.channels,
        id: message.request.client_id,
        send_at: message.request.send_at,
    }
}
