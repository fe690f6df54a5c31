//! HTTP answers of carriers: the outcome if one is busy or does not answer, and the body up to a limit.

use jiff::Timestamp;
use reqwest::{Error, Response};

use crate::{domain::Outcome, runtime::retry_after};

/// Returns the outcome of a request without an answer: `Busy` if we could not send it, so the carrier has no
/// message; otherwise `Unknown`.
pub(crate) fn no_response(error: &Error) -> Outcome {
    if error.is_connect() {
        return Outcome::Busy { retry_after: None, reason: "no connection to the carrier".to_owned() };
    }
    if error.is_builder() {
        return Outcome::Busy { retry_after: None, reason: "could not build the request".to_owned() };
    }
    let reason = if error.is_timeout() { "no answer in time" } else { "the connection broke" };
    Outcome::Unknown { reason: reason.to_owned() }
}

/// Returns `Busy`: the carrier did not take the message. `Retry-After` counts from `begun`, the time of the
/// request.
pub(crate) fn busy_response(response: &Response, begun: Timestamp) -> Outcome {
    let reason = format!("busy (status {})", response.status().as_u16());
    Outcome::Busy { retry_after: retry_after(response.headers(), begun), reason }
}

/// Returns the body, or `None` if it breaks off, times out or exceeds `most` bytes.
pub(crate) async fn read_up_to(most: usize, mut response: Response) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if body.len() + chunk.len() > most {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    Some(body)
}
