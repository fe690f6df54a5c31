//! Signatures of callbacks, by the Standard Webhooks specification
//! (github.com/standard-webhooks/standard-webhooks): `v1,` and base64 of the
//! HMAC-SHA256 over `<id>.<timestamp>.<body>`.

use crate::{
    domain::{EventId, WebhookSecret},
    hash::hmac_sha256,
};
use base64::{Engine, engine::general_purpose::STANDARD};

/// The value of the `webhook-signature` header: one signature for each secret,
/// so that a receiver may know either while one replaces the other.
#[must_use]
pub fn standard_webhooks(secrets: &[WebhookSecret], id: EventId, timestamp: i64, body: &str) -> String {
    let (id, timestamp) = (id.to_string(), timestamp.to_string());
    let signatures = secrets.iter().map(|secret| {
        let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body.as_bytes()];
        format!("v1,{}", STANDARD.encode(hmac_sha256(secret.bytes(), &signed)))
    });
    signatures.collect::<Vec<_>>().join(" ")
}
