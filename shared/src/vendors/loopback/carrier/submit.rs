//! `POST {endpoint}/carrier/messages`. 202 accepts the message; 400 and 422 reject it; 503 and any other 4xx
//! mean busy, like a failure to connect. Any other answer, or none in time, leaves the outcome unknown.

use jiff::Timestamp;
use reqwest::{Client, Response, StatusCode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    domain::{CarrierSettings, LONGEST_WORDS, Outcome, Submission},
    formats::http::{busy_response, no_response, read_up_to},
    redact::{cut, without_numbers},
};

/// Limits on the answer and its ID, in bytes.
const LONGEST_ANSWER: usize = 64 << 10;
const LONGEST_ID: usize = 100;

#[derive(Serialize)]
struct Request<'a> {
    reference: String,
    from: &'a str,
    to: &'a str,
    text: &'a str,
    channel: &'a str,
}

#[derive(Deserialize)]
pub(super) struct Accepted {
    id: String,
}

impl Accepted {
    pub(super) fn into_id(self) -> Option<String> {
        Some(self.id).filter(|id| id.len() <= LONGEST_ID)
    }
}

#[derive(Deserialize)]
struct Refused {
    code: String,
    message: String,
}

pub(crate) async fn submit(
    http: &Client,
    settings: &CarrierSettings,
    submission: &Submission<'_>,
    now: Timestamp,
) -> Outcome {
    let request = Request {
        reference: submission.reference.to_string(),
        from: submission.from.as_str(),
        to: submission.to.digits(),
        text: submission.text.as_str(),
        channel: submission.channel.into_str(),
    };
    let url = match settings.endpoint.join("carrier/messages") {
        Ok(url) => url,
        Err(error) => return Outcome::Busy { retry_after: None, reason: format!("invalid endpoint: {error}") },
    };
    let sent = http.post(url).timeout(settings.timeout()).json(&request).send().await;
    match sent {
        Ok(response) => read(response, now).await,
        Err(error) => no_response(&error),
    }
}

async fn read(response: Response, begun: Timestamp) -> Outcome {
    let status = response.status();
    match status {
        StatusCode::ACCEPTED => {
            let accepted: Option<Accepted> = body(response).await;
            Outcome::Accepted { carrier_id: accepted.and_then(Accepted::into_id) }
        }
        StatusCode::UNPROCESSABLE_ENTITY | StatusCode::BAD_REQUEST => {
            let reason = match body::<Refused>(response).await {
                Some(refused) => {
                    cut(&without_numbers(&format!("{}: {}", refused.code, refused.message)), LONGEST_WORDS)
                }
                None => format!("status {}", status.as_u16()),
            };
            Outcome::Rejected { reason }
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => busy_response(&response, begun),
        // The carrier does not know us or the path. It took no message, and an operator has to look. A 408 may
        // come after the message was taken.
        _ if status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT => {
            Outcome::Busy { retry_after: None, reason: format!("status {}", status.as_u16()) }
        }
        _ => Outcome::Unknown { reason: format!("status {}", status.as_u16()) },
    }
}

pub(super) async fn body<T: DeserializeOwned>(response: Response) -> Option<T> {
    serde_json::from_slice(&read_up_to(LONGEST_ANSWER, response).await?).ok()
}
