//! Builds messages from drafts.

use jiff::{SignedDuration, Timestamp};

use super::identify::{IdSource, Identity, fingerprint};
use crate::{
    domain::{
        AccountId, BatchId, CallbackTarget, CallbackUrl, Delivery, Dialect, Draft, Lane, Message, MessageId,
        MessageRequest, Progress, SentFrom,
    },
    store::{Directory, StoreError},
};

/// A message whose send time is further ahead is scheduled. A nearer one goes at once, as Cymba's guide says.
const NEAR: SignedDuration = SignedDuration::from_mins(5);

pub(super) fn build(
    account: &AccountId,
    dialect: Dialect,
    identity: &Identity,
    draft: &Draft,
    from: SentFrom,
    status_callback: Option<&CallbackUrl>,
    now: Timestamp,
) -> Message {
    let later = later(draft, now);
    let progress = if later.is_some() { Progress::Scheduled } else { Progress::Queued };
    let callbacks = match draft.callbacks.as_slice() {
        _ if !draft.wants_status => Vec::new(),
        [] => status_callback.into_iter().cloned().collect(),
        named => named.to_vec(),
    };
    let request = MessageRequest {
        dialect,
        to: draft.to.clone(),
        from,
        text: draft.text.clone(),
        channels: draft.channels.clone(),
        callbacks,
        client_id: draft.client_id,
        send_at: draft.send_at,
        reference: draft.reference.clone(),
        recipient: draft.recipient.clone(),
        route: draft.route.clone(),
        groupings: draft.groupings.clone(),
        tags: draft.tags.clone(),
        expires_at: draft.validity.map(|validity| validity.expires_at(now)),
        content: draft.content.clone(),
        keyword: None,
        lane: Lane::Normal,
        on_unknown: None,
        key: None,
        fingerprint: identity.fingerprint,
    };
    Message {
        id: identity.id,
        account: account.clone(),
        batch: identity.batch,
        created_at: now,
        request,
        delivery: Delivery { wake_at: later, ..Delivery::new(progress, now) },
    }
}

/// Returns the send time of a message that is scheduled, and not sent at once.
pub(super) fn later(draft: &Draft, now: Timestamp) -> Option<Timestamp> {
    draft.send_at.filter(|at| at.duration_since(now) > NEAR)
}

/// Builds an automatic reply in the account's name.
pub(in crate::flow) fn auto_reply(
    id: MessageId,
    account: &AccountId,
    dialect: Dialect,
    draft: &Draft,
    from: SentFrom,
    now: Timestamp,
) -> Message {
    let batch = BatchId::of_single(id);
    let identity = Identity { id, batch, source: IdSource::Generated, fingerprint: fingerprint(draft, 1, None) };
    build(account, dialect, &identity, draft, from, None, now)
}

/// Returns the account's status URL, if the dialect uses it for requests without a URL.
pub(super) async fn status_callback(
    directory: &Directory,
    account: &AccountId,
    dialect: Dialect,
) -> Result<Option<CallbackUrl>, StoreError> {
    if dialect.callback_target() != CallbackTarget::RequestOrAccount {
        return Ok(None);
    }
    Ok(directory.account(account).await?.and_then(|account| account.status_url))
}
