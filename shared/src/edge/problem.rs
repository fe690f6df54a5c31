//! Problems (RFC 9457), with an `errors` array that names fields.
//!
//! The client sees only the fields of [`Problem`]. Details for operators are logged when the problem is made.

use http::{Response, StatusCode, header};
use lambda_http::Body;
use serde::Serialize;
use tracing::error;

use super::{BodyError, with_advice};
use crate::{
    domain::{FieldError, OutOfRoom, Rejection, RejectionReason},
    flow::{Unavailable, accept::AcceptError},
    runtime::error_chain,
    store::StoreError,
};

/// The answer to a request that failed.
#[derive(Debug, Serialize)]
pub struct Problem {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

impl Problem {
    fn new(status: StatusCode, r#type: &'static str, title: &'static str) -> Self {
        Self { r#type, title, status: status.as_u16(), detail: None, errors: Vec::new() }
    }

    /// Returns whether the caller is at fault.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        (400..500).contains(&self.status)
    }

    fn with(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    fn saying(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "urn:problem:invalid-request", "The request is not valid")
            .saying("Each entry of 'errors' names a field and its error.")
            .with(errors)
    }

    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "urn:problem:unauthorized", "No valid API key")
            .saying("The key is missing, unknown or revoked. Give it as '?key=' or as 'Authorization: Bearer'.")
    }

    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "urn:problem:not-found", "Not found")
    }

    #[must_use]
    pub fn too_large(most: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "urn:problem:too-large", "The request is too large")
            .saying(format!("A request body may have at most {most} bytes."))
    }

    #[must_use]
    pub fn content_encoding() -> Self {
        let title = "The content encoding is not supported";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "urn:problem:content-encoding", title)
            .saying("Send the body as it is, without Content-Encoding or with 'identity'.")
    }

    #[must_use]
    pub fn suspended() -> Self {
        Self::new(StatusCode::FORBIDDEN, "urn:problem:account-suspended", "The account is suspended")
    }

    #[must_use]
    pub fn out_of_room(error: &OutOfRoom) -> Self {
        let title = "Too many messages are waiting";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "urn:problem:too-many-waiting", title)
            .saying(format!("{error}. The request had no effect. Retry it later."))
    }

    /// The answer would exceed Lambda's size limit.
    #[must_use]
    pub fn answer_too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "urn:problem:too-large", "The answer would be too large")
            .saying("The request had no effect. Split the messages over several requests.")
    }

    #[must_use]
    pub fn too_late(state: &str) -> Self {
        Self::new(StatusCode::CONFLICT, "urn:problem:too-late", "The message can no longer be cancelled")
            .saying(format!("The message is {state}."))
    }

    #[must_use]
    pub fn batch_too_late(messages: usize) -> Self {
        Self::new(StatusCode::CONFLICT, "urn:problem:too-late", "The batch can no longer be cancelled")
            .saying(format!("All {messages} messages of the batch are being sent, or have a result."))
    }

    fn rejected(reason: RejectionReason) -> Self {
        match reason {
            RejectionReason::NotOwned => {
                Self::new(StatusCode::FORBIDDEN, "urn:problem:sender-not-owned", "The account does not own a sender ID")
            }
            RejectionReason::Conflict => {
                Self::new(StatusCode::CONFLICT, "urn:problem:conflict", "An ID or key was used with other content")
            }
            RejectionReason::Unacceptable => {
                let title = "A message cannot be accepted";
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "urn:problem:unacceptable", title)
            }
        }
    }

    /// Logs that the store or a queue did not answer, and asks the client to retry. An unreadable
    /// record is a 500, because a retry would fail too.
    #[must_use]
    pub fn unavailable(error: &Unavailable) -> Self {
        log_unavailable(error);
        if let Unavailable::Store(StoreError::Unreadable { .. }) = error {
            return Self::new(StatusCode::INTERNAL_SERVER_ERROR, "urn:problem:internal", "Internal error");
        }
        Self::temporary("Retry the request. Messages with IDs or an Idempotency-Key are not sent twice.")
    }

    /// The request that accepts the batch may still be running.
    #[must_use]
    pub fn batch_incomplete() -> Self {
        Self::temporary(
            "The request for this batch may still be running. Repeat the cancellation until it is confirmed.",
        )
    }

    fn temporary(detail: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "urn:problem:unavailable", "The gateway is temporarily unavailable")
            .saying(detail)
    }
}

/// Logs an error whose cause the client does not see.
pub fn log_unavailable(error: &Unavailable) {
    error!(error = error_chain(error), "store or queue unavailable");
}

impl From<AcceptError> for Problem {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::Rejected(Rejection { reason, errors }) => Self::rejected(reason).with(errors),
            AcceptError::Suspended => Self::suspended(),
            AcceptError::OutOfRoom(error) => Self::out_of_room(&error),
            AcceptError::Unavailable(error) => error.into(),
        }
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge(most) => Self::too_large(most),
            BodyError::ContentEncoding => Self::content_encoding(),
        }
    }
}

impl From<Unavailable> for Problem {
    fn from(error: Unavailable) -> Self {
        Self::unavailable(&error)
    }
}

impl From<Problem> for Response<Body> {
    fn from(problem: Problem) -> Self {
        let body = serde_json::to_string(&problem).unwrap_or_default();
        let mut response = Self::new(Body::from(body));
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/problem+json"));
        with_advice(response)
    }
}
