//! The simulated carrier: takes submits, and does with each what the phone's
//! number says ([`Behaviour`]). It does not know a repeated submit by its
//! reference, so that a double send is seen.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use futures_util::future::join_all;
use serde::Serialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tracing::info;
use uuid::Uuid;

use super::behaviour::Behaviour;
use super::clock::WorldClock;
use super::handsets::{self, Handsets};
use super::phone::Phone;
use super::problem::{Fields, Problem};
use super::webhooks::{Webhook, Webhooks};

/// How long the answer to a submit waits for the gateway to take its receipt.
const RECEIPT_FIRST_WITHIN: Duration = Duration::from_secs(2);
const RECEIPT_OF_LATE_ANSWER_AFTER: Duration = Duration::from_millis(500);

pub(super) struct Carrier {
    handsets: Arc<Handsets>,
    webhooks: Arc<Webhooks>,
    clock: Arc<WorldClock>,
    answer_delay: Duration,
    stopping: CancellationToken,
    /// How often each reference was turned away as busy.
    turned_away: Mutex<HashMap<String, u8>>,
}

/// A submit that the carrier took.
#[derive(Clone)]
struct Taken {
    id: String,
    reference: String,
    from: String,
    to: Phone,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Sent,
    Delivered,
    Undelivered,
}

/// A receipt (DLR) as the carrier reports it.
#[derive(Serialize)]
struct Receipt<'a> {
    id: &'a str,
    reference: &'a str,
    status: Status,
    code: &'static str,
    description: &'static str,
    at: String,
}

impl Carrier {
    pub(super) fn new(
        handsets: Arc<Handsets>,
        webhooks: Arc<Webhooks>,
        clock: Arc<WorldClock>,
        answer_delay: Duration,
        stopping: CancellationToken,
    ) -> Self {
        Self { handsets, webhooks, clock, answer_delay, stopping, turned_away: Mutex::default() }
    }

    /// The answer, when the carrier has no time for `reference` yet.
    fn busy(&self, reference: &str) -> Option<Response> {
        let mut turned_away = self.turned_away.lock().unwrap_or_else(PoisonError::into_inner);
        let times = turned_away.entry(reference.to_owned()).or_default();
        let answer = match *times {
            0 => {
                let mut answer = refusal(StatusCode::TOO_MANY_REQUESTS, "throttled", "Too many messages at once.");
                answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
                answer
            }
            1 => refusal(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "The carrier is not available at the moment."),
            _ => return None,
        };
        *times += 1;
        Some(answer)
    }

    /// What happens to a message that was taken, up to when its submit may be
    /// answered.
    async fn carry(self: &Arc<Self>, taken: Taken, behaviour: Behaviour) {
        let carrier = Arc::clone(self);
        match behaviour {
            Behaviour::Rejected | Behaviour::NoReceipt => {}
            Behaviour::ReceiptFirst => {
                let told = tokio::spawn(async move {
                    carrier.report(&taken, Status::Delivered).await;
                });
                let _ = tokio::time::timeout(RECEIPT_FIRST_WITHIN, told).await;
            }
            Behaviour::AnswersTooLate { receipt } => {
                if receipt {
                    tokio::spawn(async move {
                        tokio::time::sleep(RECEIPT_OF_LATE_ANSWER_AFTER).await;
                        carrier.report(&taken, Status::Delivered).await;
                    });
                }
                tokio::select! {
                    () = tokio::time::sleep(self.answer_delay) => {}
                    () = self.stopping.cancelled() => {}
                }
            }
            Behaviour::Delivered
            | Behaviour::Undelivered
            | Behaviour::RepeatedReceipt
            | Behaviour::OutOfOrder
            | Behaviour::BusyAtFirst
            | Behaviour::RepliesStop => {
                tokio::spawn(async move {
                    tokio::time::sleep(transit()).await;
                    carrier.arrive(taken, behaviour).await;
                });
            }
        }
    }

    async fn arrive(&self, taken: Taken, behaviour: Behaviour) {
        match behaviour {
            Behaviour::Undelivered => self.report(&taken, Status::Undelivered).await,
            Behaviour::RepeatedReceipt => {
                let receipt = self.receipt(&taken, Status::Delivered);
                join_all((0..5).map(|_| self.deliver(&receipt))).await;
            }
            Behaviour::OutOfOrder => {
                self.report(&taken, Status::Delivered).await;
                self.report(&taken, Status::Sent).await;
            }
            Behaviour::RepliesStop => {
                self.report(&taken, Status::Delivered).await;
                self.handsets.reply(taken.to, taken.from, "STOP".into());
            }
            _ => self.report(&taken, Status::Delivered).await,
        }
    }

    /// Returns when the gateway has taken the receipt.
    async fn report(&self, taken: &Taken, status: Status) {
        self.deliver(&self.receipt(taken, status)).await;
    }

    async fn deliver(&self, receipt: &Receipt<'_>) {
        self.webhooks.deliver(Webhook::Receipts, receipt.id, receipt).await;
    }

    fn receipt<'a>(&self, taken: &'a Taken, status: Status) -> Receipt<'a> {
        let (code, description) = match status {
            Status::Sent => ("00", "Sent to the network"),
            Status::Delivered => ("00", "Delivered to the handset"),
            Status::Undelivered => ("22", "The handset could not be reached"),
        };
        Receipt { id: &taken.id, reference: &taken.reference, status, code, description, at: self.clock.now_text() }
    }
}

/// From when a message is taken to its receipt: 50 to 300 ms.
fn transit() -> Duration {
    let (random, _) = Uuid::new_v4().as_u64_pair();
    Duration::from_millis(50 + random % 251)
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(json!({ "code": code, "message": message }))).into_response()
}

pub(super) fn routes(carrier: Arc<Carrier>) -> Router {
    Router::new().route("/carrier/messages", post(submit)).with_state(carrier)
}

async fn submit(State(carrier): State<Arc<Carrier>>, body: Bytes) -> Result<Response, Problem> {
    let fields = Fields::parse(&body)?;
    let reference = fields.filled_text("reference")?.to_owned();
    let from = fields.filled_text("from")?.to_owned();
    let to = handsets::phone("to", fields.filled_text("to")?)?;
    let text = fields.text("text")?.to_owned();
    fields.filled_text("channel")?;

    let behaviour = Behaviour::of(&to);
    if behaviour == Behaviour::Rejected {
        info!(reference, "the carrier rejects a message");
        return Ok(refusal(StatusCode::UNPROCESSABLE_ENTITY, "unknown-subscriber", "No network knows this number."));
    }
    if behaviour == Behaviour::BusyAtFirst
        && let Some(busy) = carrier.busy(&reference)
    {
        info!(reference, "the carrier is busy");
        return Ok(busy);
    }
    let id = Uuid::new_v4().to_string();
    info!(carrier.message.id = id, reference, ?behaviour, "the carrier took a message");
    if behaviour.reaches_the_phone() {
        carrier.handsets.show(to.clone(), from.clone(), text);
    }
    let taken = Taken { id: id.clone(), reference, from, to };
    carrier.carry(taken, behaviour).await;
    Ok((StatusCode::ACCEPTED, Json(json!({ "id": id }))).into_response())
}
