//! Rejected messages and requests.

use crate::domain::FieldError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionReason {
    /// The account does not own the sender ID.
    NotOwned,
    /// The ID or `Idempotency-Key` was used before with different content.
    Conflict,
    /// `send_at` is too far ahead, no route has the chosen name, or no shared sender is free for the recipient.
    Unacceptable,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedMessage {
    pub reason: RejectionReason,
    pub error: FieldError,
}

/// A request rejected as a whole: the first reason found, and an error per message with that reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    pub reason: RejectionReason,
    pub errors: Vec<FieldError>,
}
