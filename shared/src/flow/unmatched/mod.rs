//! What belonged to nothing is tried again: a receipt whose message was not there,
//! a reply to a sender that nobody had.
//!
//! It is kept with its wake in one write, so that whoever keeps it has also
//! seen to its next try; and it is taken away only after it is on record
//! elsewhere, so that a run that is cut off is run again, and finds a repeat.

use jiff::{SignedDuration, Timestamp};
use tracing::{debug, error, info, warn};

use super::{
    Gateway, Unavailable,
    receipts::{Matched, SubmitLookup, apply, find_submit},
    replies::{Arrival, Attribution, attribute},
};
use crate::{
    domain::{ParseError, ParsedItems, Unmatched, UnmatchedId, UnmatchedKind},
    runtime::Metric,
    store::{Directory, StoreError, UnmatchedStore},
};

/// By how much one machine's clock may be ahead of another's. What happened later than
/// this after a receipt or reply had come is not what that is about.
pub(super) const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(1);

/// Whether something may be about what happened at `at`, if it came at `received_at`.
pub(super) fn may_be_about(at: Timestamp, received_at: Timestamp) -> bool {
    at.duration_since(received_at) <= CLOCKS_DIFFER
}

/// Keeps what belongs to nothing.
pub(super) async fn keep_unmatched(gateway: &Gateway, unmatched: Unmatched) -> Result<(), StoreError> {
    let id = unmatched.id;
    let is_new = gateway.store.keep_unmatched(&unmatched).await?;
    if is_new {
        gateway.count(Metric::Unmatched, None, Some(id.carrier), 1);
    }
    let words = if is_new { "unmatched" } else { "unmatched again" };
    warn!(unmatched.id = %id.uuid, carrier = id.carrier.into_str(), unmatched.kind = id.kind.into_str(), "{words}");
    Ok(())
}

/// Tries again to match the item of that id.
///
/// # Errors
/// When the store or queue did not answer. Run it again.
pub async fn retry(gateway: &Gateway, directory: &Directory, id: UnmatchedId) -> Result<(), Unavailable> {
    let Some(unmatched) = gateway.store.unmatched(id).await? else {
        debug!(unmatched.id = %id.uuid, "already matched");
        return Ok(());
    };
    if unmatched.kept_until() <= gateway.clock.now() {
        info!(unmatched.id = %id.uuid, carrier = id.carrier.into_str(), unmatched.kind = id.kind.into_str(), tries = unmatched.tries, "unmatched until it expired");
        gateway.store.delete_unmatched(id).await?;
        return Ok(());
    }
    let matched = match id.kind {
        UnmatchedKind::Receipt => retry_receipt(gateway, directory, &unmatched).await,
        UnmatchedKind::Reply => retry_reply(gateway, directory, &unmatched).await,
    };
    let is_matched = matched.or_else(|error| match error {
        // It does not get better by itself, and must not fill the dead letters.
        Unavailable::Store(error @ StoreError::Unreadable { .. }) => {
            error!(unmatched.id = %id.uuid, %error, "the matching record cannot be read");
            Ok(false)
        }
        error => Err(error),
    })?;
    if is_matched {
        gateway.store.delete_unmatched(id).await?;
        info!(unmatched.id = %id.uuid, carrier = id.carrier.into_str(), unmatched.kind = id.kind.into_str(), tries = unmatched.tries + 1, "matched");
        return Ok(());
    }
    let retried = unmatched.after_retry(gateway.clock.now());
    gateway.store.reschedule_unmatched(&retried).await?;
    let retry_at = retried.retry_at.map(|at| at.to_string());
    info!(unmatched.id = %id.uuid, carrier = id.carrier.into_str(), unmatched.kind = id.kind.into_str(), tries = retried.tries, retry_at, "still unmatched");
    Ok(())
}

async fn retry_receipt(gateway: &Gateway, directory: &Directory, unmatched: &Unmatched) -> Result<bool, Unavailable> {
    let carrier = unmatched.id.carrier;
    let Some(receipt) = part_at_index(unmatched, carrier.read_receipts(unmatched.payload.as_bytes())) else {
        return Ok(false);
    };
    match find_submit(gateway, directory, carrier, unmatched.submit, &receipt).await? {
        SubmitLookup::Found(submit) => {
            Ok(apply(gateway, carrier, submit, &receipt, unmatched.received_at).await? == Matched::Yes)
        }
        SubmitLookup::NotYet | SubmitLookup::Never => Ok(false),
    }
}

async fn retry_reply(gateway: &Gateway, directory: &Directory, unmatched: &Unmatched) -> Result<bool, Unavailable> {
    let carrier = unmatched.id.carrier;
    let Some(reply) = part_at_index(unmatched, carrier.read_replies(unmatched.payload.as_bytes())) else {
        return Ok(false);
    };
    let attributed = attribute(gateway, directory, carrier, &reply, Arrival::Earlier(unmatched.received_at)).await?;
    Ok(attributed == Attribution::Recorded)
}

/// The item among those of the body. A release may read otherwise than
/// the one that kept it.
fn part_at_index<T>(unmatched: &Unmatched, read: Result<ParsedItems<T>, ParseError>) -> Option<T> {
    let found = match read.and_then(|all| all.into_iter().nth(unmatched.index).transpose()) {
        Ok(found) => found,
        Err(error) => {
            warn!(unmatched.id = %unmatched.id.uuid, %error, "stored webhook cannot be parsed");
            return None;
        }
    };
    if found.is_none() {
        warn!(unmatched.id = %unmatched.id.uuid, "stored webhook lacks the unmatched part");
    }
    found
}
