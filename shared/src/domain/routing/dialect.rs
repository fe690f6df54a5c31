//! Dialects: the vendors' request formats.

use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

/// A request format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, EnumIter, EnumString, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum Dialect {
    /// Cymba Messaging Plus.
    Mplus,
    /// CM.com's Business Messaging API.
    Cm,
    /// Messangi's API `raven`.
    Messangi,
}
