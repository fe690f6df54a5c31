//! `POST {endpoint}/messages`. 202 accepts the message; 400 and 422 reject it.

use jiff::Timestamp;
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};

use crate::{
    domain::{Outcome, Submission},
    formats::http::{self, Answer, authorized},
    vendors::Connection,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    reference: String,
    #[serde(flatten)]
    sender: Sender<'a>,
    to: &'a str,
    text: &'a str,
    channel: &'a str,
}

/// Our sender ID, or the carrier's own ID of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Sender<'a> {
    From(&'a str),
    SenderId(&'a str),
}

#[derive(Deserialize)]
pub(super) struct Accepted {
    pub(super) id: String,
}

#[derive(Deserialize)]
struct Refused {
    code: String,
    message: String,
}

pub(super) async fn submit(connection: &Connection<'_>, submission: &Submission<'_>, now: Timestamp) -> Outcome {
    let id = connection.settings.sender_ids.get(submission.from).map(Sender::SenderId);
    let request = Request {
        reference: submission.reference.to_string(),
        sender: id.unwrap_or(Sender::From(submission.from.as_str())),
        to: submission.to.digits(),
        text: submission.text.as_str(),
        channel: submission.channel.into_str(),
    };
    let post = authorized(connection.post(&["messages"]), connection.credentials).json(&request);
    http::submit(post, now, judge).await
}

fn judge(answer: &Answer) -> Option<Outcome> {
    match answer.status {
        StatusCode::ACCEPTED => Some(Outcome::accepted(answer.json().map(|accepted: Accepted| accepted.id))),
        StatusCode::UNPROCESSABLE_ENTITY | StatusCode::BAD_REQUEST => Some(match answer.json() {
            Some(Refused { code, message }) => Outcome::rejected(&code, &message),
            None => Outcome::Rejected { reason: answer.reason() },
        }),
        _ => None,
    }
}
