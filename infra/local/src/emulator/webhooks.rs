//! Delivers receipts and replies to the gateway. Each is retried until a 2xx, as long as the emulator runs.
//! Every attempt reads the current address, because a restarted gateway registers again and then gets its
//! missed events at once.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::routing::put;
use serde::Serialize;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use url::Url;

use super::carriers::Carrier;
use super::problem::{Fields, Problem};

const FIRST_BACKOFF: Duration = Duration::from_millis(200);
const MAX_BACKOFF: Duration = Duration::from_secs(5);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// Concurrent connections from a carrier to the gateway.
const CONNECTIONS: usize = 128;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Webhook {
    Receipts,
    Replies,
}

impl fmt::Display for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Receipts => "receipt",
            Self::Replies => "reply",
        })
    }
}

/// An event's webhook, and its IDs for log lines.
pub(super) struct EventNames<'a> {
    pub(super) webhook: Webhook,
    /// The carrier's ID for the message or reply.
    pub(super) id: &'a str,
    /// The ID of the message that the event is about.
    pub(super) message_id: Option<String>,
}

#[derive(Clone)]
struct Addresses {
    receipts: Url,
    replies: Url,
}

impl Addresses {
    fn of(&self, webhook: Webhook) -> Url {
        match webhook {
            Webhook::Receipts => self.receipts.clone(),
            Webhook::Replies => self.replies.clone(),
        }
    }
}

pub(super) struct Webhooks {
    carrier: Carrier,
    client: reqwest::Client,
    addresses: watch::Sender<Option<Addresses>>,
    connections: Semaphore,
    stopping: CancellationToken,
}

impl Webhooks {
    pub(super) fn new(carrier: Carrier, client: reqwest::Client, stopping: CancellationToken) -> Self {
        Self {
            carrier,
            client,
            addresses: watch::Sender::new(None),
            connections: Semaphore::new(CONNECTIONS),
            stopping,
        }
    }

    /// Delivers an event; returns once the gateway accepted it or the emulator stops.
    pub(super) async fn deliver(&self, names: &EventNames<'_>, event: &impl Serialize) {
        let body = match serde_json::to_vec(event) {
            Ok(body) => Bytes::from(body),
            Err(error) => {
                let message_id = names.message_id.as_ref();
                return warn!(message.id = message_id.map(display), %error, "could not write {}", names.webhook);
            }
        };
        tokio::select! {
            () = self.stopping.cancelled() => {}
            () = self.deliver_with_retries(names, body) => {}
        }
    }

    async fn deliver_with_retries(&self, names: &EventNames<'_>, body: Bytes) {
        let EventNames { webhook, id, message_id } = names;
        let carrier = self.carrier.into_str();
        let (carrier_message_id, carrier_reply_id) = match webhook {
            Webhook::Receipts => (Some(id), None),
            Webhook::Replies => (None, Some(id)),
        };
        let mut addresses = self.addresses.subscribe();
        let mut backoff = FIRST_BACKOFF;
        loop {
            let address = addresses.borrow_and_update().as_ref().map(|addresses| addresses.of(*webhook));
            let registered = address.is_some();
            if let Some(address) = address {
                match self.attempt(address, body.clone()).await {
                    Ok(()) => {
                        return info!(
                            message.id = message_id.as_ref().map(display),
                            carrier,
                            carrier.message.id = carrier_message_id,
                            carrier.reply.id = carrier_reply_id,
                            "gateway accepted {webhook}"
                        );
                    }
                    Err(error) => info!(
                        message.id = message_id.as_ref().map(display), carrier, carrier.message.id = carrier_message_id,
                        carrier.reply.id = carrier_reply_id, retry_ms = backoff.as_millis(), %error,
                        "gateway did not accept {webhook}"
                    ),
                }
            }
            tokio::select! {
                () = tokio::time::sleep(backoff), if registered => backoff = MAX_BACKOFF.min(backoff * 2),
                _ = addresses.changed() => backoff = FIRST_BACKOFF,
            }
        }
    }

    async fn attempt(&self, address: Url, body: Bytes) -> Result<(), DeliveryError> {
        let _connection = self.connections.acquire().await;
        let answer = self
            .client
            .post(address)
            .header(header::CONTENT_TYPE, "application/json")
            .timeout(ATTEMPT_TIMEOUT)
            .body(body)
            .send()
            .await
            .map_err(|error| DeliveryError::NoAnswer(error.without_url()))?;
        if answer.status().is_success() { Ok(()) } else { Err(DeliveryError::Status(answer.status())) }
    }
}

/// Neither case shows the address, because it contains a token.
#[derive(Debug, thiserror::Error)]
enum DeliveryError {
    #[error("status {0}")]
    Status(StatusCode),
    #[error("no response: {0}")]
    NoAnswer(reqwest::Error),
}

pub(super) fn routes(path: &str, webhooks: Arc<Webhooks>) -> Router {
    Router::new().route(path, put(register)).with_state(webhooks)
}

async fn register(State(webhooks): State<Arc<Webhooks>>, body: Bytes) -> Result<StatusCode, Problem> {
    let fields = Fields::parse(&body)?;
    let addresses = Addresses { receipts: address(&fields, "receipts")?, replies: address(&fields, "replies")? };
    webhooks.addresses.send_replace(Some(addresses));
    info!(carrier = webhooks.carrier.into_str(), "webhooks registered");
    Ok(StatusCode::NO_CONTENT)
}

fn address(fields: &Fields, field: &'static str) -> Result<Url, Problem> {
    Url::parse(fields.text(field)?)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| Problem::invalid(field, "must be an http or https URL"))
}
