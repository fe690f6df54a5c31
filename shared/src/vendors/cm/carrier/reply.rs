//! Parses replies, by the page "Incoming Messages": one reply or a list, with `from`, `to`, `message`,
//! `timeUtc` and `channel`. Inside `from`, `to` and `message` we read the keys that CM.com's clients read:
//! `number` and `text`.
//!
//! CM.com gives a reply no ID, and redelivers it for up to a month until we answer 200. So we derive the ID
//! from content and time. The time is to the second, so two equal replies from the same phone within a second
//! count once.

use serde_json::Value;

use crate::{
    domain::{CarrierReply, Channel, ParseError, ParsedItems, PhoneNumber, SenderId, parse_time},
    formats::{
        caseless::Object,
        webhook_json::{items, read as read_json},
    },
    hash::sha256_hex,
};

pub(super) fn read(body: &[u8]) -> Result<ParsedItems<CarrierReply>, ParseError> {
    Ok(items(&read_json(body)?, "(body)", read_one))
}

fn read_one(reply: Object<'_>) -> Result<CarrierReply, ParseError> {
    let from = number(reply, "from")?.parse::<PhoneNumber>().map_err(|error| ParseError::new("from.number", error))?;
    let to = number(reply, "to")?.parse::<SenderId>().map_err(|error| ParseError::new("to.number", error))?;
    let text = text(reply)?;
    let time = reply.said("timeutc").ok_or_else(|| ParseError::new("timeUtc", "is missing"))?;
    let at = parse_time(&time).map_err(|error| ParseError::new("timeUtc", error))?;
    let channel = reply.said("channel").unwrap_or_default();
    // A missing or unknown channel counts as SMS, to keep the reply.
    let over = channel.replace(' ', "").parse().unwrap_or(Channel::Sms);
    let said = Value::from([from.digits(), to.as_str(), &text, &time, &channel].map(str::to_owned).to_vec());
    Ok(CarrierReply { id: sha256_hex(&said.to_string()), from, to, text, channel: over, at: Some(at) })
}

fn number(reply: Object<'_>, party: &str) -> Result<String, ParseError> {
    let number = reply.object(party).and_then(|party| party.said("number"));
    number.ok_or_else(|| ParseError::new(format!("{party}.number"), "is missing"))
}

/// Returns the text, empty if missing: a picture has none, but is still a reply.
fn text(reply: Object<'_>) -> Result<String, ParseError> {
    let message = reply.object("message").ok_or_else(|| ParseError::new("message", "is missing"))?;
    let text = message.text("text").map_err(|_| ParseError::new("message.text", "is not a string"))?;
    Ok(text.unwrap_or_default())
}
