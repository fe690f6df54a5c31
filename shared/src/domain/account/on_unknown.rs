//! What is done about a submit that got no answer: the carrier may have it or not.

use serde::{Deserialize, Serialize};

/// The choice of an account, or of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnUnknown {
    /// Its receipt is waited for: better late or never than twice.
    #[default]
    Wait,
    /// It is sent again if no receipt comes soon: better twice than never.
    Resend,
}

impl OnUnknown {
    pub const ALL: [Self; 2] = [Self::Wait, Self::Resend];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Resend => "resend",
        }
    }

    /// In any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.as_str().eq_ignore_ascii_case(text))
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(in crate::domain) fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}
