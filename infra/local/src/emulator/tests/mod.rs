//! The emulator over HTTP, as the AWS SDKs, the gateway and people use it.

mod aws;
mod carrier;
mod channels;
mod cm;
mod connections;
mod control;
mod cymba;
mod fairness;
mod loopback;
mod messangi;
mod mta;
mod wire;

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{Emulator, EmulatorOptions, upstream};

const DEADLINE: Duration = Duration::from_secs(10);

struct Tester {
    emulator: Emulator,
    client: reqwest::Client,
}

impl Tester {
    async fn start() -> Self {
        Self::start_with(EmulatorOptions::default()).await
    }

    async fn start_with(options: EmulatorOptions) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        Self { emulator: Emulator::start(listener, options).unwrap(), client: upstream::client().unwrap() }
    }

    fn url(&self, path: &str) -> String {
        self.emulator.url().join(path).unwrap().to_string()
    }

    async fn request(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let request = self.client.request(method, self.url(path));
        answer(request.body(body.to_string())).await
    }

    async fn get(&self, path: &str) -> Value {
        answer(self.client.get(self.url(path))).await.1
    }

    async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.request(Method::POST, path, body).await
    }

    async fn call(&self, target: &str, body: Value) -> (StatusCode, Value) {
        let request = self
            .client
            .post(self.url("/"))
            .header(
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=id/20260101/eu-west-1/any/aws4_request, \
                 SignedHeaders=host, Signature=none",
            )
            .header("Content-Type", "application/x-amz-json-1.0")
            .header("X-Amz-Date", "20260101T000000Z")
            .header("X-Amz-Target", target)
            .body(body.to_string());
        answer(request).await
    }

    async fn dynamodb(&self, operation: &str, body: Value) -> Value {
        let target = format!("DynamoDB_20120810.{operation}");
        let (status, answer) = self.call(&target, body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    }

    async fn sqs(&self, operation: &str, body: Value) -> Value {
        let (status, answer) = self.call(&format!("AmazonSQS.{operation}"), body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    }

    /// Registers a connection whose webhooks are the sinks `{name}-receipts` and `{name}-replies`.
    async fn register(&self, name: &str, vendor: &str, settings: Value) {
        let addresses = [format!("/sinks/{name}-receipts"), format!("/sinks/{name}-replies")];
        self.register_at(name, vendor, addresses.each_ref().map(String::as_str), settings).await;
    }

    /// Registers a connection with the paths of its webhooks for receipts and replies.
    async fn register_at(&self, name: &str, vendor: &str, [receipts, replies]: [&str; 2], mut settings: Value) {
        settings["vendor"] = json!(vendor);
        settings["receipts"] = json!(self.url(receipts));
        settings["replies"] = json!(self.url(replies));
        let (status, problem) = self.request(Method::PUT, &format!("/carriers/{name}"), settings).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{problem}");
    }

    async fn set_outage(&self, name: &str, is_down: bool) {
        let path = format!("/carriers/{name}/outage");
        let (status, problem) = self.request(Method::PUT, &path, json!({ "down": is_down })).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{problem}");
    }

    async fn texts(&self, phone: &str) -> Vec<Value> {
        let handset = self.get(&format!("/handsets/{phone}")).await;
        handset["messages"].as_array().unwrap().clone()
    }

    async fn advance(&self, seconds: u64) {
        let (status, _) = self.post("/clock", json!({ "advance_seconds": seconds })).await;
        assert_eq!(status, StatusCode::OK);
    }

    /// Waits until a sink has `count` requests, and returns their bodies.
    async fn sink_requests(&self, sink: &str, count: usize) -> Vec<Value> {
        let started = Instant::now();
        loop {
            let kept = self.get(&format!("/sinks/{sink}")).await;
            let requests = kept["requests"].as_array().unwrap();
            if requests.len() >= count {
                let body = |request: &Value| request["body"].as_str().map(serde_json::from_str);
                return requests.iter().map(|request| body(request).unwrap().unwrap()).collect();
            }
            assert!(started.elapsed() < DEADLINE, "{} of {count} requests in {sink}", requests.len());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn answer(request: reqwest::RequestBuilder) -> (StatusCode, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let body = answer.bytes().await.unwrap();
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
    (status, body)
}
