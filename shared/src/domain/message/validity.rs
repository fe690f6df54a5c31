//! How long a message is worth delivering.

use jiff::{SignedDuration, Timestamp};

/// As a client asks for it. What is relative counts from when it is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    Until(Timestamp),
    For(SignedDuration),
}

impl Validity {
    /// When a message that is accepted at `now` expires.
    #[must_use]
    pub fn expires_at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Until(at) => at,
            Self::For(span) => now.saturating_add(span).unwrap_or(Timestamp::MAX),
        }
    }
}
