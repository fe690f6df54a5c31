//! The clock of the system, which the emulator keeps and a person may move.
//!
//! It is moved between invocations, never in the middle of one, as no worker's
//! lease runs out under it in an instant on AWS. Then the schedules are run, so
//! that what has become due starts at once.

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
use tracing::{info, warn};
use url::Url;

/// Between two looks for an emulator that does not answer yet.
const RETRY_INTERVAL: Duration = Duration::from_millis(300);
/// How long what is under way may hold up the clock.
const IN_FLIGHT_TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Deserialize)]
struct ClockReading {
    advanced_seconds: u64,
}

/// Told to a schedule when the clock was moved, and told back when it has run.
pub(super) type MoveDone = oneshot::Sender<()>;

pub(super) struct Time {
    client: Client,
    emulator: Url,
    clock: Clock,
    invocations: RwLock<()>,
    schedules: Mutex<Vec<mpsc::UnboundedSender<MoveDone>>>,
}

impl Time {
    /// As far ahead as the emulator's clock is.
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
                        warn!(emulator = %self.emulator, "waiting for the emulator to answer; `local emulator` starts one");
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

    /// Held while a function runs.
    pub(super) async fn in_flight(&self) -> RwLockReadGuard<'_, ()> {
        self.invocations.read().await
    }

    /// For a schedule that is to run after each move.
    pub(super) fn subscribe_to_moves(&self) -> mpsc::UnboundedReceiver<MoveDone> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.schedules.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }

    pub(super) async fn show(&self) -> anyhow::Result<Response> {
        relay(self.client.get(self.emulator.join("clock")?).send().await?).await.map(|(_, response)| response)
    }

    /// `POST /clock`: moves the emulator's clock and this one with it.
    pub(super) async fn advance(&self, body: Bytes) -> anyhow::Result<Response> {
        let (moved, response) = {
            let Ok(_between_invocations) = tokio::time::timeout(IN_FLIGHT_TIMEOUT, self.invocations.write()).await
            else {
                return Ok((StatusCode::CONFLICT, "functions are still running; try again").into_response());
            };
            let request = self.client.post(self.emulator.join("clock")?).header(CONTENT_TYPE, "application/json");
            let (body, response) = relay(request.body(body).send().await?).await?;
            let moved = response.status() == StatusCode::OK;
            if moved {
                self.follow(&serde_json::from_slice(&body)?);
                info!(now = %self.clock.now(), "the clock was moved");
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
                // A schedule that has ended meanwhile has nothing to run.
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
