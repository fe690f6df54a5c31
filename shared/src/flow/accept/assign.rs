//! Which sender each message goes out from.
//!
//! A conversation stays on the sender that it began on: the account's lock for
//! the recipient says which. Without one, a sender of the pool is taken at
//! random and locked by one conditional write. Whoever loses that race reads
//! what the winner wrote and goes on from there, so it ends after as many tries
//! as the pool has senders.

use std::collections::{BTreeSet, HashMap};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Refusal, Request, kind, write::Earlier};
use crate::{
    dialects::{Draft, SenderChoice},
    domain::{AccountId, Fault, FaultCode, PhoneNumber, Recipient, SenderId, SentFrom},
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
    let unassigned = |index: usize| request.drafts[index].from == SenderChoice::Shared && earlier.get(index).is_none();
    let indexes = || (0..request.drafts.len()).filter(|index| unassigned(*index));
    let numbers: BTreeSet<PhoneNumber> = indexes().map(|index| request.drafts[index].to.clone()).collect();
    let assigned = match assign(gateway, directory, account, numbers, request.dry_run).await? {
        Assignment::Whole(assigned) => assigned,
        Assignment::Exhausted(numbers) => {
            let hopeless = indexes().filter(|index| numbers.contains(&request.drafts[*index].to));
            return Err(Refusal::Unacceptable(hopeless.map(|index| exhausted().at(index)).collect()));
        }
    };
    let sender = |(index, draft): (usize, &Draft)| {
        let id = match (earlier.get(index), &draft.from) {
            (Some(message), _) => message.from.id.clone(),
            (None, SenderChoice::Custom(id)) => id.clone(),
            (None, SenderChoice::Shared) => assigned[&draft.to].clone(),
        };
        SentFrom { kind: kind(&draft.from), id }
    };
    Ok(request.drafts.iter().enumerate().map(sender).collect())
}

fn exhausted() -> Fault {
    Fault::new(
        "from",
        FaultCode::PoolExhausted,
        "every shared sender ID already has a conversation with this number for another account",
    )
}

/// The shared senders of some recipients.
enum Assignment {
    /// Every one has one.
    Whole(HashMap<PhoneNumber, SenderId>),
    /// These can have none.
    Exhausted(BTreeSet<PhoneNumber>),
}

async fn assign<S: Recipients, Q>(
    gateway: &Gateway<S, Q>,
    directory: &Directory<impl DirectoryStore>,
    account: &AccountId,
    numbers: BTreeSet<PhoneNumber>,
    dry_run: bool,
) -> Result<Assignment, StoreError> {
    if numbers.is_empty() {
        return Ok(Assignment::Whole(HashMap::new()));
    }
    let numbers: Vec<_> = numbers.into_iter().collect();
    // Locks never change, so one that is seen is right; one not seen yet is met again when locking.
    let mut known = gateway.store.recipients(&numbers).await?;
    let pool = directory.pool().await?;
    // Locks stay, so none is taken for a request that is seen to fail.
    let nobody = Recipient::default();
    let hopeless = |number: &&PhoneNumber| {
        let recipient = known.get(number).unwrap_or(&nobody);
        !recipient.sender_of.contains_key(account) && free(&pool, recipient).is_empty()
    };
    let exhausted: BTreeSet<_> = numbers.iter().filter(hopeless).cloned().collect();
    if !exhausted.is_empty() {
        return Ok(Assignment::Exhausted(exhausted));
    }
    let one = |number: PhoneNumber| {
        let recipient = known.remove(&number).unwrap_or_default();
        let pool = &pool;
        async move {
            let sender = assign_one(gateway, pool, account, &number, recipient, dry_run).await?;
            Ok::<_, StoreError>((number, sender))
        }
    };
    let assigned: Vec<_> = stream::iter(numbers).map(one).buffer_unordered(CONCURRENCY).try_collect().await?;
    let lost: BTreeSet<_> =
        assigned.iter().filter(|(_, sender)| sender.is_none()).map(|(number, _)| number.clone()).collect();
    if !lost.is_empty() {
        return Ok(Assignment::Exhausted(lost));
    }
    let found = assigned.into_iter().filter_map(|(number, sender)| Some((number, sender?)));
    Ok(Assignment::Whole(found.collect()))
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
