//! Writing what was accepted, once, whatever is repeated.

use std::{collections::HashMap, time::Duration};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Named, Plan, Refusal, Request};
use crate::{
    dialects::{Draft, SenderChoice},
    domain::{Fault, FaultCode, Message, MessageId, Progress},
    flow::{Gateway, Unavailable},
    queue::{Job, Queue},
    store::{Insertion, Messages},
};

/// How many conditional writes of one request are under way at once.
const CONCURRENCY: usize = 16;

/// Which messages of a request were here before, by index.
#[derive(Default)]
pub(super) struct Earlier(HashMap<usize, Message>);

impl Earlier {
    pub(super) fn get(&self, index: usize) -> Option<&Message> {
        self.0.get(&index)
    }
}

/// Looks for messages of an earlier request under the same names, so that a
/// conflict is found before anything is written or locked. A single message
/// from a sender of its own needs no look: its own conditional write tells.
pub(super) async fn find_earlier<S: Messages, Q>(
    gateway: &Gateway<S, Q>,
    plans: &[Plan],
    request: &Request,
) -> Result<Earlier, Refusal> {
    let named: HashMap<MessageId, usize> = plans
        .iter()
        .enumerate()
        .filter(|(_, plan)| plan.named != Named::Not)
        .map(|(index, plan)| (plan.id, index))
        .collect();
    let locks_nothing = |draft: &Draft| draft.from != SenderChoice::Shared;
    let write_tells = !request.dry_run && plans.len() == 1 && request.drafts.iter().all(locks_nothing);
    if named.is_empty() || write_tells {
        return Ok(Earlier::default());
    }
    let ids: Vec<_> = named.keys().copied().collect();
    let found = gateway.store.messages(&ids).await?;
    let earlier: HashMap<_, _> =
        found.into_iter().filter_map(|message| Some((*named.get(&message.id)?, message))).collect();
    let mut conflicts: Vec<_> =
        earlier.iter().filter_map(|(index, message)| conflict(*index, &plans[*index], message)).collect();
    conflicts.sort_by_key(|fault| fault.index);
    if conflicts.is_empty() { Ok(Earlier(earlier)) } else { Err(Refusal::Conflict(conflicts)) }
}

fn conflict(index: usize, plan: &Plan, found: &Message) -> Option<Fault> {
    let field = match plan.named {
        _ if found.fingerprint == plan.fingerprint => return None,
        Named::ByIdempotencyKey => "Idempotency-Key",
        Named::ByClientId | Named::Not => "id",
    };
    Some(Fault::new(field, FaultCode::Conflict, "was used before, for a message with another content").at(index))
}

/// The messages, each earlier one in the place of its repeat.
pub(super) fn in_place_of(messages: Vec<Message>, mut earlier: Earlier) -> Vec<Message> {
    let messages = messages.into_iter().enumerate();
    messages.map(|(index, message)| earlier.0.remove(&index).unwrap_or(message)).collect()
}

/// Writes those messages that are new, and gives back all as they are stored.
pub(super) async fn write<S: Messages, Q>(
    gateway: &Gateway<S, Q>,
    plans: &[Plan],
    messages: Vec<Message>,
    earlier: Earlier,
) -> Result<Vec<Message>, Refusal> {
    let unnamed = |plan: &Plan| plan.named == Named::Not;
    if plans.iter().all(unnamed) {
        gateway.store.insert(&messages).await?;
        return Ok(messages);
    }
    let messages = in_place_of(messages, earlier);
    let messages: Vec<Message> = stream::iter(messages.into_iter().enumerate())
        .map(|(index, message)| write_named(gateway, index, message, &plans[index]))
        .buffered(CONCURRENCY)
        .try_collect()
        .await?;
    // Last, because a conflict may still have been found above.
    let fresh: Vec<_> =
        messages.iter().zip(plans).filter(|(_, plan)| unnamed(plan)).map(|(message, _)| message.clone()).collect();
    if !fresh.is_empty() {
        gateway.store.insert(&fresh).await?;
    }
    Ok(messages)
}

async fn write_named<S: Messages, Q>(
    gateway: &Gateway<S, Q>,
    index: usize,
    message: Message,
    plan: &Plan,
) -> Result<Message, Refusal> {
    if plan.named == Named::Not {
        return Ok(message);
    }
    match gateway.store.insert_once(&message).await? {
        Insertion::New => Ok(message),
        Insertion::Existing(found) => match conflict(index, plan, &found) {
            None => Ok(*found),
            Some(fault) => Err(Refusal::Conflict(vec![fault])),
        },
    }
}

/// A repeat whose first request may have died before this gets its job, too;
/// a job too many does nothing.
pub(super) async fn enqueue<S, Q: Queue>(gateway: &Gateway<S, Q>, messages: &[Message]) -> Result<(), Unavailable> {
    let waiting = messages.iter().filter(|message| message.progress == Progress::Queued);
    let jobs: Vec<_> = waiting.map(|message| (Job::Submit { message: message.id }, Duration::ZERO)).collect();
    if !jobs.is_empty() {
        gateway.queue.enqueue(&jobs).await?;
    }
    Ok(())
}
