//! Step 4: what the network says of a message is recorded and passed on.
//!
//! Each status is recorded once, the first time it comes, whatever came before
//! it and whether or not the submit has its answer yet; the message's state is
//! the furthest of what is on record. *Read* implies *delivered*, and is
//! recorded as both where *delivered* has not come. A receipt of a message that
//! is not there, was never claimed, or went to another carrier, is parked.

use std::time::Duration;

use jiff::Timestamp;
use tracing::{info, warn};

use super::{Gateway, Unavailable, settle::announce};
use crate::{
    carriers::{CarrierName, CarrierReceipt, SubmitReference},
    domain::{Message, MessageId, Receipt, ReceiptStatus},
    queue::{FailedChannel, Job, Queue},
    runtime::{About, Metric},
    store::{Freshness, Messages, Parked, Recorded},
};

/// The most characters that are kept of a carrier's code and description.
const CODE_LENGTH: usize = 20;
const DESCRIPTION_LENGTH: usize = 100;

/// Records a receipt, or hands the message on to its next channel. `submit` is
/// our name for the submit in the webhook's path, where there is one, and wins
/// over the one in the body; `payload` is the body as it came.
///
/// # Errors
/// When the store or queue did not answer. The carrier should bring it again.
pub async fn receipt(
    gateway: &Gateway<impl Messages, impl Queue>,
    carrier: CarrierName,
    submit: Option<SubmitReference>,
    receipt: &CarrierReceipt,
    payload: &str,
) -> Result<(), Unavailable> {
    let now = gateway.clock.now();
    let Some(SubmitReference { message: id, place }) = submit.or(receipt.reference) else {
        return park(gateway, carrier, payload, now).await;
    };
    let found = handed_over(gateway, id).await?;
    let Some(found) = found.filter(|message| message.may_have_gone_through(carrier)) else {
        return park(gateway, carrier, payload, now).await;
    };
    if receipt.status.is_failure() && !is_the_last_word(&found, carrier, place) {
        return pass_on(gateway, carrier, &found, place, receipt).await;
    }
    if receipt.status == ReceiptStatus::Read {
        let implied = CarrierReceipt { status: ReceiptStatus::Delivered, description: None, ..receipt.clone() };
        record(gateway, carrier, &found, &implied, now).await?;
    }
    match record(gateway, carrier, &found, receipt, now).await? {
        Recorded::NoMessage => park(gateway, carrier, payload, now).await,
        Recorded::New | Recorded::Already => Ok(()),
    }
}

/// Whether a failure there is one of the message: no other channel or carrier has
/// it or may get it, or it has arrived before.
fn is_the_last_word(message: &Message, carrier: CarrierName, place: u8) -> bool {
    let has_it = message.carrier.is_none_or(|taker| taker == carrier);
    message.receipts.is_final() || (has_it && place >= message.place && !message.has_channel_after(place))
}

/// A channel has failed that is not the last. `dispatch` holds messages while it
/// sends them, so it is there that one goes on to its next channel.
async fn pass_on(
    gateway: &Gateway<impl Messages, impl Queue>,
    carrier: CarrierName,
    message: &Message,
    place: u8,
    receipt: &CarrierReceipt,
) -> Result<(), Unavailable> {
    let words = if message.has_channel_after(place) && place >= message.place {
        let said = receipt.description.as_deref().or(receipt.code.as_deref()).unwrap_or(receipt.status.as_str());
        let reason = cut(said, DESCRIPTION_LENGTH);
        let job = Job::NextChannel(FailedChannel { message: message.id, place, carrier, reason });
        gateway.queue.enqueue(&[(job, Duration::ZERO)]).await?;
        "a channel failed"
    } else {
        "a channel failed that was given up before"
    };
    info!(message.id = %message.id, carrier = carrier.as_str(), receipt = receipt.status.as_str(), "{words}");
    Ok(())
}

/// The message, if it has been handed to a carrier. A receipt may be faster
/// than a cheap read, so what it does not find is looked for again.
async fn handed_over(
    gateway: &Gateway<impl Messages, impl Queue>,
    id: MessageId,
) -> Result<Option<Message>, Unavailable> {
    for freshness in [Freshness::Recent, Freshness::Latest] {
        let found = gateway.store.message(id, freshness).await?.filter(|message| message.attempts > 0);
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

async fn record(
    gateway: &Gateway<impl Messages, impl Queue>,
    carrier: CarrierName,
    message: &Message,
    receipt: &CarrierReceipt,
    now: Timestamp,
) -> Result<Recorded, Unavailable> {
    let status = receipt.status;
    let stamp = gateway.random.stamp();
    // Whoever recorded it had announced it before.
    let recorded = if message.receipts.get(status).is_some() {
        Recorded::Already
    } else {
        announce(gateway, message, status.state(), stamp, now).await?;
        let code = receipt.code.as_deref().map(|code| cut(code, CODE_LENGTH));
        let description = receipt.description.as_deref().map(|text| cut(text, DESCRIPTION_LENGTH));
        let receipt = Receipt { status, at: now, code, description, stamp };
        gateway.store.record_receipt(message.id, &receipt).await?
    };
    let metric = match status {
        ReceiptStatus::Delivered => Some(Metric::Delivered),
        ReceiptStatus::Sent | ReceiptStatus::Read => None,
        ReceiptStatus::Undelivered | ReceiptStatus::Expired | ReceiptStatus::Rejected => Some(Metric::Failed),
    };
    if let Some(metric) = metric.filter(|_| recorded == Recorded::New) {
        gateway.metrics.count(metric, About::new(Some(&message.account), Some(carrier)), 1);
    }
    let words = if recorded == Recorded::Already { "receipt repeated" } else { "receipt" };
    info!(message.id = %message.id, carrier = carrier.as_str(), receipt = status.as_str(), "{words}");
    Ok(recorded)
}

fn cut(text: &str, length: usize) -> String {
    text.chars().take(length).collect()
}

async fn park(
    gateway: &Gateway<impl Messages, impl Queue>,
    carrier: CarrierName,
    payload: &str,
    at: Timestamp,
) -> Result<(), Unavailable> {
    warn!(carrier = carrier.as_str(), "a receipt matches no message and is parked");
    gateway.store.park(Parked { carrier, kind: "receipt", payload, at }).await?;
    gateway.metrics.count(Metric::Parked, About::new(None, Some(carrier)), 1);
    Ok(())
}
