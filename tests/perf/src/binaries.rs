//! The functions' binaries from `cargo lambda build --release`, how to run them, and their events.

use std::{fs::File, path::PathBuf, process::Stdio};

use anyhow::Context;
use axum::body::Bytes;
use http::Request;
use local::{
    gateway,
    lambda::{
        Instance, Settings,
        http_event::{self, HttpRequest},
    },
};
use serde_json::{Value, json};
use tests::system::{DEMO, System, TOKEN, owned, with};
use tokio::process::Command;
use url::Url;

/// The functions, in order of a message's path.
pub const FUNCTIONS: [&str; 8] =
    ["send", "schedule-tick", "dispatch", "dlr-webhook", "mo-webhook", "callback", "messages", "account"];
/// The baseline for cold starts.
pub const NO_OP: &str = "no-op";

/// The folder that holds `NAME/bootstrap`.
#[derive(Clone)]
pub struct Binaries {
    pub folder: PathBuf,
}

impl Binaries {
    /// # Errors
    /// The binary is missing.
    pub fn path(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.folder.join(name).join("bootstrap");
        anyhow::ensure!(path.is_file(), "{} is missing; tests/perf/run builds it", path.display());
        Ok(path)
    }

    /// Returns the command for a function. Its output is discarded.
    ///
    /// # Errors
    /// The binary is missing.
    pub fn command(&self, name: &str) -> anyhow::Result<Command> {
        let mut command = Command::new(self.path(name)?);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Ok(command)
    }

    /// Returns the command for a function that logs to a file.
    ///
    /// # Errors
    /// The binary is missing, or the file cannot be used.
    pub fn logging(&self, name: &str, log: File) -> anyhow::Result<Command> {
        let mut command = self.command(name)?;
        command.stderr(log.try_clone()?).stdout(log);
        Ok(command)
    }
}

/// Returns a function's settings for an emulator. The no-op gets those of `send`.
///
/// # Errors
/// The template has no such function.
pub fn settings(name: &str, emulator: &Url) -> anyhow::Result<Settings> {
    let mut all = gateway::settings(emulator)?;
    let template = if name == NO_OP { "send" } else { name };
    let index = all.iter().position(|settings| settings.name == template);
    let found = all.swap_remove(index.with_context(|| format!("the template has no function {template}"))?);
    Ok(Settings { name: name.to_owned(), ..found })
}

/// Returns a cheap first event. Only that of `schedule-tick` needs calls to AWS.
pub fn first_event(name: &str) -> Bytes {
    let event = match name {
        "send" => post("/message", None, &json!({"messages": []})),
        "messages" => http_event(Request::get("/messages/none"), b""),
        "account" => http_event(Request::get("/v3/none"), b""),
        "dlr-webhook" => post("/dlr/nobody/token", None, &json!({})),
        "mo-webhook" => post("/mo/nobody/token", None, &json!({})),
        "dispatch" | "callback" => json!({"Records": []}),
        _ => json!({}),
    };
    event.to_string().into()
}

/// Returns a request with `count` messages and callbacks, to phones that send no receipts.
pub fn accept(system: &System, count: u32) -> Bytes {
    let sink = system.sink("receipts");
    let message = |index: u32| {
        let text = format!("Your parcel number {index:04} is on its way and will be with you by noon tomorrow.");
        with(owned(&format!("4477009003{:02}", index % 100), &text), "callback", sink.as_str())
    };
    let messages: Vec<_> = (0..count).map(message).collect();
    post("/message", Some(DEMO), &json!({"messages": messages})).to_string().into()
}

/// Returns a batch with a submit job for each message.
pub fn submit(messages: &[String]) -> Bytes {
    let job = |message: &String| json!({"v": 1, "type": "submit", "message": message}).to_string();
    let records = messages.iter().enumerate();
    let records = records.map(|(index, message)| record(&format!("{index:032}").into(), &job(message).into()));
    batch(&records.collect::<Vec<_>>())
}

pub fn batch(records: &[Value]) -> Bytes {
    json!({"Records": records}).to_string().into()
}

pub fn record(id: &Value, body: &Value) -> Value {
    json!({
        "messageId": id,
        "receiptHandle": "receipt-handle",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1790000000000"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:JobsQueue",
        "awsRegion": "us-east-1",
    })
}

/// Returns the carrier's receipt for a message.
pub fn receipt(message: &str) -> Bytes {
    let receipt = json!({"id": format!("carrier-{message}"), "reference": message, "status": "delivered",
        "code": "00", "description": "Delivered", "at": "2026-11-01T12:00:00Z"});
    post(&format!("/dlr/loopback/{TOKEN}/{message}"), None, &receipt).to_string().into()
}

fn post(path: &str, key: Option<&str>, body: &Value) -> Value {
    let mut request = Request::post(path).header("content-type", "application/json");
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    http_event(request, body.to_string().as_bytes())
}

fn http_event(request: http::request::Builder, body: &[u8]) -> Value {
    let request = request.header("host", "api.example").header("user-agent", "perf").header("accept", "*/*");
    // Cannot fail, because every path and header is valid.
    let (parts, ()) = request.body(()).unwrap_or_default().into_parts();
    let (path, query) = (parts.uri.path().to_owned(), parts.uri.query().unwrap_or_default().to_owned());
    let (method, headers, body) = (parts.method, parts.headers, Bytes::copy_from_slice(body));
    http_event::event(&HttpRequest { method, path, query, headers, body })
}

/// Invokes an instance and checks that it succeeded.
///
/// # Errors
/// The function fails, answers another status than 200, or returns failed jobs.
pub async fn succeed(instance: &mut Instance, event: Bytes) -> anyhow::Result<Value> {
    let answer: Value = serde_json::from_slice(&instance.invoke(event).await?)?;
    let status = answer["statusCode"].as_u64().unwrap_or(200);
    let failed = answer["batchItemFailures"].as_array().map_or(0, Vec::len);
    anyhow::ensure!(status == 200 && failed == 0, "a function answered {answer}");
    Ok(answer)
}
