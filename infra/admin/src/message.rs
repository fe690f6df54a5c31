//! `admin message`: stored messages and replies. We show texts, callback URLs, and numbers in a list only
//! with `--reveal`.

mod cancel;
mod list;

use serde_json::{Value, json};
use shared::{
    domain::{
        Attempt, CallbackUrl, CountryCode, Message, MessageId, NetworkCode, OperatorName, Price, Progress, Receipt,
        ReceiptDetails, Reply, ReplyId, StateChange, Timestamp,
    },
    runtime::Environment,
    store::{Freshness, Messages},
};

use self::{cancel::cancel, list::list};
use crate::{
    arguments::MessageCommand,
    connect::Connection,
    failure::Failure,
    output::{Report, fields, or_dash, table, time},
};

pub async fn run(
    command: MessageCommand,
    connection: &Connection,
    environment: &Environment,
) -> Result<Report, Failure> {
    match command {
        MessageCommand::List(wanted) => list(wanted, connection, environment).await,
        MessageCommand::Show { id, reveal } => show(id, reveal, connection).await,
        MessageCommand::Cancel(wanted) => cancel(wanted, connection, environment).await,
    }
}

async fn show(id: MessageId, reveal: bool, connection: &Connection) -> Result<Report, Failure> {
    let store = connection.store().await?;
    if let Some(message) = store.message(id, Freshness::Latest).await? {
        return Ok(Report::new(text(&message, reveal), &json!({"message": shown(&message, reveal)})));
    }
    match store.reply(ReplyId::new(id.uuid())).await? {
        Some(reply) => Ok(Report::new(reply_text(&reply, reveal), &json!({"reply": shown_reply(&reply, reveal)}))),
        None => Err(Failure::Refused(format!(
            "there is no message or reply {id}: it was never accepted, or is older than RetentionDays"
        ))),
    }
}

fn text(message: &Message, reveal: bool) -> String {
    let (request, delivery, text) = (&message.request, &message.delivery, &message.request.text);
    let callbacks: Vec<_> = request.callbacks.iter().map(CallbackUrl::as_str).collect();
    let carrier = message.carrier_reached().map(|carrier| match carrier_id(message) {
        Some(id) => format!("{carrier}, as {id}"),
        None => carrier.to_string(),
    });
    let (details, channels) = (message.receipt_details(), channels(message));
    let channel = match channels.as_slice() {
        [only] => (*only).to_owned(),
        several => format!("{} (of {})", message.channel_reached().into_str(), several.join(", ")),
    };
    let fields = fields(&[
        ("id", Some(message.id.to_string())),
        ("batch", Some(message.batch.to_string())),
        ("account", Some(message.account.to_string())),
        ("state", Some(message.state().into_str().to_owned())),
        ("channel", Some(channel)),
        ("carrier", carrier),
        ("network", network(&details)),
        ("parts", details.parts.map(|parts| parts.to_string())),
        ("price", details.price.as_ref().map(price)),
        ("from", Some(format!("{} ({})", request.from.id, request.from.kind.into_str()))),
        ("to", Some(request.to.digits().to_owned())),
        ("text", reveal.then(|| text.as_str().to_owned())),
        ("segments", Some(format!("{} ({})", text.segments(), text.encoding().into_str()))),
        ("answers", request.keyword.map(|keyword| keyword.into_str().to_owned())),
        ("key", request.key.as_ref().map(ToString::to_string)),
        ("callbacks", Some(callbacks.join(", ")).filter(|all| reveal && !all.is_empty())),
        ("client id", request.client_id.map(|id| id.to_string())),
        ("route", request.route.as_ref().map(ToString::to_string)),
        ("lane", Some(request.lane.into_str().to_owned())),
        ("created", Some(time(message.created_at))),
        ("send at", request.send_at.map(time)),
        ("expires", request.expires_at.map(time)),
        ("waits for a send slot since", delivery.line_at.map(time)),
        ("attempts", Some(delivery.attempts.to_string())),
        ("next retry", next_retry(message).map(time)),
        ("wakes at", delivery.wake_at.map(time)),
        ("leased until", delivery.lease_until.map(time)),
        ("receipt by", delivery.receipt_by.map(time)),
    ]);
    let attempt = |attempt: &Attempt| {
        let carrier = or_dash(attempt.carrier.map(|carrier| carrier.to_string()));
        let (channel, outcome) = (attempt.channel.into_str().to_owned(), attempt.outcome.into_str().to_owned());
        [time(attempt.at), channel, carrier, outcome, or_dash(attempt.reason.clone())]
    };
    let attempts: Vec<_> = delivery.failed_attempts.iter().map(attempt).collect();
    let attempts = match attempts.as_slice() {
        [] => String::new(),
        attempts => table(["FAILED ATTEMPT", "CHANNEL", "CARRIER", "OUTCOME", "REASON"], attempts) + "\n",
    };
    let change = |change: StateChange| [time(change.at), change.state.into_str().to_owned(), or_dash(change.reason)];
    let history: Vec<_> = message.full_history().into_iter().map(change).collect();
    let receipts = receipts_text(message);
    format!("{fields}\n{}\n{attempts}{receipts}", table(["HISTORY", "STATE", "REASON"], &history))
}

fn receipts_text(message: &Message) -> String {
    let receipt = |receipt: &Receipt| {
        let (code, description) = (receipt.code.clone(), receipt.description.clone());
        [time(receipt.at), receipt.status.into_str().to_owned(), or_dash(code), or_dash(description)]
    };
    let receipts: Vec<_> = message.delivery.receipts.iter().map(receipt).collect();
    match receipts.as_slice() {
        [] => "no receipts\n".to_owned(),
        receipts => table(["RECEIPT", "STATUS", "CODE", "DESCRIPTION"], receipts),
    }
}

fn shown(message: &Message, reveal: bool) -> Value {
    let (request, delivery) = (&message.request, &message.delivery);
    let change = |change: StateChange| json!({"at": time(change.at), "state": change.state, "reason": change.reason});
    let attempt = |attempt: &Attempt| {
        json!({
            "at": time(attempt.at),
            "channel": attempt.channel.into_str(),
            "carrier": attempt.carrier,
            "outcome": attempt.outcome.into_str(),
            "reason": attempt.reason,
            "receipt_details": attempt.details,
        })
    };
    let receipt = |receipt: &Receipt| {
        json!({
            "at": time(receipt.at), "status": receipt.status, "code": receipt.code,
            "description": receipt.description,
        })
    };
    let mut shown = json!({
        "id": message.id,
        "batch": message.batch,
        "route": request.route,
        "account": message.account,
        "state": message.state(),
        "channel": message.channel_reached().into_str(),
        "channels": channels(message),
        "carrier": message.carrier_reached(),
        "carrier_id": carrier_id(message),
        "receipt_details": message.receipt_details(),
        "from": {"type": request.from.kind.into_str(), "value": request.from.id},
        "to": request.to.digits(),
        "segments": request.text.segments(),
        "encoding": request.text.encoding().into_str(),
        "keyword": request.keyword,
        "lane": request.lane,
        "key": request.key,
        "client_id": request.client_id.map(|id| id.to_string()),
        "created_at": time(message.created_at),
        "send_at": request.send_at.map(time),
        "expires_at": request.expires_at.map(time),
        "on_line_since": delivery.line_at.map(time),
        "attempts": delivery.attempts,
        "next_retry_at": next_retry(message).map(time),
        "wake_at": delivery.wake_at.map(time),
        "leased_until": delivery.lease_until.map(time),
        "receipt_by": delivery.receipt_by.map(time),
        "failed_attempts": delivery.failed_attempts.iter().map(attempt).collect::<Vec<_>>(),
        "history": message.full_history().into_iter().map(change).collect::<Vec<_>>(),
        "receipts": delivery.receipts.iter().map(receipt).collect::<Vec<_>>(),
    });
    if reveal {
        shown["body"] = request.text.as_str().into();
        shown["callbacks"] = json!(request.callbacks);
    }
    shown
}

/// Returns the channels in the client's order.
fn channels(message: &Message) -> Vec<&'static str> {
    message.channels_by_index().map(|(_, channel)| channel.into_str()).collect()
}

/// Returns the carrier's own ID, unless the stored ID is from another carrier than the one reached.
fn carrier_id(message: &Message) -> Option<&String> {
    let has_message = message.carrier_reached() == message.delivery.carrier;
    message.delivery.carrier_id.as_ref().filter(|_| has_message)
}

/// Returns the recipient's network as receipts name it: code, operator and country.
fn network(details: &ReceiptDetails) -> Option<String> {
    let (network, operator, country) = (&details.network, &details.operator, &details.country);
    let parts = [
        network.as_ref().map(NetworkCode::as_str),
        operator.as_ref().map(OperatorName::as_str),
        country.as_ref().map(CountryCode::as_str),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn price(price: &Price) -> String {
    [Some(price.amount()), price.currency()].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Returns when a busy carrier is retried. The stored time remains after the retry, so we ignore it if the
/// message is no longer queued, or its last state change is later.
fn next_retry(message: &Message) -> Option<Timestamp> {
    let queued_at = message.delivery.history.last()?.at;
    message.delivery.retry_at.filter(|at| message.delivery.progress == Progress::Queued && *at > queued_at)
}

fn reply_text(reply: &Reply, reveal: bool) -> String {
    let extras = &reply.content.extras;
    let files = extras.media.len();
    fields(&[
        ("id", Some(reply.id.to_string())),
        ("account", Some(reply.account.to_string())),
        ("channel", Some(reply.channel.into_str().to_owned())),
        ("from", Some(reply.from.as_str().to_owned())),
        ("to", Some(reply.to.to_string())),
        ("text", reveal.then(|| reply.content.text.clone())),
        ("files", (files > 0).then(|| files.to_string())),
        ("content", (reveal && !extras.is_empty()).then(|| extras.to_json())),
        ("received", Some(time(reply.at))),
        ("in reply to", reply.replied_to.as_ref().map(|to| to.message.to_string())),
    ])
}

fn shown_reply(reply: &Reply, reveal: bool) -> Value {
    let mut shown = json!({
        "id": reply.id,
        "account": reply.account,
        "channel": reply.channel.into_str(),
        "from": reply.from.as_str(),
        "to": reply.to,
        "files": reply.content.extras.media.len(),
        "received_at": time(reply.at),
        "in_reply_to": reply.replied_to.as_ref().map(|to| to.message.to_string()),
    });
    if reveal {
        shown["body"] = reply.content.text.as_str().into();
        shown["content"] = json!(reply.content.extras);
    }
    shown
}
