//! Errors as clients see them.
//!
//! The page has no error body. Ours has `error`, the first error, and `errors`, all of them; each has a `code`, a
//! `message`, and the `field` if it is about a field. The page's words for errors are codes: `SEGMENTS_EXCEEDED`,
//! `INVALID_ROUTING` and `CODE_NOT_ALLOWED`. The other codes are ours.

use http::StatusCode;
use serde::Serialize;

use super::response::Meta;
use crate::{
    domain::{FieldError, FieldErrorCode, OutOfRoom, Rejection, RejectionReason},
    formats::json,
};

/// The page's words for a text that is too long.
const SEGMENTS_EXCEEDED: &str = "Text exceeds the limit of allowed segments";

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub status: StatusCode,
    /// Never empty.
    errors: Vec<RequestError>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct RequestError {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

#[derive(Serialize)]
struct Answer<'a> {
    meta: Meta,
    error: Option<&'a RequestError>,
    errors: &'a [RequestError],
}

impl Failure {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, errors: vec![RequestError { code, message: message.into(), field: None }] }
    }

    /// Returns the failure of a request with these field errors.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, errors: errors.into_iter().map(RequestError::from).collect() }
    }

    #[must_use]
    pub fn invalid_query() -> Self {
        let rule = "has a character that must be percent-encoded, such as a blank, a quote, '<', '>' or 'é'";
        Self::invalid(vec![FieldError::new("(query)", FieldErrorCode::Malformed, rule)])
    }

    /// Returns the failure of a request whose `messages` valid messages were rejected.
    #[must_use]
    pub fn rejected(rejection: &Rejection, messages: usize) -> Self {
        let is_about_all = rejection.errors.len() == messages;
        let mut errors: Vec<RequestError> = Vec::new();
        for error in &rejection.errors {
            let error = RequestError::from(in_this_dialect(error, is_about_all));
            // All messages of a batch have one sender and one connection.
            if !errors.contains(&error) {
                errors.push(error);
            }
        }
        let status = match rejection.reason {
            RejectionReason::NotOwned => StatusCode::FORBIDDEN,
            RejectionReason::Conflict => StatusCode::CONFLICT,
            RejectionReason::Unacceptable
                if rejection.errors.iter().all(|error| error.code == FieldErrorCode::NoRoute) =>
            {
                StatusCode::BAD_REQUEST
            }
            RejectionReason::Unacceptable => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self { status, errors }
    }

    #[must_use]
    pub fn unauthorized() -> Self {
        let rule = "The API key is missing, unknown or revoked. Give it as 'Authorization: Bearer'.";
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", rule)
    }

    #[must_use]
    pub fn suspended() -> Self {
        Self::new(StatusCode::FORBIDDEN, "ACCOUNT_SUSPENDED", "The account is suspended")
    }

    #[must_use]
    pub fn out_of_room(error: &OutOfRoom) -> Self {
        let rule = format!("{error}. The request had no effect. Retry it later.");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_WAITING", rule)
    }

    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", "Not found")
    }

    #[must_use]
    pub fn too_large(most: usize) -> Self {
        let rule = format!("A request body may have at most {most} bytes.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE", rule)
    }

    #[must_use]
    pub fn content_encoding() -> Self {
        let rule = "Send the body as it is, without Content-Encoding or with 'identity'.";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "CONTENT_ENCODING", rule)
    }

    /// A record cannot be read, so a retry would fail too.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "Internal error")
    }

    #[must_use]
    pub fn unavailable() -> Self {
        let rule = "The gateway is temporarily unavailable. Retry the request. With an Idempotency-Key no message is sent twice.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", rule)
    }

    /// Returns the answer's body.
    #[must_use]
    pub fn write(&self, meta: Meta) -> String {
        json::write(&Answer { meta, error: self.errors.first(), errors: &self.errors })
    }
}

/// Returns an error of a later step with this dialect's name of the field. Of a connection that leads to some of a
/// batch's numbers, the error names the other numbers.
fn in_this_dialect(error: &FieldError, is_about_all: bool) -> FieldError {
    let field = match (error.code, error.index) {
        (FieldErrorCode::NotOwned, _) => "from".to_owned(),
        (FieldErrorCode::NoRoute, Some(index)) if !is_about_all => format!("to[{index}].to"),
        (FieldErrorCode::NoRoute, _) => "connection".to_owned(),
        _ => error.field.clone(),
    };
    FieldError::new(field, error.code, error.message.as_str())
}

impl From<FieldError> for RequestError {
    fn from(FieldError { field, code, message, .. }: FieldError) -> Self {
        let is = |name: &str| field.rsplit('.').next() == Some(name);
        let (code, message) = match code {
            FieldErrorCode::TooLong if is("text") || is("params") => {
                ("SEGMENTS_EXCEEDED", SEGMENTS_EXCEEDED.to_owned())
            }
            FieldErrorCode::Malformed if is("to") => ("INVALID_ROUTING", message),
            FieldErrorCode::NoRoute => ("INVALID_ROUTING", message),
            FieldErrorCode::NotOwned => ("CODE_NOT_ALLOWED", message),
            other => (name(other), message),
        };
        Self { code, message, field: Some(field) }
    }
}

fn name(code: FieldErrorCode) -> &'static str {
    match code {
        FieldErrorCode::Missing => "MISSING",
        FieldErrorCode::WrongType => "WRONG_TYPE",
        FieldErrorCode::Malformed => "MALFORMED",
        FieldErrorCode::Empty => "EMPTY",
        FieldErrorCode::TooLong => "TOO_LONG",
        FieldErrorCode::TooMany => "TOO_MANY",
        FieldErrorCode::UnknownValue => "UNKNOWN_VALUE",
        FieldErrorCode::Duplicate => "DUPLICATE",
        FieldErrorCode::NotOwned => "NOT_OWNED",
        FieldErrorCode::Conflict => "CONFLICT",
        FieldErrorCode::PoolExhausted => "POOL_EXHAUSTED",
        FieldErrorCode::NoRoute => "NO_ROUTE",
    }
}
