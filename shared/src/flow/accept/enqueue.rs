//! Enqueues the jobs of accepted messages.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    domain::{Line, Message, Progress},
    flow::{
        Gateway, Unavailable,
        lines::{IsCounted, join},
    },
    queue::{Queue, QueuedJob},
};

/// Joins the queued messages on lines, and enqueues a job for each other queued message.
///
/// A repeated message joins or gets a job too, because the first request may have failed after storing the message. A
/// redundant job has no effect.
pub(super) async fn enqueue(
    gateway: &Gateway,
    messages: &[(usize, Message)],
    accepted_at: Timestamp,
) -> Result<(), Unavailable> {
    let messages = messages.iter().map(|(_, message)| message);
    let queued = messages.filter(|message| message.delivery.progress == Progress::Queued);
    let (waiting, others): (Vec<_>, Vec<_>) = queued.partition(|message| message.delivery.line_at.is_some());
    let jobs: Vec<_> = others.into_iter().map(|message| QueuedJob::submit(message, Duration::ZERO)).collect();
    if !jobs.is_empty() {
        gateway.queue.enqueue(&jobs).await?;
    }
    let is_new = |message: &Message| IsCounted(message.created_at == accepted_at);
    join(gateway, waiting.into_iter().map(|message| (Line::of(message), is_new(message)))).await
}
