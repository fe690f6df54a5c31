//! Dialects: the vendors' request formats.

use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

/// Where a dialect's callbacks go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallbackTarget {
    /// Statuses go to the request's URLs, replies to the account's reply URL.
    Request,
    /// As `Request`, but without a URL in the request, statuses go to the account's status URL.
    RequestOrAccount,
    /// Callbacks go to the client's webhooks for the event. Without webhooks, they go to the
    /// account's status URL or reply URL.
    Webhooks,
}

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
    /// Mobile Text Alerts.
    Mta,
}
