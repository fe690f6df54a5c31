//! Clients that post as fast as they are answered, and log posted and accepted messages.

use std::{collections::BTreeMap, time::Duration};

use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use shared::runtime::HttpStack;
use tests::system::{DEMO, owned, shared, with};
use tokio::sync::watch;
use url::Url;

const TIMEOUT: Duration = Duration::from_secs(10);
const RETRY_DELAY: Duration = Duration::from_millis(50);
/// Number of messages in each request, in turn.
const REQUEST_SIZES: [usize; 4] = [1, 1, 3, 12];

#[derive(Clone, Copy, PartialEq, Eq)]
enum ApiDialect {
    Mplus,
    Cm,
}

/// The clients' messages, identified by their texts.
#[derive(Default)]
pub struct ClientLog {
    /// The recipient of each posted message.
    pub posted: BTreeMap<String, String>,
    pub accepted: Vec<String>,
    /// Number of attempts without an answer.
    pub unanswered: usize,
}

impl ClientLog {
    pub fn add(&mut self, other: Self) {
        self.posted.extend(other.posted);
        self.accepted.extend(other.accepted);
        self.unanswered += other.unanswered;
    }
}

/// A client, with an idempotency key for each request.
pub struct Client {
    index: usize,
    dialect: ApiDialect,
    /// Whether the client retries, with the same key, until a request is accepted.
    is_retrying: bool,
    emulator: Url,
    gateway: watch::Receiver<Url>,
    stop: watch::Receiver<bool>,
    http: reqwest::Client,
    log: ClientLog,
}

impl Client {
    pub fn new(index: usize, emulator: Url, gateway: watch::Receiver<Url>, stop: watch::Receiver<bool>) -> Self {
        let dialect = if index % 4 == 3 { ApiDialect::Cm } else { ApiDialect::Mplus };
        let is_retrying = index % 4 != 2;
        let http = HttpStack::new().unwrap().builder().timeout(TIMEOUT).build().unwrap();
        Self { index, dialect, is_retrying, emulator, gateway, stop, http, log: ClientLog::default() }
    }

    pub async fn run(mut self) -> ClientLog {
        let mut request = 0;
        while !*self.stop.borrow() {
            self.post(request).await;
            request += 1;
        }
        self.log
    }

    async fn post(&mut self, request: usize) {
        let named = |index| format!("drill {}-{request}-{index}", self.index);
        let names: Vec<_> = (0..REQUEST_SIZES[request % REQUEST_SIZES.len()]).map(named).collect();
        // Each client has its own phones. None is a fictional number, so all behave normally.
        let numbers: Vec<_> =
            (0..names.len()).map(|index| format!("4479{:02}{:04}{index:02}", self.index, request % 50)).collect();
        self.log.posted.extend(names.iter().cloned().zip(numbers.iter().cloned()));
        loop {
            match self.request(request, &names, &numbers).send().await {
                Ok(answer) if answer.status() == StatusCode::OK => {
                    self.log.accepted.extend(names);
                    return;
                }
                // A server that is shutting down may answer 5xx.
                Ok(answer) => assert!(answer.status().is_server_error(), "{}", answer.status()),
                Err(_) => self.log.unanswered += 1,
            }
            tokio::time::sleep(RETRY_DELAY).await;
            if !self.is_retrying {
                return;
            }
        }
    }

    fn request(&self, request: usize, names: &[String], numbers: &[String]) -> RequestBuilder {
        let (path, body) = match self.dialect {
            ApiDialect::Mplus => ("message", self.mplus(names, numbers)),
            ApiDialect::Cm => ("v1.0/message", cm(names, numbers)),
        };
        let url = self.gateway.borrow().join(path).unwrap();
        let request = self.http.post(url).header("idempotency-key", format!("drill-{}-{request}", self.index));
        request.header("x-cm-producttoken", DEMO).bearer_auth(DEMO).json(&body)
    }

    fn mplus(&self, names: &[String], numbers: &[String]) -> Value {
        let callback = self.emulator.join("sinks/receipts").unwrap();
        let message = |(name, number): (&String, &String)| {
            let message = if self.index.is_multiple_of(2) { shared(number, name) } else { owned(number, name) };
            with(message, "callback", callback.as_str())
        };
        json!({"messages": names.iter().zip(numbers).map(message).collect::<Vec<_>>()})
    }
}

fn cm(names: &[String], numbers: &[String]) -> Value {
    let message = |(name, number): (&String, &String)| json!({"from": "441234567890", "to": [{"number": format!("00{number}")}], "body": {"content": name}});
    json!({"messages": {"msg": names.iter().zip(numbers).map(message).collect::<Vec<_>>()}})
}
