//! A recording proxy between a function and AWS.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use shared::runtime::HttpStack;
use tokio::{net::TcpListener, task::JoinHandle};
use url::Url;

/// The proxy. It stops on drop.
pub struct Recorder {
    pub url: Url,
    recording: Arc<Recording>,
    server: JoinHandle<()>,
}

struct Recording {
    client: reqwest::Client,
    emulator: Url,
    bodies: Mutex<Vec<Bytes>>,
}

impl Recorder {
    /// # Errors
    /// No port is free.
    pub async fn start(emulator: Url) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}/", listener.local_addr()?).parse()?;
        let recording =
            Arc::new(Recording { client: HttpStack::new()?.client().clone(), emulator, bodies: Mutex::default() });
        let router = Router::new().fallback(forward).with_state(Arc::clone(&recording));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                eprintln!("recorder stopped: {error}");
            }
        });
        Ok(Self { url, recording, server })
    }

    /// Returns the bodies of requests and answers recorded since the last call.
    pub fn take(&self) -> Vec<Bytes> {
        std::mem::take(&mut *self.recording.bodies.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn forward(State(recording): State<Arc<Recording>>, mut headers: HeaderMap, body: Bytes) -> Response {
    headers.remove(header::CONTENT_LENGTH);
    let sent = recording.client.post(recording.emulator.clone()).headers(headers).body(body.clone()).send().await;
    let answered = async {
        let answer = sent?;
        let (status, mut headers) = (answer.status(), answer.headers().clone());
        headers.remove(header::TRANSFER_ENCODING);
        headers.remove(header::CONTENT_LENGTH);
        Ok::<_, reqwest::Error>((status, headers, answer.bytes().await?))
    };
    match answered.await {
        Ok((status, headers, answer)) => {
            recording.bodies.lock().unwrap_or_else(PoisonError::into_inner).extend([body, answer.clone()]);
            (status, headers, answer).into_response()
        }
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}
