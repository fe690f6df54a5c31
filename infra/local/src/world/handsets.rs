//! The phones. Each keeps what reached it, and can reply to whoever wrote. They
//! show a message twice when it was sent twice.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;
use serde_json::{Value, json};
use tracing::info;
use uuid::Uuid;

use super::clock::WorldClock;
use super::phone::Phone;
use super::problem::{Fields, Problem};
use super::webhooks::{Webhook, Webhooks};

/// How many messages a phone keeps; the oldest go first.
const KEPT: usize = 100_000;

#[derive(Clone, Serialize)]
struct Shown {
    from: String,
    text: String,
    received_at: String,
}

/// A reply (MO) as the carrier reports it.
#[derive(Serialize)]
struct Reply {
    id: String,
    from: Phone,
    to: String,
    text: String,
    at: String,
}

pub(super) struct Handsets {
    clock: Arc<WorldClock>,
    webhooks: Arc<Webhooks>,
    shown: Mutex<HashMap<Phone, VecDeque<Shown>>>,
}

impl Handsets {
    pub(super) fn new(clock: Arc<WorldClock>, webhooks: Arc<Webhooks>) -> Self {
        Self { clock, webhooks, shown: Mutex::default() }
    }

    pub(super) fn show(&self, phone: Phone, from: String, text: String) {
        let message = Shown { from, text, received_at: self.clock.now_text() };
        let mut shown = self.shown();
        let messages = shown.entry(phone).or_default();
        if messages.len() == KEPT {
            messages.pop_front();
        }
        messages.push_back(message);
    }

    /// Sends a reply on its way and returns its id.
    pub(super) fn reply(&self, from: Phone, to: String, text: String) -> String {
        let id = Uuid::new_v4().to_string();
        let reply = Reply { id: id.clone(), from, to, text, at: self.clock.now_text() };
        info!(reply.id = id, "a phone replies");
        let webhooks = Arc::clone(&self.webhooks);
        tokio::spawn(async move {
            webhooks.deliver(Webhook::Replies, &reply.id, &reply).await;
        });
        id
    }

    fn shown(&self) -> MutexGuard<'_, HashMap<Phone, VecDeque<Shown>>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn routes(handsets: Arc<Handsets>) -> Router {
    Router::new()
        .route("/handsets/{number}", get(messages))
        .route("/handsets/{number}/replies", post(reply))
        .with_state(handsets)
}

async fn messages(State(handsets): State<Arc<Handsets>>, Path(number): Path<String>) -> Result<Json<Value>, Problem> {
    let phone = phone("number", &number)?;
    let messages = handsets.shown().get(&phone).cloned().unwrap_or_default();
    Ok(Json(json!({ "messages": messages })))
}

async fn reply(
    State(handsets): State<Arc<Handsets>>,
    Path(number): Path<String>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let from = phone("number", &number)?;
    let fields = Fields::parse(&body)?;
    let to = fields.filled_text("to")?.to_owned();
    if !to.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Problem::invalid("to", "must be a number: a phone cannot answer a name"));
    }
    let text = fields.text("text")?.to_owned();
    let id = handsets.reply(from, to, text);
    Ok((StatusCode::ACCEPTED, Json(json!({ "id": id }))))
}

pub(super) fn phone(field: &'static str, written: &str) -> Result<Phone, Problem> {
    Phone::parse(written).map_err(|error| Problem::invalid(field, error.to_string()))
}
