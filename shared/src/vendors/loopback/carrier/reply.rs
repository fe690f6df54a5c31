//! `{"id","from","to","text","channel","at"}`, one reply per request. `channel` and `at` are optional.

use serde::Deserialize;

use crate::domain::{CarrierReply, Channel, ParseError, parse_time};

#[derive(Deserialize)]
struct Body {
    id: String,
    from: String,
    to: String,
    text: String,
    channel: Option<Channel>,
    at: Option<String>,
}

pub(crate) fn read(body: &[u8]) -> Result<CarrierReply, ParseError> {
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
        from: body.from.parse().map_err(|error| ParseError::new("from", error))?,
        to: body.to.parse().map_err(|error| ParseError::new("to", error))?,
        text: body.text,
        channel: body.channel.unwrap_or(Channel::Sms),
        at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reply_is_read_and_an_error_names_its_field() {
        let reply = read(br#"{"id":"r1","from":"447700900001","to":"449000000001","text":"Hi"}"#).unwrap();
        assert_eq!(reply.from.digits(), "447700900001");
        let strange = read(br#"{"id":"r1","from":"me","to":"449000000001","text":"Hi"}"#).err().unwrap();
        assert_eq!(strange.field, "from");
    }
}
