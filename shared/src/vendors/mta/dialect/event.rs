//! Callbacks to `mta` clients, by the page "Webhooks" and the tutorial on replies, in the payload version V3.
//!
//! | state | `status` |
//! |---|---|
//! | submitted | `sent` |
//! | delivered | `delivered` |
//! | undelivered, expired | `undelivered` |
//! | blocked by an opt-out | `undeliverable` |
//! | rejected | `rejected` |
//! | failed | `unknown` if the outcome stayed unknown, else `undeliverable` |
//!
//! Our choices:
//! - Our own words for states unknown to the vendor. There is no word for *read* and *cancelled*, so they have no
//!   callback.
//! - The fields of `message-send` and `number-opt-in`, for which the page shows none.
//! - `threadId` and `longcodeId`, with which a client can answer a reply.
//! - `urls`, `fromName` and `custom`: all files in a reply, its sender's name, and a location, contacts or a pressed
//!   button.

use serde::Serialize;
use serde_json::Value;

use crate::{
    domain::{Message, Originator, PhoneNumber, Reference, Reply, State, Tags, Timestamp},
    formats::{json, number},
};

pub(super) fn notifies(state: State) -> bool {
    use State::{Blocked, Delivered, Expired, Failed, Rejected, Submitted, Undelivered};
    matches!(state, Submitted | Blocked | Rejected | Failed | Expired | Undelivered | Delivered)
}

/// Every status: the vendor's words, and our own for states unknown to the vendor.
pub(super) const STATUSES: [&str; 9] = [
    "sent",
    "delivered",
    "undelivered",
    "undeliverable",
    "unknown",
    "rejected",
    "queued",
    State::Scheduled.into_str(),
    State::Cancelled.into_str(),
];

/// Returns the status word for the given state. The message may have moved on since.
pub(super) fn status(message: &Message, state: State) -> &'static str {
    match state {
        State::Scheduled | State::Cancelled => state.into_str(),
        State::Queued | State::Submitting => "queued",
        State::Submitted => "sent",
        State::Unknown => "unknown",
        State::Failed if message.give_up_reason().is_some() => "unknown",
        State::Failed | State::Blocked => "undeliverable",
        State::Rejected => "rejected",
        State::Expired | State::Undelivered => "undelivered",
        State::Delivered | State::Read => "delivered",
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageEvent<'a> {
    r#type: &'static str,
    message_id: u64,
    destination_number: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    external_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Tags::is_empty")]
    tags: &'a Tags,
    sender_name: String,
    longcode_id: u64,
    thread_id: Option<u64>,
    timestamp: String,
}

pub(super) fn delivery_status(message: &Message, state: State) -> Option<String> {
    let event = message_event(message, "delivery-status", state);
    notifies(state).then(|| json::write(&MessageEvent { status: Some(status(message, state)), ..event }))
}

pub(super) fn message_send(message: &Message) -> String {
    json::write(&message_event(message, "message-send", State::Submitted))
}

fn message_event<'a>(message: &'a Message, r#type: &'static str, state: State) -> MessageEvent<'a> {
    let request = &message.request;
    let history = message.full_history();
    let reached = history.iter().find(|state_change| state_change.state == state);
    MessageEvent {
        r#type,
        message_id: message.batch.number(),
        destination_number: number::number("+", &request.to),
        status: None,
        external_id: request.reference.as_ref().map(Reference::as_str),
        tags: &request.tags,
        sender_name: number::sender("+", &request.from.id),
        longcode_id: request.from.id.number(),
        thread_id: thread_of(&request.to),
        timestamp: time(reached.map_or(message.created_at, |state_change| state_change.at)),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageReply<'a> {
    r#type: &'static str,
    from_number: String,
    to_number: String,
    message_id: u64,
    reply_id: u64,
    external_id: Option<&'a str>,
    /// Absent if the reply has files and no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    /// The first file.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    /// All files, if there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    urls: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<&'a Tags>,
    longcode_id: u64,
    thread_id: Option<u64>,
    timestamp: String,
}

pub(super) fn message_reply(reply: &Reply) -> String {
    let answered = reply.replied_to.as_deref();
    let files: Vec<_> = reply.content.extras.media.iter().map(|file| file.uri.as_str()).collect();
    let text = reply.content.text.as_str();
    json::write(&MessageReply {
        r#type: "message-reply",
        from_number: number::originator("+", &reply.from),
        to_number: number::sender("+", &reply.to),
        message_id: reply.id.number(),
        reply_id: reply.id.number(),
        external_id: answered.and_then(|to| to.reference.as_ref()).map(Reference::as_str),
        message: Some(text).filter(|text| !text.is_empty() || files.is_empty()),
        url: files.first().copied(),
        urls: if files.len() > 1 { files } else { Vec::new() },
        from_name: reply.from_name.as_deref(),
        custom: reply.content.extras.custom.as_ref(),
        tags: answered.map(|to| &to.tags).filter(|tags| !tags.is_empty()),
        longcode_id: reply.to.number(),
        thread_id: thread(&reply.from),
        timestamp: time(reply.at),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NumberOptIn {
    r#type: &'static str,
    number: String,
    opt_in_type: &'static str,
    to_number: String,
    longcode_id: u64,
    timestamp: String,
}

/// Returns the callback body, or `None` if the reply is no START.
pub(super) fn number_opt_in(reply: &Reply) -> Option<String> {
    let event = NumberOptIn {
        r#type: "number-opt-in",
        number: number::originator("+", &reply.from),
        opt_in_type: "keyword",
        to_number: number::sender("+", &reply.to),
        longcode_id: reply.to.number(),
        timestamp: time(reply.at),
    };
    reply.opts_in.then(|| json::write(&event))
}

/// Returns the conversation's number: the digits of the originator's phone number, if there is one.
fn thread(originator: &Originator) -> Option<u64> {
    originator.number().and_then(thread_of)
}

pub(super) fn thread_of(number: &PhoneNumber) -> Option<u64> {
    number.digits().parse().ok()
}

pub(super) fn time(at: Timestamp) -> String {
    format!("{at:.3}")
}
