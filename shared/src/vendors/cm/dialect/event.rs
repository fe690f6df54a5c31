//! Callbacks to `cm` clients: status reports to the account's status URL, and replies to its reply URL.
//!
//! Status reports have the JSON of CM.com's public page, where every value is a string. `channel` and the
//! groupings are in the page's table but not in its sample, so their place is our choice. Replies have the
//! keys of CM.com's samples, and what a carrier of CM.com sent in `custom` is handed on unchanged. A second and
//! further file of one reply stand in `custom.media`, which is our choice. Numbers have the prefix `00`, as
//! clients write them.

use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    domain::{Media, Message, NetworkCode, OperatorName, Reference, Reply, ReplyContent, ReplyExtras, State},
    formats::{json, number},
};

/// A state with CM.com's code. A failure also has the nearest standard error. Its report has `meaning` if
/// neither the carrier nor we gave a reason.
struct Status {
    state: State,
    code: &'static str,
    error: Option<&'static str>,
    meaning: &'static str,
}

const fn status(state: State, code: &'static str, error: Option<&'static str>, meaning: &'static str) -> Status {
    Status { state, code, error, meaning }
}

/// CM.com's codes: 0 accepted, 1 rejected, 2 delivered, 3 failed, 4 read.
const STATUSES: [Status; 8] = [
    status(State::Submitted, "0", None, "Accepted by the operator"),
    status(State::Rejected, "1", Some("20"), "The message was rejected"),
    status(State::Blocked, "1", Some("23"), "The recipient has opted out of this sender"),
    status(State::Delivered, "2", None, "Delivered"),
    status(State::Undelivered, "3", Some("5"), "The network could not deliver the message"),
    status(State::Expired, "3", Some("8"), "The message expired before it could be delivered"),
    status(State::Failed, "3", Some("25"), "The message could not be sent, or its outcome stayed unknown"),
    status(State::Read, "4", None, "Read"),
];

fn status_of(state: State) -> Option<&'static Status> {
    STATUSES.iter().find(|status| status.state == state)
}

/// Returns whether the state has a code. Clients get no report on unfinished states, nor on a message that
/// they cancelled.
pub(crate) fn notifies(state: State) -> bool {
    status_of(state).is_some()
}

#[derive(Serialize)]
struct StatusReport<'a> {
    messages: Messages<'a>,
}

#[derive(Serialize)]
struct Messages<'a> {
    msg: Msg<'a>,
}

#[derive(Serialize)]
struct Msg<'a> {
    received: String,
    to: String,
    reference: &'a str,
    status: ReportedStatus<'a>,
    operator: &'a str,
    channel: &'a str,
    #[serde(rename = "customGrouping")]
    grouping: &'a str,
    #[serde(rename = "customGrouping2")]
    grouping2: &'a str,
    #[serde(rename = "customGrouping3")]
    grouping3: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReportedStatus<'a> {
    code: &'a str,
    error_code: &'a str,
    error_description: &'a str,
}

pub(crate) fn status_report(message: &Message, state: State) -> Option<String> {
    let status = status_of(state)?;
    let received = message.receipt_of(state).map(|receipt| receipt.at).or_else(|| state_change_of(message, state));
    let details = message.receipt_details();
    // A code in CM.com's sample. The table calls it the operator.
    let operator = details.network.as_ref().map(NetworkCode::as_str);
    let [grouping, grouping2, grouping3] = message.request.groupings.as_array();
    let msg = Msg {
        received: time(received.unwrap_or(message.created_at)),
        to: number::number("00", &message.request.to),
        reference: message.request.reference.as_ref().map_or("", Reference::as_str),
        status: ReportedStatus {
            code: status.code,
            error_code: status.error.unwrap_or_default(),
            error_description: status.error.map_or("", |_| message.reason_for(state).unwrap_or(status.meaning)),
        },
        operator: operator.or(details.operator.as_ref().map(OperatorName::as_str)).unwrap_or_default(),
        channel: message.channel_reached().into_str(),
        grouping,
        grouping2,
        grouping3,
    };
    Some(json::write(&StatusReport { messages: Messages { msg } }))
}

/// Returns when the gateway itself recorded the state.
fn state_change_of(message: &Message, state: State) -> Option<Timestamp> {
    message
        .delivery
        .history
        .iter()
        .rev()
        .find(|state_change| state_change.state == state)
        .map(|state_change| state_change.at)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MobileOriginated<'a> {
    from: ReplyFrom<'a>,
    to: ReplyTo,
    message: ReplyBody<'a>,
    reference: &'a str,
    groupings: [&'a str; 3],
    time_utc: String,
    channel: &'a str,
    message_context: &'a str,
}

#[derive(Serialize)]
struct ReplyFrom<'a> {
    number: String,
    name: &'a str,
}

#[derive(Serialize)]
struct ReplyTo {
    number: String,
}

#[derive(Serialize)]
struct ReplyBody<'a> {
    text: &'a str,
    media: File<'a>,
    custom: Value,
}

/// Empty texts if the reply has no file.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct File<'a> {
    media_uri: &'a str,
    content_type: &'a str,
    title: &'a str,
}

pub(crate) fn reply(reply: &Reply) -> String {
    let answered = reply.replied_to.as_ref();
    let groupings = answered.map(|to| to.groupings.as_array().each_ref().map(String::as_str));
    json::write(&MobileOriginated {
        from: ReplyFrom {
            number: number::originator("00", &reply.from),
            name: reply.from_name.as_deref().unwrap_or_default(),
        },
        to: ReplyTo { number: number::sender("00", &reply.to) },
        message: body(&reply.content),
        reference: answered.and_then(|to| to.reference.as_ref()).map_or("", Reference::as_str),
        groupings: groupings.unwrap_or_default(),
        time_utc: time(reply.at),
        channel: reply.channel.title(),
        message_context: "",
    })
}

fn body(content: &ReplyContent) -> ReplyBody<'_> {
    let ReplyContent { text, extras: ReplyExtras { media, custom } } = content;
    let mut files = media.iter().map(file);
    let first = files.next().unwrap_or_default();
    let mut custom = custom.clone().unwrap_or_else(|| json!({}));
    let others: Vec<_> = files.collect();
    if !others.is_empty() {
        // CM.com has one file in a reply. A client that knows only CM.com's keys still gets the first.
        custom = match custom {
            Value::Object(fields) if !fields.contains_key("media") => Value::Object(fields),
            other => json!({ "custom": other }),
        };
        custom["media"] = json!(others);
    }
    ReplyBody { text, media: first, custom }
}

fn file(media: &Media) -> File<'_> {
    File {
        media_uri: &media.uri,
        content_type: media.mime_type.as_deref().unwrap_or_default(),
        title: media.name.as_deref().unwrap_or_default(),
    }
}

/// Formats a time in UTC, to the second, without a zone.
fn time(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S").to_string()
}
