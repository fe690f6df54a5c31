//! The loopback carrier's errors: a status, and `{"code","message"}`. Only a malformed body is answered as
//! the emulator's other paths do.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::emulator::network::{Busy, THROTTLED_SECONDS};
use crate::emulator::problem::Problem;

pub(super) enum Error {
    Unauthorized,
    Busy(Busy),
    UnknownSender,
    UnknownSubscriber,
    UnknownMessage,
    Malformed(Problem),
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Malformed(problem)
    }
}

impl Error {
    /// Returns the code, which a malformed body has none of.
    pub(super) fn code(&self) -> Option<&'static str> {
        match self {
            Self::Unauthorized => Some("unauthorized"),
            Self::Busy(Busy::Throttled) => Some("throttled"),
            Self::Busy(Busy::Unavailable) => Some("unavailable"),
            Self::UnknownSender => Some("unknown-sender"),
            Self::UnknownSubscriber => Some("unknown-subscriber"),
            Self::UnknownMessage => Some("unknown-message"),
            Self::Malformed(_) => None,
        }
    }

    fn message(&self) -> &'static str {
        match self {
            Self::Unauthorized => "No connection has these credentials.",
            Self::Busy(Busy::Throttled) => "Too many messages at once.",
            Self::Busy(Busy::Unavailable) => "The carrier is not available at the moment.",
            Self::UnknownSender => "No sender has this ID.",
            Self::UnknownSubscriber => "No network knows this number.",
            Self::UnknownMessage => "No message was accepted under this reference.",
            Self::Malformed(_) => "The request is malformed.",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Busy(busy) => busy.status(),
            Self::UnknownSender | Self::UnknownSubscriber => StatusCode::UNPROCESSABLE_ENTITY,
            Self::UnknownMessage => StatusCode::NOT_FOUND,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let body = Json(json!({ "code": self.code(), "message": self.message() }));
        match self {
            Self::Malformed(problem) => problem.into_response(),
            Self::Busy(Busy::Throttled) => {
                let retry_after = [(header::RETRY_AFTER, HeaderValue::from(THROTTLED_SECONDS))];
                (self.status(), retry_after, body).into_response()
            }
            _ => (self.status(), body).into_response(),
        }
    }
}
