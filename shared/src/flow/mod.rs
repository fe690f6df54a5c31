//! The steps of a message's life, each in a module; `docs/architecture.md` describes the path.
//!
//! A step can be interrupted anywhere and run again: changes are conditional writes, and the record shows
//! which work is left. Two rules hold between the steps:
//!
//! - **Immediate work is a job; deferred work is a wake time.** A message with work left has a job, a
//!   `wake_at`, or both. A finished message needs neither.
//! - **Enqueue the callback, then record the change.** Both carry the execution's ID, and `callback`
//!   delivers only if the record has the same ID. After a crash between the two, the carrier or the queue
//!   redelivers the event. If executions race with one event, only one records it, and only its callback is
//!   delivered.

pub mod accept;
pub mod batches;
pub mod callbacks;
pub mod cancel;
pub mod deal;
mod lines;
pub mod operator;
pub mod opt_outs;
mod outcome;
pub mod query;
pub mod receipts;
pub mod replies;
pub mod schedule;
pub mod search;
pub mod submit;
mod turn;
pub mod unmatched;

use jiff::SignedDuration;

use crate::{
    domain::{AccountId, CarrierName},
    queue::{QueueError, SqsQueue},
    runtime::{Clock, Metric, MetricDimensions, Metrics, Random, Settings},
    store::{DynamoStore, StoreError},
};

/// The dependencies of every step.
pub struct Gateway {
    pub store: DynamoStore,
    pub queue: SqsQueue,
    pub clock: Clock,
    pub random: Random,
    pub settings: Settings,
    pub metrics: Metrics,
}

impl Gateway {
    /// Writes an invocation's metrics. Call it at the end.
    pub fn publish_metrics(&self) {
        self.metrics.publish(self.clock.now());
    }

    /// Counts a webhook that was refused. The carrier in its path may be anyone's invention, so it is no dimension.
    pub fn count_refused_webhook(&self) {
        self.count(Metric::WebhooksRefused, None, None, 1);
    }

    fn count(&self, metric: Metric, account: Option<&AccountId>, carrier: Option<CarrierName>, count: usize) {
        self.metrics.count(metric, dimensions(account, carrier), count);
    }

    fn time(&self, metric: Metric, account: Option<&AccountId>, carrier: Option<CarrierName>, passed: SignedDuration) {
        self.metrics.time(metric, dimensions(account, carrier), passed);
    }
}

fn dimensions(account: Option<&AccountId>, carrier: Option<CarrierName>) -> MetricDimensions {
    MetricDimensions::new(account.map(AccountId::as_str), carrier.as_ref().map(CarrierName::as_str))
}

/// The result of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobOutcome {
    Done,
    /// The job is too early, or another worker holds the message and may die. The queue redelivers the job.
    Retry,
}

/// The store or a queue did not answer, or a stored item is unreadable, so a step is unfinished. Any step may
/// return this error, and is safe to run again.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Queue(#[from] QueueError),
}
