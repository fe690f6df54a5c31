//! Lanes: how long messages take beside a campaign, through `local`, and how fast a tick enqueues due messages.
//!
//! The times depend on the machine. The budgets are far above what a machine with two processors needs.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context;
use futures_util::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use schedule_tick::ScheduleTick;
use serde_json::{Value, json};
use shared::runtime::HttpStack;
use tests::system::{DEMO, OTHER, OTHER_SENDER, System, custom, owned, with};
use url::Url;

use crate::{
    budgets::Budgets,
    procfs,
    stack::Local,
    table::{Row, Table},
};

/// Messages of the campaign.
const BULK: usize = 20_000;
/// Single messages of each kind, one after another.
const SINGLE: usize = 50;
/// Messages that are due in one minute.
const DUE: usize = 200_000;
const EACH_REQUEST: usize = 1_000;
/// Concurrent requests.
const CONNECTIONS: usize = 4;
const TIMEOUT: Duration = Duration::from_mins(10);
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// # Errors
/// `local` does not start, or a message does not arrive.
pub async fn table(local: &Path, budgets: &Budgets) -> anyhow::Result<Table> {
    let mut table = Table::new("lanes: messages beside a campaign, and many due at once, through `local`");
    let budget = &budgets.lanes;

    let system = Stack::start(local).await?;
    let began = Instant::now();
    system.post_bulk(BULK, None).await?;
    system.until_empty("BulkJobsQueue").await?;
    let alone = began.elapsed().as_secs_f64();
    system.local.stop().await?;

    let system = Stack::start(local).await?;
    let began = Instant::now();
    system.post_bulk(BULK, None).await?;
    let waiting = system.length("BulkJobsQueue").await?;
    let (mut others, mut urgent) = (Vec::new(), Vec::new());
    for index in 0..SINGLE {
        others.push(system.time_to_handset(OTHER, None, 2 * index).await?);
        urgent.push(system.time_to_handset(DEMO, Some("urgent"), 2 * index + 1).await?);
    }
    system.until_empty("BulkJobsQueue").await?;
    let beside = began.elapsed().as_secs_f64();
    system.local.stop().await?;

    table.rows.push(Row::info(format!("of {BULK} bulk messages, waiting when the others began"), waiting));
    table.rows.push(Row::gate(
        "another account's message, slowest from post to handset, s",
        budget.seconds,
        slowest(&others),
    ));
    table.rows.push(Row::gate("the account's urgent message, slowest, s", budget.seconds, slowest(&urgent)));
    table.rows.push(Row::info("bulk messages a second, alone", rate(BULK, alone)));
    table.rows.push(Row::noisy("time of the bulk messages beside the others, alone = 1", 1.0, beside / alone, 0.1));

    let system = Stack::start(local).await?;
    let (seconds, jobs) = Box::pin(tick(&system)).await?;
    table.rows.push(Row::gate(
        format!("{DUE} due in one minute: seconds of a processor"),
        budget.tick_seconds,
        seconds,
    ));
    table.rows.push(Row::gate(format!("{DUE} due in one minute: jobs for each message"), budget.tick_jobs, jobs));
    system.local.stop().await?;
    Ok(table)
}

/// Runs a tick in this process, two hours ahead of `local`, which therefore leaves the messages alone. Returns the
/// seconds of a processor, and the jobs for each message.
async fn tick(system: &Stack) -> anyhow::Result<(f64, f64)> {
    let ahead = Duration::from_hours(2);
    system.post_bulk(DUE, Some(Timestamp::now() + SignedDuration::try_from(ahead)?)).await?;
    system.delete("meter").await?;
    let url = system.local.url.clone();
    let environment = System::remote(url.clone(), url).environment_of("schedule-tick");
    environment.clock.set_ahead(ahead);
    let tick = ScheduleTick::new(&environment)?;
    let used = || procfs::times(std::process::id()).map(|times| times.user + times.system);
    let before = used()?;
    tick.handle(u64::MAX).await?;
    let seconds = used()?.saturating_sub(before).as_secs_f64();
    let batches = system.get("meter").await?["sqs"]["SendMessageBatch"]["requests"].as_f64().unwrap_or_default();
    Ok((seconds, batches * 10.0 / rate(DUE, 1.0)))
}

fn rate(messages: usize, seconds: f64) -> f64 {
    f64::from(u32::try_from(messages).unwrap_or(u32::MAX)) / seconds
}

fn slowest(times: &[f64]) -> f64 {
    times.iter().copied().fold(0.0, f64::max)
}

struct Stack {
    local: Local,
    http: reqwest::Client,
}

impl Stack {
    async fn start(local: &Path) -> anyhow::Result<Self> {
        Ok(Self { local: Local::start(local, &[]).await?, http: HttpStack::new()?.client().clone() })
    }

    fn url(&self, path: &str) -> anyhow::Result<Url> {
        Ok(self.local.url.join(path)?)
    }

    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        Ok(self.http.get(self.url(path)?).send().await?.error_for_status()?.json().await?)
    }

    async fn delete(&self, path: &str) -> anyhow::Result<()> {
        self.http.delete(self.url(path)?).send().await?.error_for_status()?;
        Ok(())
    }

    async fn post(&self, key: &str, lane: Option<&str>, messages: Vec<Value>) -> anyhow::Result<()> {
        let mut request = self.http.post(self.url("message")?).bearer_auth(key);
        if let Some(lane) = lane {
            request = request.header("Lane", lane);
        }
        let answer = request.json(&json!({ "messages": messages })).send().await?;
        let status = answer.status();
        anyhow::ensure!(status.is_success(), "{status}: {}", answer.text().await?);
        Ok(())
    }

    /// Posts messages of the account `demo` in large requests, which are bulk.
    async fn post_bulk(&self, count: usize, send_at: Option<Timestamp>) -> anyhow::Result<()> {
        let requests: Vec<_> = (0..count).step_by(EACH_REQUEST).collect();
        let of_connection = |connection: usize| {
            let requests = requests.iter().skip(connection).step_by(CONNECTIONS);
            async move {
                for first in requests {
                    let message = |index: usize| {
                        let message = owned(&format!("4479{index:08}"), &format!("Our offer number {index:07}"));
                        send_at.map_or_else(|| message.clone(), |at| with(message.clone(), "send_at", at.to_string()))
                    };
                    self.post(DEMO, None, (*first..first + EACH_REQUEST).map(message).collect()).await?;
                }
                Ok::<_, anyhow::Error>(())
            }
        };
        try_join_all((0..CONNECTIONS).map(of_connection)).await?;
        Ok(())
    }

    /// Posts a message, and returns the seconds until it is on its handset.
    async fn time_to_handset(&self, key: &str, lane: Option<&str>, index: usize) -> anyhow::Result<f64> {
        let phone = format!("44780{index:07}");
        let message = if key == OTHER { custom(OTHER_SENDER, &phone, "Your code") } else { owned(&phone, "Your code") };
        let began = Instant::now();
        self.post(key, lane, vec![message]).await?;
        while self.get(&format!("handsets/{phone}")).await?["messages"].as_array().is_none_or(Vec::is_empty) {
            anyhow::ensure!(began.elapsed() < TIMEOUT, "a single message does not arrive");
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Ok(began.elapsed().as_secs_f64())
    }

    /// Returns how many messages a queue has, also in flight and delayed.
    async fn length(&self, queue: &str) -> anyhow::Result<f64> {
        let names = ["", "NotVisible", "Delayed"].map(|which| format!("ApproximateNumberOfMessages{which}"));
        let queue = self.url(&format!("123456789012/{queue}"))?;
        let request = self.http.post(self.local.url.clone()).header("x-amz-target", "AmazonSQS.GetQueueAttributes");
        let answer = request.json(&json!({ "QueueUrl": queue, "AttributeNames": names })).send().await?;
        let answer: Value = answer.error_for_status()?.json().await?;
        let count = |name: &String| answer["Attributes"][name].as_str()?.parse::<f64>().ok();
        names.iter().map(count).sum::<Option<f64>>().context("the length of a queue")
    }

    async fn until_empty(&self, queue: &str) -> anyhow::Result<()> {
        let began = Instant::now();
        while self.length(queue).await? > 0.0 {
            anyhow::ensure!(began.elapsed() < TIMEOUT, "{queue} does not become empty");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}
