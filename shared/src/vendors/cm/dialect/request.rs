//! `POST /v1.0/message`: `{"messages": {"authentication": {"productToken"}, "msg": [Msg, …]}}`.
//!
//! Keys match in any case, at every level. In a message's text fields a number counts as text; `null` counts
//! as missing. A repeated key's last value wins, because the page's own samples repeat a key. But if a list
//! would be lost, the body is invalid.

use serde_json::Value;

use super::{
    MOST_MESSAGES, content,
    error::{MessageError, RequestError},
    message::{self, Body, Fields, ParsedMessage, ReadContext},
};
use crate::{formats::json, vendors::cm::caseless::Object};

/// Limit on a request's rich content, in bytes. Each recipient's message has its own copy, so a small request
/// can become large.
const MOST_CONTENT_BYTES: usize = 4 << 20;

/// A JSON body.
pub struct Posted(Value);

impl Posted {
    /// Parses the body.
    ///
    /// # Errors
    /// [`RequestError::InvalidJson`] if the body is not a JSON object, has too many objects, or repeats a key
    /// and would lose a list.
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        match json::read_last(body) {
            Ok(Value::Object(posted)) => Ok(Self(posted.into())),
            Ok(_) | Err(_) => Err(RequestError::InvalidJson),
        }
    }

    fn messages(&self) -> Option<Object<'_>> {
        Object::of(&self.0)?.get("messages").and_then(Object::of)
    }

    /// Returns the product token, if the body has one.
    ///
    /// # Errors
    /// [`RequestError::InvalidToken`] if the token is not a string.
    pub fn token(&self) -> Result<Option<&str>, RequestError> {
        let authentication = self.messages().and_then(|messages| messages.get("authentication"));
        match authentication.and_then(Object::of).and_then(|given| given.get("producttoken")) {
            None => Ok(None),
            Some(Value::String(token)) => Ok(Some(token)),
            Some(_) => Err(RequestError::InvalidToken(None)),
        }
    }

    /// Parses the messages, one for each recipient of each `msg`.
    ///
    /// # Errors
    /// If the list is missing, empty, too long or no list, or if the rich content is too large.
    pub fn read(&self, context: &ReadContext) -> Result<Vec<ParsedMessage>, RequestError> {
        let messages = match Object::of(&self.0).and_then(|posted| posted.get("messages")) {
            None => return Err(RequestError::NoMessages),
            Some(value) => {
                let error = RequestError::WrongType { object: "MESSAGES", must_be: "an object" };
                Object::of(value).ok_or(error)?
            }
        };
        let listed = match messages.get("msg") {
            None => return Err(RequestError::NoMessages),
            Some(Value::Array(listed)) if listed.is_empty() => return Err(RequestError::NoMessages),
            Some(Value::Array(listed)) => listed,
            Some(_) => return Err(RequestError::WrongType { object: "MSG", must_be: "an array" }),
        };
        let mut parsed = Vec::new();
        let mut content_bytes = 0;
        for msg in listed {
            let (messages, bytes) = read_msg(msg, context, MOST_MESSAGES - parsed.len())?;
            content_bytes += bytes * messages.len();
            if content_bytes > MOST_CONTENT_BYTES {
                return Err(RequestError::TooLarge);
            }
            parsed.extend(messages);
        }
        message::number(&mut parsed);
        Ok(parsed)
    }
}

/// Returns the messages, and the size of one message's rich content. Fails above `room` messages.
fn read_msg(msg: &Value, context: &ReadContext, room: usize) -> Result<(Vec<ParsedMessage>, usize), RequestError> {
    if room == 0 {
        return Err(RequestError::TooManyMessages);
    }
    let Some(msg) = Object::of(msg) else {
        let error = MessageError::WrongType { object: "MSG", must_be: "an object" };
        return Ok((message::expand(Ok(Vec::new()), Err(error), None, context), 0));
    };
    let to = read_recipients(msg);
    if to.as_ref().map_or(1, |to| to.len().max(1)) > room {
        return Err(RequestError::TooManyMessages);
    }
    let reference = text(msg, "REFERENCE").ok().flatten();
    let fields = read_fields(msg);
    let content = fields.as_ref().ok().and_then(|fields| fields.content.as_ref());
    let bytes = content.map_or(0, |content| content.to_json().len());
    Ok((message::expand(to, fields, message::reference(reference.as_deref()), context), bytes))
}

fn read_recipients(msg: Object<'_>) -> Result<Vec<Result<String, MessageError>>, MessageError> {
    let recipients = match msg.get("to") {
        None => return Err(MessageError::NoTo),
        Some(Value::Array(recipients)) => recipients,
        Some(_) => return Err(MessageError::WrongType { object: "TO", must_be: "an array" }),
    };
    let read = |recipient: &Value| {
        let recipient = Object::of(recipient).ok_or(MessageError::WrongType { object: "TO", must_be: "an object" })?;
        text(recipient, "NUMBER")?.filter(|number| !number.is_empty()).ok_or(MessageError::NoNumber)
    };
    Ok(recipients.iter().map(read).collect())
}

fn read_fields(msg: Object<'_>) -> Result<Fields, MessageError> {
    Ok(Fields {
        from: text(msg, "FROM")?,
        body: msg.get("body").map(read_body).transpose()?,
        channels: read_channels(msg)?,
        reference: text(msg, "REFERENCE")?,
        groupings: [text(msg, "CUSTOMGROUPING")?, text(msg, "CUSTOMGROUPING2")?, text(msg, "CUSTOMGROUPING3")?],
        validity: text(msg, "VALIDITY")?,
        dcs: text(msg, "DCS")?,
        fewest_parts: text(msg, "MINIMUMNUMBEROFMESSAGEPARTS")?,
        most_parts: text(msg, "MAXIMUMNUMBEROFMESSAGEPARTS")?,
        content: msg.get("richcontent").map(content::read).transpose()?,
    })
}

fn read_body(body: &Value) -> Result<Body, MessageError> {
    let body = Object::of(body).ok_or(MessageError::WrongType { object: "BODY", must_be: "an object" })?;
    Ok(Body { content: text(body, "CONTENT")?, r#type: text(body, "TYPE")? })
}

fn read_channels(msg: Object<'_>) -> Result<Vec<String>, MessageError> {
    const NAME: &str = "ALLOWEDCHANNELS";
    let listed = match msg.get("allowedchannels") {
        None => return Ok(Vec::new()),
        Some(Value::Array(listed)) => listed,
        Some(_) => return Err(MessageError::WrongType { object: NAME, must_be: "an array" }),
    };
    let name = |name: &Value| name.as_str().map(str::to_owned);
    let names: Option<Vec<_>> = listed.iter().map(name).collect();
    names.ok_or(MessageError::WrongType { object: NAME, must_be: "an array of names" })
}

/// Returns the text under `name`. An error has `name` as it is spelled here.
fn text(object: Object<'_>, name: &'static str) -> Result<Option<String>, MessageError> {
    object.text(name).map_err(|_| MessageError::WrongType { object: name, must_be: "a string" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Channel, Encoding, SegmentLimit, SignedDuration, Timestamp, Validity};
    use proptest::prelude::*;
    use serde_json::json;

    fn context() -> ReadContext {
        ReadContext { limit: SegmentLimit::default(), now: Timestamp::UNIX_EPOCH }
    }

    fn read(body: &str) -> Result<Vec<ParsedMessage>, RequestError> {
        Posted::parse(body.as_bytes())?.read(&context())
    }

    fn msg(msg: &Value) -> Vec<ParsedMessage> {
        read(&json!({"messages": {"msg": [msg]}}).to_string()).ok().unwrap()
    }

    fn good() -> Value {
        json!({"from": "SenderName", "to": [{"number": "00447911123456"}], "body": {"type": "auto", "content": "Hi"}})
    }

    fn with(field: &str, value: Value) -> Value {
        let mut msg = good();
        msg[field] = value;
        msg
    }

    fn code(message: &Value) -> u16 {
        msg(message)[0].draft.as_ref().err().map_or(0, MessageError::code)
    }

    #[test]
    fn keys_ignore_case_and_last_value_wins() {
        let body = r#"{"MESSAGES":{"Authentication":{"PRODUCTTOKEN":"t"},"Msg":[{"FROM":"SenderName","TO":[{"Number":447911123456}],
            "Body":{"CONTENT":""},"body":{"Type":"AUTO","content":"Hi"},"ALLOWEDCHANNELS":["apple business chat","sms","SMS"],
            "CustomGrouping2":"two","REFERENCE":"r","MaximumNumberOfMessageParts":"2"}]}}"#;
        let posted = Posted::parse(body.as_bytes()).ok().unwrap();
        assert_eq!(posted.token(), Ok(Some("t")));
        let parsed = posted.read(&context()).ok().unwrap();
        let draft = parsed[0].draft.as_ref().unwrap();
        assert_eq!((draft.to.digits(), draft.text.as_str()), ("447911123456", "Hi"));
        assert_eq!(draft.channels, [Channel::AppleBusinessChat, Channel::Sms]);
        assert_eq!(draft.groupings.as_array(), &["", "two", ""]);
        assert_eq!(draft.reference.as_ref().unwrap().as_str(), "r");
        assert_eq!(draft.validity, Some(Validity::For(SignedDuration::from_hours(24))));
        assert_eq!(
            Posted::parse(br#"{"messages":{"msg":[{}],"MSG":[]}}"#).err(),
            Some(RequestError::InvalidJson),
            "a list would be lost"
        );
    }

    #[test]
    fn dcs_8_asks_for_unicode_and_auto_overrides_it() {
        let encoding = |dcs: Value, kind: &str, content: &str| {
            let mut message = with("dcs", dcs);
            message["body"] = json!({"type": kind, "content": content});
            msg(&message)[0].draft.as_ref().unwrap().text.encoding()
        };
        assert_eq!(encoding(json!(8), "", "Hi"), Encoding::Ucs2);
        assert_eq!(encoding(json!("8"), "", "Hi"), Encoding::Ucs2);
        assert_eq!(encoding(json!(0), "", "Hi"), Encoding::Gsm7);
        assert_eq!(encoding(json!(8), "AUTO", "Hi"), Encoding::Gsm7);
        assert_eq!(encoding(json!(0), "", "Κείμενο"), Encoding::Ucs2);
    }

    #[test]
    fn each_recipient_is_a_message_with_its_own_error() {
        let parsed = msg(&with(
            "to",
            json!([{"number": "00447911123456"}, {"number": "0044791112345a"}, {}, {"number": ""}, 7, {"number": []}]),
        ));
        let codes: Vec<_> =
            parsed.iter().map(|parsed| parsed.draft.as_ref().err().map_or(0, MessageError::code)).collect();
        assert_eq!(codes, [0, 303, 303, 303, 302, 303]);
        assert_eq!(parsed[1].to.as_deref(), Some("0044791112345a"));
        let indexes: Vec<_> = parsed.iter().filter_map(|parsed| Some(parsed.draft.as_ref().ok()?.index)).collect();
        assert_eq!(indexes, [0]);
    }

    #[test]
    fn each_error_of_a_msg_has_its_code() {
        let without = |field: &str| {
            let mut msg = good();
            msg.as_object_mut().unwrap().remove(field);
            msg
        };
        let body = |body: Value| with("body", body);
        for (message, expected) in [
            (good(), 0),
            (json!(7), 305),
            (without("from"), 301),
            (with("from", json!("")), 301),
            (with("from", json!("TwelveLetter")), 301),
            (with("from", json!("00012345678901234567")), 301),
            (with("from", json!(["x"])), 301),
            (without("to"), 302),
            (with("to", json!([])), 302),
            (with("to", json!({"number": "00447911123456"})), 302),
            (without("body"), 304),
            (body(json!("Hi")), 304),
            (body(json!({})), 304),
            (body(json!({"content": ""})), 304),
            (body(json!({"content": {}})), 304),
            (body(json!({"content": "a\u{1}b"})), 304),
            (body(json!({"content": "Hi", "type": "html"})), 304),
            (body(json!({"content": "x".repeat(1531)})), 304),
            (with("maximumNumberOfMessageParts", json!(0)), 305),
            (with("maximumNumberOfMessageParts", json!("many")), 305),
            (with("maximumNumberOfMessageParts", json!({})), 305),
            (with("reference", json!("x".repeat(33))), 305),
            (with("reference", json!({})), 305),
            (with("customGrouping3", json!("x".repeat(101))), 305),
            (with("validity", json!("soon")), 305),
            (with("validity", json!("73H")), 305),
            (with("allowedChannels", json!(["Fax"])), 305),
            (with("allowedChannels", json!("SMS")), 305),
            (with("allowedChannels", json!([1])), 305),
            (with("richContent", json!({})), 305),
        ] {
            assert_eq!(code(&message), expected, "{message}");
        }
        let dcs =
            json!({"from": "SenderName", "to": [{"number": "00447911123456"}], "dcs": 4, "body": {"content": "Hi"}});
        assert_eq!(code(&dcs), 305);
        let mut parts = with("maximumNumberOfMessageParts", json!(1));
        parts["body"]["content"] = json!("x".repeat(161));
        assert_eq!(code(&parts), 304);
        parts["minimumNumberOfMessageParts"] = json!(2);
        assert_eq!(code(&parts), 305);
    }

    #[test]
    fn text_may_be_missing_if_rich_content_replaces_it() {
        let location = json!({"conversation": [{"location": {"searchQuery": "Breda"}}]});
        let beside = |body: Value, channels: Value| {
            let mut message = with("richContent", location.clone());
            message["body"] = body;
            message["allowedChannels"] = channels;
            message
        };
        let no_text = |channels: Value| beside(json!({"type": "AUTO", "content": ""}), channels);
        for message in [
            no_text(json!(["Whatsapp"])),
            no_text(json!(["SMS", "Viber", "RCS"])),
            beside(json!({}), json!(["WhatsApp"])),
            beside(json!({"content": null}), json!(["WhatsApp"])),
        ] {
            let parsed = msg(&message);
            let draft = parsed[0].draft.as_ref().unwrap_or_else(|error| panic!("{error:?}: {message}"));
            assert!(draft.text.is_empty() && draft.content.is_some(), "{message}");
        }
        let mut plain = no_text(json!(["WhatsApp"]));
        plain["richContent"] = Value::Null;
        for (message, expected) in [
            (plain, 304),
            (no_text(json!(["SMS"])), 304),
            (no_text(json!(["Viber"])), 304),
            (no_text(json!(["SMS", "Push"])), 304),
            (no_text(json!([])), 304),
            (no_text(json!(null)), 304),
            (beside(json!(null), json!(["WhatsApp"])), 304),
            (beside(json!({"content": " "}), json!(["WhatsApp"])), 304),
            (beside(json!({"content": "", "type": "html"}), json!(["WhatsApp"])), 304),
            (no_text(json!(["WhatsApp", "Fax"])), 305),
        ] {
            assert_eq!(code(&message), expected, "{message}");
        }
    }

    #[test]
    fn request_holds_1_to_1000_messages_in_any_arrangement() {
        let many = |msgs: usize, to: usize| {
            let msg = with("to", vec![json!({"number": "00447911123456"}); to].into());
            read(&json!({"messages": {"msg": vec![msg; msgs]}}).to_string())
        };
        assert_eq!(many(1000, 1).ok().unwrap().len(), 1000);
        assert_eq!(many(10, 100).ok().unwrap().len(), 1000);
        for (msgs, to) in [(1001, 1), (1, 1001), (10, 101), (1001, 0)] {
            assert_eq!(many(msgs, to).err(), Some(RequestError::TooManyMessages), "{msgs} {to}");
        }
        let malformed = json!({"messages": {"msg": vec![7; 1002]}}).to_string();
        assert_eq!(read(&malformed).err(), Some(RequestError::TooManyMessages));
        for body in [json!({}), json!({"messages": {}}), json!({"messages": {"msg": []}}), json!({"messages": null})] {
            assert_eq!(read(&body.to_string()).err(), Some(RequestError::NoMessages), "{body}");
        }
        for body in ["", "[]", "{\"messages\":", "{\"messages\":{\"msg\":[{},]}}", "7"] {
            assert_eq!(read(body).err(), Some(RequestError::InvalidJson), "{body}");
        }
        let error = read(r#"{"messages":{"msg":{}}}"#).err().unwrap();
        assert_eq!(error.code(), 203);
    }

    #[test]
    fn numeric_reference_is_repeated_in_the_answer() {
        let parsed = msg(&with("reference", json!(7)));
        assert_eq!(parsed[0].reference.as_ref().unwrap().as_str(), "7");
    }

    #[test]
    fn rich_content_counts_once_per_recipient() {
        let mut msg =
            with("richContent", json!({"conversation": [{"text": "x".repeat(4000)}, {"text": "x".repeat(4000)}]}));
        msg["to"] = vec![json!({"number": "00447911123456"}); 600].into();
        assert_eq!(read(&json!({"messages": {"msg": [msg]}}).to_string()).err(), Some(RequestError::TooLarge));
    }

    proptest! {
        #[test]
        fn arbitrary_body_does_not_panic(body in "\\PC{0,200}") {
            let _ = read(&body);
        }

        #[test]
        fn arbitrary_message_does_not_panic(
            key in "from|to|body|reference|validity|dcs|allowedChannels|richContent|customGrouping|maximumNumberOfMessageParts",
            value in "\"\\PC{0,20}\"|[0-9]{1,5}|null|\\[\\]|\\{\\}|true|\\[\\{\"number\":\"\\PC{0,9}\"\\}\\]|\\{\"content\":\"\\PC{0,9}\"\\}",
        ) {
            let _ = read(&format!(
                r#"{{"messages":{{"msg":[{{"from":"SenderName","body":{{"content":"x"}},"to":[{{"number":"447911123456"}}],"{key}":{value}}}]}}}}"#
            ));
        }
    }
}
