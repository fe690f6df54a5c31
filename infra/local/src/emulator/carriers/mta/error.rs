//! Mobile Text Alerts' errors, in the format of its error message catalog. The catalog has no names for 409 and 429;
//! ours follow its pattern.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::json;
use tracing::info;
use uuid::Uuid;

use super::Vendor;
use crate::emulator::clock;
use crate::emulator::network::{Busy, THROTTLED_SECONDS};
use crate::emulator::problem::Problem;

#[derive(Debug)]
pub(super) enum Error {
    Unauthorized,
    Busy(Busy),
    /// The account has used up this minute's requests.
    RateLimited {
        retry_after_s: u16,
    },
    Invalid(Problem),
    TooLong,
    UnknownLongcode,
    /// An accepted submit already had this request ID.
    Conflict,
    /// The network refuses the number.
    Refused {
        message_id: String,
    },
    Unsubscribed {
        message_id: String,
    },
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Invalid(problem)
    }
}

impl Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Busy(busy) => busy.status(),
            Self::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Invalid(_)
            | Self::TooLong
            | Self::UnknownLongcode
            | Self::Refused { .. }
            | Self::Unsubscribed { .. } => StatusCode::BAD_REQUEST,
        }
    }

    /// Returns the error's type and name.
    fn kind(&self) -> (&'static str, &'static str) {
        match self.status() {
            StatusCode::UNAUTHORIZED => ("unauthorized_error", "MTAUnauthorizedError"),
            StatusCode::TOO_MANY_REQUESTS => ("rate_limit_error", "MTARateLimitError"),
            StatusCode::CONFLICT => ("conflict_error", "MTAConflictError"),
            StatusCode::BAD_REQUEST => ("bad_request_error", "MTABadRequestError"),
            _ => ("internal_server_error", "MTAInternalServerError"),
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Unauthorized => "Unauthorized".to_owned(),
            Self::Busy(_) | Self::RateLimited { .. } => "Too many requests".to_owned(),
            Self::Invalid(problem) => problem.to_string(),
            Self::TooLong => "message must have at most 160 characters for SMS".to_owned(),
            Self::UnknownLongcode => "longcodeId is not a number of this account".to_owned(),
            Self::Conflict => "A request with this X-Request-Id was accepted already".to_owned(),
            Self::Refused { .. } => "subscribers has an invalid phone number".to_owned(),
            Self::Unsubscribed { .. } => "The number is unsubscribed".to_owned(),
        }
    }

    /// Logs a rejection by its name, because the message may quote the request. The network logs a busy carrier itself.
    pub(super) fn log(&self) {
        let (vendor, (_, name)) = (Vendor::Mta.into_str(), self.kind());
        match self {
            Self::Busy(_) => {}
            Self::Refused { message_id } | Self::Unsubscribed { message_id } => {
                info!(message.id = message_id, vendor, name, "carrier rejected message");
            }
            _ => info!(vendor, name, "carrier rejected request"),
        }
    }

    pub(super) fn response(&self, now: Timestamp) -> Response {
        if matches!(self, Self::Busy(Busy::Unavailable)) {
            return self.status().into_response();
        }
        let (kind, name) = self.kind();
        let body = json!({
            "httpCode": self.status().as_u16(), "message": self.message(), "timestamp": clock::text(now), "type": kind,
            "name": name, "requestId": Uuid::new_v4(),
        });
        let retry_after = match self {
            Self::Busy(_) => Some(THROTTLED_SECONDS),
            Self::RateLimited { retry_after_s } => Some(*retry_after_s),
            _ => None,
        };
        let mut response = (self.status(), Json(body)).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
