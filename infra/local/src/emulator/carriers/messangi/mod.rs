//! The simulated Messangi, after Messangi's pages "Outbound SMS", "Build your API call" and those on callback
//! URLs. A connection is a user with a login, or with a permanent key. Receipts (MT callbacks) go to the
//! `callbacks` of their submit if its `requestDR` is true, and only to addresses on this machine; a reply goes to
//! the connection's address.
//!
//! The pages leave these points open, and the choices are ours:
//! - An error is `{"meta": …, "error": {"code", "message", "field"}}`. Its code is one of the page's statuses if
//!   one fits. A busy carrier answers 429 or 503 without a body.
//! - A number that the network refuses is `BLACKLISTED`.
//! - In MT callbacks, `to` has a `+` and `callback` is the address that gets the callback. In replies, `user` has
//!   no `+`, and `callback` is the connection's address.
//! - The type of a reply's files is that of the first one.
//!
//! We have no batches. The segment limit is the page's 1,600 characters.

mod error;
mod login;
mod request;
mod webhook;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use self::error::Error;
use self::request::Request;
use super::vendor::SimulatedVendor;
use super::wire::{Call, Exchange, WireError};
use super::{AcceptedSubmit, Connection, Credentials, Receipt, ReceiptAddresses, Reply, Status, Submit, Vendor};
use crate::emulator::behavior::Behavior;
use crate::emulator::network::Network;
use crate::emulator::webhooks::WebhookBody;

const LOGIN_PATH: &str = "/kingslanding/login";
const SUBMIT_PATH: &str = "/raven/v2/messages";
/// The user in answers and webhooks.
const OWNER: &str = "owner@messangi.example";
const QUEUED: &str = "QUEUE";
/// The digits of an ID, as in the page's sample.
const ID_DIGITS: usize = 24;

#[derive(Default)]
pub(super) struct Simulation;

impl SimulatedVendor for Simulation {
    fn routes(self: Arc<Self>, network: Arc<Network>) -> Router {
        Router::new().route(LOGIN_PATH, post(log_in)).route(SUBMIT_PATH, post(submit)).with_state(network)
    }

    fn new_id(&self) -> String {
        id(&Uuid::new_v4().to_string())
    }

    fn receipt(&self, receipt: &Receipt<'_>, callback: Option<&Url>) -> Option<WebhookBody> {
        webhook::receipt(receipt, callback).as_ref().map(WebhookBody::json)
    }

    fn reply(&self, reply: &Reply, connection: &Connection) -> WebhookBody {
        WebhookBody::json(&webhook::reply(reply, connection))
    }

    fn authorizes(&self, registered: &Credentials, presented: &Credentials) -> bool {
        registered == presented || login::authorizes(registered, presented)
    }

    fn call(&self, method: &Method, path: &str) -> Option<Call> {
        match path {
            _ if method != Method::POST => None,
            LOGIN_PATH => Some(Call::Login),
            SUBMIT_PATH => Some(Call::Submit),
            _ => None,
        }
    }

    fn accepted(&self, exchange: &Exchange<'_>) -> Result<Vec<(AcceptedSubmit, Option<Credentials>)>, WireError> {
        accepted(exchange)
    }
}

/// Makes an ID of 24 digits from a UUID.
fn id(uuid: &str) -> String {
    uuid.chars().filter(char::is_ascii_hexdigit).take(ID_DIGITS).collect()
}

async fn log_in(State(network): State<Arc<Network>>, body: Bytes) -> Response {
    match issue_key(&network, &body) {
        Ok(authorization) => ([(header::AUTHORIZATION, authorization)], StatusCode::OK).into_response(),
        Err(error) => reject(&network, None, &error),
    }
}

fn issue_key(network: &Network, body: &[u8]) -> Result<HeaderValue, Error> {
    let credentials = login::read(body)?;
    let connection = network.connections().with_credentials(Vendor::Messangi, Some(&credentials));
    let connection = connection.ok_or(Error::WrongLogin)?;
    if let Some(busy) = connection.outage() {
        return Err(Error::Busy(busy));
    }
    let key = login::issue(&credentials, network.now()).ok_or(Error::WrongLogin)?;
    #[expect(clippy::expect_used, reason = "digits and a dot are valid in a header")]
    let authorization = HeaderValue::try_from(format!("Bearer {key}")).expect("digits and a dot");
    Ok(authorization)
}

async fn submit(State(network): State<Arc<Network>>, headers: HeaderMap, body: Bytes) -> Response {
    let connection = authenticate(&network, &headers);
    let answered = match &connection {
        Some(connection) => submit_message(&network, connection, &body).await,
        None => Err(Error::Unauthorized),
    };
    answered.unwrap_or_else(|error| reject(&network, connection.as_deref(), &error))
}

/// Returns the connection of a permanent key, or of an unexpired key from a login.
fn authenticate(network: &Network, headers: &HeaderMap) -> Option<Arc<Connection>> {
    let presented = bearer(headers)?;
    let authorizes = |registered: Option<&Credentials>| {
        registered.is_some_and(|registered| Simulation.authorizes(registered, &presented))
    };
    let connection = network.connections().authorized_by(Vendor::Messangi, authorizes)?;
    let is_permanent = connection.credentials.as_ref() == Some(&presented);
    (is_permanent || login::is_fresh(&presented, network.now())).then_some(connection)
}

fn bearer(headers: &HeaderMap) -> Option<Credentials> {
    Credentials::of_authorization(headers).ok().flatten().filter(|presented| matches!(presented, Credentials::Key(_)))
}

async fn submit_message(network: &Arc<Network>, connection: &Arc<Connection>, body: &[u8]) -> Result<Response, Error> {
    if let Some(busy) = connection.outage() {
        return Err(Error::Busy(busy));
    }
    let Request { submit, fields } = Request::parse(body, Some(connection))?;
    let message_id = submit.message_id();
    let prediction = network.predict(submit);
    if prediction.behavior() == Behavior::Rejected {
        return Err(Error::Blacklisted { message_id });
    }
    if let Some(busy) = network.busy([&prediction]) {
        return Err(Error::Busy(busy));
    }
    let (accepted, behavior) = network.accept(prediction);
    let now = network.now();
    let mut data = json!({
        "id": accepted.id, "requestDR": false, "type": "MT", "owner": OWNER, "operator": OWNER, "status": QUEUED,
        "date": webhook::date(now),
    });
    let written = fields.entries().filter(|(name, value)| request::FIELDS.contains(&name.as_str()) && !value.is_null());
    for (name, value) in written {
        data[name] = value.clone();
    }
    network.process(accepted, behavior).await;
    Ok(Json(json!({ "meta": meta(now), "data": data })).into_response())
}

fn meta(now: Timestamp) -> Value {
    json!({ "timestamp": now.as_millisecond(), "transactionId": Uuid::new_v4() })
}

fn reject(network: &Network, connection: Option<&Connection>, error: &Error) -> Response {
    error.log(connection);
    error.response(&meta(network.now()))
}

fn accepted(exchange: &Exchange<'_>) -> Result<Vec<(AcceptedSubmit, Option<Credentials>)>, WireError> {
    #[derive(Deserialize)]
    struct Answer {
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        id: String,
        status: String,
    }
    let request =
        Request::parse(exchange.request, None).map_err(|error| WireError::Request(error.code().to_owned()))?;
    let Answer { data } =
        serde_json::from_slice(exchange.answer).map_err(|error| WireError::Answer(error.to_string()))?;
    if data.status != QUEUED {
        return Err(WireError::Answer(format!("status {}", data.status)));
    }
    let accepted = AcceptedSubmit { id: data.id, submit: Arc::new(request.submit) };
    Ok(vec![(accepted, bearer(exchange.headers))])
}
