//! Replay unmatched: retry every item now.

use std::time::Duration;

use crate::{
    flow::{Gateway, Unavailable},
    queue::{Queue, QueuedJob},
    store::{Bookmark, UnmatchedStore},
};

/// Enqueues every unmatched receipt and reply, and returns their number. Reads the whole table.
pub async fn replay(gateway: &Gateway) -> Result<usize, Unavailable> {
    let (mut enqueued, mut after): (usize, Option<Bookmark>) = (0, None);
    loop {
        let (found, next) = gateway.store.list_unmatched(after).await?;
        let jobs: Vec<_> = found.iter().map(|unmatched| QueuedJob::unmatched(unmatched.id, Duration::ZERO)).collect();
        if !jobs.is_empty() {
            gateway.queue.enqueue(&jobs).await?;
            enqueued += jobs.len();
        }
        after = next;
        if after.is_none() {
            return Ok(enqueued);
        }
    }
}
