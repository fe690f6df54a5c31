//! A client of CM.com, by its JSON, XML and GET gateways.

use reqwest::Method;
use serde_json::{Value, json};
use shared::domain::Dialect;

use super::{Ability, ClientFormat, ClientMessage, ClientRequest, DialectClient, SentMessage};
use crate::messages::with;

pub(super) const CLIENT: DialectClient =
    DialectClient { formats: &[JSON, XML, QUERY], is_delivery, is_failure, is_reply, files };

const JSON: ClientFormat = ClientFormat {
    dialect: Dialect::Cm,
    name: "cm JSON",
    most_messages: 100,
    abilities: &[Ability::Channels],
    is_batch: false,
    request: |key, messages| {
        let messages: Vec<_> = messages.iter().map(msg).collect();
        ClientRequest::post(key, "/v1.0/message", json!({"messages": {"msg": messages}}))
    },
    accepts: |body| serde_json::from_str::<Value>(body).is_ok_and(|answer| answer["errorCode"] == 0),
};

const XML: ClientFormat = ClientFormat {
    dialect: Dialect::Cm,
    name: "cm XML",
    most_messages: 1,
    abilities: &[],
    is_batch: false,
    request: |key, messages| {
        let msg = |ClientMessage { sender, to, text, .. }: &ClientMessage<'_>| {
            let text = text.replace('&', "&amp;").replace('<', "&lt;");
            format!("<MSG><FROM>{sender}</FROM><TO>00{to}</TO><BODY>{text}</BODY></MSG>")
        };
        let authentication = format!("<AUTHENTICATION><PRODUCTTOKEN>{key}</PRODUCTTOKEN></AUTHENTICATION>");
        let messages: String = messages.iter().map(msg).collect();
        ClientRequest::post(key, "/gateway.ashx", format!("<MESSAGES>{authentication}{messages}</MESSAGES>"))
    },
    // An error is answered with 200 and a text.
    accepts: str::is_empty,
};

const QUERY: ClientFormat = ClientFormat {
    dialect: Dialect::Cm,
    name: "cm GET",
    most_messages: 1,
    abilities: &[],
    is_batch: false,
    request: |key, messages| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for ClientMessage { sender, to, text, .. } in messages {
            query.extend_pairs([("producttoken", key), ("from", sender), ("body", text)]);
            query.append_pair("to", &format!("00{to}"));
        }
        ClientRequest::new(key, Method::GET, &format!("/gateway.ashx?{}", query.finish()))
    },
    accepts: str::is_empty,
};

fn msg(ClientMessage { sender, to, text, channels, reference, .. }: &ClientMessage<'_>) -> Value {
    let body = json!({"type": "auto", "content": text});
    let mut msg = json!({"from": sender, "to": [{"number": format!("00{to}")}], "body": body});
    if !channels.is_empty() {
        msg["allowedChannels"] = channels.iter().map(|channel| Value::from(channel.title())).collect();
    }
    if reference.is_empty() { msg } else { with(msg, "reference", *reference) }
}

fn is_delivery(callback: &Value, sent: &SentMessage<'_>) -> bool {
    has_status(callback, sent, &["2"])
}

fn is_failure(callback: &Value, sent: &SentMessage<'_>) -> bool {
    has_status(callback, sent, &["1", "3"])
}

fn has_status(callback: &Value, SentMessage { message, .. }: &SentMessage<'_>, codes: &[&str]) -> bool {
    let msg = &callback["messages"]["msg"];
    let is_its = msg["reference"] == message.reference && msg["to"] == format!("00{}", message.to);
    is_its && codes.iter().any(|code| msg["status"]["code"] == *code)
}

fn is_reply(callback: &Value, SentMessage { message, .. }: &SentMessage<'_>, text: &str) -> bool {
    callback["message"]["text"] == text
        && callback["from"]["number"] == format!("00{}", message.to)
        && callback["to"]["number"] == format!("00{}", message.sender)
        && callback["reference"] == message.reference
}

fn files(callback: &Value) -> Vec<&str> {
    let message = &callback["message"];
    let others = message["custom"]["media"].as_array().into_iter().flatten();
    let files = std::iter::once(&message["media"]).chain(others);
    files.filter_map(|file| file["mediaUri"].as_str()).filter(|url| !url.is_empty()).collect()
}
