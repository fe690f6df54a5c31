//! Why messages were not accepted.

use crate::domain::FieldError;

/// Why a message cannot be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionReason {
    /// The account does not own the sender ID.
    NotOwned,
    /// The id or `Idempotency-Key` was used before, with another content.
    Conflict,
    /// The time is too far ahead, or no shared sender is left.
    Unacceptable,
}

/// One message that was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedMessage {
    pub reason: RejectionReason,
    pub error: FieldError,
}

/// A request none of whose messages was accepted: the first reason found, and an error for each
/// message that it applies to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    pub reason: RejectionReason,
    pub errors: Vec<FieldError>,
}
