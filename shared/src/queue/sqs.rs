//! [`Queue`] on Amazon SQS. A request carries a single job, or a batch of up to ten.

use std::time::Duration;

use aws_sdk_sqs::{Client, error::BoxError, types::SendMessageBatchRequestEntry};
use futures_util::{TryStreamExt, stream};

use super::{CallbackJob, Job, Queue, QueueError};

/// SQS's largest batch.
const BATCH: usize = 10;
/// Concurrent requests per call.
const CONCURRENCY: usize = 8;
/// Attempts for batch entries that SQS refuses.
const OFFERS: u32 = 4;

/// The queues' URLs; `None` for a queue that the function may not use.
#[derive(Clone, Debug, Default)]
pub struct QueueUrls {
    pub jobs: Option<String>,
    pub callbacks: Option<String>,
    pub callbacks_dead_letters: Option<String>,
}

#[derive(Clone)]
pub struct SqsQueue {
    client: Client,
    urls: QueueUrls,
}

impl SqsQueue {
    #[must_use]
    pub fn new(client: Client, urls: QueueUrls) -> Self {
        Self { client, urls }
    }

    async fn send(&self, url: Option<&String>, payloads: Vec<(String, Duration)>) -> Result<(), QueueError> {
        let url = url.ok_or_else(|| QueueError::Unavailable(BoxError::from("this function may not use the queue")))?;
        if let [(payload, delay)] = payloads.as_slice() {
            let request =
                self.client.send_message().queue_url(url).message_body(payload).delay_seconds(seconds(*delay));
            let sent = request.send().await;
            return sent.map(|_| ()).map_err(|error| QueueError::Unavailable(Box::new(error)));
        }
        stream::iter(payloads.chunks(BATCH).map(Ok))
            .try_for_each_concurrent(CONCURRENCY, |chunk| self.send_batch(url, chunk))
            .await
    }

    async fn send_batch(&self, url: &str, payloads: &[(String, Duration)]) -> Result<(), QueueError> {
        let mut waiting: Vec<usize> = (0..payloads.len()).collect();
        for offer in 0..OFFERS {
            if offer > 0 {
                tokio::time::sleep(Duration::from_millis(50 << offer)).await;
            }
            let mut request = self.client.send_message_batch().queue_url(url);
            for &index in &waiting {
                let (payload, delay) = &payloads[index];
                let entry = SendMessageBatchRequestEntry::builder()
                    .id(index.to_string())
                    .message_body(payload)
                    .delay_seconds(seconds(*delay))
                    .build()
                    .map_err(|error| QueueError::Unavailable(Box::new(error)))?;
                request = request.entries(entry);
            }
            let answer = request.send().await.map_err(|error| QueueError::Unavailable(Box::new(error)))?;
            waiting = answer.failed().iter().filter_map(|failed| failed.id().parse().ok()).collect();
            if waiting.is_empty() {
                return Ok(());
            }
        }
        Err(QueueError::Refused(waiting.len()))
    }
}

impl Queue for SqsQueue {
    async fn enqueue(&self, jobs: &[(Job, Duration)]) -> Result<(), QueueError> {
        let payloads = jobs.iter().map(|(job, delay)| (job.write(), *delay)).collect();
        self.send(self.urls.jobs.as_ref(), payloads).await
    }

    async fn enqueue_callbacks(&self, jobs: &[(CallbackJob, Duration)]) -> Result<(), QueueError> {
        let payloads = jobs.iter().map(|(job, delay)| (job.write(), *delay)).collect();
        self.send(self.urls.callbacks.as_ref(), payloads).await
    }

    async fn dead_letter(&self, job: CallbackJob) -> Result<(), QueueError> {
        self.send(self.urls.callbacks_dead_letters.as_ref(), vec![(job.reset().write(), Duration::ZERO)]).await
    }
}

/// Rounds up to whole seconds, up to SQS's limit.
fn seconds(delay: Duration) -> i32 {
    let up = delay.min(super::LONGEST_DELAY).as_secs_f64().ceil();
    #[expect(clippy::cast_possible_truncation, reason = "a whole number of at most 900")]
    let seconds = up as i32;
    seconds
}
