//! Requeue: replace lost jobs, after a queue was lost or a request died before enqueueing.
//!
//! A message on a line needs a dealer, not a job. Redundant jobs have no effect.

use std::{collections::HashSet, time::Duration};

use jiff::Timestamp;
use tracing::info;

use crate::{
    domain::{AccountId, Line},
    flow::{Gateway, Unavailable, lines::wake_dealers},
    queue::{Job, LONGEST_DELAY, Queue, QueuedJob},
    store::{Messages, Unfinished},
};

/// Enqueues every queued or submitting message, and returns their number.
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
        let (waiting, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|found| found.line.is_some());
        let jobs: Vec<_> = others.iter().map(|found| job(found, now)).collect();
        count += waiting.len() + jobs.len();
        if !only_count {
            let lines = waiting.into_iter().filter_map(|found| found.line).collect::<HashSet<Line>>();
            wake_dealers(gateway, lines.into_iter()).await?;
            gateway.queue.enqueue(&jobs).await?;
        }
        after = next;
        if after.is_none() {
            return Ok(count);
        }
    }
}

fn job(found: &Unfinished, now: Timestamp) -> QueuedJob {
    let left = found.retry_at.and_then(|at| Duration::try_from(at.duration_since(now)).ok());
    let delay = left.unwrap_or_default().min(LONGEST_DELAY);
    QueuedJob::new(Job::Submit { message: found.message }, (&found.account, found.lane), delay)
}
