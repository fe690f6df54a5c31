//! Clients that post as fast as they are answered, and log posted and accepted messages.

use std::{collections::BTreeMap, time::Duration};

use reqwest::{RequestBuilder, StatusCode};
use shared::{
    domain::{Dialect, SenderKind},
    runtime::HttpStack,
};
use strum::IntoEnumIterator;
use tests::{
    clients::{ClientFormat, ClientMessage, main_format},
    system::{DEMO, OWN_SENDER},
};
use tokio::sync::watch;
use url::Url;

const TIMEOUT: Duration = Duration::from_secs(10);
const RETRY_DELAY: Duration = Duration::from_millis(50);
/// Number of messages in each request, in turn.
const REQUEST_SIZES: [usize; 4] = [1, 1, 3, 12];

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
    format: &'static ClientFormat,
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
        // Every fourth client speaks another dialect, in turn.
        let others: Vec<_> = Dialect::iter().filter(|dialect| *dialect != Dialect::Mplus).collect();
        let dialect = if index % 4 == 3 { others[index / 4 % others.len()] } else { Dialect::Mplus };
        let is_retrying = index % 4 != 2;
        let http = HttpStack::new().unwrap().builder().timeout(TIMEOUT).build().unwrap();
        Self {
            index,
            format: main_format(dialect),
            is_retrying,
            emulator,
            gateway,
            stop,
            http,
            log: ClientLog::default(),
        }
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
        let size = REQUEST_SIZES[request % REQUEST_SIZES.len()].min(self.format.most_messages);
        let names: Vec<_> = (0..size).map(named).collect();
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
        let callback = self.emulator.join("sinks/receipts").unwrap().to_string();
        let zipped = names.iter().zip(numbers);
        let messages: Vec<_> = zipped.map(|(name, number)| self.message(name, number, &callback)).collect();
        let written = (self.format.request)(DEMO, &messages);
        let written = written.with_idempotency_key(&format!("drill-{}-{request}", self.index));
        let url = self.gateway.borrow().join(&written.path).unwrap();
        let request = self.http.request(written.method, url).body(written.body);
        written.headers.into_iter().fold(request, |request, (name, value)| request.header(name, value))
    }

    fn message<'a>(&self, name: &'a str, number: &'a str, callback: &'a str) -> ClientMessage<'a> {
        let from = if self.index.is_multiple_of(2) { SenderKind::Shared } else { SenderKind::Custom };
        ClientMessage { from, ..ClientMessage::new(OWN_SENDER, number, name, callback) }
    }
}
