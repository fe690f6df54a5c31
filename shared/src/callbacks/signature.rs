//! Signatures of callbacks, by the Standard Webhooks specification
//! (github.com/standard-webhooks/standard-webhooks): `v1,` and base64 of the
//! HMAC-SHA256 over `<id>.<timestamp>.<body>`.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::domain::{EventId, WebhookSecret};

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

pub(crate) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hmac_is_that_of_rfc_4231() {
        let mac = hmac_sha256(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(hex(&mac), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
