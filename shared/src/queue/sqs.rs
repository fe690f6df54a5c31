//! [`Queue`] on Amazon SQS. A request carries a single job, or a batch of up to ten.

use std::time::Duration;

use aws_sdk_sqs::{Client, error::BoxError, types::SendMessageBatchRequestEntry};
use futures_util::{TryStreamExt, stream};
use strum::IntoEnumIterator;

use super::{CallbackJob, Deal, Group, Job, Queue, QueueError, QueuedJob};
use crate::domain::Lane;

/// SQS's largest batch.
const BATCH: usize = 10;
/// Concurrent requests per call.
const CONCURRENCY: usize = 8;
/// Attempts for batch entries that SQS refuses.
const OFFERS: u32 = 4;

/// The queues' URLs; `None` for queues that the function may not use.
#[derive(Clone, Debug, Default)]
pub struct QueueUrls {
    pub jobs: Option<LaneUrls>,
    pub send_slots: Option<String>,
    pub callbacks: Option<String>,
    pub callbacks_dead_letters: Option<String>,
}

/// The URL of each lane's queue of jobs.
#[derive(Clone, Debug)]
pub struct LaneUrls {
    pub urgent: String,
    pub normal: String,
    pub bulk: String,
}

impl LaneUrls {
    fn of(&self, lane: Lane) -> &str {
        match lane {
            Lane::Urgent => &self.urgent,
            Lane::Normal => &self.normal,
            Lane::Bulk => &self.bulk,
        }
    }
}

struct Entry {
    payload: String,
    group: Group,
    delay: Duration,
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

    /// Sends the items' entries. An entry is built when its request is, so that a large request takes little memory.
    async fn send<T>(&self, url: &str, items: &[T], entry: impl Fn(&T) -> Entry) -> Result<(), QueueError> {
        if items.is_empty() {
            return Ok(());
        }
        if let [item] = items {
            let Entry { payload, group, delay } = entry(item);
            let request = self.client.send_message().queue_url(url).message_body(payload);
            let sent = request.message_group_id(group.as_str()).delay_seconds(seconds(delay)).send().await;
            return sent.map(|_| ()).map_err(|error| QueueError::Unavailable(Box::new(error)));
        }
        stream::iter(items.chunks(BATCH).map(Ok))
            .try_for_each_concurrent(CONCURRENCY, |chunk| self.send_batch(url, chunk, &entry))
            .await
    }

    async fn send_batch<T>(&self, url: &str, items: &[T], entry: impl Fn(&T) -> Entry) -> Result<(), QueueError> {
        let mut waiting: Vec<usize> = (0..items.len()).collect();
        for offer in 0..OFFERS {
            if offer > 0 {
                tokio::time::sleep(Duration::from_millis(50 << offer)).await;
            }
            let mut request = self.client.send_message_batch().queue_url(url);
            for &index in &waiting {
                let Entry { payload, group, delay } = entry(&items[index]);
                let entry = SendMessageBatchRequestEntry::builder()
                    .id(index.to_string())
                    .message_body(payload)
                    .message_group_id(group.as_str())
                    .delay_seconds(seconds(delay))
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
    async fn enqueue(&self, jobs: &[QueuedJob]) -> Result<(), QueueError> {
        let urls = allowed(self.urls.jobs.as_ref())?;
        for lane in Lane::iter() {
            let of_lane: Vec<_> = jobs.iter().filter(|queued| queued.lane == lane).collect();
            self.send(urls.of(lane), &of_lane, |queued| Entry::of_job(queued)).await?;
        }
        Ok(())
    }

    async fn enqueue_deals(&self, deals: &[(Deal, Duration)]) -> Result<(), QueueError> {
        let url = allowed(self.urls.send_slots.as_ref())?;
        self.send(url, deals, |(deal, delay)| Entry::of_deal(deal, *delay)).await
    }

    async fn enqueue_callbacks(&self, jobs: &[(CallbackJob, Duration)]) -> Result<(), QueueError> {
        let url = allowed(self.urls.callbacks.as_ref())?;
        self.send(url, jobs, |(job, delay)| Entry::of_callback(job, *delay)).await
    }

    async fn dead_letter(&self, job: CallbackJob) -> Result<(), QueueError> {
        let url = allowed(self.urls.callbacks_dead_letters.as_ref())?;
        self.send(url, &[job.reset()], |job| Entry::of_callback(job, Duration::ZERO)).await
    }
}

impl Entry {
    fn of_job(QueuedJob { job, group, delay, .. }: &QueuedJob) -> Self {
        Self { payload: job.write(), group: group.clone(), delay: *delay }
    }

    fn of_deal(deal: &Deal, delay: Duration) -> Self {
        Self { payload: Job::Deal(deal.clone()).write(), group: Group::of_sender(&deal.sender), delay }
    }

    fn of_callback(job: &CallbackJob, delay: Duration) -> Self {
        Self { payload: job.write(), group: Group::of_account(&job.account), delay }
    }
}

fn allowed<T>(url: Option<&T>) -> Result<&T, QueueError> {
    url.ok_or_else(|| QueueError::Unavailable(BoxError::from("this function may not use the queue")))
}

/// Rounds up to whole seconds, up to SQS's limit.
fn seconds(delay: Duration) -> i32 {
    let up = delay.min(super::LONGEST_DELAY).as_secs_f64().ceil();
    #[expect(clippy::cast_possible_truncation, reason = "a whole number of at most 900")]
    let seconds = up as i32;
    seconds
}
