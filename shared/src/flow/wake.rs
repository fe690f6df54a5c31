//! Step 2: what rested and is due gets a job.
//!
//! A tick asks each shard for what is due within the next two minutes: twice
//! the time between ticks, so that a late one does not make a message late. It
//! moves the wake time forward under the condition that nobody else has, then
//! enqueues the job with the delay that makes it exact to the second. A crash
//! between the two costs a later tick, never a message, and the claim takes the
//! wake time away for good.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};
use jiff::{SignedDuration, Timestamp};
use tracing::{debug, info};

use super::{Gateway, Unavailable};
use crate::{
    queue::{Job, Queue},
    store::{Due, Messages, dynamo::WAKE_SHARDS},
};

/// How far a tick looks ahead.
const AHEAD: SignedDuration = SignedDuration::from_mins(2);
/// When a message is looked at again whose job was lost.
const AGAIN: SignedDuration = SignedDuration::from_mins(5);
/// How many of one shard are woken in one go.
const PAGE: u16 = 250;
/// How many wake times are moved at once in a shard.
const CONCURRENCY: usize = 8;

/// Wakes what is due, until nothing is or `until` has come. Says how many.
///
/// # Errors
/// When the store or queue did not answer; what was not woken still is due.
pub async fn tick(gateway: &Gateway<impl Messages, impl Queue>, until: Timestamp) -> Result<usize, Unavailable> {
    let woken = try_join_all((0..WAKE_SHARDS).map(|shard| tick_shard(gateway, shard, until))).await?;
    let woken = woken.iter().sum();
    if woken > 0 {
        info!(woken, "tick");
    } else {
        debug!(woken, "tick");
    }
    Ok(woken)
}

async fn tick_shard(
    gateway: &Gateway<impl Messages, impl Queue>,
    shard: u8,
    until: Timestamp,
) -> Result<usize, Unavailable> {
    let mut woken = 0;
    loop {
        let now = gateway.clock.now();
        let before = now.saturating_add(AHEAD).unwrap_or(now);
        let due = gateway.store.due(shard, before, PAGE).await?;
        let full = due.len() == usize::from(PAGE);
        woken += wake(gateway, due, now).await?;
        if !full || gateway.clock.now() >= until {
            return Ok(woken);
        }
    }
}

async fn wake(
    gateway: &Gateway<impl Messages, impl Queue>,
    due: Vec<Due>,
    now: Timestamp,
) -> Result<usize, Unavailable> {
    let moved: Vec<Option<Due>> = stream::iter(due)
        .map(|due| async move {
            let again = due.wake_at.max(now).saturating_add(AGAIN).unwrap_or(Timestamp::MAX);
            let mine = gateway.store.postpone(due, again).await?;
            Ok::<_, Unavailable>(mine.then_some(due))
        })
        .buffer_unordered(CONCURRENCY)
        .try_collect()
        .await?;
    let jobs: Vec<_> = moved
        .into_iter()
        .flatten()
        .map(|due| {
            let delay = due.wake_at.duration_since(now);
            debug!(message.id = %due.message, delay_s = delay.as_secs(), "woken");
            (Job::Submit { message: due.message }, Duration::try_from(delay).unwrap_or_default())
        })
        .collect();
    if !jobs.is_empty() {
        gateway.queue.enqueue(&jobs).await?;
    }
    Ok(jobs.len())
}
