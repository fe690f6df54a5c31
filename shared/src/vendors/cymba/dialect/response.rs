//! The answer to `POST /message`: each message as it was accepted, with its
//! sender and ids. `warnings` is ours, and there only when something was ignored.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::request::Warning;
use crate::{
    domain::{BatchId, CallbackUrl, Channel, Draft, Message, MessageId, SenderKind},
    formats::json,
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

/// The most bytes that an answer may have. Lambda's limit is 6 MB, and what
/// would go over it must be refused before anything is sent.
const LARGEST_ANSWER: usize = 5_500_000;
/// What the answer says of a message beside its text and addresses, at most.
const BESIDE: usize = 500;
/// How much longer a character gets that is escaped twice, for JSON in JSON.
const ESCAPED: usize = 4;

/// Whether the answer to these drafts is sure to fit. Defaults can make a small
/// request a large answer.
#[must_use]
pub fn fits(drafts: &[Draft]) -> bool {
    let of = |draft: &Draft| draft.text.as_str().len() + draft.callback.as_ref().map_or(0, |url| url.as_str().len());
    drafts.iter().map(|draft| ESCAPED * of(draft) + BESIDE).sum::<usize>() <= LARGEST_ANSWER
}

/// The body of the answer.
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
        callback: message.request.callback.as_ref(),
        channels: &message.request.channels,
        id: message.request.client_id,
        send_at: message.request.send_at,
    }
}
