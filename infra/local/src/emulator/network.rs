//! The phone network behind the carriers. It decides each message's fate by the phone's number and channel
//! ([`Behavior`]), and when the carrier answers and reports. It does not deduplicate submits by reference,
//! so that a double send shows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use futures_util::future::join_all;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::info;
use uuid::Uuid;

use super::behavior::Behavior;
use super::carriers::{AcceptedSubmit, Carriers, Connection, ConnectionName, Connections, Receipt, Status, Submit};
use super::clock::EmulatorClock;
use super::handsets::Handsets;

/// How long the answer to a submit waits at most for the gateway to accept the receipt.
const RECEIPT_FIRST_TIMEOUT: Duration = Duration::from_secs(2);
/// The `Retry-After` with a 429.
pub(super) const THROTTLED_SECONDS: u16 = 1;
const LATE_ANSWER_RECEIPT_DELAY: Duration = Duration::from_millis(500);

pub(super) struct Network {
    handsets: Arc<Handsets>,
    carriers: Arc<Carriers>,
    clock: Arc<EmulatorClock>,
    answer_delay: Duration,
    stopping: CancellationToken,
    /// Busy responses so far.
    busy_responses: Mutex<HashMap<SubmitKey, u8>>,
    /// The newest ID of each accepted reference.
    accepted_ids: Mutex<HashMap<SubmitKey, String>>,
}

/// A connection and its reference.
type SubmitKey = (Option<ConnectionName>, String);

fn key(connection: Option<&Connection>, reference: &str) -> SubmitKey {
    (connection.map(|connection| connection.name.clone()), reference.to_owned())
}

pub(super) struct Prediction {
    submit: Submit,
    behavior: Behavior,
}

impl Prediction {
    pub(super) fn behavior(&self) -> Behavior {
        self.behavior
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Busy {
    Throttled,
    Unavailable,
}

impl Busy {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Throttled => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl Network {
    pub(super) fn new(
        handsets: Arc<Handsets>,
        carriers: Arc<Carriers>,
        clock: Arc<EmulatorClock>,
        answer_delay: Duration,
        stopping: CancellationToken,
    ) -> Self {
        Self {
            handsets,
            carriers,
            clock,
            answer_delay,
            stopping,
            busy_responses: Mutex::default(),
            accepted_ids: Mutex::default(),
        }
    }

    pub(super) fn connections(&self) -> &Connections {
        self.carriers.connections()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn predict(&self, submit: Submit) -> Prediction {
        let behavior = self.handsets.behavior(&submit.to, submit.channel);
        Prediction { submit, behavior }
    }

    /// Returns the busy response to a whole request, if the carrier is busy for any of its submits.
    pub(super) fn busy<'a>(&self, submits: impl IntoIterator<Item = &'a Prediction>) -> Option<Busy> {
        let at_first = submits.into_iter().filter(|prediction| prediction.behavior == Behavior::BusyAtFirst);
        at_first.filter_map(|prediction| self.next_busy_response(&prediction.submit)).min()
    }

    fn next_busy_response(&self, submit: &Submit) -> Option<Busy> {
        let name = if submit.reference.is_empty() { submit.to.digits() } else { &submit.reference };
        let mut busy_responses = self.busy_responses.lock().unwrap_or_else(PoisonError::into_inner);
        let times = busy_responses.entry(key(submit.connection.as_deref(), name)).or_default();
        let busy = match *times {
            0 => Busy::Throttled,
            1 => Busy::Unavailable,
            _ => return None,
        };
        *times += 1;
        let retry_after_s = (busy == Busy::Throttled).then_some(THROTTLED_SECONDS);
        info!(
            message.id = %submit.message_id(), carrier = submit.carrier(), vendor = submit.vendor.into_str(),
            http.status = busy.status().as_u16(), retry_after_s, "carrier busy"
        );
        Some(busy)
    }

    /// Accepts a submit, and shows the message on the phone at once if it arrives at all.
    pub(super) fn accept(&self, prediction: Prediction) -> (AcceptedSubmit, Behavior) {
        let Prediction { submit, behavior } = prediction;
        let accepted = AcceptedSubmit { id: self.carriers.new_id(submit.vendor), submit: Arc::new(submit) };
        let submit = &accepted.submit;
        info!(
            message.id = %submit.message_id(), carrier = submit.carrier(), vendor = submit.vendor.into_str(),
            channel = submit.channel.name(), carrier.message.id = accepted.id, behavior = behavior.into_str(),
            "carrier accepted message"
        );
        if let Some(connection) = &submit.connection {
            connection.count_accepted();
        }
        let key = key(submit.connection.as_deref(), &submit.reference);
        self.accepted_ids.lock().unwrap_or_else(PoisonError::into_inner).insert(key, accepted.id.clone());
        if behavior.reaches_the_phone() {
            self.handsets.show(accepted.clone());
        }
        (accepted, behavior)
    }

    /// Returns the ID of a connection's accepted submit.
    pub(super) fn find(&self, connection: Option<&Connection>, reference: &str) -> Option<String> {
        let accepted = self.accepted_ids.lock().unwrap_or_else(PoisonError::into_inner);
        accepted.get(&key(connection, reference)).cloned()
    }

    /// Processes an accepted message; returns when the carrier may answer the submit.
    pub(super) async fn process(self: &Arc<Self>, accepted: AcceptedSubmit, behavior: Behavior) {
        let network = Arc::clone(self);
        match behavior {
            Behavior::Rejected | Behavior::NoReceipt | Behavior::Lost => {}
            Behavior::ReceiptFirst => {
                let report = tokio::spawn(async move {
                    network.report(&accepted, Status::Delivered).await;
                });
                let _ = tokio::time::timeout(RECEIPT_FIRST_TIMEOUT, report).await;
            }
            Behavior::AnswersTooLate { receipt } => {
                if receipt {
                    tokio::spawn(async move {
                        tokio::time::sleep(LATE_ANSWER_RECEIPT_DELAY).await;
                        network.report(&accepted, Status::Delivered).await;
                    });
                }
                tokio::select! {
                    () = tokio::time::sleep(self.answer_delay) => {}
                    () = self.stopping.cancelled() => {}
                }
            }
            Behavior::Delivered
            | Behavior::Undelivered
            | Behavior::RepeatedReceipt
            | Behavior::OutOfOrder
            | Behavior::BusyAtFirst
            | Behavior::RepliesStop => {
                let in_transit = self.carriers.transit().begin();
                tokio::spawn(async move {
                    tokio::time::sleep(transit_delay()).await;
                    drop(in_transit);
                    network.arrive(accepted, behavior).await;
                });
            }
        }
    }

    async fn arrive(&self, accepted: AcceptedSubmit, behavior: Behavior) {
        match behavior {
            Behavior::Undelivered => self.report(&accepted, Status::Undelivered).await,
            Behavior::RepeatedReceipt => {
                let receipt = self.receipt(&accepted, Status::Delivered);
                join_all((0..5).map(|_| self.carriers.deliver_receipt(&receipt))).await;
            }
            Behavior::OutOfOrder => {
                self.report(&accepted, Status::Delivered).await;
                self.report(&accepted, Status::Sent).await;
            }
            Behavior::RepliesStop => {
                self.report(&accepted, Status::Delivered).await;
                self.handsets.answer(accepted, "STOP".into());
            }
            _ => self.report(&accepted, Status::Delivered).await,
        }
    }

    async fn report(&self, accepted: &AcceptedSubmit, status: Status) {
        self.carriers.deliver_receipt(&self.receipt(accepted, status)).await;
    }

    fn receipt<'a>(&self, accepted: &'a AcceptedSubmit, status: Status) -> Receipt<'a> {
        Receipt { accepted, status, at: self.clock.now() }
    }
}

/// Returns a random delay from accept to receipt: 50 to 300 ms.
fn transit_delay() -> Duration {
    let (random, _) = Uuid::new_v4().as_u64_pair();
    Duration::from_millis(50 + random % 251)
}
