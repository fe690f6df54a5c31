//! Requeue: replace lost jobs, after a queue was lost or a request died before enqueueing.
//!
//! Scheduled work needs no job, and redundant jobs have no effect.

use tracing::info;

use crate::flow::{Gateway, Unavailable, rate_limit};
use crate::{
    domain::AccountId,
    queue::{Job, Queue, QueuedJob},
    store::Messages,
};

/// Enqueues every queued or submitting message that the schedule will not enqueue, and returns their number.
/// Reads the whole table.
pub async fn requeue(gateway: &Gateway) -> Result<usize, Unavailable> {
    let enqueued = run(gateway, None, false).await?;
    info!(enqueued, "requeued");
    Ok(enqueued)
}

/// Enqueues every queued or submitting message of an account, also those that are held because the account was
/// suspended, and returns their number. Reads the whole table.
pub async fn requeue_account(gateway: &Gateway, account: &AccountId) -> Result<usize, Unavailable> {
    let enqueued = run(gateway, Some(account), false).await?;
    info!(account.id = %account, enqueued, "requeued");
    Ok(enqueued)
}

/// Returns how many messages [`requeue`] would enqueue.
pub async fn count(gateway: &Gateway) -> Result<usize, Unavailable> {
    run(gateway, None, true).await
}

async fn run(gateway: &Gateway, account: Option<&AccountId>, only_count: bool) -> Result<usize, Unavailable> {
    let mut count = 0;
    let mut after = None;
    loop {
        let (found, next) = gateway.store.unfinished(account, after).await?;
        let now = gateway.clock.now();
        let jobs: Vec<_> = found
            .into_iter()
            .filter_map(|found| {
                let delay = rate_limit::job_delay(found.not_before.max(found.retry_at), found.wake_at, now)?;
                Some(QueuedJob::new(Job::Submit { message: found.message }, (&found.account, found.lane), delay))
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
