//! The system's clock, which the emulator keeps and a person may move.
//!
//! We move the clock only between invocations. During one, a move would end a worker's lease at once, which
//! cannot happen on AWS. An invocation that waits for a time, to give out send slots, ends early. After a move
//! we run the schedules, so that due work starts at once.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    body::Bytes,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use reqwest::Client;
use serde::Deserialize;
use shared::{domain::Timestamp, runtime::Clock};
use tokio::sync::{RwLock, RwLockReadGuard, mpsc, oneshot};
use tracing::{debug, warn};
use url::Url;

/// Between attempts to reach an emulator that is not up yet.
const RETRY_INTERVAL: Duration = Duration::from_millis(300);
/// How long a move waits for invocations in flight.
const IN_FLIGHT_TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Deserialize)]
struct ClockReading {
    advanced_seconds: u64,
}

/// Sent to a schedule after a move. The schedule answers when it has run.
pub(super) type MoveDone = oneshot::Sender<()>;

pub(super) struct Time {
    client: Client,
    emulator: Url,
    clock: Clock,
    invocations: RwLock<()>,
    schedules: Mutex<Vec<mpsc::UnboundedSender<MoveDone>>>,
}

impl Time {
    /// Waits for the emulator, and sets `clock` by the emulator's clock.
    pub(super) async fn for_emulator(client: Client, emulator: Url, clock: Clock) -> anyhow::Result<Arc<Self>> {
        let time = Self { client, emulator, clock, invocations: RwLock::default(), schedules: Mutex::default() };
        time.await_emulator().await?;
        Ok(Arc::new(time))
    }

    async fn await_emulator(&self) -> anyhow::Result<()> {
        let mut is_logged = false;
        loop {
            match self.client.get(self.emulator.join("clock")?).send().await {
                Ok(answer) => {
                    self.follow(&answer.error_for_status()?.json::<ClockReading>().await?);
                    return Ok(());
                }
                Err(error) if error.is_connect() => {
                    if !is_logged {
                        warn!(emulator = %self.emulator, "waiting for the emulator; `local emulator` starts one");
                        is_logged = true;
                    }
                    tokio::time::sleep(RETRY_INTERVAL).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn follow(&self, reading: &ClockReading) {
        self.clock.set_ahead(Duration::from_secs(reading.advanced_seconds));
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) async fn in_flight(&self) -> RwLockReadGuard<'_, ()> {
        self.invocations.read().await
    }

    /// Subscribes a schedule, which then runs after each move.
    pub(super) fn subscribe_to_moves(&self) -> mpsc::UnboundedReceiver<MoveDone> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.schedules.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }

    pub(super) async fn show(&self) -> anyhow::Result<Response> {
        relay(self.client.get(self.emulator.join("clock")?).send().await?).await.map(|(_, response)| response)
    }

    /// Handles `POST /clock`: moves the emulator's clock and ours.
    pub(super) async fn advance(&self, body: Bytes) -> anyhow::Result<Response> {
        let (moved, response) = {
            self.clock.announce_move();
            let Ok(_between_invocations) = tokio::time::timeout(IN_FLIGHT_TIMEOUT, self.invocations.write()).await
            else {
                return Ok((StatusCode::CONFLICT, "functions are still running; try again").into_response());
            };
            let request = self.client.post(self.emulator.join("clock")?).header(CONTENT_TYPE, "application/json");
            let (body, response) = relay(request.body(body).send().await?).await?;
            let moved = response.status() == StatusCode::OK;
            if moved {
                self.follow(&serde_json::from_slice(&body)?);
                debug!(now = %self.clock.now(), "clock followed the emulator's");
            }
            (moved, response)
        };
        if moved {
            self.run_schedules().await;
        }
        Ok(response)
    }

    async fn run_schedules(&self) {
        let schedules = self.schedules.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for schedule in schedules {
            let (done, run) = oneshot::channel();
            if schedule.send(done).is_ok() {
                // Fails if the schedule has ended.
                let _ = run.await;
            }
        }
    }
}

async fn relay(answer: reqwest::Response) -> anyhow::Result<(Bytes, Response)> {
    let status = answer.status();
    let kind = answer.headers().get(CONTENT_TYPE).cloned();
    let body = answer.bytes().await?;
    let mut response = (status, body.clone()).into_response();
    if let Some(kind) = kind {
        response.headers_mut().insert(CONTENT_TYPE, kind);
    }
    Ok((body, response))
}
