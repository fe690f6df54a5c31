//! Which sender each message goes out from.
//!
//! A conversation stays on the sender that it began on: the account's lock for
//! the recipient says which. Without one, a sender of the pool is taken at
//! random and locked by one conditional write. Whoever loses that race reads
//! what the winner wrote and goes on from there, so it ends after as many tries
//! as the pool has senders.

use std::collections::HashMap;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Refusal, Request, kind, write::Earlier};
use crate::{
    dialects::SenderChoice,
    domain::{AccountId, Fault, FaultCode, PhoneNumber, Recipient, SenderId, SenderKind, SentFrom},
    flow::Gateway,
    store::{Directory, DirectoryStore, Recipients, StoreError},
};

/// How many recipients of one request are locked at once.
const CONCURRENCY: usize = 16;

/// The sender of each message, in their order.
pub(super) async fn senders<S: Recipients, Q>(
    gateway: &Gateway<S, Q>,
    directory: &Directory<impl DirectoryStore>,
    account: &AccountId,
    request: &Request,
    earlier: &Earlier,
) -> Result<Vec<SentFrom>, Refusal> {
    let mut unassigned: Vec<PhoneNumber> = request
        .drafts
        .iter()
        .enumerate()
        .filter(|(index, draft)| draft.from == SenderChoice::Shared && earlier.get(*index).is_none())
        .map(|(_, draft)| draft.to.clone())
        .collect();
    unassigned.sort();
    unassigned.dedup();
    let assigned = assign(gateway, directory, account, unassigned, request.dry_run).await?;

    let mut senders = Vec::with_capacity(request.drafts.len());
    let mut faults = Vec::new();
    for (index, draft) in request.drafts.iter().enumerate() {
        let id = match (&draft.from, earlier.get(index)) {
            (_, Some(message)) => Some(message.from.id.clone()),
            (SenderChoice::Custom(id), None) => Some(id.clone()),
            (SenderChoice::Shared, None) => assigned.get(&draft.to).cloned().flatten(),
        };
        match id {
            Some(id) => senders.push(SentFrom { kind: kind(&draft.from), id }),
            None => faults.push(exhausted().at(index)),
        }
    }
    debug_assert!(senders.iter().all(|from| from.kind == SenderKind::Custom || from.id.can_receive()));
    if faults.is_empty() { Ok(senders) } else { Err(Refusal::Unacceptable(faults)) }
}

fn exhausted() -> Fault {
    Fault::new(
        "from",
        FaultCode::PoolExhausted,
        "every shared sender ID already has a conversation with this number for another account",
    )
}

async fn assign<S: Recipients, Q>(
    gateway: &Gateway<S, Q>,
    directory: &Directory<impl DirectoryStore>,
    account: &AccountId,
    numbers: Vec<PhoneNumber>,
    dry_run: bool,
) -> Result<HashMap<PhoneNumber, Option<SenderId>>, StoreError> {
    if numbers.is_empty() {
        return Ok(HashMap::new());
    }
    // Locks never change, so one that is seen is right; one not seen yet is met again when locking.
    let mut known = gateway.store.recipients(&numbers).await?;
    let pool = directory.pool().await?;
    let one = |number: PhoneNumber| {
        let recipient = known.remove(&number).unwrap_or_default();
        let pool = &pool;
        async move {
            let sender = assign_one(gateway, pool, account, &number, recipient, dry_run).await?;
            Ok((number, sender))
        }
    };
    stream::iter(numbers).map(one).buffer_unordered(CONCURRENCY).try_collect().await
}

async fn assign_one<S: Recipients, Q>(
    gateway: &Gateway<S, Q>,
    pool: &[SenderId],
    account: &AccountId,
    number: &PhoneNumber,
    mut recipient: Recipient,
    dry_run: bool,
) -> Result<Option<SenderId>, StoreError> {
    loop {
        if let Some(sender) = recipient.sender_of.get(account) {
            return Ok(Some(sender.clone()));
        }
        let free: Vec<_> = pool.iter().filter(|sender| !recipient.account_of.contains_key(sender)).collect();
        if free.is_empty() {
            return Ok(None);
        }
        let chosen = free[gateway.random.index(free.len())];
        if dry_run {
            return Ok(Some(chosen.clone()));
        }
        recipient = gateway.store.lock(number, account, chosen).await?;
    }
}
