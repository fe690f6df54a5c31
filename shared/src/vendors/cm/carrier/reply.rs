//! Parses replies, by the page "Incoming Messages" and the samples of CM.com's Postman collection
//! (`cmdotcom/text-postman`): one reply or a list, with `from {number, name}`, `to {number}`,
//! `message {text, media {mediaUri, contentType, title}, custom {…}}`, `reference`, `timeUtc` and `channel`.
//!
//! `custom` holds what the channel has besides text and media: a location, contacts, a pressed button. We keep
//! it as it comes. `reference` is our reference for the submit of the answered message.
//!
//! CM.com gives a reply no ID, and redelivers it for up to a month until we answer 200. So we derive the ID
//! from the whole reply. The time is to the second, so two equal replies from the same phone within a
//! second count once.

use serde_json::{Value, json};

use crate::{
    domain::{
        CarrierReply, Media, Originator, ParseError, ParsedItems, ReplyContent, ReplyExtras, SenderId, parse_time,
    },
    formats::{
        caseless::{Object, is_blank},
        webhook_json::{items, one_or_many, read as read_json},
    },
    hash::sha256_hex,
    vendors::cm::channel_name,
};

pub(super) fn read(body: &[u8]) -> Result<ParsedItems<CarrierReply>, ParseError> {
    Ok(items(&read_json(body)?, "(body)", read_one))
}

fn read_one(reply: Object<'_>) -> Result<CarrierReply, ParseError> {
    let from = number(reply, "from")?.parse::<Originator>().map_err(|error| ParseError::new("from.number", error))?;
    let to = number(reply, "to")?.parse::<SenderId>().map_err(|error| ParseError::new("to.number", error))?;
    let content = content(reply)?;
    let time = reply.said("timeutc").ok_or_else(|| ParseError::new("timeUtc", "is missing"))?;
    let at = parse_time(&time).map_err(|error| ParseError::new("timeUtc", error))?;
    let channel = reply.said("channel").unwrap_or_default();
    let reference = reply.said("reference").unwrap_or_default();
    let ReplyContent { text, extras: ReplyExtras { media, custom } } = &content;
    let files: Vec<_> = media.iter().map(|file| (&file.uri, &file.mime_type, &file.name)).collect();
    let identity = json!([from.as_str(), to.as_str(), text, files, custom, time, channel, reference]);
    Ok(CarrierReply {
        id: sha256_hex(&identity.to_string()),
        from,
        from_name: reply.object("from").and_then(|from| from.said("name")),
        to: Some(to),
        content,
        channel: channel_name::of_reply(&channel),
        at: Some(at),
        answers: reference.parse().ok(),
    })
}

fn number(reply: Object<'_>, party: &str) -> Result<String, ParseError> {
    let number = reply.object(party).and_then(|party| party.said("number"));
    number.ok_or_else(|| ParseError::new(format!("{party}.number"), "is missing"))
}

fn content(reply: Object<'_>) -> Result<ReplyContent, ParseError> {
    let message = reply.object("message").ok_or_else(|| ParseError::new("message", "is missing"))?;
    let text = message.text("text").map_err(|_| ParseError::new("message.text", "is not a string"))?;
    let media = message.get("media").filter(|media| !is_blank(media)).map(one_or_many).unwrap_or_default();
    let media = media.iter().map(read_media).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    let custom = message.get("custom").filter(|custom| !is_blank(custom)).cloned();
    Ok(ReplyContent { text: text.unwrap_or_default(), extras: ReplyExtras { media, custom } })
}

/// Returns `None` for an empty media object, which CM.com writes into replies without a file.
fn read_media(media: &Value) -> Result<Option<Media>, ParseError> {
    let media = Object::of(media).ok_or_else(|| ParseError::new("message.media", "is not an object"))?;
    let media = Media {
        name: media.said("title"),
        uri: media.said("mediauri").unwrap_or_default(),
        mime_type: media.said("contenttype"),
        height: None,
    };
    let is_blank = media.uri.is_empty() && media.name.is_none() && media.mime_type.is_none();
    Ok((!is_blank).then_some(media))
}
