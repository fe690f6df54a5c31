//! API keys.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::{
    domain::{AccountId, Lane},
    hash,
};

/// An API key, shown to its client once. `Debug` prints none of it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// Returns `gw_` and the base64url of `random`.
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

/// The SHA-256 of an API key, in lower-case hex. We never store the key itself.
///
/// We look keys up by this hash, so timing does not reveal how much of a guessed key was right.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ApiKeyHash(String);

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

    #[must_use]
    pub fn id(&self) -> ApiKeyId {
        ApiKeyId(self.0[..ApiKeyId::DIGITS].to_owned())
    }
}

impl FromStr for ApiKeyHash {
    type Err = ApiKeyHashError;

    fn from_str(text: &str) -> Result<Self, ApiKeyHashError> {
        if text.len() == 64 && is_hex(text) { Ok(Self(text.to_owned())) } else { Err(ApiKeyHashError) }
    }
}

/// The holder of a valid API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHolder {
    pub account: AccountId,
    /// The lane that the operator chose for the key's messages.
    pub lane: Option<Lane>,
}

/// The first 8 digits of an API key's hash: a name for operators, which reveals nothing about the key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ApiKeyId(String);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the ID of a key is 8 lower-case hex digits")]
pub struct ApiKeyIdError;

impl ApiKeyId {
    const DIGITS: usize = 8;

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ApiKeyId {
    type Err = ApiKeyIdError;

    fn from_str(text: &str) -> Result<Self, ApiKeyIdError> {
        if text.len() == Self::DIGITS && is_hex(text) { Ok(Self(text.to_owned())) } else { Err(ApiKeyIdError) }
    }
}

impl TryFrom<String> for ApiKeyId {
    type Error = ApiKeyIdError;

    fn try_from(text: String) -> Result<Self, ApiKeyIdError> {
        text.parse()
    }
}

impl From<ApiKeyId> for String {
    fn from(id: ApiKeyId) -> Self {
        id.0
    }
}

impl fmt::Display for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_has_a_hash_and_the_hash_an_id() {
        let key = ApiKey::new([7; 32]);
        assert_eq!((key.as_str().len(), format!("{key:?}").as_str()), (46, "ApiKey(…)"));
        assert_eq!(ApiKeyHash::of("abc").as_str(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let id = ApiKeyHash::of("abc").as_str().parse::<ApiKeyHash>().unwrap().id();
        assert_eq!((id.as_str(), "ba7816bf".parse().as_ref()), ("ba7816bf", Ok(&id)));
        assert!("ABC".parse::<ApiKeyHash>().is_err());
        for text in ["", "ba7816b", "ba7816bf8", "BA7816BF", "ba7816bg"] {
            assert!(text.parse::<ApiKeyId>().is_err(), "{text}");
        }
    }
}
