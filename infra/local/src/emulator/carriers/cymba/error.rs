//! Cymba's errors, in a format of our own.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tracing::info;

use super::{Connection, Vendor};
use crate::emulator::network::{Busy, THROTTLED_SECONDS};
use crate::emulator::problem::Problem;

#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("unknown API key")]
    UnknownKey,
    #[error("busy")]
    Busy(Busy),
    #[error("{0}")]
    Invalid(String),
    /// The message of this index goes to a number that the network refuses.
    #[error("messages[{index}].to cannot receive messages")]
    Refused { index: usize, message_id: String },
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Invalid(problem.to_string())
    }
}

impl Error {
    pub(super) fn in_message(index: usize, problem: &Problem) -> Self {
        Self::Invalid(format!("messages[{index}].{problem}"))
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::UnknownKey => StatusCode::UNAUTHORIZED,
            Self::Busy(busy) => busy.status(),
            Self::Invalid(_) | Self::Refused { .. } => StatusCode::BAD_REQUEST,
        }
    }

    /// Logs a rejection without the error, which may quote the request. The network logs a busy carrier itself.
    pub(super) fn log(&self, connection: Option<&Connection>) {
        let carrier = connection.map(|connection| connection.name.as_str());
        let (vendor, status) = (Vendor::Cymba.into_str(), self.status().as_u16());
        match self {
            Self::Busy(_) => {}
            Self::Refused { message_id, .. } => {
                info!(message.id = message_id, carrier, vendor, http.status = status, "carrier rejected message");
            }
            _ => info!(carrier, vendor, http.status = status, "carrier rejected request"),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        match self {
            Self::Busy(Busy::Throttled) => {
                (self.status(), [(header::RETRY_AFTER, HeaderValue::from(THROTTLED_SECONDS))]).into_response()
            }
            Self::Busy(Busy::Unavailable) => self.status().into_response(),
            _ => (self.status(), Json(json!({ "error": self.to_string() }))).into_response(),
        }
    }
}
