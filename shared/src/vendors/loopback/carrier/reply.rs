//! `{"id","from","name","to","text","media":[{"url","content_type","name"}],"custom","channel","at","reference"}`,
//! one reply per request. `id`, `from`, `to` and `text` are required. `from` may be a national number, if the
//! carrier has a country, or a short code or name. `reference` is that of the answered submit.

use serde::Deserialize;
use serde_json::Value;

use crate::domain::{
    CarrierReply, CarrierSettings, Channel, Media, Originator, ParseError, ReplyContent, ReplyExtras, parse_time,
};

#[derive(Deserialize)]
struct Body {
    id: String,
    from: String,
    name: Option<String>,
    to: String,
    text: String,
    #[serde(default)]
    media: Vec<File>,
    custom: Option<Value>,
    channel: Option<Channel>,
    at: Option<String>,
    reference: Option<String>,
}

#[derive(Deserialize)]
struct File {
    url: String,
    content_type: Option<String>,
    name: Option<String>,
}

pub(super) fn read(body: &[u8], settings: &CarrierSettings) -> Result<CarrierReply, ParseError> {
    let body: Body = serde_json::from_slice(body).map_err(|error| ParseError::of_json(&error))?;
    if body.id.is_empty() {
        return Err(ParseError::new("id", "is empty"));
    }
    let at = match body.at {
        None => None,
        Some(text) => Some(parse_time(&text).map_err(|error| ParseError::new("at", error))?),
    };
    let from = Originator::of(settings.parse_number(&body.from), &body.from);
    let media = |file: File| Media { name: file.name, uri: file.url, mime_type: file.content_type, height: None };
    let media = body.media.into_iter().map(media).collect();
    Ok(CarrierReply {
        id: body.id,
        from: from.map_err(|error| ParseError::new("from", error))?,
        from_name: body.name,
        to: Some(body.to.parse().map_err(|error| ParseError::new("to", error))?),
        content: ReplyContent { text: body.text, extras: ReplyExtras { media, custom: body.custom } },
        channel: body.channel.unwrap_or(Channel::Sms),
        at,
        answers: body.reference.and_then(|reference| reference.parse().ok()),
    })
}
