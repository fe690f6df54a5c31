//! Delivers receipts and replies to the gateway. Each is retried until a 2xx, as long as the emulator runs, unless the
//! vendor makes only a few retries.
//! Every attempt reads the current registration, because a restarted gateway registers again and then gets
//! its missed events at once. This holds for a receipt to a submit's own address, too.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::carriers::{Connection, Connections, Delivery, Target};
use super::transit::Transit;

const FIRST_BACKOFF: Duration = Duration::from_millis(200);
const MAX_BACKOFF: Duration = Duration::from_secs(5);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

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

/// The body of a webhook request. Its `Debug` shows no number and no text.
#[derive(Clone)]
pub struct WebhookBody {
    pub content_type: &'static str,
    pub bytes: Bytes,
}

impl WebhookBody {
    pub(super) fn json(value: &Value) -> Self {
        Self { content_type: "application/json", bytes: value.to_string().into() }
    }
}

impl fmt::Debug for WebhookBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookBody")
    }
}

pub(super) struct WebhookRequest {
    pub(super) delivery: Delivery,
    pub(super) headers: HeaderMap,
    pub(super) body: WebhookBody,
}

pub(super) struct Webhooks {
    connections: Arc<Connections>,
    client: reqwest::Client,
    stopping: CancellationToken,
    transit: Transit,
}

impl Webhooks {
    pub(super) fn new(
        connections: Arc<Connections>,
        client: reqwest::Client,
        stopping: CancellationToken,
        transit: Transit,
    ) -> Self {
        Self { connections, client, stopping, transit }
    }

    /// Delivers an event, which `write` makes into the request to a connection. Returns once the gateway
    /// accepted it or the emulator stops.
    pub(super) async fn deliver(
        &self,
        names: &EventNames<'_>,
        target: Target,
        write: &(dyn Fn(&Connection) -> WebhookRequest + Sync),
    ) {
        tokio::select! {
            () = self.stopping.cancelled() => {}
            () = self.deliver_with_retries(names, target, write) => {}
        }
    }

    async fn deliver_with_retries(
        &self,
        names: &EventNames<'_>,
        mut target: Target,
        write: &(dyn Fn(&Connection) -> WebhookRequest + Sync),
    ) {
        let mut connections = self.connections.subscribe();
        let mut backoff = FIRST_BACKOFF;
        let mut retries = 0;
        let mut in_transit = Some(self.transit.begin());
        loop {
            let connection = target.find(&connections.borrow_and_update());
            if let Some(connection) = &connection {
                // A failed attempt may have arrived, so the retry must not go to another connection.
                target = Target::of(connection);
                let request = write(connection);
                let is_last = request.delivery.most_retries.is_some_and(|most| retries >= most);
                match self.attempt(connection, request).await {
                    Ok(()) => return names.log_accepted(connection),
                    Err(error) if is_last => return names.log_given_up(connection, &error),
                    Err(error) => names.log_not_accepted(connection, backoff, &error),
                }
                retries += 1;
            }
            // The gateway may never accept the event, so it no longer counts as in transit.
            drop(in_transit.take());
            tokio::select! {
                () = tokio::time::sleep(backoff), if connection.is_some() => backoff = MAX_BACKOFF.min(backoff * 2),
                _ = connections.changed() => backoff = FIRST_BACKOFF,
            }
        }
    }

    async fn attempt(&self, connection: &Connection, request: WebhookRequest) -> Result<(), DeliveryError> {
        let _permit = connection.webhook_requests().acquire().await;
        let answer = self
            .client
            .post(request.delivery.address)
            .header(header::CONTENT_TYPE, request.body.content_type)
            .headers(request.headers)
            .timeout(ATTEMPT_TIMEOUT)
            .body(request.body.bytes)
            .send()
            .await
            .map_err(|error| DeliveryError::NoAnswer(error.without_url()))?;
        let status = answer.status();
        let is_accepted = if request.delivery.only_status_200 { status == StatusCode::OK } else { status.is_success() };
        if is_accepted { Ok(()) } else { Err(DeliveryError::Status(status)) }
    }
}

/// Logs a line with the fields that name the event and its carrier.
macro_rules! log_delivery {
    ($names:expr, $connection:expr, $($fields:tt)+) => {{
        let (carrier_message_id, carrier_reply_id) = $names.carrier_ids();
        info!(
            message.id = $names.message_id.as_ref().map(display),
            carrier = $connection.name.as_str(),
            vendor = $connection.vendor.into_str(),
            carrier.message.id = carrier_message_id,
            carrier.reply.id = carrier_reply_id,
            $($fields)+
        );
    }};
}

impl EventNames<'_> {
    /// Returns the carrier's ID of the message and of the reply, one of which is `None`.
    fn carrier_ids(&self) -> (Option<&str>, Option<&str>) {
        match self.webhook {
            Webhook::Receipts => (Some(self.id), None),
            Webhook::Replies => (None, Some(self.id)),
        }
    }

    fn log_accepted(&self, connection: &Connection) {
        log_delivery!(self, connection, "gateway accepted {}", self.webhook);
    }

    fn log_not_accepted(&self, connection: &Connection, backoff: Duration, error: &DeliveryError) {
        let retry_ms = backoff.as_millis();
        log_delivery!(self, connection, retry_ms, %error, "gateway did not accept {}", self.webhook);
    }

    fn log_given_up(&self, connection: &Connection, error: &DeliveryError) {
        log_delivery!(self, connection, %error, "carrier gave up {}", self.webhook);
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
