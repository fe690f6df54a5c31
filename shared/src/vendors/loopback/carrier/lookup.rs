//! `GET {endpoint}/carrier/messages/{reference}`. 200 with an ID means that the carrier has the message. 404
//! with the code `unknown-message` means that it never had it. Any other answer is inconclusive.

use reqwest::{Client, StatusCode};
use serde::Deserialize;

use super::submit::{Accepted, body};
use crate::domain::{CarrierSettings, LOOKUP_TIMEOUT, LookupOutcome, SubmitReference};

/// Code that a 404 for an unknown path lacks.
const UNKNOWN: &str = "unknown-message";

#[derive(Deserialize)]
struct Denied {
    code: String,
}

pub(crate) async fn look_up(http: &Client, settings: &CarrierSettings, reference: SubmitReference) -> LookupOutcome {
    let Ok(url) = settings.endpoint.join(&format!("carrier/messages/{reference}")) else {
        return LookupOutcome::Unknown;
    };
    let within = settings.timeout().min(LOOKUP_TIMEOUT);
    let Ok(response) = http.get(url).timeout(within).send().await else { return LookupOutcome::Unknown };
    match response.status() {
        StatusCode::OK => body::<Accepted>(response)
            .await
            .map_or(LookupOutcome::Unknown, |accepted| LookupOutcome::Found { carrier_id: accepted.into_id() }),
        StatusCode::NOT_FOUND => body::<Denied>(response)
            .await
            .filter(|denied| denied.code == UNKNOWN)
            .map_or(LookupOutcome::Unknown, |_| LookupOutcome::NotFound),
        _ => LookupOutcome::Unknown,
    }
}
