//! Cymba's webhooks: receipts and replies (MO), and their signature. Only final states have a receipt.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;

use super::{Connection, Receipt, Reply, Status};
use crate::emulator::carriers::File;
use crate::emulator::clock;
use crate::emulator::phone::Phone;

/// Returns the ID of a message's batch. Each message is a batch of its own, as in the page's sample.
pub(super) fn batch_id(message_id: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, message_id.as_bytes())
}

pub(super) fn receipt(receipt: &Receipt<'_>) -> Option<Value> {
    let (is_delivered, code, description) = match receipt.status {
        Status::Delivered => (true, "00", "Successful"),
        Status::Undelivered => (false, "22", "The handset did not respond"),
        Status::Sent | Status::Rejected | Status::Expired | Status::Read => return None,
    };
    let id = &receipt.accepted.id;
    Some(json!({
        "destination": format!("+{}", receipt.accepted.submit.to.digits()),
        "delivered": is_delivered,
        "batchuuid": batch_id(id),
        "messageuuid": id,
        "receiptInfo": { "code": code, "description": description },
    }))
}

pub(super) fn reply(reply: &Reply, connection: &Connection) -> Value {
    let answered = reply.answers.as_ref().map(|accepted| &accepted.id);
    let mut written = json!({
        "account_uuid": Uuid::new_v5(&Uuid::NAMESPACE_OID, connection.name.as_str().as_bytes()),
        "batch_uuid": answered.map(|id| batch_id(id)),
        "message_uuid": answered,
        "mo_uuid": reply.id,
        "channel": reply.channel(),
        "message": reply.text,
        "at": clock::text(reply.at),
        "from": number(&reply.from),
        "to": reply.to,
    });
    if !reply.media.is_empty() {
        written["media"] = reply.media.iter().map(media).collect();
    }
    written
}

/// Converts a phone number into a JSON number. Its at most 15 digits fit into a `u64`.
fn number(phone: &Phone) -> Value {
    phone.digits().parse::<u64>().map_or_else(|_| json!(phone.digits()), Value::from)
}

fn media(file: &File) -> Value {
    let mut written = json!({ "url": file.url });
    for (name, value) in [("content_type", &file.content_type), ("name", &file.name)] {
        if let Some(value) = value {
            written[name] = json!(value);
        }
    }
    written
}

/// Returns the headers of a signed request, or none if the connection has no secret.
pub(super) fn signature(connection: &Connection, body: &[u8], at: Timestamp) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let Some(secret) = &connection.signing_secret else { return headers };
    let timestamp = at.as_second();
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(format!("{timestamp}.").as_bytes());
    mac.update(body);
    #[expect(clippy::expect_used, reason = "hexadecimal digits are valid in a header")]
    let signature = HeaderValue::try_from(hex::encode(mac.finalize().into_bytes())).expect("hexadecimal digits");
    headers.insert(HeaderName::from_static("signature"), signature);
    headers.insert(HeaderName::from_static("timestamp"), HeaderValue::from(timestamp));
    headers.insert(HeaderName::from_static("environment"), HeaderValue::from_static("live"));
    headers
}
