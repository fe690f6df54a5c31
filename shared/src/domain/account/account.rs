//! Accounts: callback secrets and settings.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::{CallbackUrl, CallingCode, EncryptedSecret, KeywordAnswer, OnUnknown, SenderId};

/// How long we wait at least before we look again whether an account is still suspended.
const SHORTEST_HOLD: SignedDuration = SignedDuration::from_mins(1);

/// An account's ID: 1 to 40 characters of `a-z`, `0-9` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(String);

#[derive(Debug, thiserror::Error)]
#[error("an account ID is 1 to 40 characters of a-z, 0-9 and '-'")]
pub struct AccountIdError;

impl AccountId {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountId {
    type Err = AccountIdError;

    fn from_str(text: &str) -> Result<Self, AccountIdError> {
        let fits = (1..=40).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits { Ok(Self(text.to_owned())) } else { Err(AccountIdError) }
    }
}

impl TryFrom<String> for AccountId {
    type Error = AccountIdError;

    fn try_from(text: String) -> Result<Self, AccountIdError> {
        text.parse()
    }
}

impl From<AccountId> for String {
    fn from(id: AccountId) -> Self {
        id.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A secret for signing callbacks: `whsec_` and base64 (Standard Webhooks). `Debug` prints none of it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct WebhookSecret {
    written: String,
    bytes: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
#[error("a callback secret is 'whsec_' and base64 of 16 to 64 bytes")]
pub struct WebhookSecretError;

impl WebhookSecret {
    #[must_use]
    pub fn new(random: [u8; 32]) -> Self {
        Self { written: format!("whsec_{}", STANDARD.encode(random)), bytes: random.to_vec() }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl FromStr for WebhookSecret {
    type Err = WebhookSecretError;

    fn from_str(text: &str) -> Result<Self, WebhookSecretError> {
        let encoded = text.strip_prefix("whsec_").ok_or(WebhookSecretError)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| WebhookSecretError)?;
        if !(16..=64).contains(&bytes.len()) {
            return Err(WebhookSecretError);
        }
        Ok(Self { written: text.to_owned(), bytes })
    }
}

impl TryFrom<String> for WebhookSecret {
    type Error = WebhookSecretError;

    fn try_from(text: String) -> Result<Self, WebhookSecretError> {
        text.parse()
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

/// A client and its settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub id: AccountId,
    /// A name for people: operators, and recipients who send a keyword.
    pub name: String,
    /// Receives replies. Without it, clients can only read them over the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_url: Option<CallbackUrl>,
    /// Receives state callbacks if the dialect's requests name no callback URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_url: Option<CallbackUrl>,
    /// Receives notices about the account itself, such as a disabled endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice_url: Option<CallbackUrl>,
    /// Each is an encrypted [`WebhookSecret`]. Every secret signs every callback. Newest first: two during a rotation.
    /// Without secrets, callbacks are unsigned.
    #[serde(default)]
    pub secrets: Vec<EncryptedSecret>,
    /// Answer to STOP and its synonyms. If an answer is absent, we send a default text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_text: Option<KeywordAnswer>,
    /// Answer to START.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_text: Option<KeywordAnswer>,
    /// Answer to HELP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help_text: Option<KeywordAnswer>,
    /// The account's choice, which a request can override.
    #[serde(default, skip_serializing_if = "OnUnknown::is_usual")]
    pub on_unknown: OnUnknown,
    /// Default sender for requests without a sender, if the dialect allows them. Without it, a shared sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_sender: Option<SenderId>,
    /// Country for national numbers, if the dialect allows them. Without it, each number needs its country code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country_code: Option<CallingCode>,
    /// Since when the operator has suspended the account. None of its messages is submitted, and none of its callbacks
    /// is delivered.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub suspended_at: Option<Timestamp>,
}

impl Account {
    /// Creates an account without URLs, secrets and settings.
    #[must_use]
    pub fn new(id: AccountId, name: String) -> Self {
        Self {
            id,
            name,
            reply_url: None,
            status_url: None,
            notice_url: None,
            secrets: Vec::new(),
            stop_text: None,
            start_text: None,
            help_text: None,
            on_unknown: OnUnknown::default(),
            default_sender: None,
            country_code: None,
            suspended_at: None,
        }
    }

    /// Returns when to look again at something that waits for the account, or `None` if the account is not suspended.
    /// The longer the suspension lasts, the longer the wait, so that waiting costs little.
    #[must_use]
    pub fn held_until(&self, now: Timestamp, longest: SignedDuration) -> Option<Timestamp> {
        let wait = now.duration_since(self.suspended_at?).clamp(SHORTEST_HOLD, longest);
        Some(now.saturating_add(wait).unwrap_or(Timestamp::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_secret() {
        let secret = "whsec_ZGVtby1zZWNyZXQtZGVtby1zZWNyZXQtMDAwMQ==".parse::<WebhookSecret>().unwrap();
        assert_eq!(secret.bytes(), b"demo-secret-demo-secret-0001");
        assert_eq!(format!("{secret:?}"), "WebhookSecret(…)");
    }

    #[test]
    fn new_secret_parses_again() {
        let secret = WebhookSecret::new([7; 32]);
        assert_eq!(secret.as_str().parse::<WebhookSecret>().unwrap().bytes(), [7; 32]);
    }

    #[test]
    fn hold_grows_with_the_suspension() {
        let at = |minute: i64| Timestamp::from_second(60 * minute).unwrap();
        let longest = SignedDuration::from_hours(24);
        let mut account = Account::new("a".parse().unwrap(), "A".to_owned());
        assert_eq!(account.held_until(at(1_000), longest), None);
        account.suspended_at = Some(at(1_000));
        for (now, until) in [(999, 1_000), (1_000, 1_001), (1_010, 1_020), (3_000, 4_440)] {
            assert_eq!(account.held_until(at(now), longest), Some(at(until)), "{now}");
        }
    }

    #[test]
    fn invalid_secret_or_account_id_is_rejected() {
        for text in ["", "whsec_", "whsec_!!!", "ZGVtby1zZWNyZXQtZGVtbw==", "whsec_c2hvcnQ="] {
            assert!(text.parse::<WebhookSecret>().is_err(), "{text}");
        }
        for text in ["", "Demo", "a b", "a#b", &"a".repeat(41)] {
            assert!(text.parse::<AccountId>().is_err(), "{text}");
        }
    }
}
