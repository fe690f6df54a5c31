//! Receipts: record a carrier's report on a message, and notify the client.
//!
//! 1. Find the submit by our reference, or by the carrier's own ID (`find_submit`).
//! 2. Keep the receipt as unmatched if no submit is found, or if the message does not exist, was not claimed
//!    before the receipt arrived, or went to another carrier.
//! 3. On a failure with another channel left, enqueue a job: `dispatch` fails over.
//! 4. Otherwise enqueue the callback, then record the status. *Read* implies *delivered*, and records both.
//!
//! - **Crash.** The carrier redelivers the receipt. Only the execution on record delivers its callback.
//! - **Duplicate.** Each status is recorded once, the first time it comes.
//! - **Race.** Receipts may come in any order. The state is the furthest fact on record, so order does not
//!   matter. Late failures of earlier channels are ignored. A receipt may even come before the carrier's
//!   answer:
//!   - Usually we record the receipt at once.
//!   - A failure with another channel left becomes a `ChannelFailed` job, which waits for the answer, two
//!     seconds at a time (`flow/submit/mod.rs`).
//!   - A receipt with only the carrier's ID is unmatched until the answer is recorded, and retried after a
//!     minute.

mod find_submit;

use std::time::Duration;

use jiff::Timestamp;
use tracing::info;

pub(super) use self::find_submit::{SubmitLookup, find_submit, record_carrier_id};

use super::{
    Gateway, Unavailable,
    outcome::enqueue_callback,
    unmatched::{keep_unmatched, may_be_about},
};
use crate::{
    domain::{
        Carrier, CarrierName, CarrierReceipt, ExecutionId, Message, Progress, Receipt, ReceiptStatus, SubmitReference,
        Unmatched, UnmatchedKind, WebhookItem,
    },
    queue::{FailedSubmit, Job, Queue},
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
    let unmatched = Unmatched::new(UnmatchedKind::Receipt, carrier.name, item, now);
    let unmatched = match find_submit(gateway, carrier, item.submit, receipt).await? {
        SubmitLookup::Found(submit) if apply(gateway, carrier.name, submit, receipt, now).await? == Matched::Yes => {
            return Ok(());
        }
        SubmitLookup::Found(_) | SubmitLookup::NotYet => unmatched.with_retry(),
        // A retry would be in vain.
        SubmitLookup::Never => unmatched,
    };
    keep_unmatched(gateway, unmatched).await?;
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Matched {
    Yes,
    No,
}

/// Applies a receipt that arrived at `received_at`.
pub(super) async fn apply(
    gateway: &Gateway,
    carrier: CarrierName,
    reference: SubmitReference,
    receipt: &CarrierReceipt,
    received_at: Timestamp,
) -> Result<Matched, Unavailable> {
    let now = gateway.clock.now();
    let SubmitReference { message: id, channel_index } = reference;
    let found = match find(gateway, reference, carrier, receipt.status, received_at).await? {
        Found::Counts(found) => found,
        Found::GivenUp => {
            info!(message.id = %id, carrier = carrier.as_str(), receipt = receipt.status.into_str(), "receipt of a superseded submit");
            return Ok(Matched::Yes);
        }
        Found::Nothing => return Ok(Matched::No),
    };
    if receipt.status.is_failure() && !found.delivery.receipts.is_final() && found.has_channel_after(channel_index) {
        enqueue_failover(gateway, carrier, &found, channel_index, receipt).await?;
        return Ok(Matched::Yes);
    }
    if receipt.status == ReceiptStatus::Read {
        let implied = CarrierReceipt { status: ReceiptStatus::Delivered, description: None, ..receipt.clone() };
        record_receipt(gateway, carrier, &found, channel_index, &implied, now).await?;
    }
    Ok(match record_receipt(gateway, carrier, &found, channel_index, receipt, now).await? {
        ReceiptInsertion::NoMessage => Matched::No,
        ReceiptInsertion::New | ReceiptInsertion::Duplicate => Matched::Yes,
    })
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
async fn find(
    gateway: &Gateway,
    SubmitReference { message: id, channel_index }: SubmitReference,
    carrier: CarrierName,
    status: ReceiptStatus,
    received_at: Timestamp,
) -> Result<Found, Unavailable> {
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
async fn enqueue_failover(
    gateway: &Gateway,
    carrier: CarrierName,
    message: &Message,
    channel_index: u8,
    receipt: &CarrierReceipt,
) -> Result<(), Unavailable> {
    let failed = FailedSubmit {
        message: message.id,
        channel_index,
        carrier,
        status: receipt.status,
        code: receipt.code.clone(),
        description: receipt.description.clone(),
    };
    gateway.queue.enqueue(&[(Job::ChannelFailed(failed), Duration::ZERO)]).await?;
    info!(message.id = %message.id, carrier = carrier.as_str(), receipt = receipt.status.into_str(), "channel failed");
    Ok(())
}

impl From<&FailedSubmit> for CarrierReceipt {
    fn from(failed: &FailedSubmit) -> Self {
        Self {
            reference: Some(SubmitReference { message: failed.message, channel_index: failed.channel_index }),
            carrier_id: None,
            status: failed.status,
            code: failed.code.clone(),
            description: failed.description.clone(),
        }
    }
}

pub(super) fn receipt_reason(receipt: &CarrierReceipt) -> String {
    let said = receipt.description.as_deref().or(receipt.code.as_deref());
    said.unwrap_or(receipt.status.into_str()).to_owned()
}

/// Enqueues the callback of a receipt, then records it for its channel.
pub(super) async fn record_receipt(
    gateway: &Gateway,
    carrier: CarrierName,
    message: &Message,
    channel_index: u8,
    receipt: &CarrierReceipt,
    now: Timestamp,
) -> Result<ReceiptInsertion, Unavailable> {
    let status = receipt.status;
    let execution_id = ExecutionId::random(&gateway.random);
    // The execution on record enqueued the callback before.
    let recorded = if message.delivery.receipts.get(status).is_some() {
        ReceiptInsertion::Duplicate
    } else {
        enqueue_callback(gateway, message, status.state(), execution_id, now).await?;
        let (code, description) = (receipt.code.clone(), receipt.description.clone());
        let receipt = Receipt { status, at: now, code, description, channel_index, execution_id };
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
