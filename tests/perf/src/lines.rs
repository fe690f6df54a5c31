//! Lines: a sender with a rate limit, through `local`: with a standstill of all functions, and at the highest rate.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context;
use jiff::Timestamp;
use serde_json::{Value, json};
use shared::runtime::HttpStack;
use tests::system::{DEMO, RATE_LIMITED_SENDER, custom};
use url::Url;

use crate::{
    budgets::Budgets,
    stack::Local,
    table::{Row, Table},
};

const MESSAGES: usize = 3_600;
const EACH_REQUEST: usize = 900;
/// Messages on the phone when the functions stop.
const BEFORE: usize = 600;
const STANDSTILL_SECONDS: u64 = 120;
const PHONE: &str = "447800000001";
const FAST: usize = 3_000;
const FAST_PHONE: &str = "447800000002";
const DEFAULT_CONFIG: &str = include_str!("../../../infra/local/local.toml");
const TIMEOUT: Duration = Duration::from_mins(10);

/// # Errors
/// `local` does not start, or a message does not arrive.
pub async fn table(local: &Path, budgets: &Budgets) -> anyhow::Result<Table> {
    let mut table = Table::new(format!("lines: {MESSAGES} messages at 1 a second, on a simulated clock"));
    let emulator = Local::start(local, &["emulator"]).await?;
    let config = Config::with_rate(1)?;
    let arguments = ["--emulator", emulator.url.as_str(), "--config", config.path()?];
    let phones = Phones { http: HttpStack::new()?.client().clone(), emulator: emulator.url.clone() };
    let began = Instant::now();
    let gateway = Local::start(local, &arguments).await?;
    for first in (0..MESSAGES).step_by(EACH_REQUEST) {
        phones.post(&gateway.url, PHONE, first..first + EACH_REQUEST).await?;
    }
    phones.until(&gateway.url, BEFORE).await?;
    gateway.stop().await?;
    phones.advance(&emulator.url, STANDSTILL_SECONDS).await?;
    let gateway = Local::start(local, &arguments).await?;
    let (restarted, arrived) = (phones.now().await?, phones.arrivals(PHONE).await?.len());
    let came = phones.until(&gateway.url, MESSAGES).await?;
    let seconds = began.elapsed().as_secs_f64();

    let first = came.get(arrived).context("no message came after the restart")?;
    let waited = first.0.duration_since(restarted).as_secs_f64();
    table.rows.push(Row::gate("from the restart to the first message, s", budgets.lines.restart_seconds, waited));
    let texts: BTreeSet<_> = came.iter().map(|(_, text)| text).collect();
    table.rows.push(Row::gate("messages that did not arrive", 0.0, count(MESSAGES - texts.len())));
    table.rows.push(Row::gate("messages that arrived twice", 0.0, count(came.len() - texts.len())));
    let out_of_order = came.windows(2).filter(|two| two[0].1 > two[1].1).count();
    table.rows.push(Row::gate("messages that overtook the one before", 0.0, count(out_of_order)));
    table.rows.push(Row::gate("most messages in any w seconds, of w + 1", 1.0, densest(&came)));
    table.rows.push(Row::info("seconds that this took", seconds));

    gateway.stop().await?;
    let config = Config::with_rate(1_000)?;
    let arguments = ["--emulator", emulator.url.as_str(), "--config", config.path()?];
    let gateway = Local::start(local, &arguments).await?;
    for first in (0..FAST).step_by(1_000) {
        phones.post(&gateway.url, FAST_PHONE, first..first + 1_000).await?;
    }
    let came = phones.wait_for(FAST_PHONE, FAST).await?;
    let took = came[FAST - 1].0.duration_since(came[0].0).as_secs_f64();
    table
        .rows
        .push(Row::info(format!("messages a second by one dealer, of {FAST} at 1,000 a second"), count(FAST) / took));
    gateway.stop().await?;
    emulator.stop().await?;
    Ok(table)
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Returns the highest ratio of the messages in a window to those allowed.
fn densest(came: &[(Timestamp, String)]) -> f64 {
    let mut densest = 0.0_f64;
    for (first, (from, _)) in came.iter().enumerate() {
        // Beyond a minute, the average decides.
        for (last, (to, _)) in came.iter().enumerate().skip(first).take(60) {
            densest = densest.max(count(last - first + 1) / (to.duration_since(*from).as_secs_f64() + 1.0));
        }
    }
    densest
}

/// The configuration of `local` with another rate limit, in a file.
struct Config(PathBuf);

impl Config {
    fn with_rate(per_second: u16) -> anyhow::Result<Self> {
        let limit = |rate: u16| format!("{RATE_LIMITED_SENDER} = {rate}");
        let changed = DEFAULT_CONFIG.replace(&limit(10), &limit(per_second));
        anyhow::ensure!(changed.contains(&limit(per_second)), "local.toml has no rate limit of 10 a second");
        let file = std::env::temp_dir().join(format!("perf-config-{}.toml", uuid::Uuid::new_v4()));
        std::fs::write(&file, changed)?;
        Ok(Self(file))
    }

    fn path(&self) -> anyhow::Result<&str> {
        self.0.to_str().context("a path that is not UTF-8")
    }
}

impl Drop for Config {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

struct Phones {
    http: reqwest::Client,
    emulator: Url,
}

impl Phones {
    /// Moves the clock of the gateway or emulator at this address.
    async fn advance(&self, at: &Url, seconds: u64) -> anyhow::Result<()> {
        let request = self.http.post(at.join("clock")?).json(&json!({"advance_seconds": seconds}));
        request.send().await?.error_for_status()?;
        Ok(())
    }

    async fn now(&self) -> anyhow::Result<Timestamp> {
        let clock: Value = self.http.get(self.emulator.join("clock")?).send().await?.json().await?;
        Ok(clock["now"].as_str().context("no time")?.parse()?)
    }

    async fn post(&self, gateway: &Url, phone: &str, numbers: std::ops::Range<usize>) -> anyhow::Result<()> {
        let messages: Vec<_> =
            numbers.map(|number| custom(RATE_LIMITED_SENDER, phone, &format!("Number {number:05}"))).collect();
        let request = self.http.post(gateway.join("message")?).bearer_auth(DEMO);
        let answer = request.json(&json!({ "messages": messages })).send().await?;
        anyhow::ensure!(answer.status().is_success(), "{}", answer.text().await?);
        Ok(())
    }

    /// Returns the messages on a phone, in order, with their times.
    async fn arrivals(&self, phone: &str) -> anyhow::Result<Vec<(Timestamp, String)>> {
        let shown: Value =
            self.http.get(self.emulator.join(&format!("handsets/{phone}"))?).send().await?.json().await?;
        let read = |message: &Value| {
            let at = message["received_at"].as_str()?.parse().ok()?;
            Some((at, message["text"].as_str()?.to_owned()))
        };
        shown["messages"].as_array().into_iter().flatten().map(|one| read(one).context("a message")).collect()
    }

    /// Moves the clock second by second until so many messages have come.
    async fn until(&self, gateway: &Url, messages: usize) -> anyhow::Result<Vec<(Timestamp, String)>> {
        let began = Instant::now();
        loop {
            // The list grows, so we look at it only when most of what is missing may have come.
            let came = self.arrivals(PHONE).await?;
            if came.len() >= messages {
                return Ok(came);
            }
            anyhow::ensure!(began.elapsed() < TIMEOUT, "{} of {messages} came", came.len());
            for _ in 0..(messages - came.len()).div_ceil(2) {
                self.advance(gateway, 1).await?;
                tokio::time::sleep(Duration::from_millis(15)).await;
            }
        }
    }

    async fn wait_for(&self, phone: &str, messages: usize) -> anyhow::Result<Vec<(Timestamp, String)>> {
        let began = Instant::now();
        loop {
            let came = self.arrivals(phone).await?;
            if came.len() >= messages {
                return Ok(came);
            }
            anyhow::ensure!(began.elapsed() < TIMEOUT, "{} of {messages} came", came.len());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}
