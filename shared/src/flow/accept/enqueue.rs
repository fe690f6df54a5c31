//! Enqueues the jobs of accepted messages.

use crate::{
    domain::{Message, Progress},
    flow::{Gateway, Unavailable, rate_limit::job_delay},
    queue::{Queue, QueuedJob},
};

/// Enqueues a job for each queued message, unless the schedule will do so.
///
/// A repeated message gets a job too, because the first request may have failed after storing the message and
/// before enqueuing its job. A redundant job has no effect.
pub(super) async fn enqueue(gateway: &Gateway, messages: &[(usize, Message)]) -> Result<(), Unavailable> {
    let now = gateway.clock.now();
    let messages = messages.iter().map(|(_, message)| message);
    let waiting = messages.filter(|message| message.delivery.progress == Progress::Queued);
    let jobs: Vec<_> = waiting
        .filter_map(|message| {
            let delay = job_delay(message.delivery.not_before, message.delivery.wake_at, now)?;
            Some(QueuedJob::submit(message, delay))
        })
        .collect();
    if !jobs.is_empty() {
        gateway.queue.enqueue(&jobs).await?;
    }
    Ok(())
}
