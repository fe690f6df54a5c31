//! `GET /gateway.ashx?producttoken=&from=&to=&body=&reference=`: one SMS of one part. Names match in any
//! case. A repeated name's first value counts. We ignore unknown names.

use super::{
    error::{MessageError, RequestError},
    message::{self, Body, Fields, ParsedMessage, ReadContext},
};
use crate::domain::SegmentLimit;

#[derive(Default)]
pub struct Query {
    token: Option<String>,
    from: Option<String>,
    to: Option<String>,
    body: Option<String>,
    reference: Option<String>,
}

impl Query {
    pub fn of<'a>(parameters: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut query = Self::default();
        for (name, value) in parameters {
            let slot = match name.to_ascii_lowercase().as_str() {
                "producttoken" => &mut query.token,
                "from" => &mut query.from,
                "to" => &mut query.to,
                "body" => &mut query.body,
                "reference" => &mut query.reference,
                _ => continue,
            };
            slot.get_or_insert_with(|| value.to_owned());
        }
        query
    }

    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    #[must_use]
    pub fn read(self, context: &ReadContext) -> ParsedMessage {
        let context = ReadContext { limit: SegmentLimit(1), ..*context };
        let reference = message::reference(self.reference.as_deref());
        let to = self.to.filter(|to| !to.is_empty()).ok_or(MessageError::NoNumber);
        let fields = Fields {
            from: self.from,
            body: Some(Body { content: self.body, r#type: None }),
            reference: self.reference,
            ..Fields::default()
        };
        let mut parsed = message::expand(Ok(vec![to]), Ok(fields), reference, &context);
        message::number(&mut parsed);
        parsed.remove(0)
    }
}

/// Returns this gateway's own text for the error, if any.
pub(super) fn message_error_text(error: &MessageError) -> Option<String> {
    match error {
        MessageError::NoFrom => Some("No sender name provided".to_owned()),
        MessageError::NoNumber | MessageError::NoTo => Some(invalid("to", "")),
        MessageError::NotANumber(written) => Some(invalid("to", written)),
        MessageError::NoBody | MessageError::NoContent => Some("Parameter 'body' is required".to_owned()),
        _ => None,
    }
}

pub(super) fn request_error_text(error: &RequestError) -> Option<String> {
    match error {
        RequestError::InvalidToken(written) => Some(invalid("producttoken", written.as_deref().unwrap_or_default())),
        _ => None,
    }
}

fn invalid(name: &str, written: &str) -> String {
    format!("Parameter '{name}' contains an invalid value: '{written}'")
}
