//! The simulated CM.com, after CM.com's page "Business Messaging API": the JSON gateway, and status reports and
//! replies in JSON. A connection is an account, and its key the account's product token.
//!
//! We never answer with the errors 102 (balance), "Message is unroutable.", 401 (spam), 402 (blacklist), 500
//! and 999. Of several allowed channels we try only the first.

mod error;
mod json;
mod message;
mod request;
mod rich_content;
mod sms;
mod webhook;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::info;
use url::Url;

use self::error::{MessageError, RequestError};
use self::request::Request;
use super::vendor::SimulatedVendor;
use super::wire::{Call, Exchange, WireError};
use super::{
    AcceptedSubmit, Connection, Credentials, Receipt, ReceiptAddresses, Reply, Status, Submit, Vendor, message_id,
};
use crate::emulator::behavior::Behavior;
use crate::emulator::network::{Busy, Network, Prediction, THROTTLED_SECONDS};
use crate::emulator::webhooks::WebhookBody;

const PATH: &str = "/v1.0/message";
const OK: u16 = 0;
const SOME_WRONG: u16 = 201;
const ACCEPTED: &str = "Accepted";

#[derive(Default)]
pub(super) struct Simulation;

impl SimulatedVendor for Simulation {
    fn routes(self: Arc<Self>, network: Arc<Network>) -> Router {
        // CM.com's page has a 405 without a body for another method.
        let gateway = post(submit).fallback(async || StatusCode::METHOD_NOT_ALLOWED);
        Router::new().route(PATH, gateway).with_state(network)
    }

    fn receipt(&self, receipt: &Receipt<'_>, _: Option<&Url>) -> Option<WebhookBody> {
        Some(WebhookBody::json(&webhook::status_report(receipt)))
    }

    fn parts(&self, reply: &Reply) -> Vec<Reply> {
        webhook::parts(reply)
    }

    fn reply(&self, reply: &Reply, _: &Connection) -> WebhookBody {
        WebhookBody::json(&webhook::reply(reply))
    }

    fn call(&self, method: &Method, path: &str) -> Option<Call> {
        (method == Method::POST && path == PATH).then_some(Call::Submit)
    }

    fn accepted(&self, exchange: &Exchange<'_>) -> Result<Vec<(AcceptedSubmit, Option<Credentials>)>, WireError> {
        accepted(exchange)
    }
}

/// A requested message with the fields that the answer repeats.
struct ParsedMessage {
    to: Option<String>,
    reference: Option<String>,
    message: Result<Message, MessageError>,
}

struct Message {
    submit: Submit,
    parts: usize,
}

struct PredictedMessage {
    to: Option<String>,
    reference: Option<String>,
    outcome: Result<(Prediction, usize), MessageError>,
}

async fn submit(State(network): State<Arc<Network>>, headers: HeaderMap, body: Bytes) -> Response {
    let (connection, request) = match authenticate(&network, &headers, &body) {
        Ok(authenticated) => authenticated,
        Err(error) => return error_response(None, &error),
    };
    if let Some(busy) = connection.outage() {
        return busy_response(busy);
    }
    match request.messages(Some(&connection)) {
        Ok(parsed) => submit_messages(&network, &connection, parsed).await,
        Err(error) => error_response(Some(&connection), &error),
    }
}

fn authenticate(
    network: &Network,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(Arc<Connection>, Request), RequestError> {
    let request = Request::parse(headers, body)?;
    let token = Credentials::Key(request.token.clone());
    let connection = network.connections().with_credentials(Vendor::Cm, Some(&token));
    Ok((connection.ok_or_else(RequestError::no_account)?, request))
}

async fn submit_messages(network: &Arc<Network>, connection: &Connection, parsed: Vec<ParsedMessage>) -> Response {
    let predicted: Vec<_> = parsed.into_iter().map(|parsed| predict(network, parsed)).collect();
    let well_formed = predicted.iter().filter_map(|predicted| predicted.outcome.as_ref().ok());
    if let Some(busy) = network.busy(well_formed.map(|(prediction, _)| prediction)) {
        return busy_response(busy);
    }
    let mut in_flight = Vec::new();
    let mut results = Vec::new();
    for PredictedMessage { to, reference, outcome } in predicted {
        let outcome = outcome.map(|(prediction, parts)| {
            let (accepted, behavior) = network.accept(prediction);
            in_flight.push(network.process(accepted, behavior));
            parts
        });
        if let Err(error) = &outcome {
            let message_id = reference.as_deref().map(message_id);
            info!(
                message.id = message_id.map(display),
                carrier = connection.name.as_str(),
                vendor = Vendor::Cm.into_str(),
                code = error.code,
                "carrier rejected message"
            );
        }
        results.push(result_json(to.as_deref(), reference.as_deref(), &outcome));
    }
    let created = in_flight.len();
    join_all(in_flight).await;
    answer(created, &results)
}

fn predict(network: &Network, parsed: ParsedMessage) -> PredictedMessage {
    let ParsedMessage { to, reference, message } = parsed;
    let outcome = message.and_then(|Message { submit, parts }| {
        let prediction = network.predict(submit);
        if prediction.behavior() == Behavior::Rejected {
            Err(MessageError::rejected())
        } else {
            Ok((prediction, parts))
        }
    });
    PredictedMessage { to, reference, outcome }
}

fn result_json(to: Option<&str>, reference: Option<&str>, outcome: &Result<usize, MessageError>) -> Value {
    json!({
        "to": to,
        "status": if outcome.is_ok() { ACCEPTED } else { "Rejected" },
        "reference": reference,
        "parts": outcome.as_ref().unwrap_or(&0),
        "messageDetails": outcome.as_ref().err().map(|error| &error.details),
        "messageErrorCode": outcome.as_ref().err().map_or(OK, |error| error.code),
    })
}

fn answer(created: usize, results: &[Value]) -> Response {
    let status = if created == 0 { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let error_code = if created == results.len() { OK } else { SOME_WRONG };
    let details = format!("Created {created} message(s)");
    let body = json!({ "details": details, "errorCode": error_code, "messages": results });
    (status, axum::Json(body)).into_response()
}

fn error_response(connection: Option<&Arc<Connection>>, error: &RequestError) -> Response {
    let carrier = connection.map(|connection| connection.name.as_str());
    info!(carrier, vendor = Vendor::Cm.into_str(), code = error.code, "carrier rejected request");
    let body = json!({ "details": error.details, "errorCode": error.code, "messages": [] });
    (StatusCode::BAD_REQUEST, axum::Json(body)).into_response()
}

/// Answers as a busy carrier. CM.com's page does not describe such an answer, so we chose one.
fn busy_response(busy: Busy) -> Response {
    match busy {
        Busy::Throttled => {
            (busy.status(), [(header::RETRY_AFTER, HeaderValue::from(THROTTLED_SECONDS))]).into_response()
        }
        Busy::Unavailable => busy.status().into_response(),
    }
}

/// Pairs the requested messages with their results. CM.com has no ID of its own for a message, so the
/// reference is the ID.
fn accepted(exchange: &Exchange<'_>) -> Result<Vec<(AcceptedSubmit, Option<Credentials>)>, WireError> {
    #[derive(Deserialize)]
    struct Answer {
        messages: Vec<MessageResult>,
    }
    #[derive(Deserialize)]
    struct MessageResult {
        status: String,
    }
    let invalid = |error: RequestError| WireError::Request(error.details);
    let request = Request::parse(exchange.headers, exchange.request).map_err(invalid)?;
    let parsed = request.messages(None).map_err(invalid)?;
    let answer: Answer =
        serde_json::from_slice(exchange.answer).map_err(|error| WireError::Answer(error.to_string()))?;
    if answer.messages.len() != parsed.len() {
        return Err(WireError::Answer(format!("{} results for {} messages", answer.messages.len(), parsed.len())));
    }
    let pairs = parsed.into_iter().zip(answer.messages).filter(|(_, result)| result.status == ACCEPTED);
    let submits = pairs.map(|(ParsedMessage { message, .. }, _)| {
        let Message { submit, .. } = message.map_err(|error| WireError::Request(error.details))?;
        let accepted = AcceptedSubmit { id: submit.reference.clone(), submit: Arc::new(submit) };
        Ok((accepted, Some(Credentials::Key(request.token.clone()))))
    });
    submits.collect()
}
