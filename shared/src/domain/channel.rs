//! The ways to a handset.

use serde::{Deserialize, Serialize};

/// A channel that a client may ask for, most wanted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    Sms,
    Rcs,
}

impl Channel {
    pub const ALL: [Self; 2] = [Self::Sms, Self::Rcs];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Rcs => "rcs",
        }
    }

    /// The channel of that name, in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str().eq_ignore_ascii_case(text))
    }
}
