//! Batches from SQS: each job by itself, and only those that failed come again.

use std::{future::Future, panic::AssertUnwindSafe};

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use futures_util::{FutureExt, future::join_all};
use tracing::error;

use crate::flow::JobOutcome;

/// Runs `run` for the payload of each job at the same time. One that panics is
/// delivered again like one that fails, and the others do not notice.
pub async fn run_batch<F>(event: SqsEvent, run: impl Fn(String) -> F) -> SqsBatchResponse
where
    F: Future<Output = JobOutcome>,
{
    let runs = event.records.into_iter().map(|record| {
        let run = AssertUnwindSafe(run(record.body.unwrap_or_default())).catch_unwind();
        async move {
            let outcome = run.await.unwrap_or_else(|_| {
                error!("a job panicked");
                JobOutcome::Retry
            });
            (record.message_id.unwrap_or_default(), outcome)
        }
    });
    let failed = join_all(runs).await.into_iter().filter(|(_, outcome)| *outcome == JobOutcome::Retry);
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed
        .map(|(id, _)| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            failure
        })
        .collect();
    response
}
