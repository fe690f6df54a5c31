//! The queues: what is to be done now.
//!
//! A job names a message or a reply and never carries one (at most what a receipt
//! said): what is done is decided by the record, so a job may come twice or late
//! without harm beyond the wait. Payloads are JSON with a version and a type, so that
//! jobs of an older release are still understood while a new one rolls out.

mod job;
mod sqs;

pub use job::{CallbackJob, FailedSubmit, Job, JobError, Subject};
pub use sqs::{QueueUrls, SqsQueue};

use std::time::Duration;

/// The longest delay that SQS keeps a job for.
pub const LONGEST_DELAY: Duration = Duration::from_mins(15);

/// A queue that did not take everything. What it took is not known, so the
/// whole step is to be run again.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    #[error("the queue did not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the queue refused {0} of the jobs")]
    Refused(usize),
}

/// Where jobs are put. A delay is at most [`LONGEST_DELAY`] and is rounded up
/// to whole seconds.
pub trait Queue {
    /// # Errors
    /// When not every job is known to be in the queue.
    async fn enqueue(&self, jobs: &[(Job, Duration)]) -> Result<(), QueueError>;

    /// # Errors
    /// When not every job is known to be in the queue.
    async fn enqueue_callbacks(&self, jobs: &[(CallbackJob, Duration)]) -> Result<(), QueueError>;

    /// Lays a callback that is given up with the dead letters, from where it can
    /// be replayed.
    ///
    /// # Errors
    /// When it is not known to be there.
    async fn dead_letter(&self, job: CallbackJob) -> Result<(), QueueError>;
}
