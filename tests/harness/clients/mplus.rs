//! A client of Cymba Messaging Plus.

use serde_json::{Value, json};
use shared::domain::{Dialect, SenderKind};

use super::{Ability, ClientFormat, ClientMessage, ClientRequest, DialectClient, SentMessage};
use crate::messages::{custom, shared, with};

pub(super) const CLIENT: DialectClient =
    DialectClient { formats: &[MESSAGES, BATCH], is_delivery, is_failure, is_reply, files };

const MESSAGES: ClientFormat = ClientFormat {
    dialect: Dialect::Mplus,
    name: "mplus",
    most_messages: 100,
    abilities: &[Ability::MessageId, Ability::SharedSender, Ability::SendAt, Ability::Channels],
    is_batch: false,
    request: |key, messages| {
        let messages: Vec<_> = messages.iter().map(message).collect();
        ClientRequest::post(key, "/message", json!({"messages": messages}))
    },
    accepts: |_| true,
};

const BATCH: ClientFormat = ClientFormat {
    dialect: Dialect::Mplus,
    name: "mplus batch",
    most_messages: 100,
    abilities: &[Ability::MessageId, Ability::SendAt, Ability::Channels],
    is_batch: true,
    request: |key, messages| ClientRequest::post(key, "/batch?allowMulti=true", batch(messages)),
    accepts: |_| true,
};

fn batch(messages: &[ClientMessage<'_>]) -> Value {
    let ClientMessage { id, sender, text, send_at, channels, callback, .. } = &messages[0];
    let destinations: Vec<_> = messages.iter().map(|message| message.to).collect();
    let mut written = json!({"from": sender, "message": text, "destinations": destinations, "callback": callback});
    if let Some(id) = id {
        written["uuid"] = id.to_string().into();
    }
    if let Some(send_at) = send_at {
        written["at"] = send_at.to_string().into();
    }
    if let Some((first, others)) = channels.split_first() {
        written["channel"] = first.into_str().into();
        written["fallback_channels"] = others.iter().map(|channel| Value::from(channel.into_str())).collect();
    }
    written
}

fn message(message: &ClientMessage<'_>) -> Value {
    let ClientMessage { id, from, sender, to, text, send_at, channels, callback, .. } = message;
    let mut written = match from {
        SenderKind::Custom => custom(sender, to, text),
        SenderKind::Shared => shared(to, text),
    };
    written = with(written, "callback", *callback);
    if let Some(id) = id {
        written["id"] = id.to_string().into();
    }
    if let Some(send_at) = send_at {
        written["send_at"] = send_at.to_string().into();
    }
    if !channels.is_empty() {
        written["channels"] = channels.iter().map(|channel| Value::from(channel.into_str())).collect();
    }
    written
}

fn is_delivery(callback: &Value, sent: &SentMessage<'_>) -> bool {
    callback["delivered"] == true && callback["receiptInfo"]["code"] == "00" && is_receipt(callback, sent)
}

fn is_failure(callback: &Value, sent: &SentMessage<'_>) -> bool {
    callback["delivered"] == false && callback["receiptInfo"]["code"] != "00" && is_receipt(callback, sent)
}

fn is_receipt(callback: &Value, SentMessage { message, id }: &SentMessage<'_>) -> bool {
    callback["messageuuid"] == *id && callback["destination"] == format!("+{}", message.to)
}

fn is_reply(callback: &Value, SentMessage { message, id }: &SentMessage<'_>, text: &str) -> bool {
    // The document's numbers are JSON numbers in `from`, and strings in `to`.
    message.to.parse().is_ok_and(|from: u64| callback["from"] == from)
        && callback["message"] == text
        && callback["to"] == message.sender
        && callback["message_uuid"] == *id
}

fn files(callback: &Value) -> Vec<&str> {
    callback["media"].as_array().into_iter().flatten().filter_map(|file| file["url"].as_str()).collect()
}
