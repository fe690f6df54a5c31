//! Resolve senders: choose each message's sender.
//!
//! A conversation stays on its first shared sender, which is locked to the account in the recipient's item.
//! Without a lock we choose a free sender at random and set the lock with a conditional write. If another
//! request was faster, the write returns its lock: we take its sender if the lock is our account's, or else
//! choose again, at most once for each sender in the pool.

use std::collections::{BTreeSet, HashMap};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{drafts::Drafts, persist::Existing};
use crate::{
    domain::{
        AccountId, Draft, FieldError, FieldErrorCode, PhoneNumber, Recipient, SenderChoice, SenderId, SenderKind,
        SentFrom,
    },
    flow::Gateway,
    store::{Directory, Recipients, StoreError},
};

/// Recipients locked concurrently.
const CONCURRENCY: usize = 16;

/// Returns the senders, and the errors of messages without a free sender, by index.
pub(super) async fn resolve_senders(
    gateway: &Gateway,
    directory: &Directory,
    account: &AccountId,
    drafts: &Drafts<'_>,
    existing: &Existing,
    dry_run: bool,
) -> Result<(HashMap<usize, SentFrom>, Vec<(usize, FieldError)>), StoreError> {
    let unassigned =
        |(index, draft): &(usize, &Draft)| draft.from == SenderChoice::Shared && existing.get(*index).is_none();
    let numbers: BTreeSet<_> = drafts.remaining().filter(unassigned).map(|(_, draft)| draft.to.clone()).collect();
    let lock_all_or_none = drafts.is_all_or_nothing();
    let assigned = assign(gateway, directory, account, numbers, lock_all_or_none, dry_run).await?;
    let mut senders = HashMap::new();
    let mut exhausted = Vec::new();
    for (index, draft) in drafts.remaining() {
        let id = match (existing.get(index), &draft.from) {
            (Some(message), _) => Some(&message.request.from.id),
            (None, SenderChoice::Custom(id)) => Some(id),
            (None, SenderChoice::Shared) => assigned.senders.get(&draft.to),
        };
        if let Some(id) = id {
            senders.insert(index, SentFrom { kind: kind(&draft.from), id: id.clone() });
        } else if assigned.exhausted.contains(&draft.to) {
            exhausted.push((index, pool_exhausted()));
        }
    }
    Ok((senders, exhausted))
}

fn pool_exhausted() -> FieldError {
    FieldError::new(
        "from",
        FieldErrorCode::PoolExhausted,
        "every shared sender ID already has a conversation with this number for another account",
    )
}

#[derive(Default)]
struct Assigned {
    senders: HashMap<PhoneNumber, SenderId>,
    /// Recipients without a free sender.
    exhausted: BTreeSet<PhoneNumber>,
}

async fn assign(
    gateway: &Gateway,
    directory: &Directory,
    account: &AccountId,
    numbers: BTreeSet<PhoneNumber>,
    lock_all_or_none: bool,
    dry_run: bool,
) -> Result<Assigned, StoreError> {
    if numbers.is_empty() {
        return Ok(Assigned::default());
    }
    let numbers: Vec<_> = numbers.into_iter().collect();
    // Locks never change, so a stale read is safe: a missing lock is found by the conditional write.
    let mut known = gateway.store.recipients(&numbers).await?;
    let pool = directory.pool().await?;
    let unknown = Recipient::default();
    let hopeless = |number: &PhoneNumber| {
        let recipient = known.get(number).unwrap_or(&unknown);
        !recipient.sender_of.contains_key(account) && free(&pool, recipient).is_empty()
    };
    let (exhausted, numbers): (BTreeSet<_>, Vec<_>) = (
        numbers.iter().filter(|number| hopeless(number)).cloned().collect(),
        numbers.iter().filter(|number| !hopeless(number)).cloned().collect(),
    );
    let mut assigned = Assigned { exhausted, ..Assigned::default() };
    // Locks are permanent, so we take none for a rejected request.
    if lock_all_or_none && !assigned.exhausted.is_empty() {
        return Ok(assigned);
    }
    let one = |number: PhoneNumber| {
        let recipient = known.remove(&number).unwrap_or_default();
        let pool = &pool;
        async move {
            let sender = assign_one(gateway, pool, account, &number, recipient, dry_run).await?;
            Ok::<_, StoreError>((number, sender))
        }
    };
    let found: Vec<_> = stream::iter(numbers).map(one).buffer_unordered(CONCURRENCY).try_collect().await?;
    for (number, sender) in found {
        match sender {
            Some(sender) => drop(assigned.senders.insert(number, sender)),
            None => drop(assigned.exhausted.insert(number)),
        }
    }
    Ok(assigned)
}
async fn assign_one(
    gateway: &Gateway,
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
        let free = free(pool, &recipient);
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

fn free<'a>(pool: &'a [SenderId], recipient: &Recipient) -> Vec<&'a SenderId> {
    pool.iter().filter(|sender| !recipient.account_of.contains_key(sender)).collect()
}

fn kind(choice: &SenderChoice) -> SenderKind {
    match choice {
        SenderChoice::Custom(_) => SenderKind::Custom,
        SenderChoice::Shared => SenderKind::Shared,
    }
}
