//! SQS: the embedded engine or another endpoint, with every call metered. To the engine we add the limits
//! of SQS, and long polls that end as soon as a message is visible.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use url::Url;
use winterbaume_sqs::SqsService;

use super::clock::EmulatorClock;
use super::engine;
use super::meter::Meter;
use super::queues::Queues;
use super::sqs_limits;
use super::upstream::{Answer, Upstream};

/// How soon a long poll sees a message whose delay is over.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

pub(super) struct Sqs {
    engine: Engine,
    meter: Arc<Meter>,
}

enum Engine {
    Embedded(Embedded),
    External(Upstream),
}

struct Embedded {
    service: SqsService,
    queues: Queues,
    stopping: CancellationToken,
}

impl Sqs {
    /// Returns the embedded SQS, with queue URLs below the emulator's `url`.
    pub(super) fn embedded(
        url: &Url,
        clock: Arc<EmulatorClock>,
        meter: Arc<Meter>,
        stopping: CancellationToken,
    ) -> Self {
        let queues = Queues::new(url.clone(), clock);
        let engine = Engine::Embedded(Embedded {
            service: SqsService::with_backend(Arc::new(queues.clone())),
            queues,
            stopping,
        });
        Self { engine, meter }
    }

    pub(super) fn external(endpoint: Url, client: reqwest::Client, meter: Arc<Meter>) -> Self {
        let engine = Engine::External(Upstream::new(endpoint, client));
        Self { engine, meter }
    }

    pub(super) async fn call(&self, operation: &str, headers: HeaderMap, body: Bytes) -> Answer {
        self.meter.sqs(operation);
        let answer = match &self.engine {
            Engine::Embedded(embedded) => embedded.call(operation, headers, body).await,
            Engine::External(upstream) => upstream.call(headers, body).await,
        };
        debug!(operation, status = answer.status.as_u16(), "SQS call");
        answer
    }

    pub(super) async fn advance(&self, seconds: i64) {
        match &self.engine {
            Engine::Embedded(embedded) => embedded.queues.advance(seconds).await,
            Engine::External(_) => warn!("clock not moved for an external SQS"),
        }
    }
}

impl Embedded {
    async fn call(&self, operation: &str, headers: HeaderMap, body: Bytes) -> Answer {
        let Ok(mut call) = serde_json::from_slice::<Map<String, Value>>(&body) else {
            return self.answer(headers, body).await;
        };
        if let Err(error) = sqs_limits::check(operation, &call) {
            return Answer::error(StatusCode::BAD_REQUEST, error.code, &error.message);
        }
        if operation == "ReceiveMessage" {
            return self.receive(headers, call).await;
        }
        let rejected = sqs_limits::remove_rejected_entries(operation, &mut call);
        if rejected.is_empty() {
            return self.answer(headers, body).await;
        }
        let answer = self.answer(headers, to_body(&call)).await;
        with_failed(answer, rejected)
    }

    /// Polls until there is a message, the wait is over, or the emulator stops.
    async fn receive(&self, headers: HeaderMap, mut call: Map<String, Value>) -> Answer {
        let queue_url = call.get("QueueUrl").and_then(Value::as_str);
        let queue_name = queue_url.and_then(|url| url.rsplit('/').next()).unwrap_or_default().to_owned();
        let deadline = Instant::now() + self.wait(&call, &queue_name).await;
        call.insert("WaitTimeSeconds".into(), 0.into());
        let body = to_body(&call);
        loop {
            let mut changes = self.queues.changes(&queue_name);
            let answer = self.answer(headers.clone(), body.clone()).await;
            let now = Instant::now();
            if !is_empty(&answer) || now >= deadline || self.stopping.is_cancelled() {
                return answer;
            }
            tokio::select! {
                () = self.stopping.cancelled() => {}
                () = tokio::time::sleep_until(deadline.min(now + POLL_INTERVAL)) => {}
                _ = changes.changed() => {}
            }
        }
    }

    async fn wait(&self, call: &Map<String, Value>, queue_name: &str) -> Duration {
        if let Some(seconds) = call.get("WaitTimeSeconds").and_then(Value::as_u64) {
            return Duration::from_secs(seconds);
        }
        self.queues.wait(queue_name).await
    }

    async fn answer(&self, headers: HeaderMap, body: Bytes) -> Answer {
        engine::answer(&self.service, headers, body).await
    }
}

fn to_body(call: &Map<String, Value>) -> Bytes {
    Bytes::from(serde_json::to_vec(call).unwrap_or_default())
}

fn is_empty(answer: &Answer) -> bool {
    #[derive(Deserialize)]
    struct Received {
        #[serde(rename = "Messages", default)]
        messages: Vec<IgnoredAny>,
    }
    answer.status == StatusCode::OK
        && serde_json::from_slice::<Received>(&answer.body).is_ok_and(|received| received.messages.is_empty())
}

fn with_failed(mut answer: Answer, rejected: Vec<Value>) -> Answer {
    if answer.status == StatusCode::OK
        && let Ok(mut fields) = serde_json::from_slice::<Map<String, Value>>(&answer.body)
    {
        fields.insert("Failed".into(), Value::Array(rejected));
        answer.body = to_body(&fields);
    }
    answer
}
