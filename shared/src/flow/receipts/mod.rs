//! Receipts: record a carrier's report on a message, and notify the client.
//!
//! 1. Find the submit by our reference, or by the carrier's own ID (`find_submit`).
//! 2. Keep the receipt as unmatched if no submit is found, or if the message does not exist, was not claimed
//!    before the receipt arrived, or went to another carrier. Keep a receipt of unknown status in any case: it
//!    says nothing about the message until a release knows the status.
//! 3. On a failure with another channel left, enqueue a job: `dispatch` fails over.
//! 4. Otherwise enqueue the callback, then record the status with the receipt's own time (`event_time`). *Read*
//!    implies *delivered*, and records both.
//!
//! - **Crash.** The carrier redelivers the receipt. Only the execution on record delivers its callback.
//! - **Duplicate.** Each status is recorded once, the first time it comes. A repetition's new details
//!   are lost, because keeping them would cost another write for each repeated receipt.
//! - **Race.** Receipts may come in any order. The state is the furthest fact on record, so order does not
//!   matter. Late failures of earlier channels are ignored. A receipt may even come before the carrier's
//!   answer:
//!   - Usually we record the receipt at once.
//!   - A failure with another channel left becomes a `ChannelFailed` job, which waits for the answer, two
//!     seconds at a time (`flow/submit/mod.rs`).
//!   - A receipt with only the carrier's ID is unmatched until the answer is recorded, and retried after a
//!     minute.

mod event_time;
mod find_submit;

use std::time::Duration;

use jiff::Timestamp;
use tracing::info;

pub(super) use self::event_time::event_time;
pub(super) use self::find_submit::{SubmitLookup, find_submit, record_carrier_id};

use super::{
    Gateway, Unavailable,
    outcome::enqueue_callback,
    unmatched::{keep_unmatched, may_be_about},
};
use crate::{
    domain::{
        Carrier, CarrierName, CarrierReceipt, ExecutionId, Message, MessageId, Progress, Receipt, ReceiptDetails,
        ReceiptStatus, ReportedStatus, SubmitReference, Unmatched, UnmatchedKind, WebhookItem,
    },
    queue::{FailedSubmit, Job, Queue, QueuedJob},
    runtime::Metric,
    store::{Freshness, Messages, ReceiptInsertion},
};

/// Records a receipt, starts a failover, or keeps the receipt as unmatched.
///
/// Our reference in the webhook's path takes precedence over the body's.
pub async fn receipt(
    gateway: &Gateway,
    carrier: &Carrier,
    receipt: &CarrierReceipt,
    item: WebhookItem<'_>,
) -> Result<(), Unavailable> {
    let now = gateway.clock.now();
    let unmatched = || Unmatched::new(UnmatchedKind::Receipt, carrier.name, item, now);
    if let ReportedStatus::Unknown(status) = &receipt.status {
        keep_unmatched(gateway, unmatched().of_unknown_status(status)).await?;
        return Ok(());
    }
    let unmatched = match find_submit(gateway, carrier, item.submit, receipt).await? {
        SubmitLookup::Found(submit) if apply(gateway, carrier.name, submit, receipt, now).await? == Matched::Yes => {
            return Ok(());
        }
        SubmitLookup::Found(_) | SubmitLookup::NotYet => unmatched().with_retry(),
        // A retry would be in vain.
        SubmitLookup::Never => unmatched(),
    };
    keep_unmatched(gateway, unmatched).await?;
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Matched {
    Yes,
    No,
}

/// A receipt of a known status about a submit.
pub(super) struct Report<'a> {
    pub(super) carrier: CarrierName,
    pub(super) channel_index: u8,
    pub(super) status: ReceiptStatus,
    pub(super) receipt: &'a CarrierReceipt,
    pub(super) received_at: Timestamp,
}

/// Applies a receipt that arrived at `received_at`. A receipt of unknown status matches nothing.
pub(super) async fn apply(
    gateway: &Gateway,
    carrier: CarrierName,
    reference: SubmitReference,
    receipt: &CarrierReceipt,
    received_at: Timestamp,
) -> Result<Matched, Unavailable> {
    let SubmitReference { message: id, channel_index } = reference;
    let Some(status) = receipt.status.known() else { return Ok(Matched::No) };
    let report = Report { carrier, channel_index, status, receipt, received_at };
    let found = match find(gateway, id, &report).await? {
        Found::Counts(found) => found,
        Found::GivenUp => {
            info!(message.id = %id, carrier = carrier.as_str(), receipt = status.into_str(), "receipt of a superseded submit");
            return Ok(Matched::Yes);
        }
        Found::Nothing => return Ok(Matched::No),
    };
    if status.is_failure() && !found.delivery.receipts.is_final() && found.has_channel_after(channel_index) {
        enqueue_failover(gateway, &found, &report).await?;
        return Ok(Matched::Yes);
    }
    let recorded = if status == ReceiptStatus::Read {
        record_read(gateway, &found, &report).await?
    } else {
        record_receipt(gateway, &found, &report).await?
    };
    match recorded {
        ReceiptInsertion::NoMessage => return Ok(Matched::No),
        ReceiptInsertion::New => {}
        ReceiptInsertion::Duplicate => gateway.count(Metric::Repeated, None, Some(carrier), 1),
    }
    Ok(Matched::Yes)
}

/// Records *delivered*, which *read* implies, then *read*.
async fn record_read(
    gateway: &Gateway,
    message: &Message,
    report: &Report<'_>,
) -> Result<ReceiptInsertion, Unavailable> {
    let receipt = report.receipt;
    let implied = CarrierReceipt { description: None, ..receipt.clone() };
    let delivered = Report { status: ReceiptStatus::Delivered, receipt: &implied, ..*report };
    let is_new = record_receipt(gateway, message, &delivered).await? == ReceiptInsertion::New;
    // The receipt before has the details.
    let details = if is_new { ReceiptDetails::default() } else { receipt.details.clone() };
    let read = CarrierReceipt { details, ..receipt.clone() };
    record_receipt(gateway, message, &Report { receipt: &read, ..*report }).await
}

/// Whether a receipt still matters to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relevance {
    /// The message was never submitted to this carrier.
    Unrelated,
    /// The message has moved on to another channel or carrier, or waits for its next attempt.
    Superseded,
    Current,
}

pub(super) fn relevance(
    message: &Message,
    carrier: CarrierName,
    channel_index: u8,
    status: ReceiptStatus,
) -> Relevance {
    if message.delivery.attempts == 0 || !message.may_have_gone_through(carrier) {
        return Relevance::Unrelated;
    }
    let has_it = channel_index == message.delivery.channel_index
        && message.delivery.carrier.is_none_or(|taker| taker == carrier);
    // A message waiting for a resend may have arrived the first time.
    let is_out = message.delivery.progress != Progress::Queued || message.has_unknown_attempt();
    match status {
        // The message has arrived, on whichever channel.
        ReceiptStatus::Delivered | ReceiptStatus::Read => Relevance::Current,
        _ if message.delivery.receipts.is_final() || (has_it && is_out) => Relevance::Current,
        _ => Relevance::Superseded,
    }
}

enum Found {
    Counts(Box<Message>),
    GivenUp,
    Nothing,
}

/// Finds the message of a receipt.
///
/// A receipt may be faster than a cheap read, so without a match we re-read with a consistent read. A
/// receipt from before the first claim is about another message.
async fn find(gateway: &Gateway, id: MessageId, report: &Report<'_>) -> Result<Found, Unavailable> {
    let Report { carrier, channel_index, status, received_at, .. } = *report;
    let mut last = Found::Nothing;
    for freshness in [Freshness::Recent, Freshness::Latest] {
        let Some(message) = gateway.store.message(id, freshness).await? else { continue };
        last = match relevance(&message, carrier, channel_index, status) {
            Relevance::Current if message.first_claimed_at().is_some_and(|at| !may_be_about(at, received_at)) => {
                Found::Nothing
            }
            Relevance::Current => return Ok(Found::Counts(Box::new(message))),
            Relevance::Superseded => Found::GivenUp,
            Relevance::Unrelated => Found::Nothing,
        };
    }
    Ok(last)
}

/// Enqueues a failover for `dispatch`, because only it claims messages.
async fn enqueue_failover(gateway: &Gateway, message: &Message, report: &Report<'_>) -> Result<(), Unavailable> {
    let Report { carrier, channel_index, status, receipt, received_at } = *report;
    let failed = FailedSubmit {
        message: message.id,
        channel_index,
        carrier,
        status,
        code: receipt.code.clone(),
        description: receipt.description.clone(),
        details: receipt.details.clone(),
        at: Some(event_time(message, receipt.at, received_at)),
    };
    let job = QueuedJob::of_message(Job::ChannelFailed(failed), message, Duration::ZERO);
    gateway.queue.enqueue(&[job]).await?;
    info!(message.id = %message.id, carrier = carrier.as_str(), receipt = status.into_str(), "channel failed");
    Ok(())
}

impl From<&FailedSubmit> for CarrierReceipt {
    fn from(failed: &FailedSubmit) -> Self {
        Self {
            reference: Some(SubmitReference { message: failed.message, channel_index: failed.channel_index }),
            carrier_id: None,
            status: failed.status.into(),
            code: failed.code.clone(),
            description: failed.description.clone(),
            details: failed.details.clone(),
            at: failed.at,
        }
    }
}

/// Returns why a channel failed: in the carrier's words, or else the status.
pub(super) fn failure_reason(failed: &FailedSubmit) -> String {
    let said = failed.description.as_deref().or(failed.code.as_deref());
    said.unwrap_or(failed.status.into_str()).to_owned()
}

/// Enqueues the callback of a receipt, then records it for its channel.
pub(super) async fn record_receipt(
    gateway: &Gateway,
    message: &Message,
    report: &Report<'_>,
) -> Result<ReceiptInsertion, Unavailable> {
    let Report { carrier, channel_index, status, receipt, received_at } = *report;
    let execution_id = ExecutionId::random(&gateway.random);
    let receipts = &message.delivery.receipts;
    // The execution on record enqueued the callback before.
    let recorded = if receipts.get(status).is_some() {
        ReceiptInsertion::Duplicate
    } else {
        enqueue_callback(gateway, message, status.state(), execution_id, gateway.clock.now()).await?;
        let receipt = Receipt {
            status,
            at: event_time(message, receipt.at, received_at),
            code: receipt.code.clone(),
            description: receipt.description.clone(),
            details: receipt.details.clone().without(&receipts.details(channel_index)),
            channel_index,
            execution_id,
        };
        gateway.store.record_receipt(message.id, &receipt).await?
    };
    let metric = match status {
        ReceiptStatus::Delivered => Some(Metric::Delivered),
        ReceiptStatus::Sent | ReceiptStatus::Read => None,
        ReceiptStatus::Undelivered | ReceiptStatus::Expired | ReceiptStatus::Rejected => Some(Metric::Failed),
    };
    if let Some(metric) = metric.filter(|_| recorded == ReceiptInsertion::New) {
        gateway.count(metric, Some(&message.account), Some(carrier), 1);
    }
    let words = if recorded == ReceiptInsertion::Duplicate { "receipt repeated" } else { "receipt" };
    info!(message.id = %message.id, carrier = carrier.as_str(), receipt = status.into_str(), "{words}");
    Ok(recorded)
}
