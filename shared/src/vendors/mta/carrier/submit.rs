//! `POST {endpoint}/v3/send`, with the key as the bearer token.
//!
//! `externalId` is our reference, which comes back in receipts and replies. `longcodeId` is the vendor's ID for our
//! sender; without it Mobile Text Alerts chooses one of the account's numbers. `X-Request-Id` makes the vendor answer a
//! repeated submit with a 409.

use jiff::Timestamp;
use reqwest::StatusCode;
use serde::Serialize;
use serde_json::Value;

use crate::{
    domain::{Outcome, Submission},
    formats::{
        caseless::{Object, is_blank},
        http::{self, Answer},
        number,
    },
    vendors::Connection,
};

const REQUEST_ID_HEADER: &str = "x-request-id";
/// Texts in a refusal, in lower case, if the number has unsubscribed.
const OPT_OUT_WORDS: [&str; 3] = ["unsubscribed", "opted out", "opted-out"];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    subscribers: [String; 1],
    message: &'a str,
    external_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    longcode_id: Option<u64>,
}

pub(super) async fn submit(connection: &Connection<'_>, submission: &Submission<'_>, now: Timestamp) -> Outcome {
    let longcode_id = connection.settings.sender_ids.get(submission.from).map(str::parse).transpose();
    let Ok(longcode_id) = longcode_id else {
        return Outcome::busy("the carrier's ID of the sender is not a whole number");
    };
    let reference = submission.reference.to_string();
    let request = Request {
        subscribers: [number::number("+", submission.to)],
        message: submission.text.as_str(),
        external_id: &reference,
        longcode_id,
    };
    let post = connection.post(&["v3", "send"]).bearer_auth(connection.credentials.key());
    http::submit(post.header(REQUEST_ID_HEADER, &reference).json(&request), now, judge).await
}

fn judge(answer: &Answer) -> Option<Outcome> {
    match answer.status {
        status if status.is_success() => accepted_or_refused(answer),
        StatusCode::CONFLICT => Some(Outcome::unknown("status 409: an earlier submit had this X-Request-Id")),
        _ => answer.blames_message().then(|| refused(answer)),
    }
}

/// Reads `{"success","error","message","data":{"messageId"}}`. Any field may be missing.
fn accepted_or_refused(answer: &Answer) -> Option<Outcome> {
    let body = answer.json::<Value>()?;
    let body = Object::of(&body)?;
    let success = body.get("success").and_then(Value::as_bool);
    let is_error = |error: &Value| !is_blank(error) && *error != Value::Bool(false);
    if success == Some(false) || body.get("error").is_some_and(is_error) {
        return Some(refused(answer));
    }
    let id = body.object("data").and_then(message_id).or_else(|| message_id(body));
    (id.is_some() || success == Some(true)).then(|| Outcome::accepted(id))
}

fn message_id(object: Object<'_>) -> Option<String> {
    object.said("messageid").or_else(|| object.said("id"))
}

/// Returns `OptedOut` if the answer's text says so, and `Rejected` otherwise.
fn refused(answer: &Answer) -> Outcome {
    let words = answer.words().unwrap_or_default().to_lowercase();
    let has_opted_out = OPT_OUT_WORDS.iter().any(|said| words.contains(said));
    match answer.rejection() {
        Outcome::Rejected { reason } if has_opted_out => Outcome::OptedOut { reason },
        rejected => rejected,
    }
}
