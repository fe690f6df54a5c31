//! Schedule: enqueue a job for scheduled work when it is due.
//!
//! 1. Read each shard's work for the next two minutes: twice the interval of ticks, so a late tick delays
//!    no message.
//! 2. Enqueue the jobs, with a delay exact to the second.
//! 3. Move the wake times half an hour on. The next ticks skip the work; a later tick replaces a lost job. SQS loses no
//!    job, so this replaces only the jobs of a purged queue. A shorter time would add second jobs while workers are
//!    behind.
//!
//! A crash between 2 and 3 costs a redundant job, which has no effect. The job clears or moves the wake time.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;
use tracing::{debug, error, info};

use super::{Gateway, Unavailable};
use crate::{
    queue::{Job, Queue, QueuedJob},
    runtime::Metric,
    store::{DueWork, Messages, ScheduledWork, WAKE_SHARDS},
};

/// How far a tick looks ahead.
const AHEAD: SignedDuration = SignedDuration::from_mins(2);
/// How long after its wake time work is enqueued again, if its job was lost.
const AGAIN: SignedDuration = SignedDuration::from_mins(30);
/// Items per read of a shard.
const PAGE: u16 = 250;
/// Concurrent writes of wake times per shard.
const CONCURRENCY: usize = 16;

/// Enqueues due work until none is left or `until` has passed. Returns the number of items.
///
/// # Errors
/// If the store or queue did not answer. The work stays due for the next tick.
///
/// # Panics
/// If a shard's task does.
pub async fn tick(gateway: &Arc<Gateway>, until: Timestamp) -> Result<usize, Unavailable> {
    // A task for each shard, because a processor alone is too slow for a minute with 200,000 messages.
    let mut tasks = JoinSet::new();
    for shard in 0..WAKE_SHARDS {
        let gateway = Arc::clone(gateway);
        tasks.spawn(async move { tick_shard(&gateway, shard, until).await });
    }
    // A failing shard does not block the rest.
    let ticked = tasks.join_all().await.into_iter().collect::<Result<Vec<ShardTick>, _>>()?;
    let enqueued = ticked.iter().map(|shard| shard.count).sum();
    let late = ticked.iter().map(|shard| shard.late).max().unwrap_or_default();
    gateway.count(Metric::ScheduledWork, None, None, enqueued);
    gateway.time(Metric::ScheduleDelay, None, None, late);
    if enqueued > 0 {
        info!(enqueued, "enqueued due work");
    } else {
        debug!("no work is due");
    }
    Ok(enqueued)
}

#[derive(Default)]
struct ShardTick {
    count: usize,
    /// How overdue the first item was.
    late: SignedDuration,
}

async fn tick_shard(gateway: &Gateway, shard: u8, until: Timestamp) -> Result<ShardTick, Unavailable> {
    let now = gateway.clock.now();
    let before = now.saturating_add(AHEAD).unwrap_or(now);
    let mut enqueued = ShardTick::default();
    let mut after = None;
    loop {
        let due = gateway.store.due_work(shard, before, after, PAGE).await?;
        enqueue_due(gateway, &due, now).await?;
        enqueued.count += due.len();
        enqueued.late = due.iter().map(|due| now.duration_since(due.wake_at)).fold(enqueued.late, SignedDuration::max);
        after = due.last().cloned();
        if due.len() < usize::from(PAGE) || gateway.clock.now() >= until {
            return Ok(enqueued);
        }
    }
}

async fn enqueue_due(gateway: &Gateway, due: &[DueWork], now: Timestamp) -> Result<(), Unavailable> {
    if due.is_empty() {
        return Ok(());
    }
    let job = |due: &DueWork| {
        let delay = Duration::try_from(due.wake_at.duration_since(now)).unwrap_or_default();
        let queued = match (&due.work, &due.account) {
            (ScheduledWork::Message(id), Some(account)) => {
                QueuedJob::new(Job::Submit { message: *id }, (account, due.lane), delay)
            }
            (ScheduledWork::Unmatched(id), _) => QueuedJob::unmatched(*id, delay),
            // We reschedule it all the same, or it would block the head of the shard.
            (ScheduledWork::Message(_) | ScheduledWork::Unknown(_), _) => {
                error!(shard = due.shard, "skipped scheduled work: this release cannot read its key or account");
                return None;
            }
        };
        let job = &queued.job;
        debug!(message.id = job.message().map(display), job.subject = %job, delay_s = delay.as_secs(), "enqueued");
        Some(queued)
    };
    gateway.queue.enqueue(&due.iter().filter_map(job).collect::<Vec<_>>()).await?;
    stream::iter(due.to_vec())
        .map(|due| {
            let again = due.wake_at.max(now).saturating_add(AGAIN).unwrap_or(Timestamp::MAX);
            gateway.store.reschedule(due.work, due.wake_at, again)
        })
        .buffer_unordered(CONCURRENCY)
        .try_collect::<()>()
        .await?;
    Ok(())
}
