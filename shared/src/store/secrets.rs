//! Carriers' secrets.
//!
//! AWS Secrets Manager holds them all in one secret, as JSON by carrier name: a function then needs
//! permission for a single secret, and the account pays for a single secret. We cache for [`SECRETS_TTL`],
//! and re-read for a token or signature that fits no cached secret, at most every [`REREAD_PAUSE`]. So a new
//! token works within seconds, and a flood with wrong tokens costs little.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use aws_sdk_secretsmanager::{Client, operation::update_secret_version_stage::UpdateSecretVersionStageError};
use jiff::SignedDuration;
use tracing::warn;

use super::{StoreError, ttl_cache::TtlCache};
use crate::{
    domain::{CarrierName, CarrierSecret},
    runtime::{Clock, Random, error_chain},
};

/// How long a replaced secret may still work.
pub const SECRETS_TTL: SignedDuration = SignedDuration::from_mins(5);
const REREAD_PAUSE: SignedDuration = SignedDuration::from_secs(10);

const WRITE: &str = "write the secrets";
/// In bytes. Secrets Manager refuses more.
const LONGEST_TEXT: usize = 65_536;
/// The label of the version that Secrets Manager returns.
const CURRENT: &str = "AWSCURRENT";
/// How many labels of our own we use. A secret has at most 20 labels, and a command that died leaves one behind.
const LABELS: usize = 16;
/// Attempts to change the secrets while other operators change them, too. An attempt fails after another operator's
/// change, and also if both drew the same label: so more often than there are operators.
const TRIES: u32 = 30;
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

pub type SecretsByCarrier = BTreeMap<CarrierName, CarrierSecret>;

pub trait SecretStore {
    /// Reads all carriers' secrets.
    async fn carriers(&self) -> Result<SecretsByCarrier, StoreError>;
}

/// Cached secrets.
pub struct CarrierSecrets<S = SecretsManager> {
    store: S,
    clock: Clock,
    read: TtlCache<(), Arc<SecretsByCarrier>>,
}

impl<S: SecretStore> CarrierSecrets<S> {
    #[must_use]
    pub fn new(store: S, clock: Clock) -> Self {
        Self { store, clock, read: TtlCache::new(SECRETS_TTL) }
    }

    /// Returns whether the carrier has a secret that passes the check. Reads the secrets again before it says no.
    pub async fn is_any(
        &self,
        carrier: CarrierName,
        check: impl Fn(&CarrierSecret) -> bool,
    ) -> Result<bool, StoreError> {
        let passes = |secrets: Arc<SecretsByCarrier>| secrets.get(&carrier).is_some_and(&check);
        let now = self.clock.now();
        if passes(self.read.get(now, &(), || self.latest()).await?) {
            return Ok(true);
        }
        Ok(passes(self.read.get_if_newer_than(REREAD_PAUSE, now, &(), || self.latest()).await?))
    }

    /// Returns this carrier's secret, empty if it has none.
    pub async fn secret(&self, carrier: CarrierName) -> Result<CarrierSecret, StoreError> {
        let secrets = self.read.get(self.clock.now(), &(), || self.latest()).await?;
        Ok(secrets.get(&carrier).cloned().unwrap_or_default())
    }

    async fn latest(&self) -> Result<Arc<SecretsByCarrier>, StoreError> {
        self.store.carriers().await.map(Arc::new)
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

    /// Writes all carriers' secrets, over changes of other operators. Only for a stack that nobody uses yet.
    pub async fn put(&self, secrets: &SecretsByCarrier) -> Result<(), StoreError> {
        let request = self.client.put_secret_value().secret_id(&self.secret).secret_string(text_of(secrets)?);
        request.send().await.map(|_| ()).map_err(|error| unavailable(WRITE, error))
    }

    /// Changes the secrets and returns them. If other operators change them at the same time, no change is lost:
    /// `change` then runs again, on the secrets as the others left them. Writes only if something differs.
    ///
    /// # Errors
    /// The error of `change`; also [`StoreError::Unavailable`] if the secrets would be longer than Secrets Manager
    /// permits, or if other operators changed them on every attempt. Nothing was changed then.
    pub async fn change<E: From<StoreError>>(
        &self,
        random: &Random,
        mut change: impl AsyncFnMut(&mut SecretsByCarrier) -> Result<(), E>,
    ) -> Result<SecretsByCarrier, E> {
        let mut left = TRIES;
        loop {
            let (version, before) = self.latest().await?;
            let version = version.ok_or_else(without_version)?;
            let mut secrets = before.clone();
            change(&mut secrets).await?;
            if secrets == before {
                return Ok(secrets);
            }
            left -= 1;
            match self.replace(&version, &text_of(&secrets)?, random).await? {
                Replacement::Done => return Ok(secrets),
                Replacement::Conflict(error) if left == 0 => return Err(error.into()),
                Replacement::Conflict(_) => tokio::time::sleep(random.up_to(LONGEST_PAUSE)).await,
            }
        }
    }

    /// Makes the text current if `version` still is. A put alone makes a version current whatever was current before.
    /// So we put the text under a label of our own and then move AWSCURRENT, which Secrets Manager refuses if that
    /// label is no longer on the version that we name.
    async fn replace(&self, version: &str, text: &str, random: &Random) -> Result<Replacement, StoreError> {
        // Two operators rarely draw the same label. If they do, the first version loses its label and may be dropped.
        let label = format!("change-{}", random.index(LABELS));
        let put = self.client.put_secret_value().secret_id(&self.secret).secret_string(text).version_stages(&label);
        let put = put.send().await.map_err(|error| unavailable(WRITE, error))?;
        let own = put.version_id().ok_or_else(without_version)?;
        let update = self.client.update_secret_version_stage().secret_id(&self.secret).version_stage(CURRENT);
        let moved = update.move_to_version_id(own).remove_from_version_id(version).send().await;
        let replacement = match moved {
            Ok(_) => Ok(Replacement::Done),
            Err(error) => match self.latest().await {
                // The answer to an earlier attempt of the SDK was lost.
                Ok((Some(current), _)) if current == own => Ok(Replacement::Done),
                Ok(_) if error.as_service_error().is_some_and(is_conflict) => {
                    Ok(Replacement::Conflict(unavailable(WRITE, error)))
                }
                _ => Err(unavailable(WRITE, error)),
            },
        };
        self.remove_label(&label, own).await;
        replacement
    }

    /// Removes a label of ours, so that Secrets Manager drops the version once it is no longer current. A failure is
    /// no reason to report a change as failed: the next change that draws the label moves it.
    async fn remove_label(&self, label: &str, version: &str) {
        let update = self.client.update_secret_version_stage().secret_id(&self.secret).version_stage(label);
        if let Err(error) = update.remove_from_version_id(version).send().await {
            warn!(
                label,
                error = error_chain(&error),
                "could not remove the label of a version of the carriers' secrets"
            );
        }
    }

    /// Reads the secrets with the ID of their version.
    async fn latest(&self) -> Result<(Option<String>, SecretsByCarrier), StoreError> {
        let request = self.client.get_secret_value().secret_id(&self.secret);
        let answer = request.send().await.map_err(|error| unavailable("read the secrets", error))?;
        let secrets = serde_json::from_str(answer.secret_string().unwrap_or("{}")).map_err(unreadable)?;
        Ok((answer.version_id, secrets))
    }
}

enum Replacement {
    Done,
    /// Another version is current by now. Nothing was changed.
    Conflict(StoreError),
}

/// Returns whether another operator's change may be the reason: AWSCURRENT is elsewhere, or our version was dropped.
fn is_conflict(error: &UpdateSecretVersionStageError) -> bool {
    error.is_invalid_parameter_exception()
        || error.is_invalid_request_exception()
        || error.is_resource_not_found_exception()
}

impl SecretStore for SecretsManager {
    async fn carriers(&self) -> Result<SecretsByCarrier, StoreError> {
        self.latest().await.map(|(_, secrets)| secrets)
    }
}

/// # Errors
/// If the text is longer than Secrets Manager permits.
fn text_of(secrets: &SecretsByCarrier) -> Result<String, StoreError> {
    let text = serde_json::to_string(secrets).map_err(unreadable)?;
    if text.len() <= LONGEST_TEXT {
        return Ok(text);
    }
    let reason = format!(
        "all carriers' secrets together would have {} bytes, and Secrets Manager stores {LONGEST_TEXT} at most; \
         nothing was changed",
        text.len()
    );
    Err(StoreError::Unavailable { action: WRITE, source: reason.into() })
}

fn unavailable(action: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable { action, source: Box::new(source) }
}

fn without_version() -> StoreError {
    StoreError::unreadable("secret of carriers", "it has no version ID")
}

/// Builds the error without quoting the secret.
fn unreadable(error: serde_json::Error) -> StoreError {
    let reason = format!("line {}, column {}", error.line(), error.column());
    StoreError::Unreadable { what: "secret of carriers", reason }
}
