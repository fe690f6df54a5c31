//! Batch: store a batch before its messages. So a client finds, and can cancel, whatever part of it a crash left.
//!
//! A client may cancel a batch while its request is still running, because it got no answer in time. We look for
//! that after the messages are stored, and cancel them. Once a batch is cancelled, a repeat of its request is refused,
//! and cancels what an earlier request stored before it died.

use super::{
    drafts::AcceptError,
    identify::{BatchIdentity, IdSource, Identity},
    persist::number_taken,
};
use crate::{
    domain::{
        AccountId, Batch, FieldError, FieldErrorCode, Fingerprint, Message, Rejection, RejectionReason, Timestamp,
    },
    flow::{
        Gateway,
        batches::{withdraw_all, withdraw_stored},
    },
    store::{BatchInsertion, Batches},
};

/// Stores the batch of these messages, unless an earlier request did.
///
/// # Errors
/// If the account used the batch's ID with other content, or cancelled the batch.
pub(super) async fn persist_batch(
    gateway: &Gateway,
    account: &AccountId,
    batch: &BatchIdentity,
    identities: &[Identity],
    messages: &[(usize, Message)],
    now: Timestamp,
) -> Result<(), AcceptError> {
    let Some((_, first)) = messages.first() else { return Ok(()) };
    if !batch.is_stored(first) {
        return Ok(());
    }
    let fingerprints: Vec<_> = identities.iter().map(|one| hex::encode(one.fingerprint.as_bytes())).collect();
    let mut fingerprint = Fingerprint::of(fingerprints.iter().map(String::as_str));
    if let (IdSource::Number { .. }, Some(first)) = (batch.source, identities.first()) {
        fingerprint = fingerprint.in_request_of(&first.fingerprint);
    }
    let stored = Batch {
        id: batch.id,
        account: account.clone(),
        from: first.request.from.id.clone(),
        created_at: now,
        send_at: first.delivery.wake_at,
        message_count: u16::try_from(messages.len()).unwrap_or(u16::MAX),
        segments: first.request.text.segments(),
        fingerprint,
        cancelled_at: None,
    };
    match gateway.store.insert_batch(&stored).await? {
        BatchInsertion::New => Ok(()),
        BatchInsertion::Existing(found) if is_taken(batch, &found, &stored) => Err(number_taken().into()),
        BatchInsertion::Existing(found) if found.cancelled_at.is_some() => {
            withdraw_stored(gateway, &found).await?;
            Err(cancelled(batch))
        }
        BatchInsertion::Existing(found) if found.fingerprint == stored.fingerprint => Ok(()),
        BatchInsertion::Existing(_) => Err(conflict(batch, "was already used for a batch with different content")),
    }
}

/// Cancels the stored messages if the client cancelled their batch meanwhile.
///
/// # Errors
/// If so.
pub(super) async fn check_not_cancelled(
    gateway: &Gateway,
    account: &AccountId,
    batch: &BatchIdentity,
    messages: &[(usize, Message)],
) -> Result<(), AcceptError> {
    if !messages.first().is_some_and(|(_, first)| batch.is_stored(first)) {
        return Ok(());
    }
    let found = gateway.store.batch(account, batch.id).await?;
    if found.is_none_or(|found| found.cancelled_at.is_none()) {
        return Ok(());
    }
    let messages: Vec<_> = messages.iter().map(|(_, message)| message).collect();
    withdraw_all(gateway, account, &messages).await?;
    Err(cancelled(batch))
}

/// Returns whether another numbered request already has the batch.
fn is_taken(batch: &BatchIdentity, found: &Batch, ours: &Batch) -> bool {
    matches!(batch.source, IdSource::Number { .. }) && !found.fingerprint.is_in_request_of(&ours.fingerprint)
}

impl BatchIdentity {
    fn is_stored(&self, first: &Message) -> bool {
        self.is_kept || first.was_scheduled()
    }
}

fn cancelled(batch: &BatchIdentity) -> AcceptError {
    conflict(batch, "is that of a cancelled batch")
}

fn conflict(batch: &BatchIdentity, words: &str) -> AcceptError {
    let field = match batch.source {
        IdSource::IdempotencyKey | IdSource::Number { .. } => "Idempotency-Key",
        IdSource::ClientId | IdSource::Generated => "id",
    };
    let errors = vec![FieldError::new(field, FieldErrorCode::Conflict, words)];
    AcceptError::Rejected(Rejection { reason: RejectionReason::Conflict, errors })
}
