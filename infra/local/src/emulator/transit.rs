//! Transit: how many messages, receipts and replies are on their way. A test waits until there are none.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use serde_json::{Value, json};

use super::json_line::JsonLine;

#[derive(Clone, Default)]
pub(super) struct Transit(Arc<AtomicUsize>);

/// One that is on its way until this is dropped.
pub(super) struct InTransit(Arc<AtomicUsize>);

impl Transit {
    pub(super) fn begin(&self) -> InTransit {
        self.0.fetch_add(1, Ordering::SeqCst);
        InTransit(Arc::clone(&self.0))
    }
}

impl Drop for InTransit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

pub(super) fn routes(transit: Transit) -> Router {
    Router::new().route("/transit", get(show)).with_state(transit)
}

async fn show(State(Transit(count)): State<Transit>) -> JsonLine<Value> {
    JsonLine(json!({ "in_transit": count.load(Ordering::SeqCst) }))
}
