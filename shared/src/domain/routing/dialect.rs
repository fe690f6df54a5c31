//! The vendors' request formats that clients speak, by name.

use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

/// The dialects there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, EnumIter, EnumString, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum Dialect {
    /// Cymba Messaging Plus.
    Mplus,
    /// CM.com's Business Messaging API.
    Cm,
}
