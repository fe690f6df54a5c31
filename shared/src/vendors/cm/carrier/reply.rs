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
    formats::webhook_json::{one_or_many, read as read_json},
    hash::sha256_hex,
    vendors::cm::caseless::Object,
};

pub(crate) fn read(body: &[u8]) -> Result<ParsedItems<CarrierReply>, ParseError> {
    Ok(one_or_many(&read_json(body)?).iter().map(read_one).collect())
}

fn read_one(value: &Value) -> Result<CarrierReply, ParseError> {
    let reply = Object::of(value).ok_or_else(|| ParseError::new("(body)", "is not an object"))?;
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
    match message.get("text") {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        Some(_) => Err(ParseError::new("message.text", "is not a string")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const REPLY: &[u8] = include_bytes!("../../../../../tests/fixtures/carriers/cm/reply.json");

    fn read(body: &[u8]) -> Result<Vec<CarrierReply>, ParseError> {
        super::read(body)?.into_iter().collect()
    }

    fn with(field: &str, value: Value) -> Vec<u8> {
        let mut reply: Value = serde_json::from_slice(REPLY).unwrap();
        reply[field] = value;
        reply.to_string().into_bytes()
    }

    fn id(body: &[u8]) -> String {
        read(body).ok().unwrap().remove(0).id
    }

    #[test]
    fn reply_is_read() {
        let replies = read(REPLY).ok().unwrap();
        let reply = &replies[0];
        assert_eq!((replies.len(), reply.from.digits(), reply.to.as_str()), (1, "447911123456", "441234567890"));
        assert_eq!(reply.text, "Yes, please");
        assert_eq!(reply.at.unwrap().to_string(), "2027-02-21T09:30:00Z");
        assert!(reply.id.len() == 64 && reply.id.bytes().all(|b| b.is_ascii_hexdigit()));
    }

    #[test]
    fn repeated_reply_has_the_same_id_and_others_differ() {
        assert_eq!(id(REPLY), id(&with("messageContext", json!("later"))));
        assert_eq!(id(REPLY), id(&with("from", json!({"Number": "+447911123456"}))));
        for (field, value) in [
            ("from", json!({"number": "00447911123457"})),
            ("to", json!({"number": "12345"})),
            ("message", json!({"text": "Yes, please "})),
            ("timeUtc", json!("2027-02-21T09:30:01")),
            ("channel", json!("WhatsApp")),
        ] {
            assert_ne!(id(REPLY), id(&with(field, value)), "{field}");
        }
    }

    #[test]
    fn single_and_listed_replies_are_read_in_any_case() {
        let body = br#"[{"FROM":{"NUMBER":447911123456},"To":{"Number":"12345"},"MESSAGE":{"TEXT":"Hi"},"TIMEUTC":"2027-02-21T09:30:00"},
            {"from":{"number":"00447911123456"},"to":{"number":"12345"},"message":{"media":{}},"timeUtc":"2027-02-21T09:30:00"}]"#;
        let texts: Vec<_> = read(body).ok().unwrap().into_iter().map(|reply| reply.text).collect();
        assert_eq!(texts, ["Hi", ""]);
        assert!(read(b"[]").ok().unwrap().is_empty());
    }

    #[test]
    fn parse_error_names_the_field_without_its_value() {
        for (field, value, named) in [
            ("from", json!({"number": "447911123456x"}), "from.number"),
            ("from", json!({}), "from.number"),
            ("from", json!("447911123456"), "from.number"),
            ("to", json!({"number": "#447911123456"}), "to.number"),
            ("message", json!(null), "message"),
            ("message", json!({"text": ["447911123456"]}), "message.text"),
            ("timeUtc", json!("447911123456"), "timeUtc"),
            ("timeUtc", json!(null), "timeUtc"),
        ] {
            let error = read(&with(field, value)).err().unwrap();
            assert_eq!(error.field, named);
            assert!(!error.to_string().contains("447911123456"), "{error}");
        }
        assert_eq!(read(b"7").err().unwrap().field, "(body)");
        assert_eq!(read(b"447911123456 said").err().unwrap().field, "(body)");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&body);
        }

        #[test]
        fn arbitrary_value_does_not_panic(
            key in "from|to|message|timeUtc|channel",
            value in "\"\\PC{0,20}\"|-?[0-9]{1,20}|null|\\[\\]|true|\\{\"(number|text)\":(null|\"\\PC{0,20}\"|[0-9]{1,20})\\}",
        ) {
            let value: Value = serde_json::from_str(&value).unwrap_or_default();
            let _ = read(&with(&key, value));
        }
    }
}
