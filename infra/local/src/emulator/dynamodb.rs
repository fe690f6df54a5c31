//! DynamoDB: the embedded engine, or an endpoint elsewhere, with each call
//! metered on its way. To meter, a call is made to ask for the capacity that it
//! consumes, and the answer is relieved of it when the caller had not asked.

use std::path::Path;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::HeaderMap;
use dynoxide::Database;
use dynoxide::types::{Item, item_size, write_capacity_units};
use serde_json::{Map, Value};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use url::Url;

use super::StartError;
use super::clock::EmulatorClock;
use super::meter::{Meter, Units};
use super::upstream::{Answer, Upstream};

pub(super) struct DynamoDb {
    upstream: Upstream,
    tables: Option<Database>,
    meter: Arc<Meter>,
}

/// Opens the tables in `data`, or new ones in memory.
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

/// Serves the tables on `listener` until the emulator stops.
pub(super) async fn serve(listener: TcpListener, tables: Database, stopping: CancellationToken) {
    let served = dynoxide::server::serve_with_shutdown(listener, tables, stopping.cancelled_owned()).await;
    if let Err(error) = served {
        warn!(%error, "DynamoDB no longer answers");
    }
}

impl DynamoDb {
    pub(super) fn embedded(endpoint: Url, tables: Database, client: reqwest::Client, meter: Arc<Meter>) -> Self {
        Self { upstream: Upstream::new(endpoint, client), tables: Some(tables), meter }
    }

    pub(super) fn external(endpoint: Url, client: reqwest::Client, meter: Arc<Meter>) -> Self {
        Self { upstream: Upstream::new(endpoint, client), tables: None, meter }
    }

    pub(super) async fn call(&self, operation: &str, headers: HeaderMap, body: Bytes) -> Answer {
        let Some(billing) = Billing::of(operation) else {
            self.meter.dynamodb(operation, Units::default());
            return self.upstream.call(headers, body).await;
        };
        let (body, is_requested) = request_capacity(body);
        let mut answer = self.upstream.call(headers, body).await;
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

    /// Deletes the items whose time to live has ended.
    pub(super) async fn sweep(&self) {
        let Some(tables) = self.tables.clone() else {
            return;
        };
        match tokio::task::spawn_blocking(move || tables.sweep_ttl()).await {
            Ok(Ok(0)) => {}
            Ok(Ok(items)) => info!(items, "expired items were deleted"),
            Ok(Err(error)) => warn!(%error, "expired items were not deleted"),
            Err(error) => warn!(%error, "the deletion of expired items broke off"),
        }
    }
}

/// Which units the `CapacityUnits` of an operation's answer are.
#[derive(Clone, Copy)]
enum Billing {
    Reads,
    Writes,
}

impl Billing {
    /// None for what consumes no capacity, or does not say how much.
    fn of(operation: &str) -> Option<Self> {
        match operation {
            "GetItem" | "BatchGetItem" | "Query" | "Scan" | "TransactGetItems" => Some(Self::Reads),
            "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems" => Some(Self::Writes),
            _ => None,
        }
    }
}

/// The call with capacity asked for, and whether the caller had asked itself. A
/// body that is no JSON object goes on as it is, for the engine to refuse.
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

/// A failed condition is billed as a write of the item that was there, one unit
/// at least, and its answer does not say so. The size is known when the answer
/// holds the item.
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
