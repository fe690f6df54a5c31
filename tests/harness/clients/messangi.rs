//! A client of Messangi, by its paths for one message and for a batch.

use serde_json::{Value, json};
use shared::domain::Dialect;

use super::{ClientFormat, ClientMessage, ClientRequest, DialectClient, SentMessage};
use crate::messages::with;

pub(super) const CLIENT: DialectClient =
    DialectClient { formats: &[SINGLE, BATCH], is_delivery, is_failure, is_reply, files };

const SINGLE: ClientFormat = ClientFormat {
    dialect: Dialect::Messangi,
    name: "messangi",
    most_messages: 1,
    abilities: &[],
    is_batch: false,
    request: |key, messages| {
        let written: Vec<_> = messages
            .iter()
            .map(|message| {
                let to = format!("+{}", message.to);
                with(with(common(message), "to", to), "text", message.text)
            })
            .collect();
        ClientRequest::post(key, "/raven/v2/messages", written.first().unwrap_or(&Value::Null))
    },
    accepts: is_queued,
};

/// All messages of a batch have the sender and the options of the first. The whole text is a parameter.
const BATCH: ClientFormat = ClientFormat {
    dialect: Dialect::Messangi,
    name: "messangi batch",
    most_messages: 100,
    abilities: &[],
    is_batch: false,
    request: |key, messages| {
        let to = |message: &ClientMessage<'_>| json!({"to": format!("+{}", message.to), "params": [message.text]});
        let to: Vec<_> = messages.iter().map(to).collect();
        let written = messages.first().map(|first| with(with(common(first), "to", to), "text", "{0}"));
        ClientRequest::post(key, "/raven/v3/messages/batch", written.unwrap_or_default())
    },
    accepts: |body| is_queued(body) && !body.contains("invalidNumber"),
};

fn common(message: &ClientMessage<'_>) -> Value {
    let ClientMessage { sender, callback, reference, .. } = message;
    json!({"from": sender, "requestDR": true, "callbacks": callback, "externalId": reference, "type": "MT"})
}

fn is_queued(body: &str) -> bool {
    serde_json::from_str::<Value>(body).is_ok_and(|answer| answer["data"]["status"] == "QUEUE")
}

fn is_delivery(callback: &Value, sent: &SentMessage<'_>) -> bool {
    callback["status"] == "DELIVRD" && is_status(callback, sent)
}

fn is_failure(callback: &Value, sent: &SentMessage<'_>) -> bool {
    const FAILURES: [&str; 6] = ["UNDELIV", "EXPIRED", "REJECTD", "BLACKLISTED", "ERROR", "UNKNOWN"];
    FAILURES.iter().any(|failure| callback["status"] == *failure) && is_status(callback, sent)
}

fn is_status(callback: &Value, SentMessage { message, id }: &SentMessage<'_>) -> bool {
    callback["id"] == *id
        && callback["to"] == format!("+{}", message.to)
        && callback["from"] == message.sender
        && callback["callback"] == message.callback
        && callback["externalId"] == message.reference
}

fn is_reply(callback: &Value, SentMessage { message, .. }: &SentMessage<'_>, text: &str) -> bool {
    callback["text"] == text
        && callback["user"] == format!("+{}", message.to)
        && callback["origin"] == message.sender
        && callback["externalId"] == message.reference
}

fn files(callback: &Value) -> Vec<&str> {
    let files = callback["extraInfo"]["attachments"].as_array().into_iter().flatten();
    files.filter_map(|file| file["url"].as_str()).collect()
}
