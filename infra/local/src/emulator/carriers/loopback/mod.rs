//! The loopback carrier: a submit for each message, in a JSON format of its own.

mod id_format;

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde_json::{Value, json};
use tracing::info;

use self::id_format::IdFormat;
use super::{Carrier, Receipt, Reply, Status, Submit};
use crate::emulator::behavior::Behavior;
use crate::emulator::channels::Channel;
use crate::emulator::clock;
use crate::emulator::handsets;
use crate::emulator::json_line::JsonLine;
use crate::emulator::network::{Busy, Network, THROTTLED_SECONDS};
use crate::emulator::phone;
use crate::emulator::problem::{Fields, Problem};

const UNKNOWN_SUBSCRIBER: &str = "unknown-subscriber";

#[derive(Default)]
pub(super) struct IdSettings(Mutex<IdFormat>);

impl IdSettings {
    fn id_format(&self) -> IdFormat {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone)]
struct LoopbackState {
    network: Arc<Network>,
    ids: Arc<IdSettings>,
}

pub(super) fn routes(network: Arc<Network>, ids: Arc<IdSettings>) -> Router {
    Router::new()
        .route("/carrier/messages", post(submit))
        .route("/carrier/messages/{reference}", get(find))
        .route("/carrier/receipts", put(set_id_format))
        .with_state(LoopbackState { network, ids })
}

async fn set_id_format(
    State(LoopbackState { ids, .. }): State<LoopbackState>,
    body: Bytes,
) -> Result<JsonLine<Value>, Problem> {
    let id_format = IdFormat::read(&body)?;
    *ids.0.lock().unwrap_or_else(PoisonError::into_inner) = id_format;
    let setting = id_format.setting();
    info!(receipts = %setting, "receipts of loopback carrier set");
    Ok(JsonLine(setting))
}

/// Looks up a submit for a gateway that got no answer.
async fn find(State(LoopbackState { network, ids }): State<LoopbackState>, Path(reference): Path<String>) -> Response {
    match network.find(Carrier::Loopback, &reference) {
        Some(id) => Json(json!({ "id": ids.id_format().in_submit_response(&id) })).into_response(),
        None => {
            error_response(StatusCode::NOT_FOUND, "unknown-message", "No message was accepted under this reference.")
        }
    }
}

async fn submit(State(LoopbackState { network, ids }): State<LoopbackState>, body: Bytes) -> Result<Response, Problem> {
    let submit = read(&body)?;
    let message_id = submit.message_id();
    let prediction = network.predict(submit);
    if prediction.behavior() == Behavior::Rejected {
        let carrier = Carrier::Loopback.into_str();
        info!(message.id = %message_id, carrier, code = UNKNOWN_SUBSCRIBER, "carrier rejected message");
        return Ok(error_response(
            StatusCode::UNPROCESSABLE_ENTITY,
            UNKNOWN_SUBSCRIBER,
            "No network knows this number.",
        ));
    }
    if let Some(busy) = network.busy([&prediction]) {
        return Ok(busy_response(busy));
    }
    let (accepted, behavior) = network.accept(prediction);
    let id = ids.id_format().in_submit_response(&accepted.id);
    network.process(accepted, behavior).await;
    Ok((StatusCode::ACCEPTED, Json(json!({ "id": id }))).into_response())
}

fn read(body: &[u8]) -> Result<Submit, Problem> {
    let fields = Fields::parse(body)?;
    Ok(Submit {
        carrier: Carrier::Loopback,
        reference: fields.filled_text("reference")?.to_owned(),
        from: phone::shown_sender(fields.filled_text("from")?).to_owned(),
        to: handsets::phone("to", fields.filled_text("to")?)?,
        text: fields.text("text")?.to_owned(),
        channel: Channel::parse(fields.filled_text("channel")?)
            .ok_or_else(|| Problem::invalid("channel", "is not a channel"))?,
        content: None,
        groupings: [const { String::new() }; 3],
    })
}

fn busy_response(busy: Busy) -> Response {
    match busy {
        Busy::Throttled => {
            let mut answer = error_response(busy.status(), "throttled", "Too many messages at once.");
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(THROTTLED_SECONDS));
            answer
        }
        Busy::Unavailable => {
            error_response(busy.status(), "unavailable", "The carrier is not available at the moment.")
        }
    }
}

fn error_response(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(json!({ "code": code, "message": message }))).into_response()
}

pub(super) fn receipt(receipt: &Receipt<'_>, ids: &IdSettings) -> Value {
    let id_format = ids.id_format();
    let (status, code, description) = match receipt.status {
        Status::Sent => ("sent", "00", "Sent to the network"),
        Status::Delivered => ("delivered", "00", "Delivered to the handset"),
        Status::Undelivered => ("undelivered", "22", "The handset could not be reached"),
    };
    json!({
        "id": id_format.in_receipt(&receipt.accepted.id),
        "reference": id_format.has_reference().then_some(&receipt.accepted.submit.reference),
        "status": status,
        "code": code,
        "description": description,
        "at": clock::text(receipt.at),
    })
}

pub(super) fn reply(reply: &Reply) -> Value {
    json!({
        "id": reply.id,
        "from": reply.from,
        "to": reply.to,
        "text": reply.text,
        "at": clock::text(reply.at),
        "channel": reply.channel(),
    })
}
