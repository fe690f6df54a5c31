//! Sinks: callback URLs in the emulator that record their requests.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use crate::{
    client::answer,
    system::{System, TIMEOUT},
    views::Callback,
};

impl System {
    /// Returns a sink's URL. It is in the emulator, so it outlives the gateway.
    pub fn sink(&self, name: &str) -> String {
        self.emulator.url().join(&format!("sinks/{name}")).unwrap().to_string()
    }

    /// Returns the URL of a sink that answers with a status.
    pub fn failing_sink(&self, name: &str, status: u16) -> String {
        format!("{}?status={status}", self.sink(name))
    }

    /// Returns the callbacks to a sink, oldest first.
    pub async fn callbacks(&self, sink: &str) -> Vec<Callback> {
        let answer = answer(self.request(Method::GET, &format!("/sinks/{sink}"))).await;
        answer.body["requests"].as_array().unwrap().iter().cloned().map(Callback::new).collect()
    }

    /// Waits until a sink has at least `count` callbacks, and returns them all.
    pub async fn until_callbacks(&self, sink: &str, count: usize) -> Vec<Callback> {
        self.until_callbacks_within(sink, count, TIMEOUT).await
    }

    /// Does the same as [`until_callbacks`](Self::until_callbacks), with another timeout.
    pub async fn until_callbacks_within(&self, sink: &str, count: usize, timeout: Duration) -> Vec<Callback> {
        self.until_within(timeout, &format!("sink {sink} has {count}"), async || {
            let callbacks = self.callbacks(sink).await;
            (callbacks.len() >= count).then_some(callbacks)
        })
        .await
    }

    /// Waits for the first callback to a sink.
    pub async fn until_callback(&self, sink: &str) -> Callback {
        self.until_callbacks(sink, 1).await.remove(0)
    }

    /// Waits for a callback to a sink for which a condition holds.
    pub async fn until_callback_that(&self, sink: &str, what: &str, holds: impl Fn(&Callback) -> bool) -> Callback {
        let found = async || self.callbacks(sink).await.into_iter().find(&holds);
        self.until(&format!("sink {sink} has {what}"), found).await
    }

    /// Returns the callbacks to a sink as JSON.
    pub async fn sink_requests(&self, name: &str) -> Vec<Value> {
        self.callbacks(name).await.into_iter().map(Callback::into_request).collect()
    }

    /// Does the same as [`until_callbacks`](Self::until_callbacks), but returns JSON.
    pub async fn until_sink_requests(&self, name: &str, count: usize) -> Vec<Value> {
        self.until_callbacks(name, count).await.into_iter().map(Callback::into_request).collect()
    }
}
