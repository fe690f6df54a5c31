//! The steps of a message's life, each in the module of its name.
//!
//! - Accept, schedule, submit, receipts, replies and callbacks run in this order; `docs/architecture.md`
//!   shows the path.
//! - `unmatched` retries receipts and replies for which we found no message or account.
//! - `query` and `cancel` serve the client's own requests. `operator` holds the jobs that an operator
//!   starts by hand.
//!
//! A step can be interrupted anywhere and run again: each change is a conditional write, and the record
//! shows which work is left. Two rules hold between the steps:
//!
//! - **Immediate work is a job; deferred work is a wake time.** A waiting message has either a job or a
//!   `wake_at`. A finished message has neither.
//! - **Enqueue the callback, then record the change.** Both carry the ID of the execution, and `callback`
//!   delivers only if the record has the same ID. After a crash between the two, the carrier or the queue
//!   delivers the event again, so no callback is lost. If several executions race with one event, only one
//!   records it, and only that execution's callback is delivered.

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

/// The dependencies that every step needs.
pub struct Gateway {
    pub store: DynamoStore,
    pub queue: SqsQueue,
    pub clock: Clock,
    pub random: Random,
    pub settings: Settings,
    pub metrics: Metrics,
}

impl Gateway {
    /// Writes the metrics of an invocation. Call it when the invocation ends.
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

/// The result of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobOutcome {
    /// The job is finished.
    Done,
    /// The job came too early: the message is not due, or another worker holds it and may die. The queue
    /// redelivers the job.
    Retry,
}

/// The store or a queue did not answer, so the step is unfinished. Every step may return this error, and
/// running the step again is safe: the queue or the carrier redelivers.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Queue(#[from] QueueError),
}
