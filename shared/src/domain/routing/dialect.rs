//! The vendors' request formats that clients speak, by name.

use serde::{Deserialize, Serialize};

/// The dialects there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Cymba Messaging Plus.
    Mplus,
    /// CM.com's Business Messaging API.
    Cm,
}

impl Dialect {
    pub const ALL: [Self; 2] = [Self::Mplus, Self::Cm];
}
