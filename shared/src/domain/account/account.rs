//! Accounts: who may send, and where its events go.

use std::{fmt, str::FromStr};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde::{Deserialize, Serialize};

use crate::{
    domain::{CallbackUrl, KeywordAnswer, OnUnknown},
    hash,
};

/// The name of an account: 1 to 40 of `a-z`, `0-9` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(String);

/// An account name with other characters or another length than allowed.
#[derive(Debug, thiserror::Error)]
#[error("an account id is 1 to 40 of a-z, 0-9 and '-'")]
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

/// An API key as it is given to a client, once. `Debug` prints none of it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// `gw_` and base64url of bytes that must be random.
    #[must_use]
    pub fn new(random: [u8; 32]) -> Self {
        Self(format!("gw_{}", URL_SAFE_NO_PAD.encode(random)))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn hash(&self) -> ApiKeyHash {
        ApiKeyHash::of(&self.0)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// SHA-256 of an API key, in lower-case hex; the key itself is never stored.
///
/// Keys are looked up by this hash, so how long a look-up takes tells nothing
/// about how much of a guessed key was right.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ApiKeyHash(String);

/// A text that is not 64 lower-case hex digits.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the hash of an API key is 64 lower-case hex digits")]
pub struct ApiKeyHashError;

impl ApiKeyHash {
    #[must_use]
    pub fn of(key: &str) -> Self {
        Self(hash::sha256_hex(key))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What people call the key: the first 8 digits, which tell nothing of it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0[..8]
    }
}

impl FromStr for ApiKeyHash {
    type Err = ApiKeyHashError;

    fn from_str(text: &str) -> Result<Self, ApiKeyHashError> {
        let is_hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if text.len() == 64 && is_hex { Ok(Self(text.to_owned())) } else { Err(ApiKeyHashError) }
    }
}

/// A secret that callbacks are signed with: `whsec_` and base64 of its bytes
/// (Standard Webhooks). `Debug` prints none of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebhookSecret {
    written: String,
    bytes: Vec<u8>,
}

/// A secret that is not `whsec_` and base64 of 16 to 64 bytes.
#[derive(Debug, thiserror::Error)]
#[error("a callback secret is 'whsec_' and base64 of 16 to 64 bytes")]
pub struct WebhookSecretError;

impl WebhookSecret {
    /// A secret of bytes that must be random.
    #[must_use]
    pub fn new(random: [u8; 32]) -> Self {
        Self { written: format!("whsec_{}", STANDARD.encode(random)), bytes: random.to_vec() }
    }

    /// As a client is given it.
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

impl From<WebhookSecret> for String {
    fn from(secret: WebhookSecret) -> Self {
        secret.written
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

/// What the gateway knows of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub id: AccountId,
    /// For people: the operator, and recipients who send a keyword.
    pub name: String,
    /// Where replies go; without one they are kept and can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_url: Option<CallbackUrl>,
    /// Where the states of messages go that came without a callback of their
    /// own, in dialects that have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_url: Option<CallbackUrl>,
    /// Where it is told what the gateway has to say about the account itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice_url: Option<CallbackUrl>,
    /// Callbacks are signed with each of these, the newest first: two while a
    /// secret is being replaced. Without one, callbacks go unsigned.
    #[serde(default)]
    pub secrets: Vec<WebhookSecret>,
    /// What is answered to STOP and its kin; without one, the usual words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_text: Option<KeywordAnswer>,
    /// Likewise to START.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_text: Option<KeywordAnswer>,
    /// Likewise to HELP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help_text: Option<KeywordAnswer>,
    /// What is done about a submit without an answer, unless the request says so.
    #[serde(default, skip_serializing_if = "OnUnknown::is_usual")]
    pub on_unknown: OnUnknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_and_a_key_hash_show_nothing() {
        let secret = "whsec_ZGVtby1zZWNyZXQtZGVtby1zZWNyZXQtMDAwMQ==".parse::<WebhookSecret>().unwrap();
        assert_eq!(secret.bytes(), b"demo-secret-demo-secret-0001");
        assert_eq!(format!("{secret:?}"), "WebhookSecret(…)");
        assert_eq!(ApiKeyHash::of("abc").as_str(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn what_is_made_can_be_read_again() {
        let (key, secret) = (ApiKey::new([7; 32]), WebhookSecret::new([7; 32]));
        assert_eq!((key.as_str().len(), format!("{key:?}").as_str()), (46, "ApiKey(…)"));
        assert_eq!(key.hash().as_str().parse::<ApiKeyHash>().unwrap().id(), &key.hash().as_str()[..8]);
        assert_eq!(secret.as_str().parse::<WebhookSecret>().unwrap().bytes(), [7; 32]);
        assert!("ABC".parse::<ApiKeyHash>().is_err());
    }

    #[test]
    fn other_secrets_and_names_are_refused() {
        for text in ["", "whsec_", "whsec_!!!", "ZGVtby1zZWNyZXQtZGVtbw==", "whsec_c2hvcnQ="] {
            assert!(text.parse::<WebhookSecret>().is_err(), "{text}");
        }
        for text in ["", "Demo", "a b", "a#b", &"a".repeat(41)] {
            assert!(text.parse::<AccountId>().is_err(), "{text}");
        }
    }
}
