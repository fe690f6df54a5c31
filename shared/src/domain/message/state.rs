//! The states of a message, and which may follow which.
//!
//! Two kinds of fact make a state. What the gateway did is its [`Progress`],
//! moved by conditional writes along the arrows of [`Progress::follows`]. What
//! the network said are the receipts, each recorded once and never taken back.
//! The state that a client sees is the furthest of both, so it comes out the
//! same in whatever order the facts arrived, and it moves forward:
//!
//! ```text
//! scheduled → queued → submitting → (unknown) → submitted → undelivered … → delivered → read
//! ```
//!
//! One arrow leads back: to `queued`, when a carrier was busy, when a sender's turn
//! has not come, when a channel fails over to the next that the client allowed, or when
//! a message with an unknown outcome is sent again.

use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

use crate::domain::ReceiptStatus;

/// The state of a message as a client sees it, in the order of advance.
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
    /// Waits for its time.
    Scheduled,
    /// Its job is in the queue.
    Queued,
    /// A worker holds it.
    Submitting,
    /// It was handed over and no answer came: it may or may not have been taken.
    Unknown,
    /// The carrier took it.
    Submitted,
    /// Cancelled by the client before it was handed over.
    Cancelled,
    /// The recipient has opted out of this sender.
    Blocked,
    /// The carrier refused it.
    Rejected,
    /// It could not be sent, or its outcome stayed unknown past the deadline.
    Failed,
    /// Its time ran out, here or in the network.
    Expired,
    /// The network could not deliver it.
    Undelivered,
    /// It reached the handset.
    Delivered,
    /// It was opened.
    Read,
}

impl State {
    /// Whether nothing but a receipt can move it any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        self > Self::Submitted
    }
}

/// How far the gateway itself has brought a message.
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

    /// Whether this step may come after `before`: the arrows of the drawing.
    /// The store turns them into the conditions of its writes.
    #[must_use]
    pub fn follows(self, before: Self) -> bool {
        use Progress::{
            Blocked, Cancelled, Expired, Failed, Queued, Rejected, Scheduled, Submitted, Submitting, Unknown,
        };
        match self {
            Scheduled => false,
            Submitting | Cancelled => matches!(before, Scheduled | Queued),
            Blocked | Expired | Unknown => before == Submitting,
            // Back for another try, for the next channel, or to wait for its turn.
            Queued => matches!(before, Submitting | Unknown | Submitted),
            // An answer that comes after its worker was given up for dead still counts.
            Submitted | Rejected | Failed => matches!(before, Submitting | Unknown),
        }
    }
}

impl ReceiptStatus {
    /// The state that a message is in at least, once this receipt is there.
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
    fn names_and_order_agree() {
        assert!(State::iter().is_sorted());
        for progress in Progress::iter() {
            assert_eq!(progress.into_str(), progress.state().into_str());
        }
    }

    #[test]
    fn final_states_end_and_only_requeueing_goes_back() {
        for before in Progress::iter() {
            for after in Progress::iter().filter(|after| after.follows(before)) {
                assert!(!before.state().is_final(), "{before:?} → {after:?}");
                assert!(after.state() > before.state() || after == Progress::Queued, "{before:?} → {after:?}");
            }
        }
    }
}
