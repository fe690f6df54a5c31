//! Message states, and the allowed changes between them.
//!
//! The state has two sources. Our own [`Progress`] changes by conditional writes, and only as
//! [`Progress::follows`] allows. The network's receipts are each recorded once and never removed. A client
//! sees the more advanced of the two, whichever came first:
//!
//! ```text
//! scheduled → queued → submitting → (unknown) → submitted → undelivered … → delivered → read
//! ```
//!
//! Progress goes back only to `queued`: if a carrier was busy, if the send slot is later, if we fail over to
//! the next channel, or if we resend a message with an unknown outcome.

use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

use crate::domain::ReceiptStatus;

/// The state shown to clients, from least to most advanced.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    EnumIter,
    EnumString,
    IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum State {
    /// Waits for its `send_at`.
    Scheduled,
    /// Its job is in the queue.
    Queued,
    /// Claimed by a worker.
    Submitting,
    /// The carrier did not answer, and may or may not have the message.
    Unknown,
    /// Accepted by a carrier.
    Submitted,
    /// Cancelled by the client before submit.
    Cancelled,
    /// The recipient opted out of this sender.
    Blocked,
    /// The last carrier that was left refused the message, in its answer or in a receipt.
    Rejected,
    /// No route candidate was left after a failed attempt, or the outcome was still unknown at the deadline.
    Failed,
    /// The validity ended, here or in the network, or no carrier could take the message for a day.
    Expired,
    /// The network could not deliver the message.
    Undelivered,
    Delivered,
    /// Opened by the recipient.
    Read,
}

impl State {
    /// Returns whether only a receipt can change this state.
    #[must_use]
    pub fn is_final(self) -> bool {
        self > Self::Submitted
    }
}

/// Our own progress, without the network's receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, EnumIter, EnumString, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum Progress {
    Scheduled,
    Queued,
    Submitting,
    Unknown,
    Submitted,
    Cancelled,
    Blocked,
    Rejected,
    Failed,
    Expired,
}

impl Progress {
    #[must_use]
    pub fn state(self) -> State {
        match self {
            Self::Scheduled => State::Scheduled,
            Self::Queued => State::Queued,
            Self::Submitting => State::Submitting,
            Self::Unknown => State::Unknown,
            Self::Submitted => State::Submitted,
            Self::Cancelled => State::Cancelled,
            Self::Blocked => State::Blocked,
            Self::Rejected => State::Rejected,
            Self::Failed => State::Failed,
            Self::Expired => State::Expired,
        }
    }

    /// Returns whether `before` may change to `self`. The store's writes have this rule as a condition.
    #[must_use]
    pub fn follows(self, before: Self) -> bool {
        use Progress::{
            Blocked, Cancelled, Expired, Failed, Queued, Rejected, Scheduled, Submitted, Submitting, Unknown,
        };
        match self {
            Scheduled => false,
            Submitting | Cancelled => matches!(before, Scheduled | Queued),
            Blocked | Expired | Unknown => before == Submitting,
            // A retry, a resend, a failover, or a wait for the send slot.
            Queued => matches!(before, Submitting | Unknown | Submitted),
            // A carrier's answer counts even if the lease of the worker that got it had expired.
            Submitted | Rejected | Failed => matches!(before, Submitting | Unknown),
        }
    }
}

impl ReceiptStatus {
    /// Returns the least advanced state that a message with this receipt can have.
    #[must_use]
    pub fn state(self) -> State {
        match self {
            Self::Sent => State::Submitted,
            Self::Undelivered => State::Undelivered,
            Self::Expired => State::Expired,
            Self::Rejected => State::Rejected,
            Self::Delivered => State::Delivered,
            Self::Read => State::Read,
        }
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn state_and_progress_names_agree() {
        assert!(State::iter().is_sorted());
        for progress in Progress::iter() {
            assert_eq!(progress.into_str(), progress.state().into_str());
        }
    }

    #[test]
    fn final_state_ends_and_only_requeueing_goes_back() {
        for before in Progress::iter() {
            for after in Progress::iter().filter(|after| after.follows(before)) {
                assert!(!before.state().is_final(), "{before:?} → {after:?}");
                assert!(after.state() > before.state() || after == Progress::Queued, "{before:?} → {after:?}");
            }
        }
    }
}
