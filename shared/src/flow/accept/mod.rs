//! Accept: take over a client's messages, all of them or each by itself, as its dialect has it.
//!
//! 1. Validate the send times and the owned senders (`validate`).
//! 2. Identify each message, and find those that an earlier request has created (`identify`, `persist`).
//! 3. Resolve the senders: assign and lock shared ones (`resolve_senders`).
//! 4. Build the messages, with a send slot where the sender has a rate limit (`build`).
//! 5. Persist them, then enqueue their jobs, and only then answer the client (`persist`, `enqueue`).
//!
//! Nothing is written or locked for a message that is rejected, unless it lost a race for its id or its sender that
//! began after we looked. A crash before the answer leaves messages that were promised to no client; a repeat under the
//! same ids or key finds them and enqueues them again.

mod build;
mod drafts;
mod enqueue;
mod identify;
mod persist;
mod request;
mod resolve_senders;
mod validate;

use jiff::Timestamp;
use tracing::info;

use self::{
    build::{build, status_callback},
    drafts::{Atomicity, Drafts},
    enqueue::enqueue,
    identify::identify,
    persist::{find_existing, persist, replace_repeats},
    resolve_senders::resolve_senders,
    validate::{not_owned, too_far_ahead},
};
use crate::{
    domain::{AccountId, Message, RejectedMessage, RejectionReason},
    flow::{Gateway, rate_limit::assign_send_slots},
    runtime::Metric,
    store::Directory,
};

pub(super) use self::build::auto_reply;
pub use self::{drafts::AcceptError, request::Request, validate::FURTHEST};

/// Accepts the messages of one request for `account`, all of them or none, and returns them in order. A message of an
/// earlier request is returned as it was accepted then.
///
/// # Errors
/// After [`AcceptError::Unavailable`] some messages may be written and not enqueued. After
/// [`AcceptError::Rejected`] nothing is, unless two requests raced under one id with different contents.
pub async fn accept(
    gateway: &Gateway,
    directory: &Directory,
    account: &AccountId,
    request: &Request,
) -> Result<Vec<Message>, AcceptError> {
    let accepted = accept_drafts(gateway, directory, account, request, Atomicity::AllOrNothing).await?;
    Ok(accepted.into_iter().flatten().collect())
}

/// Accepts those messages that can be accepted, and returns for each in order what became of it.
///
/// # Errors
/// [`AcceptError::Unavailable`]; some messages may be written and not enqueued.
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
    let mut drafts = Drafts::new(&request.drafts, atomicity);
    drafts.reject(RejectionReason::Unacceptable, too_far_ahead(&drafts, now))?;
    drafts.reject(RejectionReason::NotOwned, not_owned(directory, account, &drafts).await?)?;

    let identities = identify(gateway, account, request, now);
    let rates = directory.rates().await?;
    let (existing, conflicts) = find_existing(gateway, &identities, &drafts, &rates, request.dry_run).await?;
    drafts.reject(RejectionReason::Conflict, conflicts)?;
    let (mut senders, exhausted) =
        resolve_senders(gateway, directory, account, &drafts, &existing, request.dry_run).await?;
    drafts.reject(RejectionReason::Unacceptable, exhausted)?;

    let status_callback = status_callback(directory, account, request.dialect).await?;
    let messages = drafts.remaining().filter_map(|(index, draft)| {
        let from = senders.remove(&index)?;
        let identity = &identities[index];
        let mut message = build(account, request.dialect, identity, draft, from, status_callback.as_ref(), now);
        message.request.on_unknown = request.on_unknown;
        Some((index, message))
    });
    let mut messages: Vec<_> = messages.collect();
    if request.dry_run {
        return Ok(drafts.finish(replace_repeats(messages, existing)));
    }
    let new = messages.iter_mut().filter(|(index, _)| existing.get(*index).is_none());
    assign_send_slots(gateway, &rates, new.map(|(_, message)| message), now).await?;
    let (messages, conflicts) = persist(gateway, &identities, messages, existing, &drafts).await?;
    drafts.reject(RejectionReason::Conflict, conflicts)?;
    enqueue(gateway, &messages).await?;
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
