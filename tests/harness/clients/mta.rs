//! A client of Mobile Text Alerts. Without webhooks, its callbacks go to the account's URLs.

use serde_json::{Value, json};
use shared::domain::{BatchId, Dialect, MessageId, SenderKind};

use super::{Ability, ClientFormat, ClientMessage, ClientRequest, DialectClient, SentMessage};
use crate::messages::with;

pub(super) const CLIENT: DialectClient =
    DialectClient { formats: &[SINGLE, SEVERAL], is_delivery, is_failure, is_reply, files };

const SINGLE: ClientFormat = ClientFormat {
    dialect: Dialect::Mta,
    name: "mta",
    most_messages: 1,
    abilities: &[Ability::SharedSender, Ability::SendAt],
    is_batch: false,
    request,
    accepts,
};

const SEVERAL: ClientFormat =
    ClientFormat { name: "mta, several numbers", most_messages: 100, is_batch: true, ..SINGLE };

fn request(key: &str, messages: &[ClientMessage<'_>]) -> ClientRequest {
    let subscribers: Vec<_> = messages.iter().map(|message| format!("+{}", message.to)).collect();
    let written = messages.first().map(|first| with(common(first), "subscribers", subscribers));
    ClientRequest::post(key, "/v3/send", written.unwrap_or_default())
}

/// Returns the fields that a request's messages share.
fn common(first: &ClientMessage<'_>) -> Value {
    let ClientMessage { from, sender, text, send_at, reference, .. } = first;
    let longcode = sender.parse::<u64>().ok().filter(|_| *from == SenderKind::Custom);
    let send_at = send_at.map(|at| at.strftime("%Y%m%dT%H%M%S-0000").to_string());
    json!({"message": text, "longcodeId": longcode, "scheduledDate": send_at, "externalId": reference})
}

fn accepts(body: &str) -> bool {
    serde_json::from_str::<Value>(body)
        .is_ok_and(|answer| answer["success"] == true && answer["data"]["messageId"].is_u64())
}

fn is_delivery(callback: &Value, sent: &SentMessage<'_>) -> bool {
    callback["status"] == "delivered" && is_status(callback, sent)
}

fn is_failure(callback: &Value, sent: &SentMessage<'_>) -> bool {
    const FAILURES: [&str; 4] = ["undelivered", "undeliverable", "rejected", "unknown"];
    FAILURES.iter().any(|failure| callback["status"] == *failure) && is_status(callback, sent)
}

/// Compares the request's number, too. For a message that is alone in its request, the message's ID leads to that
/// number.
fn is_status(callback: &Value, SentMessage { message, id }: &SentMessage<'_>) -> bool {
    let number = id.parse::<MessageId>().ok().map(|id| BatchId::of_single(id).number());
    callback["type"] == "delivery-status"
        && callback["messageId"].as_u64() == number
        && callback["destinationNumber"] == format!("+{}", message.to)
        && callback["senderName"] == format!("+{}", message.sender)
        && external_id(callback) == message.reference
}

fn is_reply(callback: &Value, SentMessage { message, .. }: &SentMessage<'_>, text: &str) -> bool {
    callback["type"] == "message-reply"
        && callback["message"] == text
        && callback["fromNumber"] == format!("+{}", message.to)
        && callback["toNumber"] == format!("+{}", message.sender)
        && external_id(callback) == message.reference
}

fn external_id(callback: &Value) -> &str {
    callback["externalId"].as_str().unwrap_or_default()
}

/// Returns the only file, or all of several.
fn files(callback: &Value) -> Vec<&str> {
    match callback["urls"].as_array() {
        Some(urls) => urls.iter().filter_map(Value::as_str).collect(),
        None => callback["url"].as_str().into_iter().collect(),
    }
}
