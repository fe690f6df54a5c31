//! Signs callbacks by the Standard Webhooks specification (github.com/standard-webhooks/standard-webhooks):
//! `v1,` and the base64 of HMAC-SHA256 over `<id>.<timestamp>.<body>`.

use crate::{
    domain::{EventId, WebhookSecret},
    hash::hmac_sha256,
};
use base64::{Engine, engine::general_purpose::STANDARD};

/// Returns the `webhook-signature` header, with a signature per secret, so either verifies during a rotation.
#[must_use]
pub fn standard_webhooks(secrets: &[WebhookSecret], id: EventId, timestamp: i64, body: &str) -> String {
    let (id, timestamp) = (id.to_string(), timestamp.to_string());
    let signatures = secrets.iter().map(|secret| {
        let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body.as_bytes()];
        format!("v1,{}", STANDARD.encode(hmac_sha256(secret.bytes(), &signed)))
    });
    signatures.collect::<Vec<_>>().join(" ")
}
