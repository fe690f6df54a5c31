//! The page's statuses for our states:
//!
//! | state | status | callback |
//! |---|---|---|
//! | scheduled, queued | `QUEUE` | |
//! | submitting | `DEQUEUED` | |
//! | unknown | `UNKNOWN` | |
//! | submitted | `SENT` | yes |
//! | cancelled | `DELETED` | yes |
//! | blocked | `BLACKLISTED` | yes |
//! | rejected | `REJECTD` | yes |
//! | failed | `UNKNOWN` if the outcome stayed unknown, else `ERROR` | yes |
//! | expired | `EXPIRED` | yes |
//! | undelivered | `UNDELIV` | yes |
//! | delivered | `DELIVRD` | yes |
//! | read | `DELIVRD` | |
//!
//! `QUEUE` and `DEQUEUED` precede the submit: the answer has the former, and a client may read both. *Read* has no
//! status of its own. `ACCEPTD` and `ENROUTE` have no state, and the other statuses of the page are errors of the
//! request.

use crate::domain::{Message, State};

pub(super) const QUEUE: &str = "QUEUE";

/// Returns whether clients get a callback for the state.
pub(super) fn notifies(state: State) -> bool {
    use State::{Blocked, Cancelled, Delivered, Expired, Failed, Rejected, Submitted, Undelivered};
    matches!(state, Submitted | Cancelled | Blocked | Rejected | Failed | Expired | Undelivered | Delivered)
}

/// Returns the status for a state of the message, which may have moved on.
pub(super) fn status(message: &Message, state: State) -> &'static str {
    match state {
        State::Scheduled | State::Queued => QUEUE,
        State::Submitting => "DEQUEUED",
        State::Unknown => "UNKNOWN",
        State::Submitted => "SENT",
        State::Cancelled => "DELETED",
        State::Blocked => "BLACKLISTED",
        State::Rejected => "REJECTD",
        State::Failed if message.give_up_reason().is_some() => "UNKNOWN",
        State::Failed => "ERROR",
        State::Expired => "EXPIRED",
        State::Undelivered => "UNDELIV",
        State::Delivered | State::Read => "DELIVRD",
    }
}
