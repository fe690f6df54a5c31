//! Carriers by name, how each is reached, and the secrets shared with it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};
use subtle::{Choice, ConstantTimeEq};
use url::Url;

/// The carriers there are.
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

/// How to reach one carrier, from the directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CarrierSettings {
    pub endpoint: Url,
    /// In milliseconds; see [`CarrierSettings::timeout`].
    pub timeout_ms: u64,
    /// Whether it is asked what became of a submit that it did not answer; see
    /// [`CarrierName::supports_lookup`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lookup: bool,
    /// Whether its receipts are found by its own id for the message, as they do not bear
    /// our name for the submit; see [`CarrierName::reports_by_id`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub receipts_by_id: bool,
}

/// What only a carrier and the gateway may know, from Secrets Manager.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarrierSecret {
    /// The unguessable part of the paths that the carrier posts to, the newest
    /// first: several while one replaces another.
    pub webhook_tokens: Vec<String>,
    /// What the gateway shows the carrier with each submit: the key, or product
    /// token, that the carrier gave us. The loopback carrier wants none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl CarrierSecret {
    /// Compares in a time that tells nothing of the tokens.
    #[must_use]
    pub fn is_webhook_token(&self, token: &str) -> bool {
        let equal = |known: &String| known.as_bytes().ct_eq(token.as_bytes());
        self.webhook_tokens.iter().fold(Choice::from(0), |found, known| found | equal(known)).into()
    }
}

/// However slow a carrier may be: the lease on a message is longer.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(45);

impl CarrierSettings {
    /// How long an answer may take before the outcome is unknown; 45 s at most.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms).min(LONGEST_TIMEOUT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_webhook_token_counts_beside_the_new_one() {
        let secret = CarrierSecret { webhook_tokens: vec!["new".to_owned(), "old".to_owned()], key: None };
        assert!(secret.is_webhook_token("new") && secret.is_webhook_token("old"));
        assert!(!secret.is_webhook_token("") && !secret.is_webhook_token("ne") && !secret.is_webhook_token("newer"));
        assert!(!CarrierSecret::default().is_webhook_token(""));
    }
}
