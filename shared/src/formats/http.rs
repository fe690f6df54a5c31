//! What handing over by HTTP has in common: what it means that no answer came, and
//! how much of an answer is read.

use jiff::Timestamp;
use reqwest::{Error, Response};

use crate::{domain::Outcome, runtime::retry_after};

/// What became of a request that got no answer, or only the beginning of one.
pub(crate) fn no_response(error: &Error) -> Outcome {
    // Nothing was sent, so nothing can have been taken.
    if error.is_connect() {
        return Outcome::Busy { retry_after: None, reason: "no connection to the carrier".to_owned() };
    }
    if error.is_builder() {
        return Outcome::Busy { retry_after: None, reason: "no request could be made of it".to_owned() };
    }
    let reason = if error.is_timeout() { "no answer in time" } else { "the connection broke" };
    Outcome::Unknown { reason: reason.to_owned() }
}

/// Nothing was taken by a request that was made at `begun`, and the carrier may say
/// when it can be.
pub(crate) fn busy_response(response: &Response, begun: Timestamp) -> Outcome {
    let reason = format!("status {}", response.status().as_u16());
    Outcome::Busy { retry_after: retry_after(response.headers(), begun), reason }
}

/// The body, if it comes in time, to its end, and has at most so many bytes.
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
