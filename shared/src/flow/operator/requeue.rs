//! Requeue: enqueue messages again after a queue was lost, or after a request died between writing and
//! enqueueing.
//!
//! Reads the whole table. Redundant jobs have no effect. Scheduled work needs no job.

use tracing::info;

use crate::flow::{Gateway, Unavailable, rate_limit};
use crate::{
    queue::{Job, Queue},
    store::Messages,
};

/// Enqueues every message that is queued or was being sent, and returns their number.
pub async fn requeue(gateway: &Gateway) -> Result<usize, Unavailable> {
    let mut enqueued = 0;
    let mut after = None;
    loop {
        let (found, next) = gateway.store.unfinished(after).await?;
        let now = gateway.clock.now();
        let jobs: Vec<_> = found
            .into_iter()
            .filter_map(|found| {
                let delay = rate_limit::job_delay(found.not_before.max(found.retry_at), found.wake_at, now)?;
                Some((Job::Submit { message: found.message }, delay))
            })
            .collect();
        if !jobs.is_empty() {
            gateway.queue.enqueue(&jobs).await?;
            enqueued += jobs.len();
        }
        after = next;
        if after.is_none() {
            info!(enqueued, "requeued");
            return Ok(enqueued);
        }
    }
}
