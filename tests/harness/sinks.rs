//! Sinks: callback URLs of the emulator that record what they get.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use crate::{
    client::answer,
    system::{System, TIMEOUT},
    views::Callback,
};

impl System {
    /// The URL of a sink. It is the emulator's, so it outlives the gateway. With `?status=500` the sink answers so.
    pub fn sink(&self, name: &str) -> String {
        self.emulator.url().join(&format!("sinks/{name}")).unwrap().to_string()
    }

    /// The URL of a sink that answers with that status.
    pub fn failing_sink(&self, name: &str, status: u16) -> String {
        format!("{}?status={status}", self.sink(name))
    }

    /// The callbacks that a sink got, oldest first.
    pub async fn callbacks(&self, sink: &str) -> Vec<Callback> {
        let answer = answer(self.request(Method::GET, &format!("/sinks/{sink}"))).await;
        answer.body["requests"].as_array().unwrap().iter().cloned().map(Callback::new).collect()
    }

    /// Waits until a sink has got that many callbacks.
    pub async fn until_callbacks(&self, sink: &str, count: usize) -> Vec<Callback> {
        self.until_callbacks_within(sink, count, TIMEOUT).await
    }

    /// The same, with a timeout of its own.
    pub async fn until_callbacks_within(&self, sink: &str, count: usize, timeout: Duration) -> Vec<Callback> {
        self.until_within(timeout, &format!("sink {sink} has {count}"), async || {
            let callbacks = self.callbacks(sink).await;
            (callbacks.len() >= count).then_some(callbacks)
        })
        .await
    }

    /// Waits for the first callback of a sink.
    pub async fn until_callback(&self, sink: &str) -> Callback {
        self.until_callbacks(sink, 1).await.remove(0)
    }

    /// Waits for a callback of a sink for which a condition holds.
    pub async fn until_callback_that(&self, sink: &str, what: &str, holds: impl Fn(&Callback) -> bool) -> Callback {
        let found = async || self.callbacks(sink).await.into_iter().find(&holds);
        self.until(&format!("sink {sink} has {what}"), found).await
    }

    /// The callbacks of a sink as JSON.
    pub async fn sink_requests(&self, name: &str) -> Vec<Value> {
        self.callbacks(name).await.into_iter().map(Callback::into_json).collect()
    }

    /// Waits for that many callbacks of a sink, as JSON.
    pub async fn until_sink_requests(&self, name: &str, count: usize) -> Vec<Value> {
        self.until_callbacks(name, count).await.into_iter().map(Callback::into_json).collect()
    }
}
