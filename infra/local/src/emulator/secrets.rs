//! Secrets Manager: the embedded engine, with every call metered. Secrets are in memory, and each gateway
//! writes them when it starts.
//!
//! The engine takes a staging label from any version, also if it then finds no version to move the label to. We check
//! first, as AWS does, that the label is on the version that the call names, and that the other version exists: `admin`
//! relies on that to change the secrets only if nobody else has changed them.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tracing::debug;
use winterbaume_secretsmanager::SecretsManagerService;

use super::engine;
use super::meter::Meter;
use super::upstream::Answer;

pub(super) struct Secrets {
    service: SecretsManagerService,
    meter: Arc<Meter>,
    /// Held during a call, because a label may move between our check and the engine's work.
    call: Mutex<()>,
}

impl Secrets {
    pub(super) fn new(meter: Arc<Meter>) -> Self {
        Self { service: SecretsManagerService::new(), meter, call: Mutex::default() }
    }

    pub(super) async fn call(&self, operation: &str, headers: HeaderMap, body: Bytes) -> Answer {
        self.meter.secrets_manager(operation);
        let _call = self.call.lock().await;
        let refusal = match operation {
            "UpdateSecretVersionStage" => self.refusal(&headers, &body).await,
            _ => None,
        };
        let answer = match refusal {
            Some(message) => Answer::error(StatusCode::BAD_REQUEST, "InvalidParameterException", &message),
            None => engine::answer(&self.service, headers, body).await,
        };
        debug!(operation, status = answer.status.as_u16(), "Secrets Manager call");
        answer
    }

    /// Returns an error message if the label is on another version than the one to remove it from, or if the version to
    /// move it to does not exist.
    async fn refusal(&self, headers: &HeaderMap, body: &[u8]) -> Option<String> {
        let call: Value = serde_json::from_slice(body).ok()?;
        let (from, to) = (call["RemoveFromVersionId"].as_str(), call["MoveToVersionId"].as_str());
        let with_label = json!({ "SecretId": call["SecretId"], "VersionStage": call["VersionStage"] });
        let holder = self.version(headers, &with_label).await;
        match holder.as_deref() {
            Some(holder) if from == Some(holder) || to == Some(holder) => {}
            Some(holder) => {
                return Some(format!(
                    "The staging label {} is currently attached to version {holder}, so you must explicitly reference \
                     that version in RemoveFromVersionId.",
                    call["VersionStage"]
                ));
            }
            None => {
                if let Some(from) = from {
                    return Some(format!("The staging label {} is not attached to {from}.", call["VersionStage"]));
                }
            }
        }
        let to = to?;
        let target = json!({ "SecretId": call["SecretId"], "VersionId": to });
        let exists = self.version(headers, &target).await.is_some();
        (!exists).then(|| format!("There is no version {to}."))
    }

    /// Returns the ID of the version that a `GetSecretValue` call finds.
    async fn version(&self, headers: &HeaderMap, get: &Value) -> Option<String> {
        let mut headers = headers.clone();
        headers.insert("x-amz-target", HeaderValue::from_static("secretsmanager.GetSecretValue"));
        let answer = engine::answer(&self.service, headers, get.to_string().into()).await;
        let value: Value = serde_json::from_slice(&answer.body).ok()?;
        value["VersionId"].as_str().map(str::to_owned)
    }
}
