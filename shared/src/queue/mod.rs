//! The queues, for immediate work.
//!
//! A job names a message, reply, endpoint or unmatched item by ID. The record decides what to do, so a
//! duplicate or late job does no harm. Payloads are JSON with a version and a type, because a new release
//! must be able to read the jobs of the older one.

mod job;
mod queued_job;
mod sqs;

pub use job::{CallbackJob, Deal, FailedSubmit, Job, JobError, Subject};
pub use queued_job::{Group, QueuedJob};
pub use sqs::{LaneUrls, QueueUrls, SqsQueue};

use std::time::Duration;

/// SQS's longest delay.
pub const LONGEST_DELAY: Duration = Duration::from_mins(15);

/// The queue did not accept every job. We do not know which ones, so retry the whole step.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    #[error("the queue did not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the queue refused {0} of the jobs")]
    Refused(usize),
}

/// The queues. A delay is at most [`LONGEST_DELAY`] and is rounded up to whole seconds.
///
/// # Errors
///
/// Every method fails if any job may be missing from the queue. Retry the whole step.
pub trait Queue {
    /// Enqueues jobs for `dispatch`, each in the queue of its lane.
    async fn enqueue(&self, jobs: &[QueuedJob]) -> Result<(), QueueError>;

    /// Enqueues jobs for dealers of send slots. Each sender is a group.
    async fn enqueue_deals(&self, deals: &[(Deal, Duration)]) -> Result<(), QueueError>;

    /// Enqueues jobs for `callback`.
    async fn enqueue_callbacks(&self, jobs: &[(CallbackJob, Duration)]) -> Result<(), QueueError>;

    /// Puts a callback that we gave up on the dead-letter queue, from which operators can replay it.
    async fn dead_letter(&self, job: CallbackJob) -> Result<(), QueueError>;
}
