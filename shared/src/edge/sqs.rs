//! Batches from SQS: each job runs on its own, and only unfinished jobs are redelivered.

use std::{future::Future, panic::AssertUnwindSafe};

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use futures_util::{FutureExt, future::join_all};
use tracing::error;

use crate::flow::JobOutcome;

/// Runs all jobs of the batch concurrently and tells SQS which to redeliver. A job that panics is redelivered
/// too, and does not affect the rest.
pub async fn run_batch<F>(event: SqsEvent, run: impl Fn(String) -> F) -> SqsBatchResponse
where
    F: Future<Output = JobOutcome>,
{
    let runs = event.records.into_iter().map(|record| {
        let run = AssertUnwindSafe(run(record.body.unwrap_or_default())).catch_unwind();
        async move {
            let outcome = run.await.unwrap_or_else(|_| {
                error!("job panicked");
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
