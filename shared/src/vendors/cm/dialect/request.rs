//! `POST /v1.0/message`: `{"messages": {"authentication": {"productToken"}, "msg": [Msg, …]}}`.
//!
//! Keys match in any case, at every level. In a message's text fields a whole number counts as text; `null` counts
//! as missing, and so does an empty string in an optional field. We refuse a number with a fraction or exponent, or
//! above 64 bits, because its digits as written are lost once it is parsed. A repeated key's last value wins, because
//! the page's own samples repeat a key. But if a list would be lost, the body is invalid.

use serde_json::Value;

use super::{
    MOST_MESSAGES, content,
    error::{MessageError, RequestError},
    message::{self, Body, Fields, ParsedMessage, ReadContext},
};
use crate::formats::{
    caseless::{Object, is_blank},
    json,
};

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

    /// Returns the product token, if the body has one. An empty token counts as missing.
    ///
    /// # Errors
    /// [`RequestError::InvalidToken`] if the token is not a string.
    pub fn token(&self) -> Result<Option<&str>, RequestError> {
        let authentication = self.messages().and_then(|messages| messages.get("authentication"));
        match authentication.and_then(Object::of).and_then(|given| given.get("producttoken")) {
            None => Ok(None),
            Some(Value::String(token)) => Ok(Some(token.as_str()).filter(|token| !token.is_empty())),
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
        content: msg.get("richcontent").filter(|content| has_content(content)).map(content::read).transpose()?,
    })
}

fn read_body(body: &Value) -> Result<Body, MessageError> {
    let body = Object::of(body).ok_or(MessageError::WrongType { object: "BODY", must_be: "an object" })?;
    Ok(Body { content: text(body, "CONTENT")?, r#type: text(body, "TYPE")? })
}

/// Returns whether `richContent` is present. We do not ignore an object of blank fields, because the client forgot its
/// content.
fn has_content(content: &Value) -> bool {
    content.as_object().map_or_else(|| !is_blank(content), |fields| !fields.is_empty())
}

fn read_channels(msg: Object<'_>) -> Result<Vec<String>, MessageError> {
    const NAME: &str = "ALLOWEDCHANNELS";
    let listed = match msg.get("allowedchannels") {
        None => return Ok(Vec::new()),
        Some(empty) if is_blank(empty) => return Ok(Vec::new()),
        Some(Value::Array(listed)) => listed,
        Some(_) => return Err(MessageError::WrongType { object: NAME, must_be: "an array" }),
    };
    let name = |name: &Value| name.as_str().map(str::to_owned);
    let names: Option<Vec<_>> = listed.iter().map(name).collect();
    names.ok_or(MessageError::WrongType { object: NAME, must_be: "an array of names" })
}

/// Returns the text under `name`. An error has `name` as it is spelled here.
fn text(object: Object<'_>, name: &'static str) -> Result<Option<String>, MessageError> {
    let error = MessageError::WrongType { object: name, must_be: "a string" };
    match object.get(name) {
        Some(Value::Number(number)) if number.is_f64() => Err(error),
        _ => object.text(name).map_err(|_| error),
    }
}
