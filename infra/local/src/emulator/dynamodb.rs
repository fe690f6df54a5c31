//! DynamoDB: the embedded engine or another endpoint, with every call metered. We request the consumed
//! capacity with each call, and remove it from the answer if the caller did not ask.

use std::path::Path;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::HeaderMap;
use dynoxide::Database;
use dynoxide::types::{Item, item_size, write_capacity_units};
use serde_json::{Map, Value};
use tracing::{debug, info, warn};
use url::Url;

use super::StartError;
use super::clock::EmulatorClock;
use super::meter::{Meter, Units};
use super::tables;
use super::upstream::{Answer, Upstream};

pub(super) struct DynamoDb {
    engine: Engine,
    meter: Arc<Meter>,
}

enum Engine {
    Embedded(Database),
    External(Upstream),
}

/// Opens the tables in `data`, or empty tables in memory.
pub(super) fn open(data: Option<&Path>, clock: Arc<EmulatorClock>) -> Result<Database, StartError> {
    let Some(folder) = data else {
        return Database::memory_with_clock(clock).map_err(|error| StartError::Tables(error.to_string()));
    };
    let in_folder = |error: String| StartError::Tables(format!("{}: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(|error| in_folder(error.to_string()))?;
    let file = folder.join("dynamodb.sqlite");
    let file = file.to_str().ok_or_else(|| in_folder("the path is not UTF-8".into()))?;
    Database::new(file).map_err(|error| in_folder(error.to_string()))
}

impl DynamoDb {
    pub(super) fn embedded(tables: Database, meter: Arc<Meter>) -> Self {
        Self { engine: Engine::Embedded(tables), meter }
    }

    pub(super) fn external(endpoint: Url, client: reqwest::Client, meter: Arc<Meter>) -> Self {
        Self { engine: Engine::External(Upstream::new(endpoint, client)), meter }
    }

    pub(super) async fn call(&self, operation: &str, headers: HeaderMap, body: Bytes) -> Answer {
        let Some(billing) = Billing::of(operation) else {
            self.meter.dynamodb(operation, Units::default());
            return self.engine.call(operation, headers, body).await;
        };
        let (body, is_requested) = request_capacity(body);
        let mut answer = self.engine.call(operation, headers, body).await;
        let units = match serde_json::from_slice::<Map<String, Value>>(&answer.body) {
            Ok(mut fields) => {
                let units = consumed(&fields, billing);
                if !is_requested && fields.remove("ConsumedCapacity").is_some() {
                    answer.body = Value::Object(fields).to_string().into();
                    answer.headers.remove("x-amz-crc32");
                }
                units
            }
            Err(_) => Units::default(),
        };
        self.meter.dynamodb(operation, units);
        debug!(operation, status = answer.status.as_u16(), "DynamoDB call");
        answer
    }

    pub(super) async fn sweep(&self) {
        let Engine::Embedded(tables) = &self.engine else {
            return;
        };
        let tables = tables.clone();
        match tokio::task::spawn_blocking(move || tables.sweep_ttl()).await {
            Ok(Ok(0)) => {}
            Ok(Ok(items)) => info!(items, "deleted expired items"),
            Ok(Err(error)) => warn!(%error, "could not delete expired items"),
            Err(error) => warn!(%error, "deletion of expired items panicked"),
        }
    }
}

impl Engine {
    async fn call(&self, operation: &str, headers: HeaderMap, body: Bytes) -> Answer {
        match self {
            Self::Embedded(tables) => tables::answer(tables, operation, &headers, body).await,
            Self::External(upstream) => upstream.call(headers, body).await,
        }
    }
}

/// The unit of `CapacityUnits` in an operation's answer.
#[derive(Clone, Copy)]
enum Billing {
    Reads,
    Writes,
}

impl Billing {
    /// Returns `None` for operations without consumed capacity.
    fn of(operation: &str) -> Option<Self> {
        match operation {
            "GetItem" | "BatchGetItem" | "Query" | "Scan" | "TransactGetItems" => Some(Self::Reads),
            "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems" => Some(Self::Writes),
            _ => None,
        }
    }
}

/// Returns the call with a request for its capacity, and whether the caller had requested it. A body that
/// is not a JSON object is unchanged; the engine rejects it.
fn request_capacity(body: Bytes) -> (Bytes, bool) {
    const ASK: &str = "ReturnConsumedCapacity";
    let Ok(mut fields) = serde_json::from_slice::<Map<String, Value>>(&body) else {
        return (body, true);
    };
    match fields.get(ASK) {
        None => {}
        Some(requested) if requested == "NONE" => {}
        Some(_) => return (body, true),
    }
    fields.insert(ASK.into(), "INDEXES".into());
    (Value::Object(fields).to_string().into(), false)
}

fn consumed(answer: &Map<String, Value>, billing: Billing) -> Units {
    match answer.get("ConsumedCapacity") {
        Some(Value::Array(tables)) => tables.iter().fold(Units::default(), |sum, table| {
            let units = table_units(table, billing);
            Units { read: sum.read + units.read, write: sum.write + units.write }
        }),
        Some(table) => table_units(table, billing),
        None => failed_condition_units(answer),
    }
}

fn table_units(consumed: &Value, billing: Billing) -> Units {
    let number = |name| consumed.get(name).and_then(Value::as_f64);
    let (read, write) = (number("ReadCapacityUnits"), number("WriteCapacityUnits"));
    if read.is_some() || write.is_some() {
        return Units { read: read.unwrap_or_default(), write: write.unwrap_or_default() };
    }
    let all = number("CapacityUnits").unwrap_or_default();
    match billing {
        Billing::Reads => Units { read: all, write: 0.0 },
        Billing::Writes => Units { read: 0.0, write: all },
    }
}

/// Returns a failed condition's units, which the answer lacks: AWS bills a write of the existing item, at
/// least a unit. We know the size only if the answer has the item.
fn failed_condition_units(answer: &Map<String, Value>) -> Units {
    let failed = answer
        .get("__type")
        .and_then(Value::as_str)
        .is_some_and(|code| code.ends_with("ConditionalCheckFailedException"));
    if !failed {
        return Units::default();
    }
    let size = answer
        .get("Item")
        .and_then(|item| serde_json::from_value::<Item>(item.clone()).ok())
        .map_or(0, |item| item_size(&item));
    Units { read: 0.0, write: write_capacity_units(size).max(1.0) }
}
