//! Carriers: an operator's named connections of vendors, with their settings and shared secrets.

use std::{collections::BTreeMap, fmt, str::FromStr, sync::Arc, time::Duration};

use arrayvec::ArrayString;
use serde::{Deserialize, Serialize};
use subtle::{Choice, ConstantTimeEq};
use url::Url;

use crate::domain::{CallingCode, CarrierNumberError, CredentialPart, Credentials, PhoneNumber, SenderId, Vendor};

/// The most bytes of a name.
const LONGEST_NAME: usize = 32;

/// The name that an operator gives to a carrier, such as `cm-nl`: 1 to 32 lower-case letters, digits and single
/// hyphens between them. It is part of webhook paths, keys, metrics and log lines.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CarrierName(ArrayString<LONGEST_NAME>);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("is not a carrier name: 1 to {LONGEST_NAME} lower-case letters, digits and single hyphens between them")]
pub struct CarrierNameError;

impl CarrierName {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CarrierName {
    type Err = CarrierNameError;

    fn from_str(text: &str) -> Result<Self, CarrierNameError> {
        let is_part =
            |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let name = ArrayString::from(text).map_err(|_| CarrierNameError)?;
        if text.split('-').all(is_part) { Ok(Self(name)) } else { Err(CarrierNameError) }
    }
}

impl TryFrom<String> for CarrierName {
    type Error = CarrierNameError;

    fn try_from(text: String) -> Result<Self, CarrierNameError> {
        text.parse()
    }
}

impl From<CarrierName> for String {
    fn from(name: CarrierName) -> Self {
        name.as_str().to_owned()
    }
}

impl fmt::Display for CarrierName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for CarrierName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A carrier: a named connection of a vendor.
#[derive(Clone, Debug)]
pub struct Carrier {
    pub name: CarrierName,
    pub settings: CarrierSettings,
}

/// A carrier's settings, from the directory. [`VendorProfile`](crate::domain::VendorProfile) says which of them
/// its vendor has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarrierSettings {
    pub vendor: Vendor,
    pub endpoint: Url,
    /// In milliseconds. [`CarrierSettings::timeout`] caps it.
    pub timeout_ms: u64,
    /// Whether we look up unknown outcomes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lookup: bool,
    /// Whether we match receipts by the carrier's own ID instead of our reference.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub receipts_by_id: bool,
    /// The country of national numbers in webhooks. Without it, a number there needs its country code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country_code: Option<CallingCode>,
    /// Base URL at which the vendor reaches our webhooks, if submits name the address of their receipts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<Url>,
    #[serde(default, skip_serializing_if = "SenderTable::is_empty")]
    pub sender_ids: SenderTable,
}

/// The vendor's own IDs of our sender IDs. Clones share the map.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<SenderId, String>", into = "BTreeMap<SenderId, String>")]
pub struct SenderTable(Arc<BTreeMap<SenderId, String>>);

impl SenderTable {
    /// Returns the vendor's ID of a sender.
    #[must_use]
    pub fn get(&self, sender: &SenderId) -> Option<&str> {
        self.0.get(sender).map(String::as_str)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&SenderId, &str)> {
        self.0.iter().map(|(sender, id)| (sender, id.as_str()))
    }
}

impl From<BTreeMap<SenderId, String>> for SenderTable {
    fn from(ids: BTreeMap<SenderId, String>) -> Self {
        Self(Arc::new(ids))
    }
}

impl From<SenderTable> for BTreeMap<SenderId, String> {
    fn from(table: SenderTable) -> Self {
        Arc::unwrap_or_clone(table.0)
    }
}

/// Secrets shared with a carrier, from Secrets Manager.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarrierSecret {
    /// Secret parts of the webhook paths, newest first: several during a rotation.
    pub webhook_tokens: Vec<String>,
    #[serde(default, skip_serializing_if = "Credentials::is_empty")]
    pub credentials: Credentials,
    /// Secrets with which the vendor signs its webhooks, newest first: two during a rotation. If there is one, we
    /// reject an unsigned webhook.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signing_secrets: Vec<String>,
}

impl CarrierSecret {
    /// Compares in constant time.
    #[must_use]
    pub fn is_webhook_token(&self, token: &str) -> bool {
        let equal = |known: &String| known.as_bytes().ct_eq(token.as_bytes());
        self.webhook_tokens.iter().fold(Choice::from(0), |found, known| found | equal(known)).into()
    }

    /// Returns what a submit may bear: key, password and webhook tokens.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        let credentials = [CredentialPart::Key, CredentialPart::Password].map(|part| self.credentials.get(part));
        credentials.into_iter().flatten().chain(self.webhook_tokens.iter().map(String::as_str))
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

    /// Parses a number from the carrier, which may be national if the carrier has a country.
    ///
    /// # Errors
    /// If the number is malformed, or of an unknown country.
    pub fn parse_number(&self, text: &str) -> Result<PhoneNumber, CarrierNumberError> {
        self.country_code.map_or_else(|| Ok(text.parse()?), |country| country.parse_number(text))
    }
}

#[cfg(test)]
impl CarrierSettings {
    pub(crate) fn example(vendor: Vendor, endpoint: &str) -> Self {
        Self {
            vendor,
            endpoint: endpoint.parse().unwrap(),
            timeout_ms: 10_000,
            lookup: false,
            receipts_by_id: false,
            country_code: None,
            webhook_url: None,
            sender_ids: SenderTable::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_webhook_token_counts_beside_the_new() {
        let webhook_tokens = vec!["new".to_owned(), "old".to_owned()];
        let secret = CarrierSecret { webhook_tokens, ..CarrierSecret::default() };
        assert!(secret.is_webhook_token("new") && secret.is_webhook_token("old"));
        assert!(!secret.is_webhook_token("") && !secret.is_webhook_token("ne") && !secret.is_webhook_token("newer"));
        assert!(!CarrierSecret::default().is_webhook_token(""));
    }

    #[test]
    fn name_is_lower_case_letters_digits_and_single_hyphens() {
        let longest = "a".repeat(LONGEST_NAME);
        for text in ["cm", "cm-nl", "7", "a-1-b", &longest] {
            let name: CarrierName = text.parse().unwrap();
            assert_eq!((name.as_str(), name.to_string()), (text, text.to_owned()));
            let written = serde_json::to_string(&name).unwrap();
            assert_eq!(serde_json::from_str::<CarrierName>(&written).unwrap(), name);
        }
        let longer = "a".repeat(LONGEST_NAME + 1);
        for text in ["", "-", "cm-", "-cm", "cm--nl", "CM", "cm_nl", "cm#nl", "cm/nl", "cm nl", "cé", &longer] {
            assert_eq!(text.parse::<CarrierName>(), Err(CarrierNameError), "{text}");
        }
    }
}
