//! `GET /gateway.ashx?producttoken=&from=&to=&body=&reference=`: one SMS of one part. Names match in any
//! case. We ignore unknown names.
//!
//! Decision where the page is silent: a parameter that is there twice, or that cannot be decoded, is an error.

use super::{
    error::{MessageError, RequestError},
    message::{self, Body, Fields, ParsedMessage, ReadContext},
};
use crate::{domain::SegmentLimit, formats::query::parameters};

/// A parameter's value, if the parameter is there.
type Value = Option<Result<String, MessageError>>;

#[derive(Default)]
pub struct Query {
    token: Value,
    from: Value,
    to: Value,
    body: Value,
    reference: Value,
}

impl Query {
    /// Reads a raw query, without its `?`.
    #[must_use]
    pub fn parse(raw: &str) -> Self {
        let mut query = Self::default();
        for parameter in parameters(raw) {
            let (name, slot) = match parameter.name.to_ascii_lowercase().as_str() {
                "producttoken" => ("producttoken", &mut query.token),
                "from" => ("from", &mut query.from),
                "to" => ("to", &mut query.to),
                "body" => ("body", &mut query.body),
                "reference" => ("reference", &mut query.reference),
                _ => continue,
            };
            *slot = Some(match (&slot, parameter.value) {
                (Some(_), _) => Err(MessageError::Parameter(name, "is there more than once".to_owned())),
                (None, Ok(value)) => Ok(value.into_owned()),
                (None, Err(error)) => Err(MessageError::Parameter(name, error.to_string())),
            });
        }
        query
    }

    /// Returns the product token, if the query has one. An empty token counts as missing.
    ///
    /// # Errors
    /// [`RequestError::InvalidToken`] if the token cannot be decoded, or is there more than once.
    pub fn token(&self) -> Result<Option<&str>, RequestError> {
        match &self.token {
            Some(Ok(token)) => Ok(Some(token.as_str()).filter(|token| !token.is_empty())),
            Some(Err(_)) => Err(RequestError::InvalidToken(None)),
            None => Ok(None),
        }
    }

    #[must_use]
    pub fn read(self, context: &ReadContext) -> ParsedMessage {
        let context = ReadContext { limit: SegmentLimit(1), ..*context };
        let to = self.to.unwrap_or(Err(MessageError::NoNumber));
        let to = to.and_then(|to| if to.is_empty() { Err(MessageError::NoNumber) } else { Ok(to) });
        let fields = read_fields(self.from, self.body, self.reference);
        let reference = fields.as_ref().ok().and_then(|fields| message::reference(fields.reference.as_deref()));
        let mut parsed = message::expand(Ok(vec![to]), fields, reference, &context);
        message::number(&mut parsed);
        parsed.remove(0)
    }
}

fn read_fields(from: Value, body: Value, reference: Value) -> Result<Fields, MessageError> {
    Ok(Fields {
        from: from.transpose()?,
        body: Some(Body { content: body.transpose()?, r#type: None }),
        reference: reference.transpose()?,
        ..Fields::default()
    })
}

/// Returns this gateway's own text for the error, if any.
pub(super) fn message_error_text(error: &MessageError) -> Option<String> {
    match error {
        MessageError::NoFrom => Some("No sender name provided".to_owned()),
        MessageError::NoNumber | MessageError::NoTo => Some(invalid("to", "")),
        MessageError::NotANumber(written) => Some(invalid("to", written)),
        MessageError::NoBody | MessageError::NoContent => Some("Parameter 'body' is required".to_owned()),
        MessageError::Parameter(name, why) => Some(format!("Parameter '{name}' {why}")),
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
