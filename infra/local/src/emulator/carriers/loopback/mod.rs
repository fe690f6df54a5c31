//! The loopback carrier: a submit for each message, in a JSON format of its own. It has every ability that a
//! vendor may have, so that the gateway's settings for them are tested with it: credentials as a key or a
//! login, IDs for senders, signed webhooks, and national numbers.

mod error;
mod id_format;
mod request;
mod webhook;

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::info;
use url::Url;

use self::error::Error;
use self::id_format::IdFormat;
use self::request::Request;
use super::vendor::SimulatedVendor;
use super::wire::{Call, Exchange, WireError};
use super::{
    AcceptedSubmit, Connection, ConnectionName, Credentials, Receipt, ReceiptAddresses, Reply, Status, Submit, Vendor,
    message_id,
};
use crate::emulator::behavior::Behavior;
use crate::emulator::json_line::JsonLine;
use crate::emulator::network::Network;
use crate::emulator::problem::Problem;
use crate::emulator::webhooks::{Webhook, WebhookBody};

#[derive(Default)]
pub(super) struct Simulation {
    id_format: Mutex<IdFormat>,
}

impl Simulation {
    fn id_format(&self) -> IdFormat {
        *self.id_format.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SimulatedVendor for Simulation {
    fn routes(self: Arc<Self>, network: Arc<Network>) -> Router {
        Router::new()
            .route("/messages", post(submit))
            .route("/messages/{reference}", get(find))
            .route("/receipts", put(set_id_format))
            .with_state(LoopbackState { network, simulation: self })
    }

    fn receipt(&self, receipt: &Receipt<'_>, _: Option<&Url>) -> Option<WebhookBody> {
        Some(WebhookBody::json(&webhook::receipt(receipt, self.id_format())))
    }

    fn reply(&self, reply: &Reply, connection: &Connection) -> WebhookBody {
        WebhookBody::json(&webhook::reply(reply, connection))
    }

    fn signature(&self, connection: &Connection, _: Webhook, body: &WebhookBody, _: Timestamp) -> HeaderMap {
        webhook::signature(connection, &body.bytes)
    }

    fn call(&self, method: &Method, path: &str) -> Option<Call> {
        match path.strip_prefix("/messages")? {
            "" => (method == Method::POST).then_some(Call::Submit),
            rest => (method == Method::GET && rest.len() > 1 && rest.starts_with('/')).then_some(Call::Lookup),
        }
    }

    fn accepted(&self, exchange: &Exchange<'_>) -> Result<Vec<(AcceptedSubmit, Option<Credentials>)>, WireError> {
        #[derive(Deserialize)]
        struct Answer {
            id: String,
        }
        let request = Request::parse(exchange.request).map_err(|problem| WireError::Request(problem.to_string()))?;
        let credentials = Credentials::of_authorization(exchange.headers)
            .map_err(|_| WireError::Request("invalid Authorization".into()))?;
        let Answer { id } =
            serde_json::from_slice(exchange.answer).map_err(|error| WireError::Answer(error.to_string()))?;
        Ok(vec![(AcceptedSubmit { id, submit: Arc::new(request.unresolved()) }, credentials)])
    }
}

#[derive(Clone)]
struct LoopbackState {
    network: Arc<Network>,
    simulation: Arc<Simulation>,
}

impl LoopbackState {
    /// Returns the connection of a request, unless it is down. Without any connection, a request without
    /// credentials belongs to none.
    fn connection(&self, headers: &HeaderMap) -> Result<Option<Arc<Connection>>, Error> {
        let credentials = Credentials::of_authorization(headers).map_err(|_| Error::Unauthorized)?;
        let connections = self.network.connections();
        let connection = connections.with_credentials(Vendor::Loopback, credentials.as_ref());
        match connection {
            Some(connection) => match connection.outage() {
                Some(busy) => Err(Error::Busy(busy)),
                None => Ok(Some(connection)),
            },
            None if credentials.is_none() && !connections.any_of(Vendor::Loopback) => Ok(None),
            None => Err(Error::Unauthorized),
        }
    }
}

async fn set_id_format(
    State(LoopbackState { simulation, .. }): State<LoopbackState>,
    body: Bytes,
) -> Result<JsonLine<Value>, Problem> {
    let id_format = IdFormat::read(&body)?;
    *simulation.id_format.lock().unwrap_or_else(PoisonError::into_inner) = id_format;
    let setting = id_format.setting();
    info!(receipts = %setting, "receipts of loopback set");
    Ok(JsonLine(setting))
}

/// Looks up a submit for a gateway that got no answer.
async fn find(
    State(state): State<LoopbackState>,
    Path(reference): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let connection = state.connection(&headers)?;
    let id = state.network.find(connection.as_deref(), &reference).ok_or(Error::UnknownMessage)?;
    let id = state.simulation.id_format().in_submit_response(&id);
    Ok(Json(json!({ "id": id })).into_response())
}

async fn submit(State(state): State<LoopbackState>, headers: HeaderMap, body: Bytes) -> Result<Response, Error> {
    let connection = state.connection(&headers).inspect_err(|error| log_rejection(None, None, error))?;
    let carrier = connection.as_ref().map(|connection| connection.name.clone());
    let carrier = carrier.as_ref().map(ConnectionName::as_str);
    let request = Request::parse(&body)?;
    let message_id = message_id(&request.reference);
    let rejected = |error: &Error| log_rejection(carrier, Some(&message_id), error);
    let prediction = state.network.predict(request.resolve(connection).inspect_err(rejected)?);
    if prediction.behavior() == Behavior::Rejected {
        rejected(&Error::UnknownSubscriber);
        return Err(Error::UnknownSubscriber);
    }
    if let Some(busy) = state.network.busy([&prediction]) {
        return Err(Error::Busy(busy));
    }
    let (accepted, behavior) = state.network.accept(prediction);
    let id = state.simulation.id_format().in_submit_response(&accepted.id);
    state.network.process(accepted, behavior).await;
    Ok((StatusCode::ACCEPTED, Json(json!({ "id": id }))).into_response())
}

/// Logs a rejected submit. The network logs a busy carrier itself.
fn log_rejection(carrier: Option<&str>, message_id: Option<&str>, error: &Error) {
    if !matches!(error, Error::Busy(_)) {
        let vendor = Vendor::Loopback.into_str();
        info!(message.id = message_id, carrier, vendor, code = error.code(), "carrier rejected message");
    }
}
