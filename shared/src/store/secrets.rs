//! Carriers' secrets.
//!
//! AWS Secrets Manager holds them all in one secret, as JSON by carrier name: a function then needs
//! permission for a single secret, and the account pays for a single secret. We cache for [`SECRETS_TTL`],
//! and re-read for a token that is not cached, at most every [`REREAD_PAUSE`]. So a new token works within
//! seconds, and a flood with wrong tokens costs little.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::Client;
use jiff::SignedDuration;

use super::{StoreError, ttl_cache::TtlCache};
use crate::{
    domain::{CarrierName, CarrierSecret},
    runtime::Clock,
};

/// How long a replaced secret may still work.
pub const SECRETS_TTL: SignedDuration = SignedDuration::from_mins(5);
const REREAD_PAUSE: SignedDuration = SignedDuration::from_secs(10);

pub type SecretsByCarrier = BTreeMap<CarrierName, CarrierSecret>;

pub trait SecretStore {
    /// Reads all carriers' secrets.
    async fn carriers(&self) -> Result<SecretsByCarrier, StoreError>;
}

/// Cached secrets.
pub struct CarrierSecrets<S = SecretsManager> {
    store: S,
    clock: Clock,
    read: TtlCache<(), SecretsByCarrier>,
}

impl<S: SecretStore> CarrierSecrets<S> {
    #[must_use]
    pub fn new(store: S, clock: Clock) -> Self {
        Self { store, clock, read: TtlCache::new(SECRETS_TTL) }
    }

    /// Returns whether the token is among those for the carrier's webhook paths.
    pub async fn is_webhook_token(&self, carrier: CarrierName, token: &str) -> Result<bool, StoreError> {
        let is_among = |secrets: SecretsByCarrier| secrets.get(&carrier).is_some_and(|s| s.is_webhook_token(token));
        let now = self.clock.now();
        if is_among(self.read.get(now, &(), || self.store.carriers()).await?) {
            return Ok(true);
        }
        Ok(is_among(self.read.get_if_newer_than(REREAD_PAUSE, now, &(), || self.store.carriers()).await?))
    }

    /// Returns our key for this carrier's API, if we were given any.
    pub async fn key(&self, carrier: CarrierName) -> Result<Option<String>, StoreError> {
        let mut secrets = self.read.get(self.clock.now(), &(), || self.store.carriers()).await?;
        Ok(secrets.remove(&carrier).and_then(|secret| secret.key))
    }
}

/// A secret of Secrets Manager, by name or ARN.
#[derive(Clone)]
pub struct SecretsManager {
    client: Client,
    secret: String,
}

impl SecretsManager {
    #[must_use]
    pub fn new(client: Client, secret: String) -> Self {
        Self { client, secret }
    }

    /// Writes all carriers' secrets. Two operators at once would overwrite each other.
    pub async fn put(&self, secrets: &SecretsByCarrier) -> Result<(), StoreError> {
        let text = serde_json::to_string(secrets).map_err(unreadable)?;
        let request = self.client.put_secret_value().secret_id(&self.secret).secret_string(text);
        request.send().await.map(|_| ()).map_err(|error| unavailable("write the secrets", error))
    }
}

impl SecretStore for SecretsManager {
    async fn carriers(&self) -> Result<SecretsByCarrier, StoreError> {
        let request = self.client.get_secret_value().secret_id(&self.secret);
        let answer = request.send().await.map_err(|error| unavailable("read the secrets", error))?;
        serde_json::from_str(answer.secret_string().unwrap_or("{}")).map_err(unreadable)
    }
}

fn unavailable(action: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable { action, source: Box::new(source) }
}

/// Builds the error without quoting the secret.
fn unreadable(error: serde_json::Error) -> StoreError {
    let reason = format!("line {}, column {}", error.line(), error.column());
    StoreError::Unreadable { what: "secret of carriers", reason }
}
