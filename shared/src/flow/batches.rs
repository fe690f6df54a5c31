//! Batches: list an account's pending batches, read a batch with its messages, and cancel it.
//!
//! A message accepted alone is its own batch. A numbered request is a batch whose ID contains the number.
//! Dialects with request numbers list only numbered requests, and other dialects only the other batches.

use std::collections::HashMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::SignedDuration;
use tracing::info;

use super::{
    Gateway, Unavailable,
    cancel::{Cancelled, withdraw},
};
use crate::{
    domain::{AccountId, Batch, BatchId, CancelledBatch, Dialect, Message, MessageId, RequestNumber},
    store::{Batches, Freshness, Messages},
};

/// The most batches in a list.
pub const MOST_LISTED: u16 = 1_000;
/// Concurrent cancellations.
const CONCURRENCY: usize = 16;
/// A request that found the batch not cancelled stores no message this long after the cancellation: its function has a
/// timeout of 28 s.
const STORED_WITHIN: SignedDuration = SignedDuration::from_mins(1);

/// Returns the pending batches, the next first, at most [`MOST_LISTED`]. Leaves out numbered requests.
pub async fn pending(gateway: &Gateway, account: &AccountId) -> Result<Vec<Batch>, Unavailable> {
    Ok(gateway.store.pending_batches(account, false, gateway.clock.now(), MOST_LISTED).await?)
}

/// Returns the pending numbered requests, the next first, at most [`MOST_LISTED`].
pub async fn pending_requests(gateway: &Gateway, account: &AccountId) -> Result<Vec<Batch>, Unavailable> {
    Ok(gateway.store.pending_batches(account, true, gateway.clock.now(), MOST_LISTED).await?)
}

/// Returns the account's numbered request, if it is pending and its cancellation has not begun.
pub async fn pending_request(
    gateway: &Gateway,
    account: &AccountId,
    number: RequestNumber,
) -> Result<Option<Batch>, Unavailable> {
    let batch = gateway.store.batch(account, BatchId::of_number(account, number)).await?;
    let is_pending =
        |batch: &Batch| batch.cancelled_at.is_none() && batch.send_at.is_some_and(|at| at > gateway.clock.now());
    Ok(batch.filter(is_pending))
}

/// Pairs each batch with its first message, which holds the batch's text and sender. If the request was interrupted,
/// the message may be missing.
pub async fn with_first_messages(
    gateway: &Gateway,
    batches: Vec<Batch>,
) -> Result<Vec<(Batch, Option<Message>)>, Unavailable> {
    let first = |batch: &Batch| MessageId::of_batch(&batch.account, batch.id, 0);
    let messages = gateway.store.recent_messages(&batches.iter().map(first).collect::<Vec<_>>()).await?;
    let mut messages: HashMap<_, _> = messages.into_iter().map(|message| (message.id, message)).collect();
    let with_message = |batch: Batch| {
        let message = messages.remove(&first(&batch)).filter(|message| message.batch == batch.id);
        (batch, message)
    };
    Ok(batches.into_iter().map(with_message).collect())
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
        Some(batch) => Ok(Some(messages_of(gateway, &batch).await?)),
        None => Ok(single_message(gateway, account, dialect, id).await?.map(|message| vec![message])),
    }
}

async fn messages_of(gateway: &Gateway, batch: &Batch) -> Result<Vec<Message>, Unavailable> {
    let ids: Vec<_> = batch.message_ids().collect();
    let mut messages = gateway.store.messages(&ids).await?;
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
/// If this is interrupted, the batch stays pending, and a repeat cancels the rest. So too if messages are missing: the
/// request that accepts the batch may store them and die before it finds the batch cancelled, and scheduled messages
/// would be sent.
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
    let mut cancelled = withdraw_stored(gateway, &batch).await?;
    if now.duration_since(batch.cancelled_at.unwrap_or(now)) > STORED_WITHIN {
        cancelled.missing = 0;
    }
    let CancelledBatch { cancelled: count, too_late, missing } = cancelled;
    if missing == 0 {
        gateway.store.end_batch(account, id).await?;
    }
    info!(batch.id = %id, account.id = %account, cancelled = count, too_late, missing, "batch cancelled");
    Ok(Some(cancelled))
}

/// Cancels each stored message of the batch that no carrier has.
pub(super) async fn withdraw_stored(gateway: &Gateway, batch: &Batch) -> Result<CancelledBatch, Unavailable> {
    let messages = messages_of(gateway, batch).await?;
    let missing = usize::from(batch.message_count).saturating_sub(messages.len());
    let withdrawn = withdraw_all(gateway, &batch.account, &messages.iter().collect::<Vec<_>>()).await?;
    Ok(CancelledBatch { missing, ..withdrawn })
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
