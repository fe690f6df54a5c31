//! `GET {endpoint}/messages/{reference}`. 200 with an ID means that the carrier has the message. 404
//! with the code `unknown-message` means that it never had it. Any other answer is inconclusive.

use reqwest::StatusCode;
use serde::Deserialize;

use super::submit::Accepted;
use crate::{
    domain::{LookupOutcome, SubmitReference},
    formats::http::{Answer, authorized},
    vendors::Connection,
};

/// Code that a 404 for an unknown path lacks.
const UNKNOWN: &str = "unknown-message";

#[derive(Deserialize)]
struct Denied {
    code: String,
}

pub(super) async fn look_up(connection: &Connection<'_>, reference: SubmitReference) -> LookupOutcome {
    let request = authorized(connection.get(&["messages", &reference.to_string()]), connection.credentials);
    let Ok(response) = request.send().await else { return LookupOutcome::Unknown };
    let answer = Answer::read(response).await;
    match answer.status {
        StatusCode::OK => {
            answer.json().map_or(LookupOutcome::Unknown, |Accepted { id }| LookupOutcome::found(Some(id)))
        }
        StatusCode::NOT_FOUND if answer.json().is_some_and(|denied: Denied| denied.code == UNKNOWN) => {
            LookupOutcome::NotFound
        }
        _ => LookupOutcome::Unknown,
    }
}
