//! What is done about a submit that got no answer: the carrier may have it or not.

use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

/// The choice of an account, or of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, EnumIter, EnumString, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", ascii_case_insensitive, const_into_str)]
pub enum OnUnknown {
    /// Its receipt is waited for: better late or never than twice.
    #[default]
    Wait,
    /// It is sent again if no receipt comes soon: better twice than never.
    Resend,
}

impl OnUnknown {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(in crate::domain) fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}
