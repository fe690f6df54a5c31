//! One request for several messages, and what became of each.
//!
//! If CM refuses a request as a whole and one of its messages may be why, nothing
//! of it was taken, and each is posted again by itself, so that one bad message
//! does not stop the rest. All of that is done within the carrier's time-out.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use reqwest::{
    Client, Response, StatusCode,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use tokio::time::Instant;
use tracing::warn;
use url::Url;

use super::answer::{Answer, Judged};
use crate::{
    domain::{CarrierName, CarrierSettings, Outcome, PhoneNumber, SubmitReference},
    formats::http::{put_off, read_up_to, unanswered},
};

const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-cm-producttoken");
/// The most bytes of an answer. Of a thousand messages it has about 200 KB.
const LONGEST_ANSWER: usize = 1 << 20;
/// How many of a refused request's messages are posted by themselves at a time.
const AT_A_TIME: usize = 32;

/// Where to post, as whom, and how long an answer may take.
#[derive(Clone, PartialEq, Eq, Hash)]
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
pub(super) struct Written {
    /// Its `msg`, as JSON.
    pub(super) msg: String,
    pub(super) reference: SubmitReference,
    pub(super) to: PhoneNumber,
}

/// What became of each, in their order.
pub(super) async fn post(http: &Client, address: &Address, sent: &[Written], now: Timestamp) -> Vec<Outcome> {
    let deadline = Instant::now() + address.timeout;
    let judged = post_together(http, address, sent, address.timeout, now).await;
    let alone = sent.len() == 1;
    let settled: Vec<_> = sent
        .iter()
        .zip(judged)
        .map(|(written, judged)| settle(http, address, written, judged, alone, deadline, now))
        .collect();
    stream::iter(settled).buffered(AT_A_TIME).collect().await
}

async fn settle(
    http: &Client,
    address: &Address,
    written: &Written,
    judged: Judged,
    alone: bool,
    deadline: Instant,
    begun: Timestamp,
) -> Outcome {
    let reason = match judged {
        Judged::Settled(outcome) => return outcome,
        Judged::Suspect { reason } => reason,
    };
    if alone {
        return Outcome::Rejected { reason };
    }
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Outcome::Busy { retry_after: None, reason: format!("no time was left to post it by itself: {reason}") };
    }
    match post_together(http, address, std::slice::from_ref(written), left, begun).await.pop() {
        Some(Judged::Settled(outcome)) => outcome,
        Some(Judged::Suspect { reason }) => Outcome::Rejected { reason },
        None => Outcome::Unknown { reason: "nothing is known of it".to_owned() },
    }
}

/// Posts them once.
async fn post_together(
    http: &Client,
    address: &Address,
    sent: &[Written],
    timeout: Duration,
    begun: Timestamp,
) -> Vec<Judged> {
    let request = http
        .post(address.url.clone())
        .header(TOKEN_HEADER, address.token.clone())
        .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .timeout(timeout)
        .body(write(sent));
    match request.send().await {
        Ok(response) => judge(response, sent, begun).await,
        Err(error) => all(sent, Judged::Settled(unanswered(&error))),
    }
}

fn write(sent: &[Written]) -> String {
    let listed: Vec<_> = sent.iter().map(|written| written.msg.as_str()).collect();
    format!(r#"{{"messages":{{"msg":[{}]}}}}"#, listed.join(","))
}

async fn judge(response: Response, sent: &[Written], begun: Timestamp) -> Vec<Judged> {
    let status = response.status();
    let reason = format!("status {}", status.as_u16());
    match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            return all(sent, Judged::Settled(put_off(&response, begun)));
        }
        StatusCode::PAYLOAD_TOO_LARGE => return all(sent, Judged::Suspect { reason }),
        // It, or what stands before it, waited for the rest of the request, and may have it by now.
        StatusCode::REQUEST_TIMEOUT => return all(sent, Judged::Settled(Outcome::Unknown { reason })),
        _ if !status.is_success() && !status.is_client_error() => {
            return all(sent, Judged::Settled(Outcome::Unknown { reason }));
        }
        _ => {}
    }
    let body = read_up_to(LONGEST_ANSWER, response).await;
    match body.as_deref().and_then(Answer::read) {
        Some(answer) => {
            if let Some(code) = answer.trouble() {
                warn!(carrier = CarrierName::Cm.into_str(), code, "the carrier does not accept the account");
            }
            answer.judge(sent)
        }
        // It does not know us, or not the path: nothing was taken, and someone has to look.
        None if status.is_client_error() => all(sent, Judged::Settled(Outcome::Busy { retry_after: None, reason })),
        None => {
            all(sent, Judged::Settled(Outcome::Unknown { reason: format!("{reason}, and no answer that can be read") }))
        }
    }
}

fn all(sent: &[Written], judged: Judged) -> Vec<Judged> {
    vec![judged; sent.len()]
}
