//! Cancel: withdraw a queued or scheduled message. A conditional write decides any race with a claim.
//!
//! Some dialects notify a client of the cancellation. As in every step, the callback is enqueued first, and
//! delivered only if this execution then cancels the message. So the message is read before it is changed, and stays
//! as it is unless it could be cancelled when we read it: the change must not succeed without its callback.

use tracing::info;

use super::{Gateway, Unavailable, lines, outcome::enqueue_callback};
use crate::{
    domain::{AccountId, ExecutionId, Line, Message, MessageId, Progress, State},
    store::{Change, Freshness, Messages},
};

/// The result of a cancellation.
pub enum Cancelled {
    /// Cancelled now or before.
    Done(Box<Message>),
    /// The message is neither queued nor scheduled, or a carrier may already have it.
    TooLate(Box<Message>),
    /// The account has no such message.
    NotFound,
}

/// Cancels a message of the account.
pub async fn cancel(gateway: &Gateway, account: &AccountId, id: MessageId) -> Result<Cancelled, Unavailable> {
    let found = gateway.store.message(id, Freshness::Latest).await?;
    match found.filter(|message| message.account == *account) {
        Some(message) => withdraw(gateway, account, &message).await,
        None => Ok(Cancelled::NotFound),
    }
}

/// Cancels a message of the account that was just read.
pub(super) async fn withdraw(
    gateway: &Gateway,
    account: &AccountId,
    message: &Message,
) -> Result<Cancelled, Unavailable> {
    let (id, execution_id, now) = (message.id, ExecutionId::random(&gateway.random), gateway.clock.now());
    if message.delivery.progress == Progress::Cancelled {
        return Ok(Cancelled::Done(Box::new(message.clone())));
    }
    if !can_cancel(message) {
        return Ok(Cancelled::TooLate(Box::new(message.clone())));
    }
    enqueue_callback(gateway, message, State::Cancelled, execution_id, now).await?;
    let change = gateway.store.cancel(account, id, execution_id, now).await?;
    Ok(match change {
        Change::Applied(cancelled) => {
            info!(message.id = %id, account.id = %account, "cancelled");
            lines::left(gateway, Line::joined_by(message)).await;
            Cancelled::Done(cancelled)
        }
        Change::Conflict(message) if message.account != *account => Cancelled::NotFound,
        Change::Conflict(message) if message.delivery.progress == Progress::Cancelled => Cancelled::Done(message),
        Change::Conflict(message) => Cancelled::TooLate(message),
        Change::NotFound => Cancelled::NotFound,
    })
}

/// Returns whether the message as read meets the conditions of the store's write. A callback for a cancellation that is
/// sure to fail would wait five minutes for its record.
fn can_cancel(message: &Message) -> bool {
    let delivery = &message.delivery;
    Progress::Cancelled.follows(delivery.progress)
        && delivery.failed_attempts.is_empty()
        && !delivery.receipts.is_final()
}
