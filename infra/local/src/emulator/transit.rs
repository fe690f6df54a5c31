//! Transit: how many messages, receipts and replies are on their way in the simulated network. A test waits until
//! there are none, and looks twice: as long as `begun` is the same, none began meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use serde_json::{Value, json};

use super::json_line::JsonLine;

/// The number of those on their way.
#[derive(Clone, Default)]
pub(super) struct Transit(Arc<Counts>);

#[derive(Default)]
struct Counts {
    begun: AtomicUsize,
    ended: AtomicUsize,
}

/// A message, receipt or reply that is on its way until this is dropped.
pub(super) struct InTransit(Arc<Counts>);

impl Transit {
    pub(super) fn begin(&self) -> InTransit {
        self.0.begun.fetch_add(1, Ordering::SeqCst);
        InTransit(Arc::clone(&self.0))
    }
}

impl Drop for InTransit {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::SeqCst);
    }
}

pub(super) fn routes(transit: Transit) -> Router {
    Router::new().route("/transit", get(show)).with_state(transit)
}

async fn show(State(Transit(counts)): State<Transit>) -> JsonLine<Value> {
    // In this order, so that none is missed.
    let ended = counts.ended.load(Ordering::SeqCst);
    let begun = counts.begun.load(Ordering::SeqCst);
    JsonLine(json!({ "begun": begun, "in_transit": begun - ended }))
}
