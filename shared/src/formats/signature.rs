//! Signatures of webhooks.

use http::HeaderMap;

use crate::hash::is_hmac_sha256;

/// Returns whether the header is the body's HMAC-SHA256 under `secret`, in hex digits.
pub(crate) fn is_hex_hmac(headers: &HeaderMap, header: &str, body: &[u8], secret: &str) -> bool {
    let signature = headers.get(header).and_then(|value| hex::decode(value.as_bytes()).ok());
    signature.is_some_and(|signature| is_hmac_sha256(secret.as_bytes(), body, &signature))
}
