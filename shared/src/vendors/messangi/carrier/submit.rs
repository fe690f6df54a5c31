//! `POST {endpoint}/raven/v2/messages`, with a key as the bearer token: a permanent key, or the key from a login.
//!
//! `externalId` is our reference, which comes back in receipts. `callbacks` is the address of receipts, and works only
//! with `requestDR`.

use std::time::Instant;

use jiff::Timestamp;
use reqwest::StatusCode;
use serde::Serialize;
use serde_json::Value;

use super::{
    login,
    status::{ERROR, Status, status},
};
use crate::{
    domain::{CredentialPart, Outcome, Submission},
    formats::{
        caseless::Object,
        codes::Meaning,
        http::{self, Answer},
        number,
    },
    vendors::Connection,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    from: &'a str,
    text: &'a str,
    to: String,
    #[serde(rename = "requestDR")]
    wants_receipts: bool,
    r#type: &'a str,
    external_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    callbacks: Option<String>,
}

pub(super) async fn submit(connection: &Connection<'_>, submission: &Submission<'_>, now: Timestamp) -> Outcome {
    let begun = Instant::now();
    let session = match connection.credentials.get(CredentialPart::Key) {
        Some(_) => None,
        None => match login::session_key(connection, now).await {
            Ok(key) => Some(key),
            Err(outcome) => return outcome,
        },
    };
    let request = Request {
        from: submission.from.as_str(),
        text: submission.text.as_str(),
        to: number::number("+", submission.to),
        wants_receipts: true,
        r#type: "MT",
        external_id: submission.reference.to_string(),
        // A comma would part two addresses.
        callbacks: connection.receipts.as_ref().map(|url| url.as_str().replace(',', "%2C")),
    };
    // The login took its part of the carrier's timeout.
    let rest = connection.settings.timeout().saturating_sub(begun.elapsed());
    let key = session.as_deref().unwrap_or_else(|| connection.credentials.key());
    let post = connection.post(&["raven", "v2", "messages"]).timeout(rest).bearer_auth(key).json(&request);
    let mut is_key_refused = false;
    let outcome = http::submit(post, now, |answer| {
        let outcome = judge(answer);
        is_key_refused = outcome.is_none() && matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        outcome
    });
    let outcome = outcome.await.without_secret(key);
    if is_key_refused && session.is_some() {
        // The retry logs in again.
        connection.sessions.forget(connection.name, key);
    }
    outcome
}

fn judge(answer: &Answer) -> Option<Outcome> {
    let body = answer.json::<Value>();
    let body = body.as_ref().and_then(Object::of);
    if answer.status.is_success() {
        return accepted_or_rejected(body?);
    }
    let refusal = body.and_then(|body| {
        let error = body.object("error").unwrap_or(body);
        let code = error.said("code").or_else(|| error.said("status"))?;
        let refusal = status(&code).filter(|status| status.in_answer == Meaning::Rejected)?;
        // Only the HTTP status says whether the general ERROR concerns the message, the key or the endpoint.
        let concerns_message = answer.status != StatusCode::UNAUTHORIZED && refusal.word != ERROR;
        if !concerns_message && !answer.blames_message() {
            return None;
        }
        Some(rejected(refusal, error.said("message").or_else(|| error.said("description"))))
    });
    refusal.or_else(|| answer.blames_message().then(|| answer.rejection()))
}

/// Reads `{"meta","data":{"id","status"}}` or `{"status","messageId","description"}`.
fn accepted_or_rejected(body: Object<'_>) -> Option<Outcome> {
    let data = body.object("data").unwrap_or(body);
    let Some(status) = status(&data.said("status")?) else {
        return Some(Outcome::unknown("the answer has an unknown status"));
    };
    Some(match status.in_answer {
        Meaning::Accepted => Outcome::accepted(data.said("id").or_else(|| data.said("messageid"))),
        Meaning::Rejected => {
            let explain = || body.object("meta").and_then(|meta| meta.said("explain"));
            rejected(status, data.said("description").or_else(explain))
        }
        Meaning::Busy => Outcome::busy(described(status)),
        Meaning::Unknown => Outcome::unknown(described(status)),
    })
}

/// Returns `Rejected`, with the answer's words or else the page's.
fn rejected(status: &Status, words: Option<String>) -> Outcome {
    Outcome::rejected(status.word, words.as_deref().unwrap_or(status.words))
}

fn described(status: &Status) -> String {
    format!("{}: {}", status.word, status.words)
}
