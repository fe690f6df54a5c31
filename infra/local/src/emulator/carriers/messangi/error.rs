//! Messangi's errors, in a format of our own.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tracing::info;

use super::{Connection, Vendor};
use crate::emulator::network::{Busy, THROTTLED_SECONDS};
use crate::emulator::problem::Problem;

pub(super) enum Error {
    Unauthorized,
    WrongLogin,
    Busy(Busy),
    Invalid(Problem),
    SegmentsExceeded,
    InvalidRouting,
    /// The network refuses the number.
    Blacklisted {
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
            Self::WrongLogin => StatusCode::FORBIDDEN,
            Self::Busy(busy) => busy.status(),
            Self::Invalid(_) | Self::SegmentsExceeded | Self::InvalidRouting | Self::Blacklisted { .. } => {
                StatusCode::BAD_REQUEST
            }
        }
    }

    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Unauthorized => "UNAUTHORIZED",
            Self::WrongLogin => "WRONG_LOGIN",
            Self::Busy(_) => "BUSY",
            Self::Invalid(_) => "INVALID_FIELD",
            Self::SegmentsExceeded => "SEGMENTS_EXCEEDED",
            Self::InvalidRouting => "INVALID_ROUTING",
            Self::Blacklisted { .. } => "BLACKLISTED",
        }
    }

    fn field(&self) -> Option<&str> {
        match self {
            Self::Invalid(problem) => problem.field(),
            Self::SegmentsExceeded => Some("text"),
            Self::InvalidRouting | Self::Blacklisted { .. } => Some("to"),
            Self::Unauthorized | Self::WrongLogin | Self::Busy(_) => None,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Unauthorized => "Unknown or expired key".to_owned(),
            Self::WrongLogin => "Wrong username or password".to_owned(),
            Self::Busy(_) => "Busy".to_owned(),
            Self::Invalid(problem) => problem.to_string(),
            Self::SegmentsExceeded => "Text exceeds the limit of allowed segments".to_owned(),
            Self::InvalidRouting => "Phone number is not valid".to_owned(),
            Self::Blacklisted { .. } => "Recipient is blacklisted".to_owned(),
        }
    }

    /// Logs a rejection by its code, because the message may quote the request. The network logs a busy carrier
    /// itself.
    pub(super) fn log(&self, connection: Option<&Connection>) {
        let carrier = connection.map(|connection| connection.name.as_str());
        let (vendor, code) = (Vendor::Messangi.into_str(), self.code());
        match self {
            Self::Busy(_) => {}
            Self::Blacklisted { message_id } => {
                info!(message.id = message_id, carrier, vendor, code, "carrier rejected message");
            }
            _ => info!(carrier, vendor, code, "carrier rejected request"),
        }
    }

    pub(super) fn response(&self, meta: &Value) -> Response {
        match self {
            Self::Busy(Busy::Throttled) => {
                (self.status(), [(header::RETRY_AFTER, HeaderValue::from(THROTTLED_SECONDS))]).into_response()
            }
            Self::Busy(Busy::Unavailable) => self.status().into_response(),
            _ => {
                let error = json!({ "code": self.code(), "message": self.message(), "field": self.field() });
                (self.status(), Json(json!({ "meta": meta, "error": error }))).into_response()
            }
        }
    }
}
