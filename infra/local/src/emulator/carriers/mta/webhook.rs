//! Mobile Text Alerts' webhooks: `delivery-status`, `message-reply`, and their signature.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;

use super::{Connection, Receipt, Reply, Status, Submit};
use crate::emulator::clock;
use crate::emulator::phone::Phone;

const SIGNATURE_HEADER: HeaderName = HeaderName::from_static("x-signature");

pub(super) fn receipt(receipt: &Receipt<'_>) -> Option<Value> {
    let status = match receipt.status {
        Status::Sent => "sent",
        Status::Delivered => "delivered",
        Status::Undelivered => "undelivered",
        Status::Rejected => "rejected",
        Status::Expired | Status::Read => return None,
    };
    let Submit { to, reference, .. } = &*receipt.accepted.submit;
    let id = &receipt.accepted.id;
    Some(json!({
        "destinationNumber": format!("+{}", to.digits()),
        "messageId": id.parse::<u64>().map_or_else(|_| json!(id), Value::from),
        "externalId": (!reference.is_empty()).then_some(reference),
        "status": status,
        "tags": null,
        "type": "delivery-status",
    }))
}

/// Splits a reply, because `url` holds a single file: one reply per file, the first with the text.
pub(super) fn parts(reply: &Reply) -> Vec<Reply> {
    let more = reply.media.iter().enumerate().skip(1).map(|(index, file)| Reply {
        id: Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{} {index}", reply.id).as_bytes()).to_string(),
        text: String::new(),
        media: vec![file.clone()],
        ..reply.clone()
    });
    let first = Reply { media: reply.media.iter().take(1).cloned().collect(), ..reply.clone() };
    [first].into_iter().chain(more).collect()
}

pub(super) fn reply(reply: &Reply, connection: &Connection) -> Value {
    let country_code = connection.country_code.as_deref();
    let to = Phone::parse(&reply.to).map_or_else(|_| reply.to.clone(), |to| written(&to, country_code));
    let id = Uuid::parse_str(&reply.id).unwrap_or_default();
    let mut body = json!({
        "fromNumber": written(&reply.from, country_code),
        "toNumber": to,
        "messageId": number_of(&id),
        "replyId": reply.id,
        "timestamp": clock::text(reply.at),
        "externalId": reply.answered().map(|submit| &submit.reference).filter(|reference| !reference.is_empty()),
        "tags": null,
        "type": "message-reply",
    });
    match reply.media.first() {
        Some(file) => body["url"] = json!(file.url),
        None => body["message"] = json!(reply.text),
    }
    if !reply.text.is_empty() {
        body["message"] = json!(reply.text);
    }
    body
}

/// Writes a number as a national number if it belongs to the connection's country, and otherwise in E.164 format.
fn written(phone: &Phone, country_code: Option<&str>) -> String {
    let digits = phone.digits();
    let national = country_code.and_then(|code| digits.strip_prefix(code).map(|national| (code, national)));
    match national {
        // The page's sample national number is North American and has no leading 0.
        Some(("1", national)) => national.to_owned(),
        Some((_, national)) => format!("0{national}"),
        None => format!("+{digits}"),
    }
}

/// Derives a numeric message ID from a UUID, because Mobile Text Alerts' IDs are numbers.
pub(super) fn number_of(id: &Uuid) -> u64 {
    let (high, _) = id.as_u64_pair();
    high >> 16
}

/// Returns the header with the body's HMAC-SHA256, or no header without a secret.
pub(super) fn signature(secret: Option<&str>, body: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let Some(secret) = secret else { return headers };
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(body);
    #[expect(clippy::expect_used, reason = "hexadecimal digits are valid in a header")]
    let signature = HeaderValue::try_from(hex::encode(mac.finalize().into_bytes())).expect("hexadecimal digits");
    headers.insert(SIGNATURE_HEADER, signature);
    headers
}
