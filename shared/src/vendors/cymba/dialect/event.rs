//! Callbacks to `mplus` clients: receipts to the message's `callback`, replies to the account's URL.
//!
//! The pages know neither files nor senders without a number. A reply with them gets keys beside the
//! documented ones: `media`, `custom`, `from_name`; and `from` is then a string.
//!
//! The pages leave two points open, and the choices are ours:
//! - The receipt codes, [`CODES`]. Only `"00"`, success, is documented.
//! - The string behind the `signature` header. We sign `<timestamp>.<body>`, with HMAC-SHA256 in lower-case
//!   hex.

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    domain::{BatchId, Media, Message, MessageId, Originator, Reply, ReplyId, State},
    formats::{json, number},
    hash,
};

/// Receipt codes, states and descriptions. `GET /dr-responses` answers with the codes and descriptions.
pub const CODES: [(&str, State, &str); 6] = [
    ("00", State::Delivered, "Delivered"),
    ("22", State::Undelivered, "The network could not deliver the message"),
    ("23", State::Expired, "The message expired before it could be delivered"),
    ("24", State::Rejected, "The message was rejected"),
    ("25", State::Blocked, "The recipient has opted out of this sender"),
    ("26", State::Failed, "The message could not be sent, or its outcome stayed unknown"),
];

/// Returns whether a state gets a receipt: *delivered* and every failure do. A cancelled message is no
/// failure. *Read* gets none, because we expect *delivered* before it.
pub(crate) fn notifies(state: State) -> bool {
    CODES.iter().any(|(_, reported, _)| *reported == state)
}

#[derive(Serialize)]
struct Receipt<'a> {
    destination: String,
    delivered: bool,
    batchuuid: BatchId,
    messageuuid: MessageId,
    #[serde(rename = "receiptInfo")]
    info: Info<'a>,
}

#[derive(Serialize)]
pub(super) struct Info<'a> {
    code: &'a str,
    description: &'a str,
}

/// Returns the code and description of a state that gets a receipt.
pub(super) fn info(message: &Message, state: State) -> Option<Info<'_>> {
    let (code, _, meaning) = CODES.iter().find(|(_, reported, _)| *reported == state)?;
    Some(Info { code, description: message.reason_for(state).unwrap_or(meaning) })
}

pub(crate) fn receipt(message: &Message, state: State) -> Option<String> {
    let info = info(message, state)?;
    Some(json::write(&Receipt {
        destination: number::number("+", &message.request.to),
        delivered: state == State::Delivered,
        batchuuid: message.batch,
        messageuuid: message.id,
        info,
    }))
}

/// Returns the answer to `GET /dr-responses`.
#[must_use]
pub fn codes() -> String {
    let codes: Vec<_> = CODES.iter().map(|(code, _, description)| Info { code, description }).collect();
    json::write(&codes)
}

#[derive(Serialize)]
struct MobileOriginated<'a> {
    account_uuid: Uuid,
    batch_uuid: Option<BatchId>,
    message_uuid: Option<MessageId>,
    mo_uuid: ReplyId,
    channel: &'a str,
    message: &'a str,
    at: String,
    from: Value,
    to: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    media: Vec<File<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom: Option<&'a Value>,
}

#[derive(Serialize)]
struct File<'a> {
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

pub(crate) fn reply(reply: &Reply) -> String {
    json::write(&MobileOriginated {
        account_uuid: Uuid::new_v5(&Uuid::NAMESPACE_OID, reply.account.as_str().as_bytes()),
        batch_uuid: reply.replied_to.as_ref().map(|to| to.batch),
        message_uuid: reply.replied_to.as_ref().map(|to| to.message),
        mo_uuid: reply.id,
        channel: reply.channel.into_str(),
        message: &reply.content.text,
        at: format!("{:.3}", reply.at),
        from: from(&reply.from),
        to: reply.to.as_str(),
        from_name: reply.from_name.as_deref(),
        media: reply.content.extras.media.iter().map(file).collect(),
        custom: reply.content.extras.custom.as_ref(),
    })
}

/// Converts a phone number into a JSON number: its at most 15 digits fit into a `u64`. A short code or name stays a
/// string.
fn from(originator: &Originator) -> Value {
    match originator {
        Originator::Number(number) => number.digits().parse::<u64>().unwrap_or_default().into(),
        Originator::Other(text) => text.as_str().into(),
    }
}

fn file(media: &Media) -> File<'_> {
    File { url: &media.uri, content_type: media.mime_type.as_deref(), name: media.name.as_deref() }
}

pub(crate) fn signature_headers(secret: &[u8], timestamp: i64, body: &str) -> Vec<(&'static str, String)> {
    let signed = hash::hmac_sha256(secret, &[timestamp.to_string().as_bytes(), b".", body.as_bytes()]);
    vec![("signature", hex::encode(signed)), ("timestamp", timestamp.to_string()), ("environment", "live".to_owned())]
}
