//! IDs, each with its own type. Most are UUIDs.
//!
//! If a client names a message (by ID or `Idempotency-Key`), we derive the message's ID from that name (UUID
//! version 5), so a repeat finds the first message without a table of keys. The ID of an automatic answer is
//! derived from the reply's ID. Other messages get a time-ordered ID (version 7) from
//! [`crate::runtime::Random`].

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    domain::{AccountId, State, WebhookEvent},
    runtime::Random,
};

/// The version 5 namespace of derived IDs. If it changed, repeated requests would look new.
const NAMESPACE: Uuid = Uuid::from_u128(0x6b7d_52f1_0f6e_4c52_9b57_7d3b_8a2f_4e11);

/// The bits of a UUID that are the ID in a dialect with numeric IDs.
pub(super) const NUMBER_MASK: u64 = (1 << 53) - 1;

macro_rules! uuid_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            #[must_use]
            pub fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            #[must_use]
            pub fn uuid(self) -> Uuid {
                self.0
            }

            /// Returns the last 53 bits, for dialects with numeric IDs. Every JSON parser keeps a number with 53 bits
            /// (RFC 8259, section 6).
            #[must_use]
            pub fn number(self) -> u64 {
                self.0.as_u64_pair().1 & NUMBER_MASK
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            /// Parses any usual UUID spelling.
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::try_parse(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

uuid_type! {
    /// An outbound message.
    MessageId
}
uuid_type! {
    /// A batch of an account: of many messages with one text, or of a single message.
    BatchId
}
uuid_type! {
    /// A reply from a handset.
    ReplyId
}
uuid_type! {
    /// An event for a client. Retries and duplicates carry the same ID.
    EventId
}
uuid_type! {
    /// An account's endpoint.
    EndpointId
}

impl MessageId {
    /// Returns a new time-ordered ID (UUID version 7).
    #[must_use]
    pub fn random(random: &Random, now: Timestamp) -> Self {
        Self(random.uuid(now))
    }

    /// Derives the ID from the client's own ID.
    #[must_use]
    pub fn of_client_id(account: &AccountId, client_id: Uuid) -> Self {
        Self(derive(&["id", account.as_str(), &client_id.to_string()]))
    }

    /// Derives the ID for the message at `index` in the request with this key.
    #[must_use]
    pub fn of_idempotency_key(account: &AccountId, key: &IdempotencyKey, index: usize) -> Self {
        Self(derive(&["key", account.as_str(), &key.0, &index.to_string()]))
    }

    /// Derives the ID for the message at `index` in a batch. In a numbered request, the batch can be computed from the
    /// first message's ID, so a request with a single message need not store its batch.
    #[must_use]
    pub fn of_batch(account: &AccountId, batch: BatchId, index: usize) -> Self {
        if batch.is_numbered() && index == 0 {
            return batch.single_message();
        }
        Self(derive(&["batch", account.as_str(), &batch.to_string(), &index.to_string()]))
    }

    /// Derives the ID for our automatic answer to a keyword.
    #[must_use]
    pub fn of_answer_to(reply: ReplyId) -> Self {
        Self(derive(&["answer", &reply.to_string()]))
    }
}

/// The bits in which the ID of a single message's batch differs from the message's: all but the time, version and
/// variant.
const SINGLE: u128 = 0xfff << 64 | (u64::MAX >> 2) as u128;

impl BatchId {
    /// Derives the ID for a message's own batch.
    #[must_use]
    pub fn of_single(message: MessageId) -> Self {
        Self(Uuid::from_u128(message.0.as_u128() ^ SINGLE))
    }

    /// Returns the message whose own batch has this ID, if there is such a message.
    #[must_use]
    pub fn single_message(self) -> MessageId {
        MessageId(Uuid::from_u128(self.0.as_u128() ^ SINGLE))
    }

    /// Derives the ID for the batch of the request with this key.
    #[must_use]
    pub fn of_idempotency_key(account: &AccountId, key: &IdempotencyKey) -> Self {
        Self(derive(&["batch key", account.as_str(), &key.0]))
    }
}

impl ReplyId {
    /// Derives the ID from the carrier's own ID, so we recognise a redelivery.
    #[must_use]
    pub fn of_carrier_id(carrier: &str, id: &str) -> Self {
        Self(derive(&["reply", carrier, id]))
    }

    /// Derives the ID for an opt-out reported by a carrier in its answer to a submit, without a reply.
    #[must_use]
    pub fn of_refused_submit(message: MessageId, execution_id: ExecutionId) -> Self {
        Self(derive(&["refused submit", &message.to_string(), &execution_id.to_string()]))
    }
}

impl EventId {
    #[must_use]
    pub fn of_state(message: MessageId, state: State) -> Self {
        Self(derive(&["event", &message.to_string(), state.into_str()]))
    }

    #[must_use]
    pub fn of_reply(reply: ReplyId) -> Self {
        Self(derive(&["event", &reply.to_string()]))
    }

    /// Derives the ID for an event of another kind with the same cause.
    #[must_use]
    pub fn of_kind(event: Self, kind: WebhookEvent) -> Self {
        Self(derive(&["event", &event.to_string(), kind.into_str()]))
    }

    /// Derives the ID for the notice about an endpoint disabled at `since`.
    #[must_use]
    pub fn of_endpoint_disabled(endpoint: EndpointId, since: Timestamp) -> Self {
        Self(derive(&["event", "disabled", &endpoint.to_string(), &since.as_millisecond().to_string()]))
    }
}

impl EndpointId {
    /// `url` has no query or fragment.
    pub(in crate::domain) fn of(account: &AccountId, url: &str) -> Self {
        Self(derive(&["endpoint", account.as_str(), url]))
    }

    /// Derives the ID of an account's origin from the origin's root URL.
    pub(in crate::domain) fn of_origin(account: &AccountId, url: &str) -> Self {
        Self(derive(&["origin", account.as_str(), url]))
    }
}

/// Joins the parts with NUL, which only the last part (a carrier's own ID) might contain.
pub(super) fn derive(parts: &[&str]) -> Uuid {
    Uuid::new_v5(&NAMESPACE, parts.join("\u{0}").as_bytes())
}

/// One execution of a step, stored beside its change.
///
/// By this ID we recognise our own conditional write if its answer was lost. We deliver a callback only if
/// the record has the execution ID of the callback's job. So if executions race to record the same change,
/// exactly one of them notifies the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExecutionId(u64);

#[derive(Debug, thiserror::Error)]
#[error("an execution ID is 16 hex digits")]
pub struct ExecutionIdError;

impl ExecutionId {
    #[must_use]
    pub fn new(value: u64) -> Self {
        Self(value)
    }

    #[must_use]
    pub fn random(random: &Random) -> Self {
        Self(random.u64())
    }
}

impl fmt::Display for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for ExecutionId {
    type Err = ExecutionIdError;

    fn from_str(text: &str) -> Result<Self, ExecutionIdError> {
        // `from_str_radix` would accept a sign.
        let is_hex = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let digits = u64::from_str_radix(text, 16).ok().filter(|_| is_hex);
        digits.map(Self).ok_or(ExecutionIdError)
    }
}

impl TryFrom<String> for ExecutionId {
    type Error = ExecutionIdError;

    fn try_from(text: String) -> Result<Self, ExecutionIdError> {
        text.parse()
    }
}

impl From<ExecutionId> for String {
    fn from(execution_id: ExecutionId) -> Self {
        execution_id.to_string()
    }
}

/// The `Idempotency-Key` header of a request: 1 to 255 printable ASCII characters, no comma. API Gateway joins the
/// values of a repeated header with commas, and two keys are an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("must be a single key of 1 to 255 printable ASCII characters without a comma")]
pub struct IdempotencyKeyError;

impl IdempotencyKey {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = IdempotencyKeyError;

    fn from_str(text: &str) -> Result<Self, IdempotencyKeyError> {
        let is_allowed = |b: u8| (b.is_ascii_graphic() || b == b' ') && b != b',';
        let fits = (1..=255).contains(&text.len()) && text.bytes().all(is_allowed);
        if fits { Ok(Self(text.to_owned())) } else { Err(IdempotencyKeyError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_id_depends_on_every_part_of_its_name() {
        let (a, b) = ("a".parse::<AccountId>().unwrap(), "b".parse::<AccountId>().unwrap());
        let key = "k".parse::<IdempotencyKey>().unwrap();
        let ids = [
            MessageId::of_idempotency_key(&a, &key, 0),
            MessageId::of_idempotency_key(&a, &key, 1),
            MessageId::of_idempotency_key(&b, &key, 0),
            MessageId::of_idempotency_key(&a, &"k1".parse::<IdempotencyKey>().unwrap(), 0),
            MessageId::of_client_id(&a, Uuid::nil()),
            MessageId::of_client_id(&b, Uuid::nil()),
        ];
        let distinct: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
        assert_eq!(ids[0], MessageId::of_idempotency_key(&a, &key, 0));
    }

    #[test]
    fn own_batch_of_a_message_leads_back_to_it() {
        let random = MessageId::random(&Random::seeded(1), Timestamp::UNIX_EPOCH);
        for message in [random, MessageId::of_client_id(&"a".parse().unwrap(), Uuid::nil())] {
            let batch = BatchId::of_single(message);
            assert_eq!(batch.single_message(), message);
            assert_ne!(batch.uuid(), message.uuid());
            assert_eq!(batch.uuid().get_version_num(), message.uuid().get_version_num());
            assert_eq!(batch.uuid().get_variant(), message.uuid().get_variant());
        }
    }

    #[test]
    fn execution_id_is_16_hex_digits() {
        let parse = |text: &str| text.parse::<ExecutionId>();
        assert_eq!(parse("00000000000000AF").unwrap().to_string(), "00000000000000af");
        for text in ["", "af", "+4477009000011e3", "00000000000000000", "000000000000000g"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn idempotency_key_is_printable_and_bounded() {
        assert!("order 4711/1".parse::<IdempotencyKey>().is_ok());
        for text in ["", "a\nb", "é", "a,b", &"k".repeat(256)] {
            assert!(text.parse::<IdempotencyKey>().is_err(), "{text:?}");
        }
    }
}
