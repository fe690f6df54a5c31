//! Resolves a request's sender: the sender named by `longcodeId`, the conversation's, or the account's default.

use shared::{
    domain::{AccountId, FieldError, FieldErrorCode, RejectionReason, SenderChoice, SenderId, SenderKind, SenderOwner},
    flow::query::{self, Filter},
    store::{Recipients, Record},
    vendors::mta::dialect::{
        error::Failure,
        rejection::SenderField,
        request::{RequestedSender, SendRequest},
    },
};

use crate::Send;

/// # Errors
/// 403 for a sender that the account does not own, 400 for a thread without messages, 500 and 503.
pub(super) async fn resolve(send: &Send, account: &AccountId, request: &SendRequest) -> Result<SenderChoice, Failure> {
    match request.sender {
        RequestedSender::Longcode(number) => of_longcode(send, account, number, request).await,
        RequestedSender::Thread => of_thread(send, account, request).await,
        RequestedSender::Default => {
            let account = send.directory.account(account).await?;
            let sender = account.and_then(|account| account.default_sender);
            Ok(sender.map_or(SenderChoice::Shared, SenderChoice::Custom))
        }
    }
}

fn not_owned(field: SenderField) -> Failure {
    Failure::rejected(RejectionReason::NotOwned, vec![field.not_owned()])
}

/// Returns the account's sender with this number. Callbacks also name shared senders, so we accept a shared sender if
/// the account has a conversation over it with each recipient.
async fn of_longcode(
    send: &Send,
    account: &AccountId,
    number: u64,
    request: &SendRequest,
) -> Result<SenderChoice, Failure> {
    let sender = match SenderId::of_number(number) {
        Some(sender) => Some(sender),
        None => with_number(send, account, number).await?,
    };
    let sender = sender.ok_or_else(|| not_owned(SenderField::Longcode))?;
    match send.directory.owner(&sender).await? {
        Some(SenderOwner::Account(owner)) if owner == *account => Ok(SenderChoice::Custom(sender)),
        Some(SenderOwner::Pool) if has_conversations(send, account, &sender, request).await? => {
            Ok(SenderChoice::Shared)
        }
        Some(SenderOwner::Account(_) | SenderOwner::Pool) | None => Err(not_owned(SenderField::Longcode)),
    }
}

/// Finds the sender whose number was derived from a hash.
async fn with_number(send: &Send, account: &AccountId, number: u64) -> Result<Option<SenderId>, Failure> {
    let mut senders = send.directory.senders(account).await?;
    senders.extend(send.directory.pool().await?);
    Ok(senders.into_iter().find(|sender| sender.number() == number))
}

/// Returns whether a shared sender is locked to the account for each recipient. Locks never change, so a stale read can
/// only miss a new lock.
async fn has_conversations(
    send: &Send,
    account: &AccountId,
    sender: &SenderId,
    request: &SendRequest,
) -> Result<bool, Failure> {
    let known = send.gateway.store.recipients(&request.recipients).await?;
    let is_locked = |recipient| known.get(recipient).is_some_and(|known| known.sender_of.get(account) == Some(sender));
    Ok(request.recipients.iter().all(is_locked))
}

/// Returns the sender from the newest entry in the conversation: a message to the recipient, or a reply to the sender.
/// The index may lag behind by a moment.
async fn of_thread(send: &Send, account: &AccountId, request: &SendRequest) -> Result<SenderChoice, Failure> {
    let filter = Filter { number: request.recipients.first().cloned(), ..Filter::default() };
    let page = query::list(&send.gateway, account, &filter, None, 1).await?;
    let newest = page.entries.into_iter().next().ok_or_else(|| {
        let rule = "names no conversation of this account: there is no message or reply yet";
        Failure::invalid(vec![FieldError::new("threadId", FieldErrorCode::UnknownValue, rule)])
    })?;
    let sender = match newest.record {
        Record::Out(message) if message.request.from.kind == SenderKind::Shared => return Ok(SenderChoice::Shared),
        Record::Out(message) => message.request.from.id,
        Record::In(reply) => reply.to,
    };
    match send.directory.owner(&sender).await? {
        Some(SenderOwner::Pool) => Ok(SenderChoice::Shared),
        Some(SenderOwner::Account(owner)) if owner == *account => Ok(SenderChoice::Custom(sender)),
        Some(SenderOwner::Account(_)) | None => Err(not_owned(SenderField::Thread)),
    }
}
