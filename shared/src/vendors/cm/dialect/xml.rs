//! `POST /gateway.ashx`: the same messages as XML, without rich content.
//!
//! We ignore unknown elements, like `APPKEY`, which belongs to a discontinued channel.

use super::{
    MOST_MESSAGES,
    error::{MessageError, RequestError},
    message::{self, Body, Fields, ParsedMessage, ReadContext},
};
use crate::vendors::cm::xml::{self, Elements, Tag, XmlError};

/// `MESSAGES`, `MSG` and a field. We reject an element inside a field, because text around it would be lost.
const DEEPEST: usize = 3;

/// A parsed document.
#[derive(Default)]
pub struct Posted {
    token: Option<String>,
    messages: Vec<Msg>,
}

#[derive(Default)]
struct Msg {
    to: Vec<String>,
    fields: Fields,
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

    /// Returns the product token, if the document has one.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
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
        message::expand(Ok(numbers.collect()), Ok(self.fields), reference, context)
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
            ["MESSAGES", "AUTHENTICATION", "PRODUCTTOKEN"] => self.posted.token = Some(text.trim().to_owned()),
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
        match field {
            "FROM" => fields.from = Some(trimmed),
            "TO" => self.to.push(trimmed),
            "BODY" => fields.body = Some(Body { content: Some(text), r#type: body_type }),
            "CHANNEL" | "ALLOWEDCHANNELS" => {
                let names = trimmed.split(',').map(str::trim).filter(|name| !name.is_empty());
                fields.channels.extend(names.map(str::to_owned));
            }
            "REFERENCE" => fields.reference = Some(trimmed),
            "CUSTOMGROUPING" => fields.groupings[0] = Some(trimmed),
            "CUSTOMGROUPING2" => fields.groupings[1] = Some(trimmed),
            "CUSTOMGROUPING3" => fields.groupings[2] = Some(trimmed),
            "VALIDITY" => fields.validity = Some(trimmed),
            "DCS" => fields.dcs = Some(trimmed),
            "MINIMUMNUMBEROFMESSAGEPARTS" => fields.fewest_parts = Some(trimmed),
            "MAXIMUMNUMBEROFMESSAGEPARTS" => fields.most_parts = Some(trimmed),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Channel, Encoding, SegmentLimit, Timestamp};
    use proptest::prelude::*;

    fn context() -> ReadContext {
        ReadContext { limit: SegmentLimit::default(), now: Timestamp::UNIX_EPOCH }
    }

    fn read(text: &str) -> Result<Vec<ParsedMessage>, RequestError> {
        Posted::parse(text.as_bytes())?.read(&context())
    }

    const MSG: &str = "<FROM>SenderName</FROM><TO>00447911123456</TO><BODY>Hi</BODY>";

    fn msg(msg: &str) -> String {
        format!("<?xml version=\"1.0\"?>\n<MESSAGES>\n <MSG>{msg}</MSG>\n</MESSAGES>\n")
    }

    #[test]
    fn escaped_text_in_document_is_read() {
        let text = "\u{FEFF}<Messages><AUTHENTICATION><PRODUCTTOKEN> t </PRODUCTTOKEN></AUTHENTICATION><MSG>\
            <CHANNEL>SMS</CHANNEL><FROM>SenderName</FROM><TO>00447911123456</TO><TO>00447911123457</TO>\
            <BODY TYPE='AUTO'>&lt;a &amp; b&gt; &#65;&#x3BA;<![CDATA[<c>]]> <!-- not this --></BODY><DCS>8</DCS>\
            <ALLOWEDCHANNELS>Push, SMS</ALLOWEDCHANNELS><APPKEY>x</APPKEY><REFERENCE/>\
            <CUSTOMGROUPING2>two</CUSTOMGROUPING2></MSG></Messages>";
        let posted = Posted::parse(text.as_bytes()).ok().unwrap();
        assert_eq!(posted.token(), Some("t"));
        let parsed = posted.read(&context()).ok().unwrap();
        let drafts: Vec<_> = parsed.iter().map(|parsed| parsed.draft.as_ref().unwrap()).collect();
        assert_eq!((drafts.len(), drafts[1].index), (2, 1));
        assert_eq!(drafts[0].text.as_str(), "<a & b> Aκ<c> ");
        assert_eq!(drafts[0].text.encoding(), Encoding::Ucs2);
        assert_eq!(drafts[0].channels, [Channel::Sms, Channel::Push]);
        assert_eq!(drafts[0].groupings.as_array(), &["", "two", ""]);
        assert!(drafts[0].reference.is_none());
    }

    #[test]
    fn malformed_or_hostile_document_is_rejected() {
        let bomb =
            "<!DOCTYPE m [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><MESSAGES><MSG><BODY>&b;</BODY></MSG></MESSAGES>";
        let outside = "<!DOCTYPE m [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><MESSAGES>&x;</MESSAGES>";
        let deep = format!("{}{}", "<MSG>".repeat(20), "</MSG>".repeat(20));
        for text in [
            "",
            "hello",
            "{\"messages\":{}}",
            "<MESSAGES>",
            "<MESSAGES></MSG>",
            "<MESSAGES></MESSAGES></MSG>",
            "<MESSAGES/><MESSAGES/>",
            "<MESSAGES>&copy;</MESSAGES>",
            "<MESSAGES>&#0;</MESSAGES>",
            "<MESSAGES>&#xFFFFFFFF;</MESSAGES>",
            "<MESSAGES><MSG><BODY TYPE=AUTO>x</BODY></MSG></MESSAGES>",
            "<MESSAGES/>more",
            "<MESSAGES><MSG><BODY>Your code is 123<br/>valid 5 min</BODY></MSG></MESSAGES>",
            bomb,
            outside,
            &deep,
            &format!("<MESSAGES><MSG>{MSG}</MSG></MSG></MESSAGES>"),
        ] {
            assert_eq!(read(text).err(), Some(RequestError::InvalidXml), "{text}");
        }
        assert_eq!(Posted::parse(b"<MESSAGES>\xFF</MESSAGES>").err(), Some(RequestError::InvalidXml));
    }

    #[test]
    fn excess_messages_are_not_kept() {
        let posted = Posted::parse(format!("<MESSAGES>{}</MESSAGES>", "<MSG/>".repeat(50_000)).as_bytes());
        let posted = posted.ok().unwrap();
        assert_eq!(posted.messages.len(), MOST_MESSAGES + 1);
        assert_eq!(posted.read(&context()).err(), Some(RequestError::TooManyMessages));
    }

    #[test]
    fn each_error_has_its_text() {
        use super::super::error::Part;
        let of = |from: &str, to: &str, body: &str, more: &str| {
            let error = read(&msg(&format!("{from}{to}{body}{more}"))).ok().unwrap()[0].draft.as_ref().err().cloned();
            error.map(|error| error.words(Part::Node))
        };
        let (from, to, body) = ("<FROM>SenderName</FROM>", "<TO>00447911123456</TO>", "<BODY>Hi</BODY>");
        let no_numbers = Some("No phone numbers found. Message will not be sent.".to_owned());
        assert_eq!(of(from, to, body, ""), None);
        assert_eq!(of("", to, body, "").as_deref(), Some("No FROM field found in a MSG node."));
        assert_eq!(of("<FROM/>", to, body, "").as_deref(), Some("No FROM field found in a MSG node."));
        assert_eq!(of(from, "", body, ""), no_numbers);
        assert_eq!(of(from, "<TO></TO>", body, ""), no_numbers);
        assert_eq!(of(from, "<TO>12a</TO>", body, "").as_deref(), Some("Rejected: Gsm '12a' is not a number."));
        assert_eq!(of(from, to, "", "").as_deref(), Some("No body field was found"));
        assert_eq!(of(from, to, "<BODY/>", "").as_deref(), Some("A body without content was found"));
        assert!(of(from, to, body, "<VALIDITY>soon</VALIDITY>").unwrap().contains("VALIDITY"));
        assert!(of(from, to, body, "<CHANNEL>Fax</CHANNEL>").unwrap().contains("unknown channel"));
        let no_messages = read("<MESSAGES><AUTHENTICATION/></MESSAGES>").err().unwrap();
        assert_eq!(no_messages.words(Part::Node), "A MESSAGES node requires at least one MSG node");
        let many = msg(MSG).replace("<TO>", &format!("{}<TO>", "<TO>447911123456</TO>".repeat(1000)));
        assert_eq!(read(&many).err(), Some(RequestError::TooManyMessages));
    }

    proptest! {
        #[test]
        fn arbitrary_document_does_not_panic(text in "\\PC{0,200}") {
            let _ = read(&text);
        }

        #[test]
        fn arbitrary_markup_does_not_panic(parts in prop::collection::vec("</?(MESSAGES|MSG|TO|BODY|FROM|!DOCTYPE|!\\[CDATA\\[|!--|\\?xml)( TYPE='A')?/?>|&[a-z#x0-9]{0,9};?|\\PC{0,5}|\\]\\]>|-->", 0..30)) {
            let _ = read(&parts.concat());
        }
    }
}
