//! The simulated Mobile Text Alerts, after its pages "Send a message", "Receive and reply to messages", "Webhooks" and
//! "Error message catalog". Each connection is an account, whose API key is the connection's key. Webhooks are in
//! version V3. They go to the addresses that the account registered with `POST /v3/webhooks`, or else to the
//! connection's.
//!
//! The pages leave these points open, and the choices are ours:
//! - A message has one recipient. We refuse what we do not simulate: e-mail addresses, groups, images, templates and
//!   scheduled messages.
//! - If a request repeats the `X-Request-Id` of an accepted request, it gets a 409. A busy account answers 429 or 503.
//! - Without `longcodeId` the account sends from [`OWN_NUMBER`].
//! - A number that replied STOP, or is named in `POST /v3/unsubscribes`, is unsubscribed from the whole account until
//!   it replies START. Messages to it get a 400 if `refuses_unsubscribed` is on.
//! - A reply has `toNumber`, `replyId`, `timestamp` and `type`, which the page's table lacks. A connection with a
//!   country writes national numbers, as V1 does. If a reply has several files, each further file is a separate reply.
//! - If several addresses are registered for an event, the newest counts. A registered webhook is retried only if it
//!   has `retryOnError`. An event to the connection's address is retried without end.
//!
//! We never report `undeliverable` or `unknown`. `PUT /mta/settings` limits an account's requests, or refuses
//! unsubscribed numbers.

mod error;
mod registrations;
mod request;
mod settings;
mod webhook;

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use axum::routing::{post, put};
use axum::{Json, Router};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use self::error::Error;
use self::registrations::Registrations;
use self::request::Request;
use self::settings::Settings;
use super::vendor::{Delivery, SimulatedVendor};
use super::wire::{Call, Exchange, WireError};
use super::{
    AcceptedSubmit, Connection, ConnectionName, Credentials, Receipt, ReceiptAddresses, Reply, Status, Submit, Vendor,
};
use crate::emulator::behavior::Behavior;
use crate::emulator::handsets;
use crate::emulator::json_line::JsonLine;
use crate::emulator::network::Network;
use crate::emulator::phone::Phone;
use crate::emulator::problem::{Fields, Problem};
use crate::emulator::webhooks::{Webhook, WebhookBody};

const SUBMIT_PATH: &str = "/v3/send";
const WEBHOOKS_PATH: &str = "/v3/webhooks";
const REQUEST_ID_HEADER: &str = "x-request-id";
/// The account's number if a request has no `longcodeId`.
const OWN_NUMBER: &str = "447999399999";

#[derive(Default)]
pub(super) struct Simulation {
    registrations: Mutex<Registrations>,
    settings: Mutex<Settings>,
    /// Request IDs of accepted submits.
    request_ids: Mutex<HashSet<(ConnectionName, String)>>,
    unsubscribed: Mutex<HashSet<(ConnectionName, Phone)>>,
}

impl SimulatedVendor for Simulation {
    fn routes(self: Arc<Self>, network: Arc<Network>) -> Router {
        Router::new()
            .route(SUBMIT_PATH, post(submit))
            .route(WEBHOOKS_PATH, post(register_webhook).get(list_webhooks))
            .route("/v3/unsubscribes", post(unsubscribe))
            .route("/settings", put(set_settings))
            .with_state(MtaState { network, simulation: self })
    }

    /// Returns a numeric ID, as on the page.
    fn new_id(&self) -> String {
        webhook::number_of(&Uuid::new_v4()).to_string()
    }

    fn receipt(&self, receipt: &Receipt<'_>, _: Option<&Url>) -> Option<WebhookBody> {
        webhook::receipt(receipt).as_ref().map(WebhookBody::json)
    }

    fn parts(&self, reply: &Reply) -> Vec<Reply> {
        webhook::parts(reply)
    }

    fn reply(&self, reply: &Reply, connection: &Connection) -> WebhookBody {
        WebhookBody::json(&webhook::reply(reply, connection))
    }

    fn note_reply(&self, reply: &Reply, connection: &Connection) {
        let number = (connection.name.clone(), reply.from.clone());
        match reply.text.trim().to_ascii_uppercase().as_str() {
            "STOP" => drop(lock(&self.unsubscribed).insert(number)),
            "START" => drop(lock(&self.unsubscribed).remove(&number)),
            _ => {}
        }
    }

    fn delivery(&self, connection: &Connection, webhook: Webhook) -> Delivery {
        let registered = lock(&self.registrations).newest(&connection.name, webhook).map(|found| {
            let most_retries = Some(found.most_retries());
            Delivery { address: found.url.clone(), most_retries, only_status_200: true }
        });
        let to_the_connection = || Delivery { only_status_200: true, ..Delivery::of(connection, webhook) };
        registered.unwrap_or_else(to_the_connection)
    }

    fn signature(&self, connection: &Connection, webhook: Webhook, body: &WebhookBody, _: Timestamp) -> HeaderMap {
        let registrations = lock(&self.registrations);
        let registered = registrations.newest(&connection.name, webhook).map(|found| found.secret.as_str());
        webhook::signature(registered.or(connection.signing_secret.as_deref()), &body.bytes)
    }

    fn call(&self, method: &Method, path: &str) -> Option<Call> {
        (method == Method::POST && path == SUBMIT_PATH).then_some(Call::Submit)
    }

    fn accepted(&self, exchange: &Exchange<'_>) -> Result<Vec<(AcceptedSubmit, Option<Credentials>)>, WireError> {
        accepted(exchange)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns whether the set contains the value for this connection.
fn has<T: Eq + Hash>(set: &Mutex<HashSet<(ConnectionName, T)>>, connection: &Connection, value: T) -> bool {
    lock(set).contains(&(connection.name.clone(), value))
}

#[derive(Clone)]
struct MtaState {
    network: Arc<Network>,
    simulation: Arc<Simulation>,
}

impl MtaState {
    /// Returns the account that makes a request, and counts the request, unless the account is busy.
    fn authenticate(&self, headers: &HeaderMap) -> Result<Arc<Connection>, Error> {
        let key = bearer(headers).ok_or(Error::Unauthorized)?;
        let connection = self.network.connections().with_credentials(Vendor::Mta, Some(&key));
        let connection = connection.ok_or(Error::Unauthorized)?;
        if let Some(busy) = connection.outage() {
            return Err(Error::Busy(busy));
        }
        lock(&self.simulation.settings).admit(&connection.name, self.network.now())?;
        Ok(connection)
    }

    fn answer(&self, answered: Result<Value, Error>) -> Response {
        match answered {
            Ok(body) => Json(body).into_response(),
            Err(error) => {
                error.log();
                error.response(self.network.now())
            }
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<Credentials> {
    Credentials::of_authorization(headers).ok().flatten().filter(|presented| matches!(presented, Credentials::Key(_)))
}

async fn submit(State(state): State<MtaState>, headers: HeaderMap, body: Bytes) -> Response {
    let answered = submit_message(&state, &headers, &body).await;
    state.answer(answered)
}

async fn submit_message(state: &MtaState, headers: &HeaderMap, body: &[u8]) -> Result<Value, Error> {
    let MtaState { network, simulation } = state;
    let connection = state.authenticate(headers)?;
    let submit = Request::parse(body)?.resolve(&connection)?;
    let request_id = request_id(headers)?;
    if request_id.as_ref().is_some_and(|id| has(&simulation.request_ids, &connection, id.clone())) {
        return Err(Error::Conflict);
    }
    let refuses_unsubscribed = lock(&simulation.settings).refuses_unsubscribed;
    if refuses_unsubscribed && has(&simulation.unsubscribed, &connection, submit.to.clone()) {
        return Err(Error::Unsubscribed { message_id: submit.message_id() });
    }
    let message_id = submit.message_id();
    let prediction = network.predict(submit);
    if prediction.behavior() == Behavior::Rejected {
        return Err(Error::Refused { message_id });
    }
    if let Some(busy) = network.busy([&prediction]) {
        return Err(Error::Busy(busy));
    }
    let (accepted, behavior) = network.accept(prediction);
    if let Some(id) = request_id {
        lock(&simulation.request_ids).insert((connection.name.clone(), id));
    }
    let id = accepted.id.parse::<u64>().map_or_else(|_| json!(accepted.id), Value::from);
    network.process(accepted, behavior).await;
    Ok(json!({ "success": true, "message": "Message sent.", "data": { "messageId": id } }))
}

fn request_id(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let Some(written) = headers.get(REQUEST_ID_HEADER) else { return Ok(None) };
    let id = written.to_str().ok().filter(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric()));
    id.map(|id| Some(id.to_owned())).ok_or_else(|| Problem::invalid("X-Request-Id", "must be alphanumeric").into())
}

async fn register_webhook(State(state): State<MtaState>, headers: HeaderMap, body: Bytes) -> Response {
    let register = || {
        let connection = state.authenticate(&headers)?;
        lock(&state.simulation.registrations).register(&connection.name, &body, state.network.now())
    };
    let answered = register();
    state.answer(answered)
}

async fn list_webhooks(State(state): State<MtaState>, headers: HeaderMap) -> Response {
    let listed = state.authenticate(&headers);
    state.answer(listed.map(|connection| lock(&state.simulation.registrations).list(&connection.name)))
}

async fn unsubscribe(State(state): State<MtaState>, headers: HeaderMap, body: Bytes) -> Response {
    let unsubscribe = || {
        let connection = state.authenticate(&headers)?;
        let number = handsets::phone("number", Fields::parse(&body)?.filled_text("number")?)?;
        lock(&state.simulation.unsubscribed).insert((connection.name.clone(), number));
        Ok(json!({ "message": "Number unsubscribed.", "data": null }))
    };
    let answered = unsubscribe();
    state.answer(answered)
}

async fn set_settings(State(state): State<MtaState>, body: Bytes) -> Result<JsonLine<Value>, Problem> {
    let settings = Settings::read(&body)?;
    let shown = settings.shown();
    *lock(&state.simulation.settings) = settings;
    Ok(JsonLine(shown))
}

fn accepted(exchange: &Exchange<'_>) -> Result<Vec<(AcceptedSubmit, Option<Credentials>)>, WireError> {
    #[derive(Deserialize)]
    struct Answer {
        data: Data,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        message_id: u64,
    }
    let request = Request::parse(exchange.request).map_err(|error| WireError::Request(error.to_string()))?;
    let Answer { data } =
        serde_json::from_slice(exchange.answer).map_err(|error| WireError::Answer(error.to_string()))?;
    let accepted = AcceptedSubmit { id: data.message_id.to_string(), submit: Arc::new(request.unresolved()) };
    Ok(vec![(accepted, bearer(exchange.headers))])
}
