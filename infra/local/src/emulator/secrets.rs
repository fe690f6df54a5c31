//! Secrets Manager: the embedded engine, with every call metered. Secrets are in memory, and each gateway
//! writes them when it starts.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::HeaderMap;
use tracing::debug;
use winterbaume_secretsmanager::SecretsManagerService;

use super::engine;
use super::meter::Meter;
use super::upstream::Answer;

pub(super) struct Secrets {
    service: SecretsManagerService,
    meter: Arc<Meter>,
}

impl Secrets {
    pub(super) fn new(meter: Arc<Meter>) -> Self {
        Self { service: SecretsManagerService::new(), meter }
    }

    pub(super) async fn call(&self, operation: &str, headers: HeaderMap, body: Bytes) -> Answer {
        self.meter.secrets_manager(operation);
        let answer = engine::answer(&self.service, headers, body).await;
        debug!(operation, status = answer.status.as_u16(), "Secrets Manager call");
        answer
    }
}
