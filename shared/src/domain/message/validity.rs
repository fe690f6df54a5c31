use jiff::{SignedDuration, Timestamp};

/// A message's validity: how long it is worth delivering. `For` counts from acceptance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    Until(Timestamp),
    For(SignedDuration),
}

impl Validity {
    #[must_use]
    pub fn expires_at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Until(at) => at,
            Self::For(span) => now.saturating_add(span).unwrap_or(Timestamp::MAX),
        }
    }
}
