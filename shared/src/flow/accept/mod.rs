//! Accept: store a client's messages and enqueue their jobs. Depending on the dialect, a request is accepted as
//! a whole or not at all, or each of its messages is accepted by itself.
//!
//! 1. Check that the account is not suspended. Check the send times, that the account owns its custom senders, and
//!    that chosen routes exist (`validate`).
//! 2. Identify each message, and find repeats of earlier requests (`identify`, `persist`).
//! 3. Resolve the senders: assign and lock shared senders (`resolve_senders`).
//! 4. Build the messages, on a line if the sender has a rate limit, and check that the line has room (`build`,
//!    `lines`).
//! 5. Persist them, after their batch if they are one, enqueue their jobs or join their lines, and only then answer the
//!    client (`batch`, `persist`, `enqueue`).
//!
//! - **Crash.** A crash or error before the answer may leave stored messages that we never confirmed. If the
//!   client repeats the request under the same IDs or `Idempotency-Key`, we find the messages and enqueue
//!   their jobs. Without a repeat, only messages that already have a job, a wake time or a line are sent, from a line
//!   at the latest with the sender's next message. A repeat without an ID or key sends these messages twice.
//! - **Duplicate.** A repeated message is returned as it was first accepted.
//! - **Race.** A rejected request stores no message and locks no sender, unless another request took one of its
//!   IDs, or the last free sender of a recipient, after we read them, or the sender's line has no room. Such a lock is
//!   unused.

mod batch;
mod build;
mod drafts;
mod enqueue;
mod identify;
mod persist;
mod request;
mod resolve_senders;
mod stored_sender;
mod validate;

use jiff::Timestamp;
use tracing::info;

use self::{
    batch::{check_not_cancelled, persist_batch},
    build::{build, status_callback},
    drafts::{Atomicity, Drafts},
    enqueue::enqueue,
    identify::{identify, identify_batch},
    persist::{find_existing, persist, replace_repeats},
    resolve_senders::resolve_senders,
    validate::{not_owned, too_far_ahead, without_route},
};
use crate::{
    domain::{AccountId, Message, RejectedMessage, RejectionReason},
    flow::{Gateway, lines},
    runtime::Metric,
    store::Directory,
};

pub(super) use self::build::auto_reply;
pub use self::{
    drafts::AcceptError,
    request::{Grouping, Request},
    stored_sender::stored_sender,
    validate::FURTHEST,
};

/// Accepts all messages of a request or none, and returns them in order.
///
/// # Errors
/// After [`AcceptError::Unavailable`] some messages may be stored without a job. After
/// [`AcceptError::Rejected`] no message is stored, unless requests with different contents raced for one ID.
pub async fn accept(
    gateway: &Gateway,
    directory: &Directory,
    account: &AccountId,
    request: &Request,
) -> Result<Vec<Message>, AcceptError> {
    let accepted = accept_drafts(gateway, directory, account, request, Atomicity::AllOrNothing).await?;
    Ok(accepted.into_iter().flatten().collect())
}

/// Accepts each message by itself, and returns the results in order.
///
/// # Errors
/// After [`AcceptError::Unavailable`] some messages may be stored without a job.
pub async fn accept_each(
    gateway: &Gateway,
    directory: &Directory,
    account: &AccountId,
    request: &Request,
) -> Result<Vec<Result<Message, RejectedMessage>>, AcceptError> {
    accept_drafts(gateway, directory, account, request, Atomicity::Each).await
}

async fn accept_drafts(
    gateway: &Gateway,
    directory: &Directory,
    account: &AccountId,
    request: &Request,
    atomicity: Atomicity,
) -> Result<Vec<Result<Message, RejectedMessage>>, AcceptError> {
    let now = gateway.clock.now();
    if directory.account(account).await?.is_some_and(|account| account.suspended_at.is_some()) {
        return Err(AcceptError::Suspended);
    }
    let mut drafts = Drafts::new(&request.drafts, atomicity);
    drafts.reject(RejectionReason::Unacceptable, too_far_ahead(&drafts, now))?;
    drafts.reject(RejectionReason::NotOwned, not_owned(directory, account, &drafts).await?)?;

    let batch = identify_batch(gateway, account, request, now);
    let identities = identify(gateway, account, request, batch.as_ref(), now);
    let (rates, lanes) = (directory.rates().await?, directory.lanes().await?);
    let (existing, conflicts) = find_existing(gateway, &identities, &drafts, &rates, request.dry_run).await?;
    drafts.reject(RejectionReason::Conflict, conflicts)?;
    drafts.reject(RejectionReason::Unacceptable, without_route(directory, account, &drafts, &existing).await?)?;
    let (mut senders, exhausted) =
        resolve_senders(gateway, directory, account, &drafts, &existing, request.dry_run).await?;
    drafts.reject(RejectionReason::Unacceptable, exhausted)?;

    let status_callback = status_callback(directory, account, request.dialect).await?;
    let messages = drafts.remaining().filter_map(|(index, draft)| {
        let from = senders.remove(&index)?;
        let identity = &identities[index];
        let mut message = build(account, request.dialect, identity, draft, from, status_callback.as_ref(), now);
        message.request.on_unknown = request.on_unknown;
        message.request.lane = request.lane_of(&message.request.from.id, &lanes);
        message.request.key = request.key.clone();
        Some((index, message))
    });
    let mut messages: Vec<_> = messages.collect();
    let is_new = |index: &usize| existing.get(*index).is_none();
    lines::assign_lines(&rates, messages.iter_mut().filter(|(index, _)| is_new(index)).map(|(_, message)| message));
    let new = messages.iter().filter(|(index, _)| is_new(index)).map(|(_, message)| message);
    if let Some(error) = lines::check_room(gateway, account, &rates, new).await? {
        return Err(AcceptError::OutOfRoom(error));
    }
    if request.dry_run {
        return Ok(drafts.finish(replace_repeats(messages, existing)));
    }
    if let Some(batch) = &batch {
        persist_batch(gateway, account, batch, &identities, &messages, now).await?;
    }
    let (messages, conflicts) = persist(gateway, &identities, messages, existing, &drafts).await?;
    drafts.reject(RejectionReason::Conflict, conflicts)?;
    if let Some(batch) = &batch {
        check_not_cancelled(gateway, account, batch, &messages).await?;
    }
    enqueue(gateway, &messages, now).await?;
    report(gateway, account, &messages, now);
    Ok(drafts.finish(messages))
}

fn report(gateway: &Gateway, account: &AccountId, messages: &[(usize, Message)], now: Timestamp) {
    let new = messages.iter().filter(|(_, message)| message.created_at == now).count();
    gateway.count(Metric::Accepted, Some(account), None, new);
    for (_, message) in messages {
        info!(message.id = %message.id, account.id = %account, message.state = message.state().into_str(), "accepted");
    }
}
