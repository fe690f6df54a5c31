//! Notices to an account about its endpoints: JSON events as Standard Webhooks recommends.

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::{CallbackUrl, EndpointHealth};

#[derive(Serialize)]
struct Notice<T> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: String,
    data: T,
}

#[derive(Serialize)]
struct EndpointDisabled<'a> {
    url: &'a CallbackUrl,
    since: String,
    reason: &'a str,
}

pub(crate) fn endpoint_disabled(health: &EndpointHealth) -> String {
    let disabled_since = health.disabled.map_or(health.last_at, |disabled| disabled.since);
    let data = EndpointDisabled { url: health.endpoint.url(), since: time(health.since), reason: &health.reason };
    // Strings always serialize.
    serde_json::to_string(&Notice { kind: "endpoint.disabled", timestamp: time(disabled_since), data })
        .unwrap_or_default()
}

fn time(at: Timestamp) -> String {
    format!("{at:.3}")
}
