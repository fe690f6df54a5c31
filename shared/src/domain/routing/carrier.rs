//! Carriers: names, settings and shared secrets.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};
use subtle::{Choice, ConstantTimeEq};
use url::Url;

/// The supported carriers.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    Display,
    EnumIter,
    EnumString,
    IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum CarrierName {
    /// The simulated carrier of the local stack (`infra/local`).
    Loopback,
    /// CM.com.
    Cm,
}

/// A carrier's settings, from the directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CarrierSettings {
    pub endpoint: Url,
    /// In milliseconds. [`CarrierSettings::timeout`] caps it.
    pub timeout_ms: u64,
    /// Whether we look up unknown outcomes; see [`CarrierName::supports_lookup`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lookup: bool,
    /// Whether we match receipts by the carrier's own ID instead of our reference; see
    /// [`CarrierName::reports_by_id`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub receipts_by_id: bool,
}

/// Secrets shared with a carrier, from Secrets Manager.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarrierSecret {
    /// Secret parts of the webhook paths, newest first: several during a rotation.
    pub webhook_tokens: Vec<String>,
    /// The carrier's key or product token for our submits. The loopback carrier needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl CarrierSecret {
    /// Compares in constant time.
    #[must_use]
    pub fn is_webhook_token(&self, token: &str) -> bool {
        let equal = |known: &String| known.as_bytes().ct_eq(token.as_bytes());
        self.webhook_tokens.iter().fold(Choice::from(0), |found, known| found | equal(known)).into()
    }
}

/// Must stay shorter than the lease on a message.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(45);

impl CarrierSettings {
    /// Returns the submit timeout, after which the outcome is unknown: 45 s at most.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms).min(LONGEST_TIMEOUT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_webhook_token_counts_beside_the_new() {
        let secret = CarrierSecret { webhook_tokens: vec!["new".to_owned(), "old".to_owned()], key: None };
        assert!(secret.is_webhook_token("new") && secret.is_webhook_token("old"));
        assert!(!secret.is_webhook_token("") && !secret.is_webhook_token("ne") && !secret.is_webhook_token("newer"));
        assert!(!CarrierSecret::default().is_webhook_token(""));
    }
}
