//! The simulated Cymba Messaging Plus, after Cymba's page "Add Message" and its guide on webhooks. A connection
//! is an account, and its key the account's API key. A receipt goes to the `callback` of its message, and only
//! to an address on this machine; a reply goes to the connection's address.
//!
//! The pages leave these points open, and the choices are ours:
//! - An error is `{"error": "…"}`, with status 400 or 401. A busy carrier answers 429 or 503 without a body.
//! - An invalid message rejects its whole request, and so does a refused number.
//! - A dry run is answered like a submit.
//! - A reply with files has them in `media`, beside the documented fields.
//! - `signature` is the HMAC-SHA256 of `<timestamp>.<body>` in lower-case hex. Receipts have it, too.
//!
//! The account owns every sender ID and has no shared ones. Of several channels we try only the first. We
//! schedule nothing, so a `send_at` more than five minutes ahead is an error.

mod error;
mod message;
mod request;
mod webhook;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use futures_util::future::join_all;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use self::error::Error;
use self::message::Message;
use self::request::Query;
use super::vendor::SimulatedVendor;
use super::wire::{Call, Exchange, WireError};
use super::{AcceptedSubmit, Connection, Credentials, Receipt, ReceiptAddresses, Reply, Status, Submit, Vendor};
use crate::emulator::behavior::Behavior;
use crate::emulator::network::Network;
use crate::emulator::problem::Fields;
use crate::emulator::webhooks::{Webhook, WebhookBody};

const PATH: &str = "/message";

#[derive(Default)]
pub(super) struct Simulation;

impl SimulatedVendor for Simulation {
    fn routes(self: Arc<Self>, network: Arc<Network>) -> Router {
        Router::new().route(PATH, post(submit)).with_state(network)
    }

    fn receipt(&self, receipt: &Receipt<'_>, _: Option<&Url>) -> Option<WebhookBody> {
        webhook::receipt(receipt).as_ref().map(WebhookBody::json)
    }

    fn reply(&self, reply: &Reply, connection: &Connection) -> WebhookBody {
        WebhookBody::json(&webhook::reply(reply, connection))
    }

    fn signature(&self, connection: &Connection, _: Webhook, body: &WebhookBody, at: Timestamp) -> HeaderMap {
        webhook::signature(connection, &body.bytes, at)
    }

    fn call(&self, method: &Method, path: &str) -> Option<Call> {
        (method == Method::POST && path == PATH).then_some(Call::Submit)
    }

    fn accepted(&self, exchange: &Exchange<'_>) -> Result<Vec<(AcceptedSubmit, Option<Credentials>)>, WireError> {
        accepted(exchange)
    }
}

async fn submit(
    State(network): State<Arc<Network>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let query = Query::parse(query.as_deref());
    let key = query.key(&headers);
    let connections = network.connections();
    let connection = key.and_then(|key| connections.with_credentials(Vendor::Cymba, Some(&key)));
    let answered = match &connection {
        Some(connection) => submit_messages(&network, connection, &query, &body).await,
        None => Err(Error::UnknownKey),
    };
    answered.unwrap_or_else(|error| {
        error.log(connection.as_deref());
        error.into_response()
    })
}

async fn submit_messages(
    network: &Arc<Network>,
    connection: &Arc<Connection>,
    query: &Query,
    body: &[u8],
) -> Result<Response, Error> {
    if let Some(busy) = connection.outage() {
        return Err(Error::Busy(busy));
    }
    let is_dry_run = query.is_dry_run()?;
    let messages = request::messages(body, Some(connection))?;
    let (mut predicted, mut written) = (Vec::new(), Vec::new());
    for (index, message) in messages.into_iter().enumerate() {
        message.check_time(network.now()).map_err(|problem| Error::in_message(index, &problem))?;
        let Message { submit, fields } = message;
        let message_id = submit.message_id();
        let prediction = network.predict(submit);
        if prediction.behavior() == Behavior::Rejected {
            return Err(Error::Refused { index, message_id });
        }
        predicted.push(prediction);
        written.push(fields);
    }
    if is_dry_run {
        let results: Vec<_> = written.iter().map(|fields| result(fields, &Uuid::new_v4().to_string())).collect();
        return Ok(answer(&results));
    }
    if let Some(busy) = network.busy(&predicted) {
        return Err(Error::Busy(busy));
    }
    let (mut in_flight, mut results) = (Vec::new(), Vec::new());
    for (prediction, fields) in predicted.into_iter().zip(&written) {
        let (accepted, behavior) = network.accept(prediction);
        results.push(result(fields, &accepted.id));
        in_flight.push(network.process(accepted, behavior));
    }
    join_all(in_flight).await;
    Ok(answer(&results))
}

fn answer(results: &[Value]) -> Response {
    Json(json!({ "messages": results })).into_response()
}

/// Repeats the fields of a message, with the IDs of the message and of its batch.
fn result(fields: &Fields, id: &str) -> Value {
    let mut result = json!({ "batchUuid": webhook::batch_id(id), "messageUuid": id, "scheduled": false });
    let known = fields.entries().filter(|(name, value)| message::FIELDS.contains(&name.as_str()) && !value.is_null());
    for (name, value) in known {
        result[name] = value.clone();
    }
    result
}

/// Pairs the requested messages with their results.
fn accepted(exchange: &Exchange<'_>) -> Result<Vec<(AcceptedSubmit, Option<Credentials>)>, WireError> {
    #[derive(Deserialize)]
    struct Answer {
        messages: Vec<MessageResult>,
    }
    #[derive(Deserialize)]
    struct MessageResult {
        #[serde(rename = "messageUuid")]
        id: Uuid,
    }
    let invalid = |error: Error| WireError::Request(error.to_string());
    let query = Query::parse(exchange.path.split_once('?').map(|(_, query)| query));
    if query.is_dry_run().map_err(invalid)? {
        return Ok(Vec::new());
    }
    let messages = request::messages(exchange.request, None).map_err(invalid)?;
    let answer: Answer =
        serde_json::from_slice(exchange.answer).map_err(|error| WireError::Answer(error.to_string()))?;
    if answer.messages.len() != messages.len() {
        return Err(WireError::Answer(format!("{} results for {} messages", answer.messages.len(), messages.len())));
    }
    let key = query.key(exchange.headers);
    let submits = messages.into_iter().zip(answer.messages).map(|(message, result)| {
        let accepted = AcceptedSubmit { id: result.id.to_string(), submit: Arc::new(message.submit) };
        (accepted, key.clone())
    });
    Ok(submits.collect())
}
