//! SQS event sources: receive a batch, invoke the function, and delete the messages that it handled. SQS
//! redelivers the rest after the visibility timeout.

use std::{pin::pin, sync::Arc, time::Duration};

use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use aws_sdk_sqs::{
    Client, Config,
    config::timeout::TimeoutConfig,
    types::{DeleteMessageBatchRequestEntry, Message},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{functions::Functions, time::Time};

/// The limit for each queue.
const MAX_POLLERS: u16 = 8;
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// How long a stopping poller still waits for its receive. A job that the queue hands out at that moment
/// would otherwise stay invisible for the visibility timeout.
const FINAL_POLL_TIMEOUT: Duration = Duration::from_millis(200);

/// How long a receive waits for a message, and the timeout of its response.
const WAIT_SECONDS: i32 = 20;
const POLL_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub(super) struct Source {
    pub function: String,
    pub queue_url: String,
    pub arn: String,
    pub batch_size: u16,
}

pub(super) fn poll(
    source: Source,
    concurrency: u16,
    (functions, time, sqs, stopping): (&Arc<Functions>, &Arc<Time>, &Client, &CancellationToken),
    tasks: &mut JoinSet<()>,
) {
    for _ in 0..concurrency.min(MAX_POLLERS) {
        let (source, sqs, stopping) = (source.clone(), sqs.clone(), stopping.clone());
        let (functions, time) = (Arc::clone(functions), Arc::clone(time));
        tasks.spawn(async move {
            while !stopping.is_cancelled() {
                let mut receiving = pin!(receive(&sqs, &source));
                let received = tokio::select! {
                    received = &mut receiving => received,
                    () = stopping.cancelled() => match tokio::time::timeout(FINAL_POLL_TIMEOUT, receiving).await {
                        Ok(received) => received,
                        Err(_) => return,
                    },
                };
                match received {
                    Ok(messages) if messages.is_empty() => {}
                    Ok(messages) => {
                        let _in_flight = time.in_flight().await;
                        run(&functions, &sqs, &source, messages).await;
                    }
                    Err(error) => {
                        warn!(
                            queue = source.arn,
                            error = format!("{error:#}"),
                            "could not receive from queue; retrying"
                        );
                        tokio::time::sleep(RETRY_DELAY).await;
                    }
                }
            }
        });
    }
}

async fn receive(sqs: &Client, source: &Source) -> anyhow::Result<Vec<Message>> {
    let request = sqs
        .receive_message()
        .queue_url(&source.queue_url)
        .max_number_of_messages(i32::from(source.batch_size.min(10)))
        .wait_time_seconds(WAIT_SECONDS);
    let timeout = TimeoutConfig::builder().operation_attempt_timeout(POLL_TIMEOUT).build();
    let request = request.customize().config_override(Config::builder().timeout_config(timeout));
    Ok(request.send().await?.messages.unwrap_or_default())
}

async fn run(functions: &Functions, sqs: &Client, source: &Source, messages: Vec<Message>) {
    let mut event = SqsEvent::default();
    event.records = messages.iter().map(|message| record(message, &source.arn)).collect();
    let failed: Vec<String> = match functions.batch(&source.function, event).await {
        Ok(response) => response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect(),
        Err(error) => {
            warn!(function = source.function, error = format!("{error:#}"), "batch failed; it will be redelivered");
            return;
        }
    };
    let done = messages.iter().filter(|message| message.message_id().is_some_and(|id| !failed.iter().any(|f| f == id)));
    let entries: Vec<_> = done
        .enumerate()
        .filter_map(|(index, message)| {
            let entry = DeleteMessageBatchRequestEntry::builder().id(index.to_string());
            entry.set_receipt_handle(message.receipt_handle.clone()).build().ok()
        })
        .collect();
    if entries.is_empty() {
        return;
    }
    let request = sqs.delete_message_batch().queue_url(&source.queue_url).set_entries(Some(entries));
    if let Err(error) = request.send().await {
        warn!(queue = source.arn, %error, "could not delete finished jobs; they will be redelivered");
    }
}

fn record(message: &Message, arn: &str) -> SqsMessage {
    let mut record = SqsMessage::default();
    record.message_id = message.message_id.clone();
    record.receipt_handle = message.receipt_handle.clone();
    record.body = message.body.clone();
    record.md5_of_body = message.md5_of_body.clone();
    record.event_source = Some("aws:sqs".to_owned());
    record.event_source_arn = Some(arn.to_owned());
    record.aws_region = Some(crate::template::resolve::REGION.to_owned());
    record
}
