//! Encryption of clients' callback secrets.
//!
//! The table `Directory` holds callback secrets encrypted by AES-256-GCM, so nobody can forge a callback by reading
//! the table alone. The key is the SHA-256 digest of a text in AWS Secrets Manager, which the deployment generates. It
//! never changes: a function reads it once. An encrypted secret belongs to its account; copied to another account it
//! cannot be decrypted.
//!
//! The shape of an encrypted secret is `1.KEY.BASE64`. `KEY` identifies the key: the first 8 hex digits of its SHA-256
//! digest. `BASE64` is a random nonce (12 bytes), then the ciphertext with its tag (16 bytes).

use std::{str::FromStr, sync::OnceLock};

use aws_sdk_secretsmanager::Client;
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::{Digest, Sha256};

use super::StoreError;
use crate::{
    domain::{AccountId, EncryptedSecret},
    runtime::Random,
};

const VERSION: &str = "1";
/// The template asks for 64 characters. We refuse a shorter text than this, which someone put there by mistake.
const SHORTEST_TEXT: usize = 32;

/// Encrypts and decrypts callback secrets. Reads the key from Secrets Manager once, when it is first needed.
pub struct CallbackSecrets {
    client: Client,
    /// The name or ARN of the text in Secrets Manager.
    text: String,
    random: Random,
    key: OnceLock<Key>,
}

impl CallbackSecrets {
    #[must_use]
    pub fn new(client: Client, text: String, random: Random) -> Self {
        Self { client, text, random, key: OnceLock::new() }
    }

    pub async fn encrypt(&self, account: &AccountId, secret: &str) -> Result<EncryptedSecret, StoreError> {
        self.key().await?.encrypt(account, secret, nonce(&self.random))
    }

    /// Decrypts a secret, and parses it.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] if the secret was encrypted for another account or with another key.
    pub async fn decrypt<S: FromStr>(&self, account: &AccountId, secret: &EncryptedSecret) -> Result<S, StoreError> {
        let decrypted = self.key().await?.decrypt(account, secret)?;
        decrypted.parse().map_err(|_| unreadable("is malformed after decryption"))
    }

    /// Returns the key. The jobs of a batch may read it at the same time. If each waited for another's read, and Secrets
    /// Manager did not answer, they would wait one after another.
    async fn key(&self) -> Result<&Key, StoreError> {
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        let key = self.read_key().await?;
        Ok(self.key.get_or_init(|| key))
    }

    async fn read_key(&self) -> Result<Key, StoreError> {
        let unavailable = |source| StoreError::Unavailable { action: "read the key of callback secrets", source };
        let request = self.client.get_secret_value().secret_id(&self.text);
        let answer = request.send().await.map_err(|error| unavailable(error.into()))?;
        let text = answer.secret_string().unwrap_or_default();
        if text.len() < SHORTEST_TEXT {
            return Err(unavailable(format!("the text in Secrets Manager has under {SHORTEST_TEXT} bytes").into()));
        }
        Key::of(text)
    }
}

fn nonce(random: &Random) -> [u8; NONCE_LEN] {
    let mut nonce = [0; NONCE_LEN];
    nonce.copy_from_slice(&random.bytes()[..NONCE_LEN]);
    nonce
}

struct Key {
    id: String,
    key: LessSafeKey,
}

impl Key {
    fn of(text: &str) -> Result<Self, StoreError> {
        let bytes = Sha256::digest(text.as_bytes());
        let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| unreadable("has a key of a wrong length"))?;
        Ok(Self { id: hex::encode(&Sha256::digest(bytes)[..4]), key: LessSafeKey::new(key) })
    }

    fn encrypt(
        &self,
        account: &AccountId,
        secret: &str,
        nonce: [u8; NONCE_LEN],
    ) -> Result<EncryptedSecret, StoreError> {
        let mut bytes = secret.as_bytes().to_vec();
        let (unique, account) = (Nonce::assume_unique_for_key(nonce), Aad::from(account.as_str()));
        let encrypted = self.key.seal_in_place_append_tag(unique, account, &mut bytes);
        encrypted.map_err(|_| unreadable("is too long to encrypt"))?;
        let encrypted = STANDARD_NO_PAD.encode([&nonce[..], &bytes].concat());
        Ok(EncryptedSecret(format!("{VERSION}.{}.{encrypted}", self.id)))
    }

    fn decrypt(&self, account: &AccountId, secret: &EncryptedSecret) -> Result<String, StoreError> {
        let mut parts = secret.0.split('.');
        let (Some(VERSION), Some(key), Some(encrypted), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(unreadable("is not encrypted as 1.KEY.BASE64"));
        };
        if key != self.id {
            return Err(unreadable("was encrypted with another key"));
        }
        let mut bytes = STANDARD_NO_PAD.decode(encrypted).map_err(|_| unreadable("is not base64"))?;
        let Some((nonce, encrypted)) = bytes.split_first_chunk_mut::<NONCE_LEN>() else {
            return Err(unreadable("is too short"));
        };
        let (nonce, account) = (Nonce::assume_unique_for_key(*nonce), Aad::from(account.as_str()));
        let decrypted = self.key.open_in_place(nonce, account, encrypted);
        let decrypted = decrypted.map_err(|_| unreadable("was changed, or encrypted for another account"))?;
        String::from_utf8(decrypted.to_vec()).map_err(|_| unreadable("is not UTF-8 after decryption"))
    }
}

fn unreadable(reason: &'static str) -> StoreError {
    StoreError::unreadable("callback secret", reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01";
    const NONCE: [u8; NONCE_LEN] = *b"twelve bytes";

    fn account(id: &str) -> AccountId {
        id.parse().unwrap()
    }

    fn reason(result: Result<String, StoreError>) -> String {
        let Err(StoreError::Unreadable { reason, .. }) = result else { panic!("{result:?}") };
        reason
    }

    #[test]
    fn secret_is_decrypted_for_its_account_only() {
        let key = Key::of(TEXT).unwrap();
        for secret in ["", "s", "whsec_ZGVtbw==", "é", &"s".repeat(255)] {
            let encrypted = key.encrypt(&account("demo"), secret, NONCE).unwrap();
            assert!(secret.is_empty() || !encrypted.0.contains(secret), "{encrypted:?}");
            assert_eq!(key.decrypt(&account("demo"), &encrypted).unwrap(), secret);
            let other = key.decrypt(&account("other"), &encrypted);
            assert_eq!(reason(other), "was changed, or encrypted for another account");
        }
    }

    #[test]
    fn shape_stays_readable() {
        let key = Key::of(TEXT).unwrap();
        let encrypted = key.encrypt(&account("demo"), "secret", NONCE).unwrap();
        assert_eq!(encrypted.0, "1.bff75a29.dHdlbHZlIGJ5dGVzQnB5nYy/+QYRZsGUGvqOoL3MCXa5dw");
        assert_ne!(key.encrypt(&account("demo"), "secret", *b"other nonce!").unwrap(), encrypted);
    }

    #[test]
    fn changed_secret_or_other_key_is_refused() {
        let key = Key::of(TEXT).unwrap();
        let EncryptedSecret(encrypted) = key.encrypt(&account("demo"), "secret", NONCE).unwrap();
        let (start, last) = encrypted.split_at(encrypted.len() - 1);
        let changed = format!("{start}{}", if last == "A" { "Q" } else { "A" });
        let shown = |text: &str| reason(key.decrypt(&account("demo"), &EncryptedSecret(text.to_owned())));
        assert!(["was changed, or encrypted for another account", "is not base64"].contains(&shown(&changed).as_str()));
        let own = encrypted.split('.').nth(1).unwrap();
        for (text, expected) in [
            ("secret", "is not encrypted as 1.KEY.BASE64"),
            ("", "is not encrypted as 1.KEY.BASE64"),
            (&format!("{encrypted}.x"), "is not encrypted as 1.KEY.BASE64"),
            (&encrypted.replacen('1', "2", 1), "is not encrypted as 1.KEY.BASE64"),
            (&encrypted.replace(own, "00000000"), "was encrypted with another key"),
            (&format!("1.{own}.!"), "is not base64"),
            (&format!("1.{own}.AAAA"), "is too short"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
        let other = Key::of(&TEXT.replace('0', "x")).unwrap();
        assert_eq!(
            reason(other.decrypt(&account("demo"), &EncryptedSecret(encrypted))),
            "was encrypted with another key"
        );
    }
}
