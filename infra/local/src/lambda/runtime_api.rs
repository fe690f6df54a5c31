//! An instance's Runtime API, on its own port at 127.0.0.1.
//!
//! An instance has one invocation at a time. A response to any other invocation gets a 400.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
    serve::ListenerExt,
};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};
use tracing::error;
use uuid::Uuid;

use crate::browser_guard;

/// Lambda's limit for a response.
const MAX_ANSWER_BYTES: usize = 6 << 20;

/// A function's response, or its description of an error.
pub(super) type Answer = Result<Bytes, Bytes>;

pub(super) struct Invocation {
    pub event: Bytes,
    /// Milliseconds since the epoch.
    pub deadline_ms: u64,
    pub answer: oneshot::Sender<Answer>,
}

/// A running Runtime API. Dropping it stops it.
pub(super) struct RuntimeApi {
    pub address: SocketAddr,
    pub invocations: mpsc::Sender<Invocation>,
    /// Whether the instance has asked for an invocation.
    pub is_ready: watch::Receiver<bool>,
    server: JoinHandle<()>,
}

struct Shared {
    function: String,
    arn: String,
    invocations: tokio::sync::Mutex<mpsc::Receiver<Invocation>>,
    in_flight: Mutex<Option<(Uuid, oneshot::Sender<Answer>)>>,
    is_ready: watch::Sender<bool>,
}

impl RuntimeApi {
    pub(super) async fn start(function: &str, arn: String) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let listener = listener.tap_io(|connection| {
            if let Err(error) = connection.set_nodelay(true) {
                error!(%error, "could not set TCP_NODELAY");
            }
        });
        let (invocations, receiver) = mpsc::channel(1);
        let (sender, is_ready) = watch::channel(false);
        let shared = Arc::new(Shared {
            function: function.to_owned(),
            arn,
            invocations: receiver.into(),
            in_flight: Mutex::default(),
            is_ready: sender,
        });
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router(shared)).await {
                error!(%error, "Runtime API ended");
            }
        });
        Ok(Self { address, invocations, is_ready, server })
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn in_flight(&self) -> MutexGuard<'_, Option<(Uuid, oneshot::Sender<Answer>)>> {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record_answer(&self, id: Uuid, answer: Answer) -> StatusCode {
        let mut in_flight = self.in_flight();
        match in_flight.take() {
            Some((expected, waiting)) if expected == id => {
                // The invoker may have timed out.
                let _ = waiting.send(answer);
                StatusCode::ACCEPTED
            }
            other => {
                *in_flight = other;
                StatusCode::BAD_REQUEST
            }
        }
    }
}

fn router(shared: Arc<Shared>) -> Router {
    let router = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(failure))
        .route("/2018-06-01/runtime/init/error", post(init_failure))
        .layer(DefaultBodyLimit::max(MAX_ANSWER_BYTES))
        .with_state(shared);
    browser_guard::guard(router)
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    shared.is_ready.send_replace(true);
    let Some(invocation) = shared.invocations.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let id = Uuid::new_v4();
    *shared.in_flight() = Some((id, invocation.answer));
    let headers = [
        ("lambda-runtime-aws-request-id", id.to_string()),
        ("lambda-runtime-deadline-ms", invocation.deadline_ms.to_string()),
        ("lambda-runtime-invoked-function-arn", shared.arn.clone()),
        ("lambda-runtime-trace-id", format!("Root=1-00000000-{};Sampled=0", &id.simple().to_string()[..24])),
        ("content-type", "application/json".to_owned()),
    ];
    (headers, invocation.event).into_response()
}

async fn response(State(shared): State<Arc<Shared>>, Path(id): Path<Uuid>, body: Bytes) -> StatusCode {
    shared.record_answer(id, Ok(body))
}

async fn failure(State(shared): State<Arc<Shared>>, Path(id): Path<Uuid>, body: Bytes) -> StatusCode {
    shared.record_answer(id, Err(body))
}

async fn init_failure(State(shared): State<Arc<Shared>>, body: Bytes) -> StatusCode {
    error!(function = shared.function, error = %String::from_utf8_lossy(&body), "function failed to start");
    StatusCode::ACCEPTED
}

#[cfg(test)]
mod tests {
    use reqwest::Client;
    use shared::runtime::HttpStack;

    use super::*;

    async fn given(client: &Client, api: &RuntimeApi, event: &'static str) -> (String, oneshot::Receiver<Answer>) {
        let (answer, answered) = oneshot::channel();
        let invocation = Invocation { event: event.into(), deadline_ms: 1_790_000_000_000, answer };
        api.invocations.send(invocation).await.unwrap();
        let next = client.get(url(api, "invocation/next")).send().await.unwrap();
        assert_eq!(next.headers()["lambda-runtime-deadline-ms"], "1790000000000");
        assert_eq!(next.headers()["lambda-runtime-invoked-function-arn"], "an-arn");
        let id = next.headers()["lambda-runtime-aws-request-id"].to_str().unwrap().to_owned();
        assert_eq!(next.text().await.unwrap(), event);
        (id, answered)
    }

    fn url(api: &RuntimeApi, path: &str) -> String {
        format!("http://{}/2018-06-01/runtime/{path}", api.address)
    }

    async fn post(client: &Client, api: &RuntimeApi, path: String, body: &'static str) -> u16 {
        client.post(url(api, &path)).body(body).send().await.unwrap().status().as_u16()
    }

    #[tokio::test]
    async fn response_and_error_reach_the_invoker() {
        let client = HttpStack::new().unwrap().client().clone();
        let api = RuntimeApi::start("f", "an-arn".to_owned()).await.unwrap();
        let (id, answered) = given(&client, &api, "one").await;
        assert_eq!(post(&client, &api, format!("invocation/{id}/response"), "well").await, 202);
        assert_eq!(answered.await.unwrap(), Ok(Bytes::from("well")));
        let (id, answered) = given(&client, &api, "two").await;
        assert_eq!(post(&client, &api, format!("invocation/{id}/error"), "ill").await, 202);
        assert_eq!(answered.await.unwrap(), Err(Bytes::from("ill")));
    }

    #[tokio::test]
    async fn foreign_page_takes_no_invocation() {
        let client = HttpStack::new().unwrap().client().clone();
        let api = RuntimeApi::start("f", "an-arn".to_owned()).await.unwrap();
        for (name, value) in [("host", "evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
            for path in ["no/such/path", "invocation/next"] {
                let answered = client.get(url(&api, path)).header(name, value).send().await.unwrap();
                assert_eq!(answered.status(), StatusCode::FORBIDDEN, "{name} {path}");
            }
        }
        assert!(!*api.is_ready.borrow());
        given(&client, &api, "one").await;
    }

    #[tokio::test]
    async fn response_to_another_invocation_is_rejected() {
        let client = HttpStack::new().unwrap().client().clone();
        let api = RuntimeApi::start("f", "an-arn".to_owned()).await.unwrap();
        let (id, answered) = given(&client, &api, "one").await;
        assert_eq!(post(&client, &api, format!("invocation/{}/response", Uuid::nil()), "no").await, 400);
        assert_eq!(post(&client, &api, format!("invocation/{id}/response"), "yes").await, 202);
        assert_eq!(answered.await.unwrap(), Ok(Bytes::from("yes")));
        assert_eq!(post(&client, &api, format!("invocation/{id}/response"), "again").await, 400);
    }
}
