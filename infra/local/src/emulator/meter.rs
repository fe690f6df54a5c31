//! Counts the calls that AWS would bill, by operation, and DynamoDB's consumed capacity. Retries, empty
//! receives and failed conditions count, as on the bill.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use serde::Serialize;
use serde_json::{Value, json};

use super::json_line::JsonLine;

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Units {
    pub(super) read: f64,
    pub(super) write: f64,
}

#[derive(Clone, Default, Serialize)]
struct DynamoDbUse {
    requests: u64,
    read_units: f64,
    write_units: f64,
}

#[derive(Clone, Default, Serialize)]
struct Use {
    requests: u64,
}

#[derive(Clone, Default)]
struct Readings {
    dynamodb: BTreeMap<String, DynamoDbUse>,
    sqs: BTreeMap<String, Use>,
    secrets_manager: BTreeMap<String, Use>,
    /// Calls that the function's role does not allow.
    denied: BTreeMap<String, u64>,
}

#[derive(Default)]
pub(super) struct Meter {
    readings: Mutex<Readings>,
}

impl Meter {
    pub(super) fn dynamodb(&self, operation: &str, units: Units) {
        let mut readings = self.readings();
        let used = readings.dynamodb.entry(operation.to_owned()).or_default();
        used.requests += 1;
        used.read_units += units.read;
        used.write_units += units.write;
    }

    pub(super) fn sqs(&self, operation: &str) {
        let mut readings = self.readings();
        readings.sqs.entry(operation.to_owned()).or_default().requests += 1;
    }

    pub(super) fn secrets_manager(&self, operation: &str) {
        let mut readings = self.readings();
        readings.secrets_manager.entry(operation.to_owned()).or_default().requests += 1;
    }

    pub(super) fn denied(&self, call: String) {
        *self.readings().denied.entry(call).or_default() += 1;
    }

    fn readings(&self) -> MutexGuard<'_, Readings> {
        self.readings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn routes(meter: Arc<Meter>) -> Router {
    Router::new().route("/meter", get(show).delete(reset)).with_state(meter)
}

async fn show(State(meter): State<Arc<Meter>>) -> JsonLine<Value> {
    let Readings { dynamodb, sqs, secrets_manager, denied } = meter.readings().clone();
    let requests = sqs.values().chain(secrets_manager.values()).map(|used| used.requests).sum();
    let mut total = DynamoDbUse { requests, ..DynamoDbUse::default() };
    for used in dynamodb.values() {
        total.requests += used.requests;
        total.read_units += used.read_units;
        total.write_units += used.write_units;
    }
    JsonLine(json!({
        "dynamodb": dynamodb, "sqs": sqs, "secretsmanager": secrets_manager, "total": total, "denied": denied,
    }))
}

async fn reset(State(meter): State<Arc<Meter>>) -> StatusCode {
    *meter.readings() = Readings::default();
    StatusCode::NO_CONTENT
}
