//! Replies: `{"account_uuid","batch_uuid","message_uuid","mo_uuid","channel","message","at","from","to"}`. `from` is a
//! JSON number, or a string. `mo_uuid` is the reply's ID.
//!
//! `message_uuid` is Cymba's ID of the answered message, and not our reference. So a reply names no submit.
//!
//! A reply from our own dialect `mplus`, at another gateway of ours, also has `media`
//! (`[{"url","content_type","name"}]`), `custom` and `from_name`. A malformed time is dropped, because the reply
//! matters more.

use serde_json::Value;

use crate::{
    domain::{
        CarrierReply, Channel, Media, Originator, ParseError, ParsedItems, ReplyContent, ReplyExtras, SenderId,
        parse_time,
    },
    formats::{
        caseless::{Object, is_blank},
        webhook_json::{items, one_or_many, read as read_json},
    },
};

pub(super) fn read(body: &[u8]) -> Result<ParsedItems<CarrierReply>, ParseError> {
    Ok(items(&read_json(body)?, "(body)", read_one))
}

fn read_one(reply: Object<'_>) -> Result<CarrierReply, ParseError> {
    let required = |key: &str| reply.said(key).ok_or_else(|| ParseError::new(key, "is missing"));
    Ok(CarrierReply {
        id: required("mo_uuid")?,
        from: required("from")?.parse::<Originator>().map_err(|error| ParseError::new("from", error))?,
        from_name: reply.said("from_name"),
        to: Some(required("to")?.parse::<SenderId>().map_err(|error| ParseError::new("to", error))?),
        content: content(reply)?,
        channel: reply.said("channel").and_then(|channel| channel.parse().ok()).unwrap_or(Channel::Sms),
        at: reply.said("at").and_then(|at| parse_time(&at).ok()),
        answers: None,
    })
}

fn content(reply: Object<'_>) -> Result<ReplyContent, ParseError> {
    let text = reply.text("message").map_err(|_| ParseError::new("message", "is not a string"))?;
    let media = reply.get("media").filter(|media| !is_blank(media)).map(one_or_many).unwrap_or_default();
    let media = media.iter().map(read_media).collect::<Result<_, _>>()?;
    let extras = ReplyExtras { media, custom: reply.get("custom").filter(|custom| !is_blank(custom)).cloned() };
    if text.is_none() && extras.is_empty() {
        return Err(ParseError::new("message", "is missing"));
    }
    Ok(ReplyContent { text: text.unwrap_or_default(), extras })
}

fn read_media(media: &Value) -> Result<Media, ParseError> {
    let media = Object::of(media).ok_or_else(|| ParseError::new("media", "is not a list of objects"))?;
    Ok(Media {
        name: media.said("name"),
        uri: media.said("url").ok_or_else(|| ParseError::new("media.url", "is missing"))?,
        mime_type: media.said("content_type"),
        height: None,
    })
}
