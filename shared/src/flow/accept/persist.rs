//! Persist: store each message once, even if the client repeats the request.

use std::collections::HashMap;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{
    drafts::{AcceptError, Drafts},
    identify::{IdSource, Identity},
};
use crate::{
    domain::{Draft, FieldError, FieldErrorCode, Message, MessageId, Rates, Rejection, RejectionReason, SenderChoice},
    flow::Gateway,
    store::{Insertion, Messages, StoreError},
};

/// Concurrent conditional writes per request.
const CONCURRENCY: usize = 16;

/// Messages stored by earlier requests, by index.
#[derive(Default)]
pub(super) struct Existing(HashMap<usize, Message>);

impl Existing {
    pub(super) fn get(&self, index: usize) -> Option<&Message> {
        self.0.get(&index)
    }
}

/// Reads the messages of earlier requests, to find conflicts before we write or lock anything.
///
/// A single message from an owned sender needs no read, because its conditional write finds the conflict.
/// But if the sender has a rate limit, we read first, so that a repeat is not counted among the waiting messages; and
/// if the message chooses a route, because the route may have gone since the first request. A dry run writes nothing,
/// so it always reads.
pub(super) async fn find_existing(
    gateway: &Gateway,
    identities: &[Identity],
    drafts: &Drafts<'_>,
    rates: &Rates,
    dry_run: bool,
) -> Result<(Existing, Vec<(usize, FieldError)>), StoreError> {
    let named: HashMap<MessageId, usize> = drafts
        .remaining()
        .filter(|(index, _)| identities[*index].source.may_be_known())
        .map(|(index, _)| (identities[index].id, index))
        .collect();
    let takes_nothing = |draft: &Draft| match &draft.from {
        SenderChoice::Custom(sender) => rates.of(sender).is_none() && draft.route.is_none(),
        SenderChoice::Shared => false,
    };
    let write_tells = !dry_run && identities.len() == 1 && drafts.remaining().all(|(_, draft)| takes_nothing(draft));
    if named.is_empty() || write_tells {
        return Ok((Existing::default(), Vec::new()));
    }
    let ids: Vec<_> = named.keys().copied().collect();
    let found = gateway.store.messages(&ids).await?;
    let existing: HashMap<_, _> =
        found.into_iter().filter_map(|message| Some((*named.get(&message.id)?, message))).collect();
    let mut conflicts = Vec::new();
    for (index, message) in &existing {
        conflicts.extend(conflict(&identities[*index], message)?.map(|error| (*index, error)));
    }
    conflicts.sort_by_key(|(index, _)| *index);
    Ok((Existing(existing), conflicts))
}

/// Returns an error if the message with this ID has other content.
///
/// # Errors
/// Another request has the number. With ten million requests on record, this happens once in a billion requests.
fn conflict(identity: &Identity, found: &Message) -> Result<Option<FieldError>, StoreError> {
    let (ours, theirs) = (&identity.fingerprint, &found.request.fingerprint);
    let field = match identity.source {
        _ if ours == theirs => return Ok(None),
        IdSource::Number { .. } if !ours.is_in_request_of(theirs) => return Err(number_taken()),
        IdSource::IdempotencyKey | IdSource::Number { .. } => "Idempotency-Key",
        IdSource::ClientId | IdSource::Generated => "id",
    };
    Ok(Some(FieldError::new(field, FieldErrorCode::Conflict, "was already used with different content")))
}

/// A retry without an idempotency key draws another number. A retry with the same key fails again.
pub(super) fn number_taken() -> StoreError {
    let source = "another request has the number, which was drawn at random or derived from the key".into();
    StoreError::Unavailable { action: "store a message under its number", source }
}

pub(super) fn replace_repeats(messages: Vec<(usize, Message)>, mut existing: Existing) -> Vec<(usize, Message)> {
    let messages = messages.into_iter();
    messages.map(|(index, message)| (index, existing.0.remove(&index).unwrap_or(message))).collect()
}

/// The stored messages, and the conflicts found while writing, by index.
type Written = (Vec<(usize, Message)>, Vec<(usize, FieldError)>);

/// Stores the new messages: conditionally if the client named them, otherwise in batches.
pub(super) async fn persist(
    gateway: &Gateway,
    identities: &[Identity],
    messages: Vec<(usize, Message)>,
    existing: Existing,
    drafts: &Drafts<'_>,
) -> Result<Written, AcceptError> {
    let unnamed = |index: usize| identities[index].source == IdSource::Generated;
    let (repeated, new): (Vec<_>, Vec<_>) = messages.into_iter().partition(|(index, _)| existing.get(*index).is_some());
    let (fresh, named): (Vec<_>, Vec<_>) = new.into_iter().partition(|(index, _)| unnamed(*index));
    let results: Vec<_> = stream::iter(named)
        .map(|(index, message)| persist_named(gateway, index, message, &identities[index], drafts))
        .buffered(CONCURRENCY)
        .try_collect()
        .await?;
    // Last, because a conflict above rejects an all-or-nothing request.
    let (indexes, fresh): (Vec<_>, Vec<_>) = fresh.into_iter().unzip();
    if !fresh.is_empty() {
        gateway.store.insert(&fresh).await?;
    }
    let mut written = replace_repeats(repeated, existing);
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

/// Stores a message unless its ID exists. Fails on a conflict if the request is all or nothing.
async fn persist_named(
    gateway: &Gateway,
    index: usize,
    message: Message,
    identity: &Identity,
    drafts: &Drafts<'_>,
) -> Result<(usize, Result<Message, FieldError>), AcceptError> {
    match gateway.store.insert_once(&message).await? {
        Insertion::New => Ok((index, Ok(message))),
        Insertion::Existing(found) => match conflict(identity, &found)? {
            None => Ok((index, Ok(*found))),
            Some(error) if drafts.is_all_or_nothing() => Err(AcceptError::Rejected(Rejection {
                reason: RejectionReason::Conflict,
                errors: vec![drafts.locate(index, error)],
            })),
            Some(error) => Ok((index, Err(error))),
        },
    }
}
