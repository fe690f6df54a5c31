//! Sender: check that the account may still send from the message's sender ID.

use crate::{
    domain::{Message, Recipient, SenderKind, SenderOwner},
    flow::Gateway,
    store::{Directory, Recipients, StoreError},
};

/// Why a message is rejected whose sender was removed from its account.
pub(super) const NOT_OWNED: &str = "the account no longer owns the sender ID";
/// Why a message is rejected whose shared sender was taken over.
pub(super) const TAKEN_OVER: &str = "the shared sender ID was passed to another account before a message was sent";

/// Returns whether the account owns the message's sender, or the sender is shared. A change counts within 30 seconds.
pub(super) async fn is_owned(directory: &Directory, message: &Message) -> Result<bool, StoreError> {
    match message.request.from.kind {
        SenderKind::Shared => Ok(true),
        SenderKind::Custom => {
            let owner = directory.owner(&message.request.from.id).await?;
            Ok(owner == Some(SenderOwner::Account(message.account.clone())))
        }
    }
}

/// Marks the lock on a shared sender as used. Returns whether the account has the lock. Writes only before a
/// conversation's first message, and after an operator released the lock.
pub(super) async fn use_lock(gateway: &Gateway, message: &Message, recipient: &Recipient) -> Result<bool, StoreError> {
    let (account, sender) = (&message.account, &message.request.from.id);
    if message.request.from.kind == SenderKind::Custom || recipient.conversation_of(sender) == Some(account) {
        return Ok(true);
    }
    gateway.store.use_lock(&message.request.to, account, sender).await
}
