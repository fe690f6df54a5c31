//! Callbacks to `messangi` clients: statuses to each of the message's `callbacks`, or else to the account's status
//! URL, and replies to the account's reply URL.
//!
//! Typed clients of this format expect texts, so a text that we do not have is empty. Our choices:
//!
//! - `timestamp` is `date` in milliseconds, so that a repeated callback has an equal body.
//! - `processId` is an integer made of the reply's ID. It has 53 bits, which any JSON parser keeps.
//! - `user` has a `+` in front of a number, as `to` has. A short code, name or ID of a channel stands as it is.
//! - `extraInfo.type` is the kind of the first file: `image`, `video`, `audio` or `document`; `contacts` without a
//!   file; else `text`.
//! - `extraInfo.contacts` begins with the sender of the reply, because clients take the first for the sender. A
//!   contact in the reply follows with the fields that the carrier sent, and with `profile` and `wa_id`.
//! - `extraInfo.custom` is what else the carrier sent: a location, or the button or row that was pressed.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    response::date,
    status::{notifies, status},
};
use crate::{
    domain::{AccountId, CallbackUrl, Media, Message, MessageId, Reference, Reply, ReplyId, State},
    formats::{json, number},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MobileTerminated<'a> {
    date: String,
    external_id: &'a str,
    client_id: &'a str,
    callback: &'a CallbackUrl,
    from: &'a str,
    id: MessageId,
    to: String,
    message: &'a str,
    username: &'a AccountId,
    timestamp: i64,
    status: &'static str,
}

pub(super) fn mobile_terminated(message: &Message, state: State, url: &CallbackUrl) -> Option<String> {
    if !notifies(state) {
        return None;
    }
    let request = &message.request;
    let history = message.full_history();
    let reached = history.iter().find(|state_change| state_change.state == state);
    let at = reached.map_or(message.created_at, |state_change| state_change.at);
    Some(json::write(&MobileTerminated {
        date: date(at),
        external_id: text(request.reference.as_ref()),
        client_id: text(request.recipient.id.as_ref()),
        callback: url,
        from: request.from.id.as_str(),
        id: message.id,
        to: number::number("+", &request.to),
        message: request.text.as_str(),
        username: &message.account,
        timestamp: at.as_millisecond(),
        status: status(message, state),
    }))
}

fn text(label: Option<&Reference>) -> &str {
    label.map_or("", Reference::as_str)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MobileOriginated<'a> {
    owner: &'a AccountId,
    date: String,
    process_id: u64,
    origin: &'a str,
    external_id: &'a str,
    callback: &'static str,
    connection: &'static str,
    id: ReplyId,
    text: &'a str,
    user: String,
    extra_info: Option<ExtraInfo<'a>>,
}

#[derive(Serialize)]
struct ExtraInfo<'a> {
    r#type: &'a str,
    attachments: Vec<Attachment<'a>>,
    contacts: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom: Option<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Attachment<'a> {
    file_name: &'a str,
    url: &'a str,
    caption: &'static str,
}

pub(super) fn mobile_originated(reply: &Reply) -> String {
    json::write(&MobileOriginated {
        owner: &reply.account,
        date: date(reply.at),
        process_id: reply.id.number(),
        origin: reply.to.as_str(),
        external_id: text(reply.replied_to.as_ref().and_then(|to| to.reference.as_ref())),
        callback: "",
        connection: "",
        id: reply.id,
        text: &reply.content.text,
        user: number::originator("+", &reply.from),
        extra_info: extra_info(reply),
    })
}

/// Returns `None` for a reply that is only a text.
fn extra_info(reply: &Reply) -> Option<ExtraInfo<'_>> {
    let extras = &reply.content.extras;
    if extras.is_empty() && reply.from_name.is_none() {
        return None;
    }
    let (in_reply, custom) = split_custom(extras.custom.as_ref());
    let r#type = match (extras.media.first(), in_reply.is_empty()) {
        (Some(media), _) => kind(media),
        (None, false) => "contacts",
        (None, true) => "text",
    };
    let mut contacts = Vec::new();
    if reply.from_name.is_some() || !in_reply.is_empty() {
        let wa_id = reply.from.number().map_or(reply.from.as_str(), |number| number.digits());
        contacts.push(json!({"profile": {"name": reply.from_name.as_deref().unwrap_or_default()}, "wa_id": wa_id}));
    }
    contacts.extend(in_reply.iter().map(|fields| contact(fields)));
    Some(ExtraInfo { r#type, attachments: extras.media.iter().map(attachment).collect(), contacts, custom })
}

fn kind(media: &Media) -> &str {
    let kind = media.mime_type.as_deref().and_then(|mime_type| mime_type.split('/').next());
    kind.filter(|kind| ["image", "video", "audio"].contains(kind)).unwrap_or("document")
}

fn attachment(media: &Media) -> Attachment<'_> {
    Attachment { file_name: media.name.as_deref().unwrap_or_default(), url: &media.uri, caption: "" }
}

/// Splits a reply's `custom`, in CM.com's keys, into its contacts and the rest.
fn split_custom(custom: Option<&Value>) -> (Vec<&Map<String, Value>>, Option<Value>) {
    let Some(Value::Object(fields)) = custom else { return (Vec::new(), custom.cloned()) };
    let contacts = fields.get("contacts").and_then(Value::as_array);
    let contacts: Option<Vec<_>> =
        contacts.map(|listed| listed.iter().map(Value::as_object).collect()).unwrap_or_default();
    let Some(contacts) = contacts else { return (Vec::new(), custom.cloned()) };
    let mut rest = fields.clone();
    rest.remove("contacts");
    (contacts, (!rest.is_empty()).then_some(Value::Object(rest)))
}

/// Returns a contact with the two fields that clients of this format read.
fn contact(fields: &Map<String, Value>) -> Value {
    let mut contact = fields.clone();
    let name = fields.get("name").and_then(|name| name["formatted_name"].as_str()).unwrap_or_default();
    let phone = fields.get("phones").and_then(|phones| phones.get(0));
    let wa_id = phone.and_then(|phone| phone["wa_id"].as_str().or_else(|| phone["phone"].as_str()));
    contact.entry("profile").or_insert_with(|| json!({ "name": name }));
    contact.entry("wa_id").or_insert_with(|| wa_id.unwrap_or_default().into());
    Value::Object(contact)
}
