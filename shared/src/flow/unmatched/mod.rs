//! Unmatched: keep and retry receipts and replies without a known message or account.
//!
//! 1. Keep the item and schedule its first retry, in one write (`keep_unmatched`).
//! 2. Retry the item as a receipt or reply (`retry`).
//! 3. Delete a matched or expired item; schedule the next retry of any other.
//!
//! No step of a message looks for unmatched items, so they cost other messages nothing.
//!
//! A receipt whose status this release does not know matches no message, and has no retries. We keep it until an
//! operator retries it under a release that knows the status.
//!
//! - **Crash.** We delete an item only after recording the match. If a worker dies in between, the next retry
//!   finds the receipt or reply recorded already, and deletes the item.
//! - **Duplicate.** An item is kept once, however often it is delivered.
//! - **Race.** An item is never matched to a message that was first claimed after the item arrived, nor to an
//!   account that acquired the shared sender after the item arrived.

use jiff::{SignedDuration, Timestamp};
use tracing::{debug, error, info, warn};

use super::{
    Gateway, Unavailable,
    receipts::{Matched, SubmitLookup, apply, find_submit},
    replies::{Arrival, Attribution, attribute},
};
use crate::{
    domain::{Carrier, ParseError, ParsedItems, Unmatched, UnmatchedId, UnmatchedKind},
    runtime::Metric,
    store::{Directory, StoreError, UnmatchedStore},
};

/// Tolerated clock skew between machines. An item is unrelated to an event that happened longer than this
/// after the item arrived.
pub(super) const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(1);

/// Returns whether an item that arrived at `received_at` may be about an event at `at`.
pub(super) fn may_be_about(at: Timestamp, received_at: Timestamp) -> bool {
    at.duration_since(received_at) <= CLOCKS_DIFFER
}

pub(super) async fn keep_unmatched(gateway: &Gateway, unmatched: Unmatched) -> Result<(), StoreError> {
    let id = unmatched.id;
    let is_new = gateway.store.keep_unmatched(&unmatched).await?;
    if is_new {
        gateway.count(Metric::Unmatched, None, Some(id.carrier), 1);
    }
    let words = match id.kind {
        UnmatchedKind::Receipt if unmatched.unknown_status.is_some() => "receipt of unknown status",
        UnmatchedKind::Receipt => "receipt matches no message",
        UnmatchedKind::Reply => "reply matches no account",
    };
    let again = if is_new { "" } else { " (delivered again)" };
    warn!(unmatched.id = %id.uuid, carrier = id.carrier.as_str(), unmatched.kind = id.kind.into_str(), "{words}{again}");
    Ok(())
}

/// Retries an unmatched item, and deletes a matched or expired item.
pub async fn retry(gateway: &Gateway, directory: &Directory, id: UnmatchedId) -> Result<(), Unavailable> {
    let Some(unmatched) = gateway.store.unmatched(id).await? else {
        debug!(unmatched.id = %id.uuid, "already matched");
        return Ok(());
    };
    if unmatched.kept_until() <= gateway.clock.now() {
        info!(unmatched.id = %id.uuid, carrier = id.carrier.as_str(), unmatched.kind = id.kind.into_str(), tries = unmatched.tries, "unmatched item expired");
        gateway.store.delete_unmatched(id).await?;
        return Ok(());
    }
    let matched = match id.kind {
        UnmatchedKind::Receipt => retry_receipt(gateway, directory, &unmatched).await,
        UnmatchedKind::Reply => retry_reply(gateway, directory, &unmatched).await,
    };
    let is_matched = matched.or_else(|error| match error {
        // We keep the item for its next retry but do not fail the job: a redelivery would find the same
        // record, and the job would end in the dead-letter queue.
        Unavailable::Store(error @ StoreError::Unreadable { .. }) => {
            error!(unmatched.id = %id.uuid, %error, "could not read matching record");
            Ok(false)
        }
        error => Err(error),
    })?;
    if is_matched {
        gateway.store.delete_unmatched(id).await?;
        info!(unmatched.id = %id.uuid, carrier = id.carrier.as_str(), unmatched.kind = id.kind.into_str(), tries = unmatched.tries + 1, "matched");
        return Ok(());
    }
    let retried = unmatched.after_retry(gateway.clock.now());
    gateway.store.reschedule_unmatched(&retried).await?;
    let retry_at = retried.retry_at.map(|at| at.to_string());
    info!(unmatched.id = %id.uuid, carrier = id.carrier.as_str(), unmatched.kind = id.kind.into_str(), tries = retried.tries, retry_at, "still unmatched");
    Ok(())
}

async fn retry_receipt(gateway: &Gateway, directory: &Directory, unmatched: &Unmatched) -> Result<bool, Unavailable> {
    let Some(carrier) = carrier(directory, unmatched).await? else { return Ok(false) };
    let read = carrier.settings.vendor.read_receipts(unmatched.payload.as_bytes());
    let Some(receipt) = part_at_index(unmatched, read) else { return Ok(false) };
    if receipt.status.known().is_none() {
        return Ok(false);
    }
    match find_submit(gateway, &carrier, unmatched.submit, &receipt).await? {
        SubmitLookup::Found(submit) => {
            Ok(apply(gateway, carrier.name, submit, &receipt, unmatched.received_at).await? == Matched::Yes)
        }
        SubmitLookup::NotYet | SubmitLookup::Never => Ok(false),
    }
}

async fn retry_reply(gateway: &Gateway, directory: &Directory, unmatched: &Unmatched) -> Result<bool, Unavailable> {
    let Some(carrier) = carrier(directory, unmatched).await? else { return Ok(false) };
    let read = carrier.settings.read_replies(unmatched.payload.as_bytes());
    let Some(reply) = part_at_index(unmatched, read) else { return Ok(false) };
    let arrival = Arrival::Earlier(unmatched.received_at);
    Ok(attribute(gateway, directory, carrier.name, &reply, arrival).await? == Attribution::Recorded)
}

/// Returns the carrier that posted the item, or `None` if an operator has removed it.
async fn carrier(directory: &Directory, unmatched: &Unmatched) -> Result<Option<Carrier>, StoreError> {
    let UnmatchedId { carrier: name, uuid, .. } = unmatched.id;
    let found = directory.carrier(name).await?;
    if found.is_none() {
        warn!(unmatched.id = %uuid, carrier = name.as_str(), "the carrier of an unmatched item is not set up");
    }
    Ok(found)
}

/// Parses the stored webhook body again and returns the item at its index. Returns `None` if this release,
/// unlike the one that stored the body, finds no valid item there.
fn part_at_index<T>(unmatched: &Unmatched, read: Result<ParsedItems<T>, ParseError>) -> Option<T> {
    let found = match read.and_then(|all| all.into_iter().nth(unmatched.index).transpose()) {
        Ok(found) => found,
        Err(error) => {
            warn!(unmatched.id = %unmatched.id.uuid, %error, "could not parse stored webhook");
            return None;
        }
    };
    if found.is_none() {
        warn!(unmatched.id = %unmatched.id.uuid, "stored webhook lacks the unmatched item");
    }
    found
}
