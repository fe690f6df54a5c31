//! A client takes a message back that has not been claimed. Against a worker
//! that claims it at the same time, one conditional write wins.

use tracing::info;

use super::{Gateway, Unavailable};
use crate::{
    domain::{AccountId, ExecutionId, Message, MessageId, Progress},
    store::{Change, Messages},
};

/// What became of the wish.
pub enum Cancelled {
    /// It will not be sent: cancelled now or before.
    Done(Box<Message>),
    /// Too late: it is being sent or has been.
    TooLate(Box<Message>),
    /// The account has no such message.
    NotFound,
}

/// # Errors
/// When the store did not answer.
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
