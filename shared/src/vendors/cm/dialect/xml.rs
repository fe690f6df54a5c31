//! `POST /gateway.ashx`: the same messages as XML, without rich content.
//!
//! We ignore unknown elements, like `APPKEY`, which belongs to a discontinued channel. A `MSG` may repeat `TO`,
//! `CHANNEL` and `ALLOWEDCHANNELS`. If it repeats another element, we reject the request, because the client may
//! mean either.

use super::{
    MOST_MESSAGES,
    error::{MessageError, RequestError},
    message::{self, Body, Fields, ParsedMessage, ReadContext},
};
use crate::formats::xml::{self, Elements, Tag, XmlError};

/// `MESSAGES`, `MSG` and a field. We reject an element inside a field, because text around it would be lost.
const DEEPEST: usize = 3;

/// A parsed document.
#[derive(Default)]
pub struct Posted {
    tokens: Vec<String>,
    messages: Vec<Msg>,
}

#[derive(Default)]
struct Msg {
    to: Vec<String>,
    fields: Fields,
    /// The first element that is there more than once, but must not be.
    repeated: Option<&'static str>,
}

impl Posted {
    /// Parses the document.
    ///
    /// # Errors
    /// [`RequestError::InvalidXml`] if the body is not XML, is nested too deeply or has a document type.
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let mut reading = Reading::default();
        xml::read(body, DEEPEST, &mut reading)?;
        Ok(reading.posted)
    }

    /// Returns how many messages were kept.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.messages.len()
    }

    /// Returns the product token, if the document has one. An empty token counts as missing.
    ///
    /// # Errors
    /// [`RequestError::InvalidToken`] if the document has more than one.
    pub fn token(&self) -> Result<Option<&str>, RequestError> {
        match self.tokens.as_slice() {
            [] => Ok(None),
            [token] => Ok(Some(token.as_str()).filter(|token| !token.is_empty())),
            _ => Err(RequestError::InvalidToken(None)),
        }
    }

    /// Parses the messages, one for each `TO` of each `MSG`. A `MSG` without `TO` becomes one with an error.
    ///
    /// # Errors
    /// [`RequestError::NoMessages`] or [`RequestError::TooManyMessages`].
    pub fn read(self, context: &ReadContext) -> Result<Vec<ParsedMessage>, RequestError> {
        let recipients = self.messages.iter().map(|msg| msg.to.len().max(1)).sum::<usize>();
        if recipients > MOST_MESSAGES {
            return Err(RequestError::TooManyMessages);
        }
        if self.messages.is_empty() {
            return Err(RequestError::NoMessages);
        }
        let mut parsed: Vec<_> = self.messages.into_iter().flat_map(|msg| msg.read(context)).collect();
        message::number(&mut parsed);
        Ok(parsed)
    }
}

impl Msg {
    fn read(self, context: &ReadContext) -> Vec<ParsedMessage> {
        let numbers = self.to.into_iter().map(|to| if to.is_empty() { Err(MessageError::NoNumber) } else { Ok(to) });
        let reference = message::reference(self.fields.reference.as_deref());
        let fields = self.repeated.map_or(Ok(self.fields), |name| Err(MessageError::Repeated(name)));
        message::expand(Ok(numbers.collect()), fields, reference, context)
    }
}

#[derive(Default)]
struct Reading {
    body_type: Option<String>,
    posted: Posted,
}

impl Elements for Reading {
    type Error = RequestError;

    fn open(&mut self, path: &[&str], tag: Tag<'_>) -> Result<(), RequestError> {
        match path {
            // Keeps one message above the limit, enough to reject the request.
            ["MESSAGES", "MSG"] => {
                self.posted.messages.truncate(MOST_MESSAGES);
                self.posted.messages.push(Msg::default());
            }
            ["MESSAGES", "MSG", "BODY"] => self.body_type = tag.attribute("TYPE")?,
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, path: &[&str], text: String) {
        match path {
            ["MESSAGES", "AUTHENTICATION", "PRODUCTTOKEN"] => {
                // Keeps one token above the limit, enough to reject the request.
                self.posted.tokens.truncate(1);
                self.posted.tokens.push(text.trim().to_owned());
            }
            ["MESSAGES", "MSG", field] => {
                let body_type = self.body_type.take();
                if let Some(msg) = self.posted.messages.last_mut() {
                    msg.set(field, text, body_type);
                }
            }
            _ => {}
        }
    }
}

impl From<XmlError> for RequestError {
    fn from(_: XmlError) -> Self {
        Self::InvalidXml
    }
}

impl Msg {
    fn set(&mut self, field: &str, text: String, body_type: Option<String>) {
        let fields = &mut self.fields;
        let trimmed = text.trim().to_owned();
        let (name, slot) = match field {
            "TO" => return self.to.push(trimmed),
            "CHANNEL" | "ALLOWEDCHANNELS" => {
                let names = trimmed.split(',').map(str::trim).filter(|name| !name.is_empty());
                return fields.channels.extend(names.map(str::to_owned));
            }
            "BODY" => {
                if fields.body.is_some() {
                    self.repeated.get_or_insert("BODY");
                }
                fields.body = Some(Body { content: Some(text), r#type: body_type });
                return;
            }
            "FROM" => ("FROM", &mut fields.from),
            "REFERENCE" => ("REFERENCE", &mut fields.reference),
            "CUSTOMGROUPING" => ("CUSTOMGROUPING", &mut fields.groupings[0]),
            "CUSTOMGROUPING2" => ("CUSTOMGROUPING2", &mut fields.groupings[1]),
            "CUSTOMGROUPING3" => ("CUSTOMGROUPING3", &mut fields.groupings[2]),
            "VALIDITY" => ("VALIDITY", &mut fields.validity),
            "DCS" => ("DCS", &mut fields.dcs),
            "MINIMUMNUMBEROFMESSAGEPARTS" => ("MINIMUMNUMBEROFMESSAGEPARTS", &mut fields.fewest_parts),
            "MAXIMUMNUMBEROFMESSAGEPARTS" => ("MAXIMUMNUMBEROFMESSAGEPARTS", &mut fields.most_parts),
            _ => return,
        };
        if slot.replace(trimmed).is_some() {
            self.repeated.get_or_insert(name);
        }
    }
}
