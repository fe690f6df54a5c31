//! The local stack's simulated clock, which `POST /clock` advances.

use std::time::Duration;

use serde::Deserialize;
use shared::runtime::{Clock, Environment};
use url::Url;

use crate::failure::Failure;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Response to `GET /clock`.
#[derive(Deserialize)]
struct Reading {
    advanced_seconds: u64,
}

/// Returns the environment with the clock of `local`, or unchanged without `local`.
pub async fn follow(local: Option<&Url>, environment: &Environment) -> Result<Environment, Failure> {
    let Some(local) = local else { return Ok(environment.clone()) };
    let failed = "reading the clock of the local stack";
    let url = local.join("/clock").map_err(Failure::failed(failed))?;
    let answer = environment.http.client().get(url).timeout(TIMEOUT).send().await.map_err(Failure::failed(failed))?;
    let body = answer.error_for_status().map_err(Failure::failed(failed))?.bytes().await;
    let reading: Reading =
        serde_json::from_slice(&body.map_err(Failure::failed(failed))?).map_err(Failure::failed(failed))?;
    let clock = Clock::system();
    clock.set_ahead(Duration::from_secs(reading.advanced_seconds));
    Ok(Environment { clock, ..environment.clone() })
}
