//! Waiting or resending after an unknown outcome.

use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

/// The choice of an account, or of one request, if a carrier did not answer and may have the message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, EnumIter, EnumString, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", ascii_case_insensitive, const_into_str)]
pub enum OnUnknown {
    /// Wait for the receipt: rather late or lost than delivered twice.
    #[default]
    Wait,
    /// Resend if no receipt comes soon: rather delivered twice than lost.
    Resend,
}

impl OnUnknown {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde requires this signature")]
    pub(in crate::domain) fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}
