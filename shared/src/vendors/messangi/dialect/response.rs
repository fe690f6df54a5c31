//! Answers: `{"meta": …, "data": …}`.
//!
//! `GET /raven/v2/messages/{id}` has the `data` of a single message. The page has no path for it, so the path and
//! the answer are our choice. There `requestDR` and `callbacks` tell which URLs get statuses: the record of a message
//! has no others.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::{
    request::Batch,
    status::{QUEUE, status},
};
use crate::{
    domain::{AccountId, CallbackUrl, Draft, Message, MessageId, Reference, RouteName},
    formats::{json, number},
};

/// The head of every answer: its time in milliseconds, and an ID of its own.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    timestamp: i64,
    transaction_id: Uuid,
}

impl Meta {
    #[must_use]
    pub fn new(at: Timestamp, transaction_id: Uuid) -> Self {
        Self { timestamp: at.as_millisecond(), transaction_id }
    }
}

#[derive(Serialize)]
struct Answer<D> {
    meta: Meta,
    data: D,
}

#[derive(Serialize)]
struct Single<'a> {
    id: MessageId,
    from: &'a str,
    text: &'a str,
    to: String,
    #[serde(flatten)]
    common: Common<'a>,
}

/// `invalidNumber` is there only if a number was invalid, as in the page's sample.
#[derive(Serialize)]
struct Several<'a> {
    ids: Vec<Recipient>,
    #[serde(rename = "invalidNumber", skip_serializing_if = "<[String]>::is_empty")]
    invalid_numbers: &'a [String],
    from: &'a str,
    text: &'a str,
    #[serde(flatten)]
    common: Common<'a>,
}

#[derive(Serialize)]
struct Recipient {
    id: MessageId,
    mobile: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Common<'a> {
    #[serde(rename = "requestDR")]
    request_dr: bool,
    r#type: &'static str,
    owner: &'a AccountId,
    operator: &'a AccountId,
    status: &'static str,
    date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    callbacks: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
}

/// Returns the answer to a single message. A repeat gets the first answer, so the status is the one of a message that
/// was accepted just now.
#[must_use]
pub fn accepted(meta: Meta, draft: &Draft, message: &Message) -> String {
    let data = Single { common: accepted_common(draft, message), ..single(message) };
    json::write(&Answer { meta, data })
}

/// Returns the answer to a batch. The text stands in it once, so the answer is hardly longer than the request, and
/// fits within Lambda's limit.
#[must_use]
pub fn accepted_batch(meta: Meta, batch: &Batch, drafts: &[Draft], messages: &[Message]) -> Option<String> {
    let (draft, first) = drafts.first().zip(messages.first())?;
    let recipient = |message: &Message| Recipient { id: message.id, mobile: number::number("+", &message.request.to) };
    let data = Several {
        ids: messages.iter().map(recipient).collect(),
        invalid_numbers: &batch.invalid_numbers,
        from: first.request.from.id.as_str(),
        text: &batch.text,
        common: accepted_common(draft, first),
    };
    Some(json::write(&Answer { meta, data }))
}

/// Returns a message with its present status.
#[must_use]
pub fn shown(meta: Meta, message: &Message) -> String {
    json::write(&Answer { meta, data: single(message) })
}

fn single(message: &Message) -> Single<'_> {
    let request = &message.request;
    Single {
        id: message.id,
        from: request.from.id.as_str(),
        text: request.text.as_str(),
        to: number::number("+", &request.to),
        common: common(message),
    }
}

fn common(message: &Message) -> Common<'_> {
    let request = &message.request;
    let changed_at = message.full_history().last().map_or(message.created_at, |state_change| state_change.at);
    Common {
        request_dr: !request.callbacks.is_empty(),
        r#type: "MT",
        owner: &message.account,
        operator: &message.account,
        status: status(message, message.state()),
        date: date(changed_at),
        connection: request.route.as_ref().map(RouteName::as_str),
        callbacks: joined(&request.callbacks),
        email: request.recipient.email.as_ref().map(Reference::as_str),
        external_id: request.reference.as_ref().map(Reference::as_str),
        client_id: request.recipient.id.as_ref().map(Reference::as_str),
    }
}

fn accepted_common<'a>(draft: &Draft, message: &'a Message) -> Common<'a> {
    Common {
        request_dr: draft.wants_status,
        callbacks: joined(&draft.callbacks),
        status: QUEUE,
        date: date(message.created_at),
        ..common(message)
    }
}

fn joined(callbacks: &[CallbackUrl]) -> Option<String> {
    let callbacks: Vec<_> = callbacks.iter().map(CallbackUrl::as_str).collect();
    (!callbacks.is_empty()).then(|| callbacks.join(","))
}

/// Formats a time in UTC, with milliseconds.
pub(super) fn date(at: Timestamp) -> String {
    format!("{at:.3}")
}
