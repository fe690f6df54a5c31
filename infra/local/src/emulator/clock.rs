//! The emulator's clock: the machine's clock plus all advances. It never goes back.
//! The simulated network's short delays stay in real time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::get;
use dynoxide::storage_backend::Clock;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tracing::info;

use super::dynamodb::DynamoDb;
use super::json_line::JsonLine;
use super::problem::{Fields, Problem};
use super::sqs::Sqs;

/// A century: beyond every schedule, within the range of timestamps.
const FARTHEST_SECONDS: i64 = 100 * 365 * 86_400;

#[derive(Debug, Default)]
pub(super) struct EmulatorClock {
    advanced_seconds: AtomicI64,
}

impl EmulatorClock {
    pub(super) fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_secs(self.advanced_seconds())
    }

    pub(super) fn now_text(&self) -> String {
        text(self.now())
    }

    pub(super) fn advanced_seconds(&self) -> i64 {
        self.advanced_seconds.load(Ordering::SeqCst)
    }

    fn advance(&self, seconds: u64) -> Result<i64, Problem> {
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        self.advanced_seconds
            .try_update(Ordering::SeqCst, Ordering::SeqCst, |so_far| {
                so_far.checked_add(seconds).filter(|total| *total <= FARTHEST_SECONDS)
            })
            .map(|_| seconds)
            .map_err(|_| Problem::invalid("advance_seconds", "must not move the clock more than a century ahead"))
    }
}

/// Formats a time as RFC 3339 in UTC, to the millisecond.
pub(super) fn text(time: Timestamp) -> String {
    format!("{time:.3}")
}

impl Clock for EmulatorClock {
    fn now_unix_secs(&self) -> u64 {
        u64::try_from(self.now().as_second()).unwrap_or_default()
    }

    fn now_unix_secs_f64(&self) -> f64 {
        self.now().as_duration().as_secs_f64()
    }
}

struct Timers {
    clock: Arc<EmulatorClock>,
    dynamodb: Arc<DynamoDb>,
    sqs: Arc<Sqs>,
}

pub(super) fn routes(clock: Arc<EmulatorClock>, dynamodb: Arc<DynamoDb>, sqs: Arc<Sqs>) -> Router {
    let timers = Timers { clock, dynamodb, sqs };
    Router::new().route("/clock", get(read).post(advance)).with_state(Arc::new(timers))
}

#[derive(Serialize)]
struct Reading {
    now: String,
    advanced_seconds: i64,
}

impl Reading {
    fn of(clock: &EmulatorClock) -> JsonLine<Self> {
        JsonLine(Self { now: clock.now_text(), advanced_seconds: clock.advanced_seconds() })
    }
}

async fn read(State(timers): State<Arc<Timers>>) -> JsonLine<Reading> {
    Reading::of(&timers.clock)
}

async fn advance(State(timers): State<Arc<Timers>>, body: Bytes) -> Result<JsonLine<Reading>, Problem> {
    let seconds = Fields::parse(&body)?.whole_number("advance_seconds")?;
    let seconds = timers.clock.advance(seconds)?;
    timers.sqs.advance(seconds).await;
    timers.dynamodb.sweep().await;
    let total_s = timers.clock.advanced_seconds();
    info!(now = %timers.clock.now_text(), advance_s = seconds, total_s, "clock advanced");
    Ok(Reading::of(&timers.clock))
}
