//! The steps of a message's life: a folder or file for each, named after it.
//!
//! A step can be cut off at any point and run again: the record says what was done and what is still due.
//! Two rules hold between the steps:
//!
//! - **Immediate work is a job; deferred work is a wake time.** A message that waits has one or the other, a
//!   finished one neither.
//! - **Enqueue the callback, then record the change.** Both have the id of the execution that makes them, and
//!   `callback` delivers only if the record has that id. If we crash between the two, the carrier or the queue
//!   delivers the event again, so nothing is lost. If several executions race with one event, one of them records it,
//!   and only that one's callback is delivered.

pub mod accept;
pub mod callbacks;
pub mod cancel;
pub mod operator;
mod outcome;
pub mod query;
mod rate_limit;
pub mod receipts;
pub mod replies;
pub mod schedule;
pub mod submit;
pub mod unmatched;

use jiff::SignedDuration;

use crate::{
    domain::{AccountId, CarrierName},
    queue::{QueueError, SqsQueue},
    runtime::{Clock, Metric, MetricDimensions, Metrics, Random, Settings},
    store::{DynamoStore, StoreError},
};

/// What every step needs.
pub struct Gateway {
    pub store: DynamoStore,
    pub queue: SqsQueue,
    pub clock: Clock,
    pub random: Random,
    pub settings: Settings,
    pub metrics: Metrics,
}

impl Gateway {
    /// To be called when an invocation ends.
    pub fn publish_metrics(&self) {
        self.metrics.publish(self.clock.now());
    }

    fn count(&self, metric: Metric, account: Option<&AccountId>, carrier: Option<CarrierName>, count: usize) {
        self.metrics.count(metric, dimensions(account, carrier), count);
    }

    fn time(&self, metric: Metric, account: Option<&AccountId>, carrier: Option<CarrierName>, passed: SignedDuration) {
        self.metrics.time(metric, dimensions(account, carrier), passed);
    }
}

fn dimensions(account: Option<&AccountId>, carrier: Option<CarrierName>) -> MetricDimensions {
    MetricDimensions::new(account.map(AccountId::as_str), carrier.map(<&str>::from))
}

/// What became of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobOutcome {
    /// It needs no further execution.
    Done,
    /// It is not the time: another worker holds the message and may die, or the message is not due. The queue delivers
    /// the job again.
    Retry,
}

/// A step that could not be finished for now. Running it again is safe.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Queue(#[from] QueueError),
}
