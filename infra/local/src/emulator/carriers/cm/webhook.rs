//! CM.com's webhooks: status reports and replies (MO). A status report follows the sample of CM.com's page
//! "Incoming Status Reports", plus `channel` from that page's table. All values are strings, and
//! international numbers begin with `00`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Receipt, Reply, Status};
use crate::emulator::phone::Phone;

pub(super) fn status_report(receipt: &Receipt<'_>) -> Value {
    let submit = &receipt.accepted.submit;
    let (code, error, description) = match receipt.status {
        Status::Sent => ("0", "", ""),
        Status::Rejected => ("1", "", ""),
        Status::Delivered => ("2", "", ""),
        Status::Undelivered => ("3", "5", "Message not delivered at third party"),
        Status::Expired => ("3", "8", "Message expired at third party"),
        Status::Read => ("4", "", ""),
    };
    json!({ "messages": { "msg": {
        "received": time(receipt.at),
        "to": international(&submit.to),
        "reference": submit.reference,
        "status": { "code": code, "errorCode": error, "errorDescription": description },
        "operator": "23410",
        "channel": submit.channel,
    } } })
}

/// Returns a reply for each file, the first with the text: CM.com posts one file in a reply.
pub(super) fn parts(reply: &Reply) -> Vec<Reply> {
    let files = reply.media.iter().map(|file| vec![file.clone()]);
    let files = files.chain(reply.media.is_empty().then(Vec::new));
    files
        .enumerate()
        .map(|(index, media)| Reply {
            text: if index == 0 { reply.text.clone() } else { String::new() },
            media,
            ..reply.clone()
        })
        .collect()
}

/// Writes the first file only; see [`parts`].
pub(super) fn reply(reply: &Reply) -> Value {
    let answers = reply.answered();
    let file = reply.media.first();
    json!({
        "from": { "number": international(&reply.from), "name": "" },
        "to": { "number": sender(&reply.to) },
        "message": {
            "text": reply.text,
            "media": {
                "mediaUri": file.map_or("", |file| &file.url),
                "contentType": file.and_then(|file| file.content_type.as_deref()).unwrap_or_default(),
                "title": file.and_then(|file| file.name.as_deref()).unwrap_or_default(),
            },
            "custom": {},
        },
        "reference": answers.map_or("", |message| &message.reference),
        "groupings": answers.map_or([""; 3], |message| message.groupings.each_ref().map(String::as_str)),
        "timeUtc": time(reply.at),
        "channel": reply.channel().cm_webhook_name(),
        "messageContext": "",
    })
}

fn international(phone: &Phone) -> String {
    format!("00{}", phone.digits())
}

/// Writes a number in international form; names and short codes stay unchanged.
fn sender(written: &str) -> String {
    Phone::parse(written).map_or_else(|_| written.to_owned(), |number| international(&number))
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}
