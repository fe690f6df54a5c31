//! Batches: list an account's pending batches, read a batch with its messages, and cancel it.
//!
//! A message that was accepted alone is a batch of its own.

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::SignedDuration;
use tracing::info;

use super::{
    Gateway, Unavailable,
    cancel::{Cancelled, withdraw},
};
use crate::{
    domain::{AccountId, Batch, BatchId, CancelledBatch, Dialect, Message},
    store::{Batches, Freshness, Messages},
};

/// The most batches in a list.
pub const MOST_LISTED: u16 = 1_000;
/// The longest time from storing a batch to storing its last message: more than a function's timeout.
const ACCEPTED_WITHIN: SignedDuration = SignedDuration::from_mins(1);
/// Concurrent cancellations.
const CONCURRENCY: usize = 16;

/// Returns the batches that are not sent yet, the next first, [`MOST_LISTED`] at most.
pub async fn pending(gateway: &Gateway, account: &AccountId) -> Result<Vec<Batch>, Unavailable> {
    Ok(gateway.store.pending_batches(account, gateway.clock.now(), MOST_LISTED).await?)
}

/// Returns the messages of the account's batch with this ID, in the request's order, or `None` if there is no such
/// batch. After an interrupted request, messages may be missing.
pub async fn messages(
    gateway: &Gateway,
    account: &AccountId,
    dialect: Dialect,
    id: BatchId,
) -> Result<Option<Vec<Message>>, Unavailable> {
    match gateway.store.batch(account, id).await? {
        Some(batch) => Ok(Some(messages_of(gateway, &batch, Freshness::Recent).await?)),
        None => Ok(single_message(gateway, account, dialect, id).await?.map(|message| vec![message])),
    }
}

async fn messages_of(gateway: &Gateway, batch: &Batch, freshness: Freshness) -> Result<Vec<Message>, Unavailable> {
    let ids: Vec<_> = batch.message_ids().collect();
    let mut messages = gateway.store.messages(&ids, freshness).await?;
    let index = |message: &Message| ids.iter().position(|id| *id == message.id);
    messages.sort_by_cached_key(index);
    Ok(messages)
}

async fn single_message(
    gateway: &Gateway,
    account: &AccountId,
    dialect: Dialect,
    id: BatchId,
) -> Result<Option<Message>, Unavailable> {
    let message = gateway.store.message(id.single_message(), Freshness::Latest).await?;
    let is_its =
        |message: &Message| message.account == *account && message.request.dialect == dialect && message.batch == id;
    Ok(message.filter(is_its))
}

/// Cancels the batch's messages that no carrier has. Returns `None` if the account has no such batch.
///
/// If this is interrupted, or if messages are missing, the batch stays pending, and a repeat cancels the rest. A message
/// that its request did not store in time stays missing for good, and does not count.
pub async fn cancel(
    gateway: &Gateway,
    account: &AccountId,
    dialect: Dialect,
    id: BatchId,
) -> Result<Option<CancelledBatch>, Unavailable> {
    let now = gateway.clock.now();
    let Some(batch) = gateway.store.begin_cancel_batch(account, id, now).await? else {
        let Some(message) = single_message(gateway, account, dialect, id).await? else { return Ok(None) };
        return withdraw_all(gateway, account, &[&message]).await.map(Some);
    };
    let messages = messages_of(gateway, &batch, Freshness::Latest).await?;
    let withdrawn = withdraw_all(gateway, account, &messages.iter().collect::<Vec<_>>()).await?;
    let is_running = now.duration_since(batch.created_at) < ACCEPTED_WITHIN;
    let missing = if is_running { usize::from(batch.message_count).saturating_sub(messages.len()) } else { 0 };
    if missing == 0 {
        gateway.store.end_batch(account, id).await?;
    }
    let CancelledBatch { cancelled, too_late, .. } = withdrawn;
    info!(batch.id = %id, account.id = %account, cancelled, too_late, missing, "batch cancelled");
    Ok(Some(CancelledBatch { missing, ..withdrawn }))
}

/// Cancels each message that no carrier has.
pub(super) async fn withdraw_all(
    gateway: &Gateway,
    account: &AccountId,
    messages: &[&Message],
) -> Result<CancelledBatch, Unavailable> {
    let withdrawals: Vec<_> = messages.iter().map(|message| withdraw(gateway, account, message)).collect();
    let withdrawn: Vec<_> = stream::iter(withdrawals).buffer_unordered(CONCURRENCY).try_collect().await?;
    let cancelled = withdrawn.iter().filter(|one| matches!(one, Cancelled::Done(_))).count();
    Ok(CancelledBatch { cancelled, too_late: withdrawn.len() - cancelled, missing: 0 })
}
