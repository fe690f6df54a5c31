//! The MO callback: `{"id","processId","user","origin","text","date","externalId","connection","extraInfo"}`. `user` is
//! the subscriber, and `origin` our sender.
//!
//! `extraInfo` is `null` or `{"type","attachments":[{"fileName","url","caption"}],"contacts":[{"profile":{"name"},
//! "wa_id"}]}`. The pages do not explain it, and the choices are ours:
//! - Attachments are files. If the reply has no text, their captions are its text.
//! - A contact with the subscriber's own number gives the subscriber's name, as in WhatsApp's webhooks. Other contacts
//!   stand in `custom` in the form of CM.com's, and what else there is under its own key.
//!
//! No page says whether `id` or `processId` names the reply. So we derive the ID from the whole reply. A redelivery
//! has the same ID as long as Messangi repeats the body.

use serde_json::{Map, Value, json};

use super::time::date;
use crate::{
    domain::{CarrierReply, Channel, Media, Originator, ParseError, ParsedItems, ReplyContent, ReplyExtras, SenderId},
    formats::{
        caseless::{Object, is_blank},
        webhook_json::{items, one_or_many, read as read_json},
    },
    hash::sha256_hex,
};

const KIND: &str = "type";
const ATTACHMENTS: &str = "attachments";
const CONTACTS: &str = "contacts";

pub(super) fn read(body: &[u8]) -> Result<ParsedItems<CarrierReply>, ParseError> {
    Ok(items(&read_json(body)?, "(body)", read_one))
}

fn read_one(reply: Object<'_>) -> Result<CarrierReply, ParseError> {
    let required = |key: &str| reply.said(key).ok_or_else(|| ParseError::new(key, "is missing"));
    let from = required("user")?.parse::<Originator>().map_err(|error| ParseError::new("user", error))?;
    let to = required("origin")?.parse::<SenderId>().map_err(|error| ParseError::new("origin", error))?;
    let text = reply.text("text").map_err(|_| ParseError::new("text", "is not a string"))?;
    let extra = reply.get("extrainfo").filter(|extra| !is_blank(extra));
    if text.is_none() && extra.is_none() {
        return Err(ParseError::new("text", "is missing"));
    }
    let text = text.unwrap_or_default();
    let time = reply.said("date");
    let (id, process) = (reply.said("id"), reply.said("processid"));
    let identity = json!([id, process, from.as_str(), to.as_str(), text, time, extra]);
    let extra = ExtraInfo::read(extra, &from)?;
    Ok(CarrierReply {
        id: sha256_hex(&identity.to_string()),
        from,
        from_name: extra.name,
        to: Some(to),
        content: ReplyContent {
            text: if text.is_empty() { extra.captions.join("\n") } else { text },
            extras: ReplyExtras { media: extra.media, custom: extra.custom },
        },
        channel: Channel::Sms,
        at: time.and_then(|time| date(&time)),
        answers: reply.said("externalid").and_then(|reference| reference.parse().ok()),
    })
}

#[derive(Default)]
struct ExtraInfo {
    media: Vec<Media>,
    captions: Vec<String>,
    /// The subscriber's.
    name: Option<String>,
    custom: Option<Value>,
}

impl ExtraInfo {
    fn read(extra: Option<&Value>, from: &Originator) -> Result<Self, ParseError> {
        let Some(extra) = extra else { return Ok(Self::default()) };
        let Some(extra) = Object::of(extra) else { return Ok(Self { custom: Some(extra.clone()), ..Self::default() }) };
        let mut read = Self::default();
        for attachment in list(extra, ATTACHMENTS) {
            let file = Object::of(attachment)
                .ok_or_else(|| ParseError::new("extraInfo.attachments", "is not a list of objects"))?;
            read.captions.extend(file.said("caption"));
            read.media.push(Media {
                name: file.said("filename"),
                uri: file.said("url").ok_or_else(|| ParseError::new("extraInfo.attachments.url", "is missing"))?,
                mime_type: None,
                height: None,
            });
        }
        let mut contacts = Vec::new();
        for contact in list(extra, CONTACTS) {
            match own_name(contact, from) {
                Some(name) => read.name = Some(name),
                None => contacts.push(as_cm(contact)),
            }
        }
        read.custom = custom(extra, contacts);
        Ok(read)
    }
}

fn list<'a>(extra: Object<'a>, key: &str) -> impl Iterator<Item = &'a Value> {
    extra.get(key).map(one_or_many).unwrap_or_default().iter().filter(|value| !is_blank(value))
}

/// Returns the name of a contact that has the subscriber's number.
fn own_name(contact: &Value, from: &Originator) -> Option<String> {
    let contact = Object::of(contact)?;
    let number = contact.said("wa_id")?.parse::<Originator>().ok()?;
    if number == *from { contact.object("profile")?.said("name") } else { None }
}

/// Writes a contact as CM.com's replies do. A contact in another form stays as it is.
fn as_cm(contact: &Value) -> Value {
    let (name, number) = match Object::of(contact) {
        Some(contact) => (contact.object("profile").and_then(|of| of.said("name")), contact.said("wa_id")),
        None => (None, None),
    };
    let mut written = Map::new();
    if let Some(name) = name {
        written.insert("name".to_owned(), json!({"formatted_name": name}));
    }
    if let Some(number) = number {
        written.insert("phones".to_owned(), json!([{"wa_id": number}]));
    }
    if written.is_empty() { contact.clone() } else { written.into() }
}

/// Returns the contacts, and what else is in `extraInfo`. The type alone says no more than files and contacts do.
fn custom(extra: Object<'_>, contacts: Vec<Value>) -> Option<Value> {
    let is_read = |key: &str| [ATTACHMENTS, CONTACTS].iter().any(|read| key.eq_ignore_ascii_case(read));
    let others = extra.entries().filter(|(key, value)| !is_read(key) && !is_blank(value));
    let mut custom: Map<_, _> = others.map(|(key, value)| (key.to_owned(), value.clone())).collect();
    if custom.keys().all(|key| key.eq_ignore_ascii_case(KIND)) {
        custom.clear();
    }
    if !contacts.is_empty() {
        custom.insert(CONTACTS.to_owned(), contacts.into());
    }
    (!custom.is_empty()).then(|| custom.into())
}
