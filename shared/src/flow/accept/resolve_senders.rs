//! Resolve senders: choose each message's sender.
//!
//! A conversation stays on its first shared sender, which is locked to the account in the recipient's item.
//! Without a lock we choose a free sender at random and set the lock with a conditional write. If another
//! request was faster, the write returns its lock: we take its sender if the lock is our account's, or else
//! choose again, at most once for each sender in the pool.
//!
//! A lock is *unused* until we hand a message over. If no sender is free, another account may take an unused lock over,
//! so that messages that were never sent block no sender for good. Hence we rely on an unused lock only after a
//! conditional write or a consistent read, and reserve it for messages that are sent at once.
//!
//! A dry run locks nothing and shows nothing of other accounts: it answers with the account's own sender, or with any
//! sender in the pool, free or not.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::{StreamExt, TryStreamExt, stream};

use jiff::{SignedDuration, Timestamp};

use super::{build::later, drafts::Drafts, persist::Existing};
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
/// How long an unused lock is reserved for a message that is sent at once, or for the account that took it over.
const RESERVED: SignedDuration = SignedDuration::from_hours(1);

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
    let now = gateway.clock.now();
    let mut numbers = BTreeMap::new();
    for (_, draft) in drafts.remaining().filter(unassigned) {
        *numbers.entry(draft.to.clone()).or_insert(false) |= later(draft, now).is_none();
    }
    let assigned = if dry_run {
        preview(gateway, directory, account, numbers.into_keys().collect()).await?
    } else {
        assign(gateway, directory, account, numbers, drafts.is_all_or_nothing()).await?
    };
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

/// Chooses senders for a dry run.
async fn preview(
    gateway: &Gateway,
    directory: &Directory,
    account: &AccountId,
    numbers: Vec<PhoneNumber>,
) -> Result<Assigned, StoreError> {
    let mut assigned = Assigned::default();
    if numbers.is_empty() {
        return Ok(assigned);
    }
    let mut known = gateway.store.recipients(&numbers).await?;
    let pool = directory.pool().await?;
    for number in numbers {
        let own = known.get_mut(&number).and_then(|recipient| recipient.sender_of.remove(account));
        match own.or_else(|| any(gateway, &pool).cloned()) {
            Some(sender) => drop(assigned.senders.insert(number, sender)),
            None => drop(assigned.exhausted.insert(number)),
        }
    }
    Ok(assigned)
}

/// Assigns senders to the numbers. The value of a number is whether one of its messages is sent at once.
async fn assign(
    gateway: &Gateway,
    directory: &Directory,
    account: &AccountId,
    numbers: BTreeMap<PhoneNumber, bool>,
    lock_all_or_none: bool,
) -> Result<Assigned, StoreError> {
    if numbers.is_empty() {
        return Ok(Assigned::default());
    }
    let keys: Vec<_> = numbers.keys().cloned().collect();
    // A used lock does not change, so a stale read is safe: `assign_one` confirms all else.
    let mut known = gateway.store.recipients(&keys).await?;
    let pool = directory.pool().await?;
    let assignment = Assignment { gateway, account, pool: &pool, now: in_millis(gateway.clock.now()) };
    let (hopeless, numbers): (Vec<_>, Vec<_>) = numbers
        .into_iter()
        .map(|(number, at_once)| (known.remove(&number).unwrap_or_default(), number, at_once))
        .partition(|(recipient, ..)| assignment.is_hopeless(recipient));
    let exhausted = hopeless.into_iter().map(|(_, number, _)| number).collect();
    let mut assigned = Assigned { exhausted, ..Assigned::default() };
    // A rejected request takes no locks.
    if lock_all_or_none && !assigned.exhausted.is_empty() {
        return Ok(assigned);
    }
    let one = |(recipient, number, at_once): (Recipient, PhoneNumber, bool)| {
        let assignment = &assignment;
        async move {
            let sender = assignment.assign_one(&number, recipient, at_once).await?;
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

/// Assigns shared senders for a request.
struct Assignment<'a> {
    gateway: &'a Gateway,
    account: &'a AccountId,
    pool: &'a [SenderId],
    now: Timestamp,
}

impl Assignment<'_> {
    async fn assign_one(
        &self,
        number: &PhoneNumber,
        mut recipient: Recipient,
        at_once: bool,
    ) -> Result<Option<SenderId>, StoreError> {
        let (store, account) = (&self.gateway.store, self.account);
        let after = |wait| self.now.saturating_add(wait).unwrap_or(Timestamp::MAX);
        let (reserved, safe) = (after(RESERVED), after(RESERVED / 2));
        let reserved_until = if at_once { reserved } else { self.now };
        let mut is_recent = false;
        loop {
            if let Some(sender) = recipient.sender_of.get(account) {
                let Some(until) = recipient.reserved_until.get(sender) else { return Ok(Some(sender.clone())) };
                // Even after a stale read, nobody can take over a lock that is reserved for so long.
                if *until >= safe || (is_recent && !at_once) {
                    return Ok(Some(sender.clone()));
                }
                recipient = if at_once {
                    store.reserve(number, account, sender, reserved).await?
                } else {
                    store.recipient(number).await?
                };
            } else if let Some(sender) = any(self.gateway, &self.free(&recipient)) {
                recipient = store.lock(number, account, sender, reserved_until).await?;
            } else if let Some((sender, holder)) = any(self.gateway, &self.idle(&recipient)) {
                recipient = store.take_over(number, account, sender, holder, self.now, reserved).await?;
            } else {
                return Ok(None);
            }
            is_recent = true;
        }
    }

    fn is_hopeless(&self, recipient: &Recipient) -> bool {
        !recipient.sender_of.contains_key(self.account)
            && self.free(recipient).is_empty()
            && self.idle(recipient).is_empty()
    }

    fn free(&self, recipient: &Recipient) -> Vec<&SenderId> {
        self.pool.iter().filter(|sender| recipient.is_free(sender)).collect()
    }

    /// Returns the senders that can be taken over, with the accounts that hold them.
    fn idle<'r>(&'r self, recipient: &'r Recipient) -> Vec<(&'r SenderId, &'r AccountId)> {
        let holder = |sender| recipient.idle_holder(sender, self.now).map(|holder| (sender, holder));
        self.pool.iter().filter_map(holder).collect()
    }
}

/// Returns the time without the part that the store does not keep.
fn in_millis(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

/// Returns one of the items at random, or `None` if there is none.
fn any<'a, T>(gateway: &Gateway, items: &'a [T]) -> Option<&'a T> {
    (!items.is_empty()).then(|| &items[gateway.random.index(items.len())])
}

fn kind(choice: &SenderChoice) -> SenderKind {
    match choice {
        SenderChoice::Custom(_) => SenderKind::Custom,
        SenderChoice::Shared => SenderKind::Shared,
    }
}
