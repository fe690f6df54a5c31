//! Errors as clients see them: `{"httpCode","message","timestamp","type","name","requestId"}`, by the page "Error
//! message catalog".
//!
//! The page has the types for 400, 401, 403 and 500. The other types follow their pattern, and 429 the page's name
//! `RateLimitError`. We add `errors`, in which
//! each entry names a field; `message` has the text of all entries.

use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    domain::{FieldError, FieldErrorCode, OutOfRoom, Rejection, RejectionReason},
    formats::json,
};

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub status: StatusCode,
    message: String,
    errors: Vec<FieldError>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    http_code: u16,
    message: &'a str,
    timestamp: String,
    r#type: &'static str,
    name: &'static str,
    request_id: Uuid,
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    errors: &'a [FieldError],
}

impl Failure {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), errors: Vec::new() }
    }

    /// Returns the failure for a request with these field errors.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        Self::with(StatusCode::BAD_REQUEST, errors)
    }

    fn with(status: StatusCode, errors: Vec<FieldError>) -> Self {
        let words = |error: &FieldError| match error.index {
            Some(index) => format!("{}[{index}] {}", error.field, error.message),
            None => format!("{} {}", error.field, error.message),
        };
        let message = errors.iter().map(words).collect::<Vec<_>>().join("; ");
        Self { status, message, errors }
    }

    #[must_use]
    pub fn invalid_query() -> Self {
        let rule = "has a character that must be percent-encoded, such as a blank, a quote, '<', '>' or 'é'";
        Self::invalid(vec![FieldError::new("(query)", FieldErrorCode::Malformed, rule)])
    }

    /// Returns the failure for a request that a later step rejected. The errors use this dialect's field names.
    #[must_use]
    pub fn rejected(reason: RejectionReason, errors: Vec<FieldError>) -> Self {
        let status = match reason {
            RejectionReason::NotOwned => StatusCode::FORBIDDEN,
            RejectionReason::Conflict => StatusCode::CONFLICT,
            RejectionReason::Unacceptable => StatusCode::BAD_REQUEST,
        };
        Self::with(status, errors)
    }

    /// The request's ID was used before: its messages are already accepted, or another request has the ID.
    #[must_use]
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    #[must_use]
    pub fn unauthorized() -> Self {
        let rule = "The API key is missing, unknown or revoked. Give it as 'Authorization: Bearer'.";
        Self::new(StatusCode::UNAUTHORIZED, rule)
    }

    #[must_use]
    pub fn suspended() -> Self {
        Self::new(StatusCode::FORBIDDEN, "The account is suspended")
    }

    #[must_use]
    pub fn out_of_room(error: &OutOfRoom) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, format!("{error}. The request had no effect. Retry it later."))
    }

    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not found")
    }

    #[must_use]
    pub fn not_implemented(what: &str) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, format!("The gateway does not have {what}"))
    }

    #[must_use]
    pub fn too_large(most: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, format!("A request body may have at most {most} bytes."))
    }

    #[must_use]
    pub fn content_encoding() -> Self {
        let rule = "Send the body as it is, without Content-Encoding or with 'identity'.";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, rule)
    }

    /// We cannot read a record, so a retry would fail too.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal error")
    }

    /// We did not find all messages of a scheduled request, because the request is still running or was interrupted.
    #[must_use]
    pub fn incomplete() -> Self {
        let rule = "The request with these messages may still be running. Cancel it again.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, rule)
    }

    #[must_use]
    pub fn unavailable() -> Self {
        let rule =
            "The gateway is temporarily unavailable. Retry the request. With an X-Request-Id no message is sent twice.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, rule)
    }

    /// Returns the answer's body.
    #[must_use]
    pub fn write(&self, at: Timestamp, request_id: Uuid) -> String {
        let (r#type, name) = kind(self.status);
        json::write(&Answer {
            http_code: self.status.as_u16(),
            message: &self.message,
            timestamp: format!("{at:.3}"),
            r#type,
            name,
            request_id,
            errors: &self.errors,
        })
    }
}

impl From<Rejection> for Failure {
    fn from(Rejection { reason, errors }: Rejection) -> Self {
        Self::rejected(reason, errors)
    }
}

/// Returns the type and name of an error.
fn kind(status: StatusCode) -> (&'static str, &'static str) {
    match status {
        StatusCode::BAD_REQUEST => ("bad_request_error", "MTABadRequestError"),
        StatusCode::UNAUTHORIZED => ("unauthorized_error", "MTAUnauthorizedError"),
        StatusCode::FORBIDDEN => ("forbidden_error", "MTAForbiddenError"),
        StatusCode::NOT_FOUND => ("not_found_error", "MTANotFoundError"),
        StatusCode::CONFLICT => ("conflict_error", "MTAConflictError"),
        StatusCode::PAYLOAD_TOO_LARGE => ("payload_too_large_error", "MTAPayloadTooLargeError"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ("unsupported_media_type_error", "MTAUnsupportedMediaTypeError"),
        StatusCode::TOO_MANY_REQUESTS => ("rate_limit_error", "MTARateLimitError"),
        StatusCode::NOT_IMPLEMENTED => ("not_implemented_error", "MTANotImplementedError"),
        StatusCode::SERVICE_UNAVAILABLE => ("service_unavailable_error", "MTAServiceUnavailableError"),
        _ => ("internal_server_error", "MTAInternalServerError"),
    }
}
