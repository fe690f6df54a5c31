//! Messangi's webhooks: MT callbacks, which are receipts, and MO callbacks, which are replies.

use jiff::Timestamp;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::{Connection, OWNER, Receipt, Reply, Status, Submit, id};
use crate::emulator::carriers::File;
use crate::emulator::webhooks::Webhook;

/// Formats a time as RFC 3339 in UTC, to the nanosecond as in the page's sample.
pub(super) fn date(at: Timestamp) -> String {
    format!("{at:.9}")
}

pub(super) fn receipt(receipt: &Receipt<'_>, callback: Option<&Url>) -> Option<Value> {
    let status = match receipt.status {
        Status::Sent => "SENT",
        Status::Delivered => "DELIVRD",
        Status::Undelivered => "UNDELIV",
        Status::Rejected => "REJECTD",
        Status::Expired => "EXPIRED",
        Status::Read => return None,
    };
    let Submit { from, to, text, reference, client_id, .. } = &*receipt.accepted.submit;
    Some(json!({
        "date": date(receipt.at),
        "externalId": reference,
        "callback": callback.map(Url::as_str),
        "from": from,
        "id": receipt.accepted.id,
        "to": format!("+{}", to.digits()),
        "message": text,
        "username": OWNER,
        "timestamp": receipt.at.as_millisecond(),
        "status": status,
        "clientId": client_id,
    }))
}

pub(super) fn reply(reply: &Reply, connection: &Connection) -> Value {
    json!({
        "owner": OWNER,
        "date": date(reply.at),
        "processId": process_id(&reply.id),
        "origin": reply.to,
        "externalId": reply.answered().map_or("", |submit| &submit.reference),
        "callback": connection.address(Webhook::Replies).as_str(),
        "connection": connection.name.as_str(),
        "id": id(&reply.id),
        "text": reply.text,
        "user": reply.from.digits(),
        "extraInfo": extra_info(&reply.media),
    })
}

/// Derives an integer from a reply's ID.
fn process_id(reply_id: &str) -> u32 {
    Uuid::parse_str(reply_id).map_or(0, |id| id.as_fields().0)
}

fn extra_info(files: &[File]) -> Option<Value> {
    let attachment = |file: &File| json!({ "fileName": file.name, "url": file.url, "caption": "" });
    let attachments: Vec<_> = files.iter().map(attachment).collect();
    files.first().map(|file| json!({ "type": kind(file), "attachments": attachments, "contacts": [] }))
}

fn kind(file: &File) -> &str {
    let kind = file.content_type.as_deref().and_then(|written| written.split('/').next());
    kind.filter(|kind| ["image", "video", "audio"].contains(kind)).unwrap_or("document")
}
