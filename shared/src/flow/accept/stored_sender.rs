//! The sender of an earlier request.

use crate::{
    domain::{AccountId, BatchId, IdempotencyKey, MessageId, RequestNumber, SenderChoice, SenderKind},
    flow::{Gateway, Unavailable},
    store::Messages,
};

/// Returns the client's choice of sender in the numbered request with this key, if a message of it is stored. A request
/// has one sender. `recipients` is how many it has.
///
/// # Errors
/// If the store did not answer.
pub async fn stored_sender(
    gateway: &Gateway,
    account: &AccountId,
    key: &IdempotencyKey,
    recipients: usize,
) -> Result<Option<SenderChoice>, Unavailable> {
    let batch = BatchId::of_number(account, RequestNumber::of_idempotency_key(account, key));
    let ids: Vec<_> = (0..recipients).map(|index| MessageId::of_batch(account, batch, index)).collect();
    let stored = gateway.store.messages(&ids).await?;
    let of_request = stored.into_iter().find(|message| message.account == *account && message.batch == batch);
    Ok(of_request.map(|message| match message.request.from.kind {
        SenderKind::Custom => SenderChoice::Custom(message.request.from.id),
        SenderKind::Shared => SenderChoice::Shared,
    }))
}
