//! Unmatched receipts and replies. We keep them as posted, and retry them after growing gaps until they
//! expire.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};
use uuid::Uuid;

use crate::domain::{CarrierName, SubmitReference};

const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24 * 7);
/// Minutes from arrival to the first retries; the gaps between them are 15 minutes, 1, 3 and 6 hours.
const FIRST_TRIES: [i64; 5] = [1, 16, 76, 256, 616];
/// The gap before each later retry, in minutes.
const LONGEST_GAP: i64 = 12 * 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, EnumIter, EnumString, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum UnmatchedKind {
    Receipt,
    Reply,
}

/// An unmatched item's ID, derived from its index, the submit in the path and the item's body, so a redelivery
/// has the same ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UnmatchedId {
    pub kind: UnmatchedKind,
    pub carrier: CarrierName,
    pub uuid: Uuid,
}

impl fmt::Display for UnmatchedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.kind.into_str(), self.carrier, self.uuid)
    }
}

/// A receipt or reply in a webhook body.
#[derive(Clone, Copy)]
pub struct WebhookItem<'a> {
    /// The body as received, or of an item in a list, a body with this item alone.
    pub payload: &'a str,
    /// The item's index in `payload`.
    pub index: usize,
    /// The submit that the webhook's path names, if it names one.
    pub submit: Option<SubmitReference>,
}

impl<'a> WebhookItem<'a> {
    /// Returns an item from a path without a submit reference.
    #[must_use]
    pub fn in_body(payload: &'a str, index: usize) -> Self {
        Self { payload, index, submit: None }
    }
}

/// A receipt or reply that matches no message or account. `Debug` shows only the ID.
#[derive(Clone, PartialEq, Eq)]
pub struct Unmatched {
    pub id: UnmatchedId,
    pub payload: String,
    pub index: usize,
    pub submit: Option<SubmitReference>,
    /// The status in a receipt, if this release does not know it.
    pub unknown_status: Option<String>,
    pub received_at: Timestamp,
    pub tries: u32,
    /// When the next retry is due, or `None` if retries cannot match the item or are over. In an item read
    /// from the store this is the wake time, which may be later than the retry, because a tick moves the wake
    /// time when it enqueues the retry (see [`Unmatched::next_retry`]).
    pub retry_at: Option<Timestamp>,
}

impl Unmatched {
    /// Returns an item to keep without retries.
    #[must_use]
    pub fn new(kind: UnmatchedKind, carrier: CarrierName, item: WebhookItem<'_>, received_at: Timestamp) -> Self {
        let WebhookItem { payload, index, submit } = item;
        // The body comes last, so its content cannot imitate the other parts.
        let name = format!("{index} {} {payload}", submit.map(|submit| submit.to_string()).unwrap_or_default());
        Self {
            id: UnmatchedId { kind, carrier, uuid: Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()) },
            payload: payload.to_owned(),
            index,
            submit,
            unknown_status: None,
            received_at,
            tries: 0,
            retry_at: None,
        }
    }

    /// Returns a receipt whose status this release does not know. Retries are in vain until a later release, so
    /// only an operator starts one.
    #[must_use]
    pub fn of_unknown_status(self, status: &str) -> Self {
        Self { unknown_status: Some(status.to_owned()), ..self }
    }

    #[must_use]
    pub fn with_retry(self) -> Self {
        Self { retry_at: self.next_try(self.received_at), ..self }
    }

    /// Returns the item after a retry without a match.
    #[must_use]
    pub fn after_retry(self, now: Timestamp) -> Self {
        let retried = Self { tries: self.tries + 1, ..self };
        Self { retry_at: retried.retry_at.and_then(|_| retried.next_try(now)), ..retried }
    }

    /// Returns when the next retry is due, even if a tick has enqueued the retry and moved `retry_at`.
    #[must_use]
    pub fn next_retry(&self, now: Timestamp) -> Option<Timestamp> {
        let retry_at = self.retry_at?;
        Some(self.next_try(now).map_or(retry_at, |next| next.min(retry_at)))
    }

    #[must_use]
    pub fn kept_until(&self) -> Timestamp {
        self.received_at.saturating_add(KEPT_FOR).unwrap_or(Timestamp::MAX)
    }

    /// Returns the first retry time after `now`. The times count from arrival, so an extra retry does not
    /// shift later retries.
    fn next_try(&self, now: Timestamp) -> Option<Timestamp> {
        let passed = now.duration_since(self.received_at).as_mins();
        let last = FIRST_TRIES[FIRST_TRIES.len() - 1];
        let later = || last + ((passed - last) / LONGEST_GAP + 1) * LONGEST_GAP;
        let next = FIRST_TRIES.into_iter().find(|minutes| *minutes > passed).unwrap_or_else(later);
        let next = self.received_at.saturating_add(SignedDuration::from_mins(next)).ok();
        next.filter(|next| *next < self.kept_until())
    }
}

impl fmt::Debug for Unmatched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unmatched").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unmatched(payload: &str, index: usize, submit: Option<SubmitReference>) -> Unmatched {
        let item = WebhookItem { payload, index, submit };
        Unmatched::new(UnmatchedKind::Receipt, "cm".parse().unwrap(), item, Timestamp::UNIX_EPOCH)
    }

    fn at_minute(minute: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute)
    }

    #[test]
    fn retry_gaps_grow_until_seven_days_are_over() {
        let mut one = unmatched("{}", 0, None).with_retry();
        let mut at = Vec::new();
        while let Some(next) = one.retry_at {
            at.push(next.as_second() / 60);
            one = one.after_retry(next);
        }
        assert_eq!(at[..7], [1, 16, 76, 256, 616, 1_336, 2_056]);
        assert_eq!((at.len(), one.tries), (18, 18));
        assert!(*at.last().unwrap() < 7 * 24 * 60);
        let twice = unmatched("{}", 0, None).with_retry().after_retry(at_minute(2)).after_retry(at_minute(3));
        assert_eq!(twice.retry_at, Some(at_minute(16)), "an extra retry changes nothing");
        let later = one.kept_until();
        assert_eq!(one.after_retry(later).retry_at, None, "an operator's retry schedules no other");
    }

    #[test]
    fn next_retry_ignores_the_wake_time_that_a_tick_moved() {
        let one = unmatched("{}", 0, None).with_retry();
        let moved = Unmatched { retry_at: Some(at_minute(6)), ..one };
        assert_eq!(moved.next_retry(at_minute(0)), Some(at_minute(1)));
        assert_eq!(moved.next_retry(at_minute(2)), Some(at_minute(6)), "the job was lost, so the next tick retries");
        let retried = moved.after_retry(at_minute(2));
        assert_eq!(retried.next_retry(at_minute(2)), Some(at_minute(16)));
    }

    #[test]
    fn item_without_retries_gets_none() {
        let one = unmatched("{}", 0, None);
        assert_eq!(one.next_retry(Timestamp::UNIX_EPOCH), None);
        assert_eq!(one.after_retry(Timestamp::UNIX_EPOCH).retry_at, None);
    }

    #[test]
    fn index_path_and_body_each_change_the_id() {
        let submit = SubmitReference { message: crate::domain::MessageId::new(Uuid::from_u128(1)), channel_index: 1 };
        let all = [
            unmatched("{}", 0, None),
            unmatched("{}", 1, None),
            unmatched("{}", 0, Some(submit)),
            unmatched("{ }", 0, None),
        ];
        let ids: std::collections::HashSet<_> = all.iter().map(|one| one.id).collect();
        assert_eq!(ids.len(), all.len());
        assert_eq!(unmatched("{}", 0, None).id, all[0].id);
        assert!(!format!("{:?}", unmatched("447700900001", 0, None)).contains("4477"));
    }
}
