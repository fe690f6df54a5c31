//! `{"id","from","to","text","channel","at"}`, one reply per request. `channel` and `at` are optional.
//! `from` may be a national number, if the carrier has a country.

use serde::Deserialize;

use crate::domain::{CarrierReply, CarrierSettings, Channel, ParseError, parse_time};

#[derive(Deserialize)]
struct Body {
    id: String,
    from: String,
    to: String,
    text: String,
    channel: Option<Channel>,
    at: Option<String>,
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
    Ok(CarrierReply {
        id: body.id,
        from: settings.parse_number(&body.from).map_err(|error| ParseError::new("from", error))?,
        to: body.to.parse().map_err(|error| ParseError::new("to", error))?,
        text: body.text,
        channel: body.channel.unwrap_or(Channel::Sms),
        at,
    })
}
