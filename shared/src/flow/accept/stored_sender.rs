//! Finds an earlier request's sender.

use crate::{
    domain::{AccountId, BatchId, IdempotencyKey, MessageId, RequestNumber, SenderChoice, SenderKind},
    flow::{Gateway, Unavailable},
    store::Messages,
};

/// Returns the sender that the client chose in the numbered request with this key, if any of its messages is stored.
/// All have the same sender. `recipients` is their number.
///
/// # Errors
/// The store did not answer.
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
