//! `admin message`: shows a stored message. Its text and its callback
//! address are shown only when asked for.

use serde_json::json;
use shared::{
    domain::{Message, MessageId, Receipt, StateChange},
    store::{Freshness, Messages},
};

use crate::{
    arguments::MessageCommand,
    connect::Connection,
    failure::Failure,
    output::{Report, fields, or_dash, table, time},
};

pub async fn run(command: MessageCommand, connection: &Connection) -> Result<Report, Failure> {
    let MessageCommand::Show { id, reveal } = command;
    let found = connection.store().await?.message(id, Freshness::Latest).await?;
    let message = found.ok_or_else(|| missing(id))?;
    Ok(Report::new(text(&message, reveal), &json(&message, reveal)))
}

fn missing(id: MessageId) -> Failure {
    Failure::Refused(format!("there is no message {id}: it was never accepted, or is older than RetentionDays"))
}

fn text(message: &Message, reveal: bool) -> String {
    let text = &message.request.text;
    let carrier = message.delivery.carrier.map(|carrier| match &message.delivery.carrier_id {
        Some(id) => format!("{carrier}, as {id}"),
        None => carrier.to_string(),
    });
    let shown = fields(&[
        ("id", Some(message.id.to_string())),
        ("batch", Some(message.batch.to_string())),
        ("account", Some(message.account.to_string())),
        ("state", Some(message.state().into_str().to_owned())),
        ("from", Some(format!("{} ({})", message.request.from.id, message.request.from.kind.into_str()))),
        ("to", Some(message.request.to.digits().to_owned())),
        ("text", reveal.then(|| text.as_str().to_owned())),
        ("segments", Some(format!("{} ({})", text.segments(), text.encoding().into_str()))),
        ("answers", message.request.keyword.map(|keyword| keyword.into_str().to_owned())),
        ("callback", message.request.callback.as_ref().filter(|_| reveal).map(|url| url.as_str().to_owned())),
        ("client id", message.request.client_id.map(|id| id.to_string())),
        ("created", Some(time(message.created_at))),
        ("send at", message.request.send_at.map(time)),
        ("not before", message.delivery.not_before.map(time)),
        ("attempts", Some(message.delivery.attempts.to_string())),
        ("carrier", carrier),
        ("held until", message.delivery.lease_until.map(time)),
        ("receipt by", message.delivery.receipt_by.map(time)),
    ]);
    let state_change = |state_change: StateChange| {
        [time(state_change.at), state_change.state.into_str().to_owned(), or_dash(state_change.reason)]
    };
    let history: Vec<_> = message.full_history().into_iter().map(state_change).collect();
    let receipt = |receipt: &Receipt| {
        let (code, words) = (receipt.code.clone(), receipt.description.clone());
        [time(receipt.at), receipt.status.into_str().to_owned(), or_dash(code), or_dash(words)]
    };
    let receipts: Vec<_> = message.delivery.receipts.iter().map(receipt).collect();
    let receipts = match receipts.as_slice() {
        [] => "no receipts\n".to_owned(),
        receipts => table(["RECEIPT", "STATUS", "CODE", "WORDS"], receipts),
    };
    format!("{shown}\n{}\n{receipts}", table(["HISTORY", "STATE", "REASON"], &history))
}

fn json(message: &Message, reveal: bool) -> serde_json::Value {
    let state_change = |state_change: StateChange| json!({"at": time(state_change.at), "state": state_change.state, "reason": state_change.reason});
    let receipt = |receipt: &Receipt| {
        json!({
            "at": time(receipt.at), "status": receipt.status, "code": receipt.code,
            "description": receipt.description,
        })
    };
    let history: Vec<_> = message.full_history().into_iter().map(state_change).collect();
    let mut shown = json!({
        "id": message.id,
        "batch": message.batch,
        "account": message.account,
        "state": message.state(),
        "from": {"type": message.request.from.kind.into_str(), "value": message.request.from.id},
        "to": message.request.to.digits(),
        "segments": message.request.text.segments(),
        "encoding": message.request.text.encoding().into_str(),
        "keyword": message.request.keyword,
        "client_id": message.request.client_id.map(|id| id.to_string()),
        "created_at": time(message.created_at),
        "send_at": message.request.send_at.map(time),
        "not_before": message.delivery.not_before.map(time),
        "attempts": message.delivery.attempts,
        "carrier": message.delivery.carrier.map(<&str>::from),
        "carrier_id": message.delivery.carrier_id,
        "held_until": message.delivery.lease_until.map(time),
        "receipt_by": message.delivery.receipt_by.map(time),
        "history": history,
        "receipts": message.delivery.receipts.iter().map(receipt).collect::<Vec<_>>(),
    });
    if reveal {
        shown["body"] = message.request.text.as_str().into();
        shown["callback"] = json!(message.request.callback);
    }
    json!({"message": shown})
}
