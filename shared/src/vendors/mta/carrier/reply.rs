//! `message-reply`: `{"fromNumber","toNumber","message","url","replyId","messageId","timestamp","externalId","tags"}`,
//! one reply per request. We also read a list. `url` is an MMS file. `externalId` is the answered submit's reference.
//! We neither send nor read `tags`.
//!
//! Numbers are national or in E.164 format, depending on the payload version that the account asked for. The page's
//! table has no `toNumber`, but sample handlers read it. Without `toNumber`, the message that `externalId` names has
//! the sender. With neither, we keep the reply as unmatched.
//!
//! The page calls `messageId` the reply's ID, and sample handlers also read `replyId`. We identify the reply by both,
//! so that two replies stay distinct even if `messageId` names the answered message. Without either, we derive the ID
//! from the whole reply. We ignore a malformed time, because the reply matters more.

use serde_json::{Value, json};

use super::event::{DELIVERY_STATUS, Event, event};
use crate::{
    domain::{
        CarrierReply, CarrierSettings, Channel, Media, Originator, ParseError, ParsedItems, ReplyContent, ReplyExtras,
        SenderId, parse_time,
    },
    formats::{
        caseless::{Object, is_blank, said},
        webhook_json::{items, one_or_many, read as read_json},
    },
    hash::sha256_hex,
};

pub(super) fn read(body: &[u8], settings: &CarrierSettings) -> Result<ParsedItems<CarrierReply>, ParseError> {
    Ok(items(&read_json(body)?, "(body)", |reply| read_one(reply, settings)).some())
}

fn read_one(reply: Object<'_>, settings: &CarrierSettings) -> Result<Option<CarrierReply>, ParseError> {
    match event(reply) {
        Some(Event::DeliveryStatus) => {
            let reason = format!("is {DELIVERY_STATUS}, which belongs to the address of receipts");
            return Err(ParseError::new("type", reason));
        }
        Some(Event::Other) => return Ok(None),
        Some(Event::MessageReply) | None => {}
    }
    let from = reply.said("fromnumber").ok_or_else(|| ParseError::new("fromNumber", "is missing"))?;
    let from =
        Originator::of(settings.parse_number(&from), &from).map_err(|error| ParseError::new("fromNumber", error))?;
    let to = reply.said("tonumber").map(|to| sender(&to, settings)).transpose()?;
    let (content, time, answers) = (content(reply)?, reply.said("timestamp"), reply.said("externalid"));
    let ids: Vec<_> = [reply.said("messageid"), reply.said("replyid")].into_iter().flatten().collect();
    let id = if ids.is_empty() {
        let files: Vec<_> = content.extras.media.iter().map(|file| &file.uri).collect();
        let to = to.as_ref().map(SenderId::as_str);
        sha256_hex(&json!([from.as_str(), to, content.text, files, time, answers]).to_string())
    } else {
        ids.join(" ")
    };
    Ok(Some(CarrierReply {
        id,
        from,
        from_name: None,
        to,
        content,
        channel: Channel::Sms,
        at: time.and_then(|time| parse_time(&time).ok()),
        answers: answers.and_then(|reference| reference.parse().ok()),
    }))
}

/// Parses the number that received the reply, which may be a short code.
fn sender(text: &str, settings: &CarrierSettings) -> Result<SenderId, ParseError> {
    let number = settings.parse_number(text);
    let text = number.as_ref().map_or(text, |number| number.digits());
    text.parse().map_err(|error| ParseError::new("toNumber", error))
}

fn content(reply: Object<'_>) -> Result<ReplyContent, ParseError> {
    let text = reply.text("message").map_err(|_| ParseError::new("message", "is not a string"))?;
    let files = reply.get("url").filter(|url| !is_blank(url)).map(one_or_many).unwrap_or_default();
    let media = files.iter().map(file).collect::<Result<Vec<_>, _>>()?;
    if text.is_none() && media.is_empty() {
        return Err(ParseError::new("message", "is missing"));
    }
    Ok(ReplyContent { text: text.unwrap_or_default(), extras: ReplyExtras { media, custom: None } })
}

fn file(url: &Value) -> Result<Media, ParseError> {
    let uri = said(url).ok_or_else(|| ParseError::new("url", "is not a string"))?;
    Ok(Media { name: None, uri, mime_type: None, height: None })
}
