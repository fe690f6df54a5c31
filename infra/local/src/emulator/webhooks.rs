//! How a carrier tells the gateway of receipts and replies. It tries until a
//! 2xx, for as long as the emulator lives, and looks the address up at each try: a
//! gateway that comes back registers again and gets at once what it missed.

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

use super::problem::{Fields, Problem};

const FIRST_BACKOFF: Duration = Duration::from_millis(200);
const MAX_BACKOFF: Duration = Duration::from_secs(5);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// How many connections a carrier opens to the gateway.
const CONNECTIONS: usize = 128;

/// Which of the gateway's two webhooks.
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
    client: reqwest::Client,
    addresses: watch::Sender<Option<Addresses>>,
    connections: Semaphore,
    stopping: CancellationToken,
}

impl Webhooks {
    pub(super) fn new(client: reqwest::Client, stopping: CancellationToken) -> Self {
        Self { client, addresses: watch::Sender::new(None), connections: Semaphore::new(CONNECTIONS), stopping }
    }

    /// Returns when the gateway has taken it, or the emulator stops. `id` is what
    /// the log calls it.
    pub(super) async fn deliver(&self, webhook: Webhook, id: &str, event: &impl Serialize) {
        let body = match serde_json::to_vec(event) {
            Ok(body) => Bytes::from(body),
            Err(error) => return warn!(id, %error, "a {webhook} cannot be written"),
        };
        tokio::select! {
            () = self.stopping.cancelled() => {}
            () = self.deliver_with_retries(webhook, id, body) => {}
        }
    }

    async fn deliver_with_retries(&self, webhook: Webhook, id: &str, body: Bytes) {
        let mut addresses = self.addresses.subscribe();
        let mut backoff = FIRST_BACKOFF;
        loop {
            let address = addresses.borrow_and_update().as_ref().map(|addresses| addresses.of(webhook));
            let registered = address.is_some();
            if let Some(address) = address {
                match self.attempt(address, body.clone()).await {
                    Ok(()) => return info!(id, "the gateway took a {webhook}"),
                    Err(error) => {
                        info!(id, retry_ms = backoff.as_millis(), %error, "a {webhook} was not taken");
                    }
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

/// Addresses hold a token, so neither case shows them.
#[derive(Debug, thiserror::Error)]
enum DeliveryError {
    #[error("status {0}")]
    Status(StatusCode),
    #[error("no answer: {0}")]
    NoAnswer(reqwest::Error),
}

pub(super) fn routes(path: &str, webhooks: Arc<Webhooks>) -> Router {
    Router::new().route(path, put(register)).with_state(webhooks)
}

async fn register(State(webhooks): State<Arc<Webhooks>>, body: Bytes) -> Result<StatusCode, Problem> {
    let fields = Fields::parse(&body)?;
    let addresses = Addresses { receipts: address(&fields, "receipts")?, replies: address(&fields, "replies")? };
    webhooks.addresses.send_replace(Some(addresses));
    info!("the gateway registered its webhooks");
    Ok(StatusCode::NO_CONTENT)
}

fn address(fields: &Fields, field: &'static str) -> Result<Url, Problem> {
    Url::parse(fields.text(field)?)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| Problem::invalid(field, "must be an http or https URL"))
}
