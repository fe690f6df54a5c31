//! Suspension: hold the messages of a suspended account.
//!
//! A held message is queued again. `admin account resume` enqueues its job; the message also has a wake time, in case
//! that the command was cut off. We read the account with a consistent read just before each call of a carrier, because
//! nothing may go once `admin account suspend` has answered.

use jiff::{SignedDuration, Timestamp};
use tracing::info;

use crate::{
    domain::{Account, ExecutionId, Message, Progress},
    flow::{Gateway, Unavailable, outcome::write_outcome},
    store::{CLAIM_TOLERANCE, Change, Directory, Messages, OutcomeUpdate, StoreError},
};

/// How long a held message waits at most before we look at its account again.
const LONGEST_HOLD: SignedDuration = SignedDuration::from_hours(24);

/// Returns until when to hold a message, or `None` if the cache does not show that its account is suspended. If it does,
/// we look again, because the operator may just have resumed the account.
pub(super) async fn held_until(
    directory: &Directory,
    message: &Message,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    match hold_of(directory.account(&message.account).await?.as_ref(), message, now) {
        Some(_) => now_held_until(directory, message, now).await,
        None => Ok(None),
    }
}

/// Returns until when to hold a message, by the account as stored now.
pub(super) async fn now_held_until(
    directory: &Directory,
    message: &Message,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    Ok(hold_of(directory.latest_account(&message.account).await?.as_ref(), message, now))
}

/// A message ends its wait when its validity ends, so that it then expires.
fn hold_of(account: Option<&Account>, message: &Message, now: Timestamp) -> Option<Timestamp> {
    let until = account?.held_until(now, LONGEST_HOLD)?;
    let expires_at = message.request.expires_at.map(|at| at.saturating_add(CLAIM_TOLERANCE).unwrap_or(Timestamp::MAX));
    Some(expires_at.map_or(until, |at| until.min(at)))
}

/// Releases a claimed message until then.
pub(super) async fn hold(
    gateway: &Gateway,
    message: &Message,
    claimed_by: ExecutionId,
    until: Timestamp,
) -> Result<(), Unavailable> {
    match gateway.store.hold(message, claimed_by, until).await? {
        Change::Applied(message) => {
            info!(message.id = %message.id, account.id = %message.account, %until, "held: the account is suspended");
            Ok(())
        }
        // A final receipt of an earlier attempt came meanwhile.
        Change::Conflict(found) if found.delivery.receipts.is_final() => {
            let submitted = OutcomeUpdate::new(claimed_by, Progress::Submitted, gateway.clock.now());
            write_outcome(gateway, &found, &submitted).await.map(drop)
        }
        Change::Conflict(_) | Change::NotFound => Ok(()),
    }
}
