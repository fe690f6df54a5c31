//! Each message's ID, and the fingerprint that distinguishes a repeat from a conflict.

use jiff::Timestamp;

use super::request::{Grouping, Request};
use crate::{
    domain::{
        AccountId, BatchId, CallbackUrl, Channel, Content, Draft, Fingerprint, MessageId, OnUnknown, Reference,
        RequestNumber, RouteName, SenderChoice, Validity,
    },
    flow::Gateway,
};

pub(super) struct Identity {
    pub(super) id: MessageId,
    pub(super) batch: BatchId,
    pub(super) source: IdSource,
    pub(super) fingerprint: Fingerprint,
}

/// Where a message's ID comes from. Only a generated ID is certain to be new.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum IdSource {
    ClientId,
    IdempotencyKey,
    Generated,
    /// A number drawn at random, or derived from the idempotency key. Another request may have the same number.
    Number {
        is_derived: bool,
    },
}

impl IdSource {
    /// Returns whether an earlier request may have stored the message.
    pub(super) fn may_be_known(self) -> bool {
        !matches!(self, Self::Generated | Self::Number { is_derived: false })
    }
}

/// The batch of all messages of a request.
pub(super) struct BatchIdentity {
    pub(super) id: BatchId,
    pub(super) source: IdSource,
    /// Whether the batch is stored even if it is not scheduled.
    pub(super) is_kept: bool,
}

/// Returns the batch of the request's messages, unless each message is a batch of its own.
pub(super) fn identify_batch(
    gateway: &Gateway,
    account: &AccountId,
    request: &Request,
    now: Timestamp,
) -> Option<BatchIdentity> {
    let (id, source) = match (request.grouping, &request.idempotency_key) {
        (Grouping::Single, _) => return None,
        (Grouping::Batch { id: Some(id) }, _) => (BatchId::new(id), IdSource::ClientId),
        (Grouping::Batch { id: None }, Some(key)) => {
            (BatchId::of_idempotency_key(account, key), IdSource::IdempotencyKey)
        }
        (Grouping::Batch { id: None }, None) => (BatchId::new(gateway.random.uuid(now)), IdSource::Generated),
        (Grouping::Numbered, Some(key)) => {
            let number = RequestNumber::of_idempotency_key(account, key);
            (BatchId::of_number(account, number), IdSource::Number { is_derived: true })
        }
        (Grouping::Numbered, None) => {
            let number = RequestNumber::random(&gateway.random);
            (BatchId::of_number(account, number), IdSource::Number { is_derived: false })
        }
    };
    Some(BatchIdentity { id, source, is_kept: request.grouping != Grouping::Numbered })
}

pub(super) fn identify(
    gateway: &Gateway,
    account: &AccountId,
    request: &Request,
    batch: Option<&BatchIdentity>,
    now: Timestamp,
) -> Vec<Identity> {
    // Half of each fingerprint identifies a numbered request, by its key or else by a random name.
    let request_name = match (request.grouping, &request.idempotency_key) {
        (Grouping::Numbered, Some(key)) => Some(key.as_str().to_owned()),
        (Grouping::Numbered, None) => Some(gateway.random.uuid(now).to_string()),
        (Grouping::Single | Grouping::Batch { .. }, _) => None,
    };
    let identify = |draft: &Draft| {
        let (id, source, posted) = match (batch, draft.client_id, &request.idempotency_key) {
            (Some(batch), ..) => (MessageId::of_batch(account, batch.id, draft.index), batch.source, request.posted),
            (None, Some(client_id), _) => (MessageId::of_client_id(account, client_id), IdSource::ClientId, 1),
            // A repeat under the same key must have as many messages as the first request.
            (None, None, Some(key)) => {
                let id = MessageId::of_idempotency_key(account, key, draft.index);
                (id, IdSource::IdempotencyKey, request.posted)
            }
            (None, None, None) => (MessageId::random(&gateway.random, now), IdSource::Generated, 1),
        };
        let batch = batch.map_or_else(|| BatchId::of_single(id), |batch| batch.id);
        let fingerprint = fingerprint(draft, posted, request.on_unknown);
        let fingerprint = request_name.as_ref().map_or(fingerprint, |name| fingerprint.in_request(name));
        Identity { id, batch, source, fingerprint }
    };
    request.drafts.iter().map(identify).collect()
}

/// Returns a draft's fingerprint. A relative validity stays relative, so repeats have equal fingerprints. A
/// repeat with another choice for unknown outcomes is a conflict, because the first choice holds.
pub(super) fn fingerprint(draft: &Draft, posted: usize, on_unknown: Option<OnUnknown>) -> Fingerprint {
    let sender = match &draft.from {
        SenderChoice::Custom(sender) => sender.as_str(),
        SenderChoice::Shared => "",
    };
    let channels: Vec<_> = draft.channels.iter().map(Channel::into_str).collect();
    let channels = channels.join(",");
    let send_at = draft.send_at.map(|at| at.as_millisecond().to_string());
    let posted = posted.to_string();
    let callback = draft.callbacks.first().map_or("", CallbackUrl::as_str);
    let mut parts = vec![
        draft.to.digits(),
        sender,
        draft.text.as_str(),
        callback,
        &channels,
        send_at.as_deref().unwrap_or(""),
        &posted,
    ];
    let validity = draft.validity.map(|validity| match validity {
        Validity::Until(at) => format!("until {at}"),
        Validity::For(span) => format!("for {span}"),
    });
    let content = draft.content.as_deref().map(Content::to_json);
    for (name, part) in [
        ("reference", draft.reference.as_ref().map(Reference::as_str)),
        ("validity", validity.as_deref()),
        ("content", content.as_deref()),
        ("on unknown", on_unknown.map(<&str>::from)),
        ("recipient", draft.recipient.id.as_ref().map(Reference::as_str)),
        ("email", draft.recipient.email.as_ref().map(Reference::as_str)),
        ("route", draft.route.as_ref().map(RouteName::as_str)),
        ("no status", (!draft.wants_status).then_some("")),
    ] {
        parts.extend(part.into_iter().flat_map(|part| [name, part]));
    }
    parts.extend(draft.callbacks.iter().skip(1).flat_map(|callback| ["callback", callback.as_str()]));
    if !draft.groupings.is_empty() {
        parts.push("groupings");
        parts.extend(draft.groupings.as_array().iter().map(String::as_str));
    }
    if !draft.tags.is_empty() {
        parts.push("tags");
        parts.extend(draft.tags.iter().flat_map(|(key, value)| [key, value]));
    }
    Fingerprint::of(parts)
}
