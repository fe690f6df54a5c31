//! Carriers' secrets: one secret of AWS Secrets Manager holds those of all
//! carriers, as JSON by the carrier's name, so that a function may read exactly
//! one thing and an account pays for one.
//!
//! What was read is remembered for [`SECRETS_TTL`]; a token that is not among what is
//! remembered is looked for anew, though not more often than every [`REREAD_PAUSE`],
//! so that a new token counts at once and a flood of wrong ones costs little.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::Client;
use jiff::SignedDuration;

use super::{StoreError, ttl_cache::TtlCache};
use crate::{
    domain::{CarrierName, CarrierSecret},
    runtime::Clock,
};

/// How long a secret that was replaced may go on to count.
pub const SECRETS_TTL: SignedDuration = SignedDuration::from_mins(5);
const REREAD_PAUSE: SignedDuration = SignedDuration::from_secs(10);

/// Each carrier's secrets.
pub type SecretsByCarrier = BTreeMap<CarrierName, CarrierSecret>;

/// Where the secrets are.
pub trait SecretStore {
    /// # Errors
    /// When the store did not answer, or what it holds is no such JSON.
    async fn carriers(&self) -> Result<SecretsByCarrier, StoreError>;
}

/// Secrets that are remembered.
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

    /// Whether the carrier was given this token for the paths that it posts to.
    ///
    /// # Errors
    /// When the secrets could not be read.
    pub async fn is_webhook_token(&self, carrier: CarrierName, token: &str) -> Result<bool, StoreError> {
        let is_among = |secrets: SecretsByCarrier| secrets.get(&carrier).is_some_and(|s| s.is_webhook_token(token));
        let now = self.clock.now();
        if is_among(self.read.get(now, &(), || self.store.carriers()).await?) {
            return Ok(true);
        }
        Ok(is_among(self.read.get_if_newer_than(REREAD_PAUSE, now, &(), || self.store.carriers()).await?))
    }

    /// What the gateway shows this carrier; none if the carrier has given us none.
    ///
    /// # Errors
    /// When the secrets could not be read.
    pub async fn key(&self, carrier: CarrierName) -> Result<Option<String>, StoreError> {
        let mut secrets = self.read.get(self.clock.now(), &(), || self.store.carriers()).await?;
        Ok(secrets.remove(&carrier).and_then(|secret| secret.key))
    }
}

/// The secret of that name or ARN in Secrets Manager.
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

    /// Writes all of them. Two operators who do so at once overwrite each other.
    ///
    /// # Errors
    /// When the store did not answer.
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

/// Says nothing of what stands there.
fn unreadable(error: serde_json::Error) -> StoreError {
    let reason = format!("line {}, column {}", error.line(), error.column());
    StoreError::Unreadable { what: "secret of carriers", reason }
}
