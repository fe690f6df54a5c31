//! Load: clients that send requests back to back and receive the callbacks.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context;
use axum::{Router, extract::State, http::StatusCode, routing::post};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use shared::runtime::HttpStack;
use tests::system::{DEMO, owned, with};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use url::Url;

/// Timeout for the last callback.
const TIMEOUT: Duration = Duration::from_mins(5);

#[derive(Clone, Copy)]
pub struct Load {
    pub messages: u32,
    pub each_request: u32,
    pub connections: u32,
}

/// Times until all messages were accepted, and until all callbacks had arrived.
pub struct LoadTimings {
    pub accepted: Duration,
    pub called_back: Duration,
}

/// The client that sends, and the server for its callbacks. The server stops on drop.
pub struct Clients {
    http: reqwest::Client,
    callback: Url,
    callbacks: watch::Receiver<u32>,
    server: JoinHandle<()>,
}

impl Clients {
    /// # Errors
    /// No port is free.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let callback = format!("http://{}/callbacks", listener.local_addr()?).parse()?;
        let (sender, callbacks) = watch::channel(0);
        let router = Router::new().route("/callbacks", post(count)).with_state(Arc::new(sender));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                eprintln!("callback server stopped: {error}");
            }
        });
        Ok(Self { http: HttpStack::new()?.client().clone(), callback, callbacks, server })
    }

    /// Sends the load and waits for all callbacks.
    ///
    /// # Errors
    /// A request is rejected, or a callback does not arrive.
    pub async fn send(&self, gateway: &Url, load: Load) -> anyhow::Result<LoadTimings> {
        let mut callbacks = self.callbacks.clone();
        let before = *callbacks.borrow();
        let url = gateway.join("message")?;
        let sent = AtomicU32::new(0);
        let started = Instant::now();
        let connection = async || {
            loop {
                let first = sent.fetch_add(load.each_request, Ordering::Relaxed);
                if first >= load.messages {
                    return Ok::<_, anyhow::Error>(());
                }
                let request = self.http.post(url.clone()).bearer_auth(DEMO).json(&self.request(first, load));
                let answer = request.send().await?;
                let status = answer.status();
                let body = answer.text().await?;
                anyhow::ensure!(status.is_success(), "{status}: {body}");
            }
        };
        try_join_all((0..load.connections).map(|_| connection())).await?;
        let accepted = started.elapsed();
        let all = callbacks.wait_for(|callbacks| *callbacks >= before + load.messages);
        tokio::time::timeout(TIMEOUT, all).await.context("some callbacks did not arrive")??;
        Ok(LoadTimings { accepted, called_back: started.elapsed() })
    }

    /// Returns a request to phones that are reached at once and send receipts.
    fn request(&self, first: u32, load: Load) -> Value {
        let message = |index: u32| {
            let text = format!("Your parcel number {index:07} is on its way and will be with you by noon.");
            with(owned(&format!("4479{index:08}"), &text), "callback", self.callback.as_str())
        };
        let last = load.messages.min(first + load.each_request);
        json!({"messages": (first..last).map(message).collect::<Vec<_>>()})
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn count(State(callbacks): State<Arc<watch::Sender<u32>>>) -> StatusCode {
    callbacks.send_modify(|callbacks| *callbacks += 1);
    StatusCode::OK
}
