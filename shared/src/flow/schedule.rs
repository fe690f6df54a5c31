//! Schedule: scheduled work that is due gets a job.
//!
//! A tick asks each shard for what is due within the next two minutes: twice
//! the time between ticks, so that a late one does not make a message late. It
//! enqueues each job with the delay that makes it exact to the second, then
//! moves the wake time on, so that the next tick does not find it again. A crash
//! between the two costs a job too many, which does nothing; whatever is done
//! with the message takes the wake time away.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, future::join_all, stream};
use jiff::{SignedDuration, Timestamp};
use tracing::{debug, error, info};

use super::{Gateway, Unavailable};
use crate::{
    queue::{Job, Queue},
    runtime::Metric,
    store::{DueWork, Messages, ScheduledWork, WAKE_SHARDS},
};

/// How far a tick looks ahead.
const AHEAD: SignedDuration = SignedDuration::from_mins(2);
/// When a message is looked at again whose job was lost.
const AGAIN: SignedDuration = SignedDuration::from_mins(5);
/// How many of one shard are enqueued in one go.
const PAGE: u16 = 250;
/// How many wake times are moved at once in a shard.
const CONCURRENCY: usize = 8;

/// Wakes what is due, until nothing is or `until` has come. Says how many.
///
/// # Errors
/// When the store or queue did not answer; what was not enqueued still is due.
pub async fn tick(gateway: &Gateway, until: Timestamp) -> Result<usize, Unavailable> {
    // One shard that fails does not keep the others from their work.
    let ticked = join_all((0..WAKE_SHARDS).map(|shard| tick_shard(gateway, shard, until))).await;
    let ticked = ticked.into_iter().collect::<Result<Vec<ShardTick>, _>>()?;
    let enqueued = ticked.iter().map(|shard| shard.count).sum();
    let late = ticked.iter().map(|shard| shard.late).max().unwrap_or_default();
    gateway.count(Metric::ScheduledWork, None, None, enqueued);
    gateway.time(Metric::ScheduleDelay, None, None, late);
    if enqueued > 0 {
        info!(enqueued, "tick");
    } else {
        debug!(enqueued, "tick");
    }
    Ok(enqueued)
}

/// What a tick did in one shard.
#[derive(Default)]
struct ShardTick {
    count: usize,
    /// How overdue the first of them was.
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
        let delay = due.wake_at.duration_since(now);
        let job = match &due.work {
            ScheduledWork::Message(message) => Job::Submit { message: *message },
            ScheduledWork::Unmatched(unmatched) => Job::Unmatched(*unmatched),
            // It is moved on like the others, so that it does not stand before them.
            ScheduledWork::Unknown(_) => {
                error!(shard = due.shard, "what is due has a key that this release cannot read; it is left to another");
                return None;
            }
        };
        debug!(job.subject = %job, delay_s = delay.as_secs(), "enqueued");
        Some((job, Duration::try_from(delay).unwrap_or_default()))
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
