//! Cancel: withdraw a queued or scheduled message. A conditional write decides any race with a claim.

use tracing::info;

use super::{Gateway, Unavailable};
use crate::{
    domain::{AccountId, ExecutionId, Message, MessageId, Progress},
    store::{Change, Messages},
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
    let change = gateway.store.cancel(account, id, ExecutionId::random(&gateway.random), gateway.clock.now()).await?;
    Ok(match change {
        Change::Applied(message) => {
            info!(message.id = %id, account.id = %account, "cancelled");
            Cancelled::Done(message)
        }
        Change::Conflict(message) if message.account != *account => Cancelled::NotFound,
        Change::Conflict(message) if message.delivery.progress == Progress::Cancelled => Cancelled::Done(message),
        Change::Conflict(message) => Cancelled::TooLate(message),
        Change::NotFound => Cancelled::NotFound,
    })
}
