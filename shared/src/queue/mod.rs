//! The queues, for immediate work.
//!
//! A job names a message, reply or unmatched item by ID. The record decides what to do, so a duplicate or
//! late job does no harm. Payloads are JSON with a version and a type: jobs of an older release must stay
//! readable during a deployment.

mod job;
mod sqs;

pub use job::{CallbackJob, FailedSubmit, Job, JobError, Subject};
pub use sqs::{QueueUrls, SqsQueue};

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
    /// Enqueues jobs for `dispatch`.
    async fn enqueue(&self, jobs: &[(Job, Duration)]) -> Result<(), QueueError>;

    /// Enqueues jobs for `callback`.
    async fn enqueue_callbacks(&self, jobs: &[(CallbackJob, Duration)]) -> Result<(), QueueError>;

    /// Moves a callback that was given up to the dead-letter queue. Operators can replay it from there.
    async fn dead_letter(&self, job: CallbackJob) -> Result<(), QueueError>;
}
