//! The request for one message, and what became of it.
//!
//! CM takes a thousand messages in one request. We post each by itself: when the ten messages of a queue's batch shared a
//! request, that saved $0.002 a million messages and cost 5 ms of each (measured in November 2026, answers of 100 ms).

use std::time::Duration;

use jiff::Timestamp;
use reqwest::{
    Client, Response, StatusCode,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use tracing::warn;
use url::Url;

use super::answer::Answer;
use crate::{
    domain::{CarrierName, CarrierSettings, Outcome, PhoneNumber, SubmitReference},
    formats::http::{busy_response, no_response, read_up_to},
};

const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-cm-producttoken");
/// The most bytes of an answer.
const LONGEST_ANSWER: usize = 64 << 10;

/// Where to post, as whom, and how long an answer may take.
pub(super) struct Address {
    url: Url,
    token: HeaderValue,
    timeout: Duration,
}

impl Address {
    /// None if there is no such address, or the token cannot stand in a header.
    pub(super) fn new(settings: &CarrierSettings, token: &str) -> Option<Self> {
        let mut url = settings.endpoint.clone();
        url.path_segments_mut().ok()?.pop_if_empty().extend(["v1.0", "message"]);
        let mut token = HeaderValue::from_str(token).ok()?;
        token.set_sensitive(true);
        Some(Self { url, token, timeout: settings.timeout() })
    }
}

/// A message that is ready to be posted.
pub(super) struct WrittenMessage {
    /// Its `msg`, as JSON.
    pub(super) msg: String,
    pub(super) reference: SubmitReference,
    pub(super) to: PhoneNumber,
}

/// Posts the message, and returns what became of it.
pub(super) async fn post(http: &Client, address: &Address, message: &WrittenMessage, now: Timestamp) -> Outcome {
    let request = http
        .post(address.url.clone())
        .header(TOKEN_HEADER, address.token.clone())
        .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .timeout(address.timeout)
        .body(format!(r#"{{"messages":{{"msg":[{}]}}}}"#, message.msg));
    match request.send().await {
        Ok(response) => judge(response, message, now).await,
        Err(error) => no_response(&error),
    }
}

async fn judge(response: Response, message: &WrittenMessage, begun: Timestamp) -> Outcome {
    let status = response.status();
    let reason = format!("status {}", status.as_u16());
    match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => return busy_response(&response, begun),
        StatusCode::PAYLOAD_TOO_LARGE => return Outcome::Rejected { reason },
        // CM, or a proxy before it, waited for the rest of the request, and may have it by now.
        StatusCode::REQUEST_TIMEOUT => return Outcome::Unknown { reason },
        _ if !status.is_success() && !status.is_client_error() => return Outcome::Unknown { reason },
        _ => {}
    }
    let body = read_up_to(LONGEST_ANSWER, response).await;
    match body.as_deref().and_then(Answer::read) {
        Some(answer) => {
            if let Some(code) = answer.account_error() {
                warn!(carrier = CarrierName::Cm.into_str(), code, "the carrier does not accept the account");
            }
            answer.judge(message)
        }
        // CM does not know us, or not the path: nothing was accepted, and an operator has to look.
        None if status.is_client_error() => Outcome::Busy { retry_after: None, reason },
        None => Outcome::Unknown { reason: format!("{reason}, and no answer that can be read") },
    }
}
