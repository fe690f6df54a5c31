//! Receipts and replies that match nothing: kept as the carrier posted them, and matched
//! again after growing gaps until they expire.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};
use uuid::Uuid;

use crate::domain::{CarrierName, SubmitReference};

const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24 * 7);
/// How long after it came it is first tried again, in minutes, and then: after gaps of
/// a quarter of an hour, one, three and six hours.
const FIRST_TRIES: [i64; 5] = [1, 16, 76, 256, 616];
/// The gap before each of the others.
const LONGEST_GAP: i64 = 12 * 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, EnumIter, EnumString, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum UnmatchedKind {
    Receipt,
    Reply,
}

/// The id of an unmatched item: derived from the body, so a redelivery has the same.
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

/// One receipt or reply of a webhook's body.
#[derive(Clone, Copy)]
pub struct WebhookItem<'a> {
    /// The body as it came.
    pub payload: &'a str,
    /// Its index in the body.
    pub index: usize,
    /// The submit reference in the path, if it has one.
    pub submit: Option<SubmitReference>,
}

impl<'a> WebhookItem<'a> {
    /// The item at `index` of a body, posted to a path without a submit reference.
    #[must_use]
    pub fn in_body(payload: &'a str, index: usize) -> Self {
        Self { payload, index, submit: None }
    }
}

/// A receipt or reply that belongs to nothing known. `Debug` shows its id only.
#[derive(Clone, PartialEq, Eq)]
pub struct Unmatched {
    pub id: UnmatchedId,
    pub payload: String,
    pub index: usize,
    pub submit: Option<SubmitReference>,
    pub received_at: Timestamp,
    /// How often it was tried again.
    pub tries: u32,
    /// When it is looked at next; none for what can never be found by itself, or is
    /// not tried any more.
    pub retry_at: Option<Timestamp>,
}

impl Unmatched {
    /// One that has come just now and is only kept.
    #[must_use]
    pub fn new(kind: UnmatchedKind, carrier: CarrierName, item: WebhookItem<'_>, received_at: Timestamp) -> Self {
        let WebhookItem { payload, index, submit } = item;
        // The body comes last, so that nothing in it can pass for the rest.
        let name = format!("{index} {} {payload}", submit.map(|submit| submit.to_string()).unwrap_or_default());
        Self {
            id: UnmatchedId { kind, carrier, uuid: Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()) },
            payload: payload.to_owned(),
            index,
            submit,
            received_at,
            tries: 0,
            retry_at: None,
        }
    }

    /// The same, to be tried again.
    #[must_use]
    pub fn with_retry(self) -> Self {
        Self { retry_at: self.next_try(self.received_at), ..self }
    }

    /// The same after one more try in vain.
    #[must_use]
    pub fn after_retry(self, now: Timestamp) -> Self {
        let retried = Self { tries: self.tries + 1, ..self };
        Self { retry_at: retried.retry_at.and_then(|_| retried.next_try(now)), ..retried }
    }

    #[must_use]
    pub fn kept_until(&self) -> Timestamp {
        self.received_at.saturating_add(KEPT_FOR).unwrap_or(Timestamp::MAX)
    }

    /// The times are those from when it came on, so that a try too many changes none.
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
        Unmatched::new(UnmatchedKind::Receipt, CarrierName::Cm, item, Timestamp::UNIX_EPOCH)
    }

    fn at_minute(minute: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute)
    }

    #[test]
    fn the_gaps_grow_and_the_tries_end_with_the_seven_days() {
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
        assert_eq!(twice.retry_at, Some(at_minute(16)), "a try too many changes nothing");
        let later = one.kept_until();
        assert_eq!(one.after_retry(later).retry_at, None, "an operator's try begins nothing anew");
    }

    #[test]
    fn what_is_only_kept_stays_so() {
        let one = unmatched("{}", 0, None);
        assert_eq!(one.after_retry(Timestamp::UNIX_EPOCH).retry_at, None);
    }

    #[test]
    fn each_of_a_body_and_each_path_has_an_id_of_its_own() {
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
