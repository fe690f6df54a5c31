//! Writing what was accepted, once, whatever is repeated.

use std::collections::HashMap;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{AcceptError, Named, Plan, candidates::Candidates};
use crate::{
    domain::{
        Draft, FieldError, FieldErrorCode, Message, MessageId, Progress, Rates, Rejection, RejectionReason,
        SenderChoice,
    },
    flow::{Gateway, Unavailable, rate_limit},
    queue::{Job, Queue},
    store::{Insertion, Messages, StoreError},
};

/// How many conditional writes of one request are under way at once.
const CONCURRENCY: usize = 16;

/// Which messages of a request were here before, by place.
#[derive(Default)]
pub(super) struct Earlier(HashMap<usize, Message>);

impl Earlier {
    pub(super) fn get(&self, index: usize) -> Option<&Message> {
        self.0.get(&index)
    }
}

/// Looks for messages of an earlier request under the same names, so that a
/// conflict is found before anything is written or locked. A single message from
/// a sender of its own needs no look, as its own conditional write tells, unless
/// it would take a turn before.
pub(super) async fn find_earlier(
    gateway: &Gateway,
    plans: &[Plan],
    candidates: &Candidates<'_>,
    rates: &Rates,
    dry_run: bool,
) -> Result<(Earlier, Vec<(usize, FieldError)>), StoreError> {
    let named: HashMap<MessageId, usize> = candidates
        .standing()
        .filter(|(index, _)| plans[*index].named != Named::Not)
        .map(|(index, _)| (plans[index].id, index))
        .collect();
    let takes_nothing = |draft: &Draft| match &draft.from {
        SenderChoice::Custom(sender) => rates.of(sender).is_none(),
        SenderChoice::Shared => false,
    };
    let write_tells = !dry_run && plans.len() == 1 && candidates.standing().all(|(_, draft)| takes_nothing(draft));
    if named.is_empty() || write_tells {
        return Ok((Earlier::default(), Vec::new()));
    }
    let ids: Vec<_> = named.keys().copied().collect();
    let found = gateway.store.messages(&ids).await?;
    let earlier: HashMap<_, _> =
        found.into_iter().filter_map(|message| Some((*named.get(&message.id)?, message))).collect();
    let mut conflicts: Vec<_> =
        earlier.iter().filter_map(|(index, message)| Some((*index, conflict(&plans[*index], message)?))).collect();
    conflicts.sort_by_key(|(index, _)| *index);
    Ok((Earlier(earlier), conflicts))
}

fn conflict(plan: &Plan, found: &Message) -> Option<FieldError> {
    let field = match plan.named {
        _ if found.request.fingerprint == plan.fingerprint => return None,
        Named::ByIdempotencyKey => "Idempotency-Key",
        Named::ByClientId | Named::Not => "id",
    };
    Some(FieldError::new(field, FieldErrorCode::Conflict, "was used before, for a message with another content"))
}

/// The messages, each earlier one in the place of its repeat.
pub(super) fn replace_repeats(messages: Vec<(usize, Message)>, mut earlier: Earlier) -> Vec<(usize, Message)> {
    let messages = messages.into_iter();
    messages.map(|(index, message)| (index, earlier.0.remove(&index).unwrap_or(message))).collect()
}

/// The messages as they are stored, by place, and those that turned out to be in
/// conflict with one that is.
type Written = (Vec<(usize, Message)>, Vec<(usize, FieldError)>);

/// Writes those messages that are new.
pub(super) async fn write(
    gateway: &Gateway,
    plans: &[Plan],
    messages: Vec<(usize, Message)>,
    earlier: Earlier,
    candidates: &Candidates<'_>,
) -> Result<Written, AcceptError> {
    let unnamed = |index: usize| plans[index].named == Named::Not;
    let (repeated, new): (Vec<_>, Vec<_>) = messages.into_iter().partition(|(index, _)| earlier.get(*index).is_some());
    let (fresh, named): (Vec<_>, Vec<_>) = new.into_iter().partition(|(index, _)| unnamed(*index));
    let results: Vec<_> = stream::iter(named)
        .map(|(index, message)| write_named(gateway, index, message, &plans[index], candidates))
        .buffered(CONCURRENCY)
        .try_collect()
        .await?;
    // Last, because a conflict may still have been found above.
    let (indexes, fresh): (Vec<_>, Vec<_>) = fresh.into_iter().unzip();
    if !fresh.is_empty() {
        gateway.store.insert(&fresh).await?;
    }
    let mut written = replace_repeats(repeated, earlier);
    written.extend(indexes.into_iter().zip(fresh));
    let mut conflicts = Vec::new();
    for (index, result) in results {
        match result {
            Ok(message) => written.push((index, message)),
            Err(error) => conflicts.push((index, error)),
        }
    }
    Ok((written, conflicts))
}

/// Stops at the first conflict where one refuses all.
async fn write_named(
    gateway: &Gateway,
    index: usize,
    message: Message,
    plan: &Plan,
    candidates: &Candidates<'_>,
) -> Result<(usize, Result<Message, FieldError>), AcceptError> {
    match gateway.store.insert_once(&message).await? {
        Insertion::New => Ok((index, Ok(message))),
        Insertion::Existing(found) => match conflict(plan, &found) {
            None => Ok((index, Ok(*found))),
            Some(error) if candidates.is_all_or_nothing() => Err(AcceptError::Rejected(Rejection {
                reason: RejectionReason::Conflict,
                errors: vec![candidates.named(index, error)],
            })),
            Some(error) => Ok((index, Err(error))),
        },
    }
}

/// A repeat whose first request may have died before this gets its job, too;
/// a job too many does nothing. What waits long for its turn rests without one.
pub(super) async fn enqueue(gateway: &Gateway, messages: &[(usize, Message)]) -> Result<(), Unavailable> {
    let now = gateway.clock.now();
    let messages = messages.iter().map(|(_, message)| message);
    let waiting = messages.filter(|message| message.delivery.progress == Progress::Queued);
    let jobs: Vec<_> = waiting
        .filter_map(|message| {
            let delay = rate_limit::job_delay(message.delivery.not_before, message.delivery.wake_at, now)?;
            Some((Job::Submit { message: message.id }, delay))
        })
        .collect();
    if !jobs.is_empty() {
        gateway.queue.enqueue(&jobs).await?;
    }
    Ok(())
}
