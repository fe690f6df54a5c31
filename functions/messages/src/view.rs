//! JSON views of messages and replies.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use shared::{
    domain::{
        Attempt, CarrierName, Content, Lane, Media, Message, OnUnknown, ReceiptDetails, Reference, Reply, RouteName,
        State,
    },
    store::{Page, Position, Record},
};

#[derive(Serialize)]
#[serde(tag = "direction", rename_all = "lowercase")]
enum Shown<'a> {
    Out(Box<ShownMessage<'a>>),
    In(ShownReply<'a>),
}

#[derive(Serialize)]
struct ShownMessage<'a> {
    id: String,
    batch: String,
    state: State,
    history: Vec<ShownStateChange>,
    to: &'a str,
    from: &'a str,
    body: &'a str,
    segments: u16,
    encoding: &'a str,
    attempts: u32,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    send_at: Option<String>,
    /// Whether the sender's rate limit keeps the message waiting.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    waits_for_send_slot: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    /// The route that the client chose.
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groupings: Option<&'a [String; 3]>,
    /// Set if the message is our automatic answer to this keyword.
    #[serde(skip_serializing_if = "Option::is_none")]
    keyword: Option<&'a str>,
    lane: Lane,
    /// Set if the client chose a policy for this message.
    #[serde(skip_serializing_if = "Option::is_none")]
    on_unknown: Option<OnUnknown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a Content>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    carrier: Option<CarrierName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    carrier_id: Option<&'a str>,
    #[serde(skip_serializing_if = "ReceiptDetails::is_empty")]
    receipt_details: ReceiptDetails,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed_attempts: Vec<ShownAttempt<'a>>,
}

#[derive(Serialize)]
struct ShownAttempt<'a> {
    channel: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    carrier: Option<CarrierName>,
    at: String,
    outcome: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "ReceiptDetails::is_empty")]
    receipt_details: &'a ReceiptDetails,
}

#[derive(Serialize)]
struct ShownStateChange {
    state: State,
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Serialize)]
struct ShownReply<'a> {
    id: String,
    to: &'a str,
    /// A phone number's digits, or a short code, a name or an ID of the channel.
    from: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_name: Option<&'a str>,
    body: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    media: Vec<ShownFile<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom: Option<&'a Value>,
    channel: &'a str,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_reply_to: Option<String>,
}

#[derive(Serialize)]
struct ShownFile<'a> {
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct ShownPage<'a> {
    messages: Vec<Shown<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// Kinds of entries that the list leaves out.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    omits: &'a [&'a str],
}

pub(crate) fn message(message: &Message) -> String {
    write(&Shown::Out(Box::new(show(message))))
}

/// Writes a page. With `omits_names`, its list leaves out messages from names.
pub(crate) fn page(page: &Page, omits_names: bool) -> String {
    let messages = page.entries.iter().map(|entry| match &entry.record {
        Record::Out(message) => Shown::Out(Box::new(show(message))),
        Record::In(reply) => Shown::In(show_reply(reply)),
    });
    let next = page.next.as_ref().map(|next| URL_SAFE_NO_PAD.encode(next.as_str()));
    let omits: &[_] = if omits_names { &["messages_from_names"] } else { &[] };
    write(&ShownPage { messages: messages.collect(), next, omits })
}

pub(crate) fn read_cursor(text: &str) -> Option<Position> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    std::str::from_utf8(&bytes).ok()?.parse::<Position>().ok()
}

fn show(message: &Message) -> ShownMessage<'_> {
    let history = message.full_history().into_iter();
    ShownMessage {
        id: message.id.to_string(),
        batch: message.batch.to_string(),
        state: message.state(),
        history: history
            .map(|state_change| ShownStateChange {
                state: state_change.state,
                at: time(state_change.at),
                reason: state_change.reason,
            })
            .collect(),
        to: message.request.to.digits(),
        from: message.request.from.id.as_str(),
        body: message.request.text.as_str(),
        segments: message.request.text.segments(),
        encoding: message.request.text.encoding().into_str(),
        attempts: message.delivery.attempts,
        created_at: time(message.created_at),
        send_at: message.request.send_at.map(time),
        waits_for_send_slot: message.state() == State::Queued && message.delivery.line_at.is_some(),
        client_id: message.request.client_id.map(|id| id.to_string()),
        reference: message.request.reference.as_ref().map(Reference::as_str),
        recipient_id: message.request.recipient.id.as_ref().map(Reference::as_str),
        email: message.request.recipient.email.as_ref().map(Reference::as_str),
        route: message.request.route.as_ref().map(RouteName::as_str),
        groupings: (!message.request.groupings.is_empty()).then(|| message.request.groupings.as_array()),
        keyword: message.request.keyword.map(<&str>::from),
        lane: message.request.lane,
        on_unknown: message.request.on_unknown,
        expires_at: message.request.expires_at.map(time),
        content: message.request.content.as_deref(),
        channel: message.carrier_reached().map(|_| message.channel_reached().into_str()),
        carrier: message.carrier_reached(),
        carrier_id: message
            .delivery
            .carrier_id
            .as_deref()
            .filter(|_| message.carrier_reached() == message.delivery.carrier),
        receipt_details: message.receipt_details(),
        failed_attempts: message.delivery.failed_attempts.iter().map(show_attempt).collect(),
    }
}

fn show_attempt(attempt: &Attempt) -> ShownAttempt<'_> {
    ShownAttempt {
        channel: attempt.channel.into_str(),
        carrier: attempt.carrier,
        at: time(attempt.at),
        outcome: attempt.outcome.into_str(),
        reason: attempt.reason.as_deref(),
        receipt_details: &attempt.details,
    }
}

fn show_reply(reply: &Reply) -> ShownReply<'_> {
    ShownReply {
        id: reply.id.to_string(),
        to: reply.to.as_str(),
        from: reply.from.as_str(),
        from_name: reply.from_name.as_deref(),
        body: &reply.content.text,
        media: reply.content.extras.media.iter().map(show_file).collect(),
        custom: reply.content.extras.custom.as_ref(),
        channel: reply.channel.into_str(),
        created_at: time(reply.sorted_by()),
        in_reply_to: reply.replied_to.as_ref().map(|to| to.message.to_string()),
    }
}

fn show_file(media: &Media) -> ShownFile<'_> {
    ShownFile { url: &media.uri, content_type: media.mime_type.as_deref(), name: media.name.as_deref() }
}

/// Formats with milliseconds, even if they are 0, because the strings must sort by time.
fn time(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// Serializes a view, which cannot fail because all its keys are strings.
fn write(shown: &impl Serialize) -> String {
    serde_json::to_string(shown).unwrap_or_default()
}
