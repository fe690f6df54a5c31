//! Accounts: who may send, and where its events go.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::CallbackUrl;

/// The name of an account: 1 to 40 of `a-z`, `0-9` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(String);

/// An account name with other characters or another length than allowed.
#[derive(Debug, thiserror::Error)]
#[error("an account id is 1 to 40 of a-z, 0-9 and '-'")]
pub struct AccountIdError;

impl AccountId {
    /// # Errors
    /// When the name is empty, too long or has another character.
    pub fn parse(text: &str) -> Result<Self, AccountIdError> {
        let fits = (1..=40).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits { Ok(Self(text.to_owned())) } else { Err(AccountIdError) }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AccountId {
    type Error = AccountIdError;

    fn try_from(text: String) -> Result<Self, AccountIdError> {
        Self::parse(&text)
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

/// SHA-256 of an API key, in lower-case hex; the key itself is never stored.
///
/// Keys are looked up by this hash, so how long a look-up takes tells nothing
/// about how much of a guessed key was right.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ApiKeyHash(String);

impl ApiKeyHash {
    #[must_use]
    pub fn of(key: &str) -> Self {
        use fmt::Write;
        let mut hex = String::with_capacity(64);
        for byte in Sha256::digest(key.as_bytes()) {
            let _ = write!(hex, "{byte:02x}");
        }
        Self(hex)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
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
    /// # Errors
    /// When the prefix is missing, the base64 is broken, or the length is not
    /// 16 to 64 bytes.
    pub fn parse(text: &str) -> Result<Self, WebhookSecretError> {
        let encoded = text.strip_prefix("whsec_").ok_or(WebhookSecretError)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| WebhookSecretError)?;
        if !(16..=64).contains(&bytes.len()) {
            return Err(WebhookSecretError);
        }
        Ok(Self { written: text.to_owned(), bytes })
    }

    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl TryFrom<String> for WebhookSecret {
    type Error = WebhookSecretError;

    fn try_from(text: String) -> Result<Self, WebhookSecretError> {
        Self::parse(&text)
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
    /// For people; shown nowhere but to the operator.
    pub name: String,
    /// Where replies go; without one they are kept and can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_url: Option<CallbackUrl>,
    /// Callbacks are signed with each of these, the newest first: two while a
    /// secret is being replaced. Without one, callbacks go unsigned.
    #[serde(default)]
    pub secrets: Vec<WebhookSecret>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_and_a_key_hash_show_nothing() {
        let secret = WebhookSecret::parse("whsec_ZGVtby1zZWNyZXQtZGVtby1zZWNyZXQtMDAwMQ==").unwrap();
        assert_eq!(secret.bytes(), b"demo-secret-demo-secret-0001");
        assert_eq!(format!("{secret:?}"), "WebhookSecret(…)");
        assert_eq!(ApiKeyHash::of("abc").as_str(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn other_secrets_and_names_are_refused() {
        for text in ["", "whsec_", "whsec_!!!", "ZGVtby1zZWNyZXQtZGVtbw==", "whsec_c2hvcnQ="] {
            assert!(WebhookSecret::parse(text).is_err(), "{text}");
        }
        for text in ["", "Demo", "a b", "a#b", &"a".repeat(41)] {
            assert!(AccountId::parse(text).is_err(), "{text}");
        }
    }
}
