//! Ticks and searches: their cost must depend on the due work or the found messages, not on
//! the number of stored messages.
//!
//! The pending messages are copies of one that the gateway wrote, with other IDs and times. We import them
//! into the embedded DynamoDB directly, because a million messages through the gateway take an hour.

use std::time::Instant;

use anyhow::Context;
use dynoxide::{Database, ImportOptions, types::Item};
use jiff::{SignedDuration, Timestamp};
use lambda_http::{Body, RequestExt};
use local::emulator::EmulatorOptions;
use serde_json::{Value, json};
use tests::{
    Phone, TestConfig,
    system::{DEMO, System, owned, with},
};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::{Stage, Step, Used};
use crate::{
    budgets::Budgets,
    table::{Row, number},
};

/// Numbers of pending messages in a full run of the driver.
pub const PENDING: [u32; 2] = [1_000, 1_000_000];
/// Numbers of pending messages in a debug build, in which imports are slow.
pub const FEW_PENDING: [u32; 2] = [1_000, 5_000];
/// Messages due at a busy tick.
const DUE: u32 = 1_000;
/// Number of items in an import.
const CHUNK: u32 = 20_000;

const TABLE: &str = "MessagesTable";

/// A phone that gets a single message, before all others.
const SOUGHT: Phone = Phone::delivers_without_receipt().nth(1);

/// Costs of idle ticks with more and more messages pending, then of a search behind them, and then of a tick
/// with due messages.
pub struct Pending {
    pub steps: Vec<Step>,
    pub notes: Vec<String>,
    idle: Vec<(u32, Used)>,
}

impl Pending {
    /// Returns rows that fail if the cost grows with the pending messages.
    pub fn rows(&self, budgets: &Budgets) -> Vec<Row> {
        let mut rows = Vec::new();
        for (count, used) in &self.idle {
            let what = format!("tick, {count} pending: queries");
            rows.push(Row::gate(what, budgets.tick.queries, used.queries()));
        }
        if let [(few, first), .., (many, last)] = self.idle.as_slice() {
            let what = format!("tick, ratio of read units with {many} and {few} pending");
            rows.push(Row::gate(what, budgets.tick.growth, last.reads() / first.reads()));
        }
        rows
    }
}

pub async fn pending(counts: &[u32]) -> anyhow::Result<Pending> {
    let tables = Database::memory()?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let dynamodb = format!("http://{}/", listener.local_addr()?).parse()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = tokio::spawn(dynoxide::server::serve_with_shutdown(listener, tables.clone(), async {
        // A dropped sender stops the server too.
        let _ = stopped.await;
    }));
    let options = EmulatorOptions { dynamodb: Some(dynamodb), ..EmulatorOptions::default() };
    let stage = Stage::of(System::in_emulator(TestConfig::new(), options).await).await;
    let send = send::Send::new(&stage.environment)?;
    accept(&send, owned(&SOUGHT, &"x".repeat(160))).await?;
    let pattern = Pattern::written_by_the_gateway(&stage, &send).await?;
    let tick = schedule_tick::ScheduleTick::new(&stage.environment)?;
    let ticked = || async { Ok(tick.handle(u64::MAX).await?) };

    let mut pending = Pending { steps: Vec::new(), notes: Vec::new(), idle: Vec::new() };
    let far = Timestamp::now() + SignedDuration::from_hours(24 * 30);
    let mut stored = 0;
    for &count in counts {
        let started = Instant::now();
        pattern.insert(&tables, stored..count, far)?;
        if count >= 100_000 {
            let seconds = started.elapsed().as_secs_f64();
            pending.notes.push(format!("{} messages were imported in {} s.", count - stored, number(seconds)));
        }
        stored = count;
        pending.idle.push((count, stage.cost(ticked()).await?));
    }
    pending.steps.push(Step { name: "search by number".to_owned(), messages: 1.0, used: search(&stage).await? });
    pattern.insert(&tables, stored..stored + DUE, Timestamp::now())?;
    let ahead = stage.system.queue_length("JobsQueue").await;
    let used = stage.cost(ticked()).await?;
    let enqueued = stage.system.queue_length("JobsQueue").await - ahead;
    anyhow::ensure!(enqueued == u64::from(DUE), "{enqueued} of {DUE} were enqueued");
    pending.steps.push(Step { name: "tick, each of 1,000 due".to_owned(), messages: f64::from(DUE), used });

    drop(stage);
    let _ = stop.send(());
    served.await?.map_err(anyhow::Error::msg)?;
    Ok(pending)
}

async fn accept(send: &send::Send, message: Value) -> anyhow::Result<()> {
    let response = send.handle(tests::system::invocation("/message", &json!({"messages": [message]}))).await;
    anyhow::ensure!(response.status() == 200, "accept answered {}, for {DEMO}", response.status());
    Ok(())
}

/// Measures a search for the phone with a single message.
async fn search(stage: &Stage) -> anyhow::Result<Used> {
    let messages = messages::Messages::new(&stage.environment)?;
    let search = async || {
        let request = http::Request::get(format!("/messages?to={SOUGHT}"));
        let request = request.header("authorization", format!("Bearer {DEMO}"));
        let answer = messages.handle(request.body(Body::Empty)?.with_raw_http_path("/messages")).await;
        let found: Value = serde_json::from_slice(answer.body())?;
        let count = found["messages"].as_array().map(Vec::len);
        anyhow::ensure!(count == Some(1) && found["next"].is_null(), "the search found {count:?}");
        Ok(())
    };
    // Warms the caches.
    search().await?;
    stage.cost(search()).await
}

/// A scheduled message's item, as written by the gateway.
struct Pattern {
    id: String,
    item: String,
}

impl Pattern {
    async fn written_by_the_gateway(stage: &Stage, send: &send::Send) -> anyhow::Result<Self> {
        let later = (Timestamp::now() + SignedDuration::from_hours(24)).to_string();
        let message = with(owned(&Phone::delivers_without_receipt(), &"x".repeat(160)), "send_at", later);
        accept(send, message).await?;
        let found = stage.system.scan(TABLE).await;
        let item = found.iter().find(|item| item["wake_at"]["N"].is_string());
        let item = item.context("the scheduled message has no wake_at")?;
        let id = item["id"]["S"].as_str().unwrap_or_default().to_owned();
        Ok(Self { id, item: item.to_string() })
    }

    fn insert(&self, tables: &Database, numbers: std::ops::Range<u32>, wake: Timestamp) -> anyhow::Result<()> {
        tables.enable_bulk_loading()?;
        for start in numbers.clone().step_by(CHUNK as usize) {
            let end = numbers.end.min(start + CHUNK);
            let items = (start..end).map(|number| self.copy(number, wake)).collect::<anyhow::Result<Vec<_>>>()?;
            tables.import_items(TABLE, items, ImportOptions::default())?;
        }
        tables.disable_bulk_loading()?;
        Ok(())
    }

    fn copy(&self, number: u32, wake: Timestamp) -> anyhow::Result<Item> {
        let id = Uuid::from_u128((0x0700_u128 << 64) | (0b10_u128 << 62) | u128::from(number));
        let mut item: Value = serde_json::from_str(&self.item.replace(&self.id, &id.to_string()))?;
        item["wake_at"]["N"] = (wake.as_millisecond() + i64::from(number % 60_000)).to_string().into();
        item["wake_shard"]["N"] = (number % u32::from(shared::store::WAKE_SHARDS)).to_string().into();
        Ok(serde_json::from_value(item)?)
    }
}
