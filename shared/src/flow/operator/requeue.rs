//! Messages that have lost their job get another: for an operator, after a queue
//! was lost or a request died between writing and enqueueing. It reads the whole
//! table, and a job too many does nothing. Scheduled work has lost none.

use tracing::info;

use crate::flow::{Gateway, Unavailable, rate_limit};
use crate::{
    queue::{Job, Queue},
    store::Messages,
};

/// Enqueues every message that is to be sent now or was being sent, and returns how many.
///
/// # Errors
/// When the store or queue did not answer. Running it again is safe.
pub async fn requeue(gateway: &Gateway) -> Result<usize, Unavailable> {
    let enqueued = run(gateway, false).await?;
    info!(enqueued, "requeued");
    Ok(enqueued)
}

/// Returns how many messages [`requeue`] would enqueue.
///
/// # Errors
/// When the store did not answer.
pub async fn count(gateway: &Gateway) -> Result<usize, Unavailable> {
    run(gateway, true).await
}

async fn run(gateway: &Gateway, only_count: bool) -> Result<usize, Unavailable> {
    let mut count = 0;
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
        if !only_count && !jobs.is_empty() {
            gateway.queue.enqueue(&jobs).await?;
        }
        count += jobs.len();
        after = next;
        if after.is_none() {
            return Ok(count);
        }
    }
}
