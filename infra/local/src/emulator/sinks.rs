//! Sinks: named endpoints that keep every POST, without checks of headers or body, to show callbacks.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use serde::Serialize;
use serde_json::{Value, json};
use tracing::info;

use super::clock::EmulatorClock;
use super::json_line::JsonLine;
use super::problem::Problem;

/// The oldest requests of a sink are dropped beyond this.
const MAX_REQUESTS: usize = 100_000;

#[derive(Clone, Serialize)]
struct SinkRequest {
    received_at: String,
    headers: BTreeMap<String, String>,
    body: String,
}

pub(super) struct Sinks {
    clock: Arc<EmulatorClock>,
    requests: Mutex<HashMap<String, VecDeque<SinkRequest>>>,
}

impl Sinks {
    pub(super) fn new(clock: Arc<EmulatorClock>) -> Self {
        Self { clock, requests: Mutex::default() }
    }

    fn requests(&self) -> MutexGuard<'_, HashMap<String, VecDeque<SinkRequest>>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn routes(sinks: Arc<Sinks>) -> Router {
    Router::new()
        .route("/sinks", get(list))
        .route("/sinks/{name}", post(record).get(show).delete(empty))
        .with_state(sinks)
}

#[derive(Serialize)]
struct List {
    sinks: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    name: String,
    requests: usize,
}

async fn list(State(sinks): State<Arc<Sinks>>) -> JsonLine<List> {
    let mut listed: Vec<_> =
        sinks.requests().iter().map(|(name, kept)| Listed { name: name.clone(), requests: kept.len() }).collect();
    listed.sort_by(|one, other| one.name.cmp(&other.name));
    JsonLine(List { sinks: listed })
}

async fn record(
    State(sinks): State<Arc<Sinks>>,
    Path(name): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let status = match query.get("status") {
        Some(status) => {
            answerable(status).ok_or_else(|| Problem::invalid("status", "must be an HTTP status, 200 to 599"))?
        }
        None => StatusCode::OK,
    };
    let event_id = headers.get("webhook-id").and_then(|id| id.to_str().ok());
    let request = SinkRequest {
        received_at: sinks.clock.now_text(),
        headers: by_name(&headers),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    {
        let mut by_sink = sinks.requests();
        let requests = by_sink.entry(name.clone()).or_default();
        if requests.len() == MAX_REQUESTS {
            requests.pop_front();
        }
        requests.push_back(request);
    }
    info!(event.id = event_id.map(display), sink.name = name, http.status = status.as_u16(), "sink received request");
    Ok(status)
}

fn answerable(status: &str) -> Option<StatusCode> {
    let status = status.parse().ok()?;
    (200..=599).contains(&status).then(|| StatusCode::from_u16(status).ok())?
}

fn by_name(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut by_name = BTreeMap::<String, String>::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        by_name
            .entry(name.as_str().to_owned())
            .and_modify(|earlier| {
                earlier.push_str(", ");
                earlier.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    by_name
}

async fn show(State(sinks): State<Arc<Sinks>>, Path(name): Path<String>) -> JsonLine<Value> {
    let requests = sinks.requests().get(&name).cloned().unwrap_or_default();
    JsonLine(json!({ "requests": requests }))
}

async fn empty(State(sinks): State<Arc<Sinks>>, Path(name): Path<String>) -> StatusCode {
    sinks.requests().remove(&name);
    StatusCode::NO_CONTENT
}
