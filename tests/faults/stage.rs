//! The stage: an emulator behind the proxy, and the functions. Only the test invokes functions, singly or two
//! at once, so a run can be repeated.

use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use jiff::{SignedDuration, Timestamp};
use lambda_http::{Body, RequestExt};
use local::emulator::EmulatorOptions;
use reqwest::Method;
use serde_json::{Value, json};
use shared::{
    domain::{CarrierName, ReplyId, Route},
    flow::Gateway,
    gateway::{Part, connect_gateway},
    runtime::{Clock, Environment, Random},
    store::{KeywordOrder, Recipients},
};
use strum::VariantArray;
use tests::{
    TestConfig, carrier_configs,
    clients::ClientRequest,
    system::{RATE_LIMITED_SENDER, System},
    webhook_path,
};
use uuid::Uuid;

use crate::{
    instances::FunctionInstances,
    proxy::{PORTS, Proxy, WebhookRequest},
};

/// Timeout for a carrier's answer: enough for a local answer, but short for a test.
const CARRIER_TIMEOUT_MS: u32 = 1_000;
/// Delay of a carrier's late answer: longer than the timeout.
const LATE_ANSWER_DELAY: Duration = Duration::from_millis(1_200);
/// The rate of the rate-limited sender: lower than the number of messages in a few requests.
pub const PER_SECOND: u16 = 4;
const NETWORK_TIMEOUT: Duration = Duration::from_secs(60);

/// Retries of an empty receive while the other function, still running, may enqueue a job.
const RECEIVE_RETRIES: usize = 10;
const RECEIVE_RETRY_INTERVAL: Duration = Duration::from_millis(2);

pub const JOBS: &str = "JobsQueue";
pub const CALLBACKS: &str = "CallbacksQueue";
pub const QUEUES: [&str; 5] = ["UrgentJobsQueue", JOBS, "BulkJobsQueue", "SendSlotsQueue", CALLBACKS];
/// Sinks for both accounts' status callbacks, and for each account's replies.
pub const SINKS: [&str; 4] = ["status", "audit", "replies", "other-replies"];
pub const DEAD_LETTERS: [&str; 5] =
    ["UrgentJobsDeadLetters", "JobsDeadLetters", "BulkJobsDeadLetters", "SendSlotsDeadLetters", "CallbacksDeadLetters"];

pub struct Stage {
    pub system: System,
    pub proxy: Proxy,
    /// Each set calls through its own proxy port.
    instances: [FunctionInstances; 2],
    clock: Clock,
    /// Reads the store directly, without the proxy.
    pub observer: Gateway,
    clock_offset: Duration,
}

#[derive(Clone)]
pub struct Batch {
    pub queue: &'static str,
    pub event: SqsEvent,
    handles: Vec<(String, Value)>,
}

pub struct CarrierBehavior {
    pub timeout_ms: u32,
    /// Look up unknown outcomes at the carrier, if supported.
    pub lookup: bool,
}

impl Default for CarrierBehavior {
    fn default() -> Self {
        Self { timeout_ms: CARRIER_TIMEOUT_MS, lookup: false }
    }
}

impl Stage {
    /// Starts a stage whose route is `carriers`, the preferred carrier first.
    pub async fn new(carriers: &[&str]) -> Self {
        let carriers: Vec<_> = carriers.iter().map(|name| name.parse().unwrap()).collect();
        Self::with(&carriers, &CarrierBehavior::default()).await
    }

    /// Starts a stage with this route and these carrier settings.
    pub async fn with(carriers: &[CarrierName], carrier_behavior: &CarrierBehavior) -> Self {
        let proxy = Proxy::start().await;
        let options = EmulatorOptions { answer_delay: LATE_ANSWER_DELAY, ..EmulatorOptions::default() };
        let system = System::configured(options, |emulator| {
            proxy.set_upstream(emulator);
            configuration(&proxy, carriers, carrier_behavior)
        })
        .await
        .without_gateway()
        .await;
        for (name, carrier) in carrier_configs() {
            let webhook = |kind| proxy.url.join(&webhook_path(kind, name.as_str())).unwrap();
            let mut registration =
                json!({"vendor": carrier.vendor, "receipts": webhook("dlr"), "replies": webhook("mo")});
            let (_, secret) = carrier.connect(proxy.url.clone(), &proxy.url).unwrap();
            if !secret.credentials.is_empty() {
                registration["credentials"] = json!(secret.credentials);
            }
            if !carrier.sender_ids.is_empty() {
                registration["sender_ids"] = json!(carrier.sender_ids);
            }
            let url = system.url(&format!("carriers/{name}"));
            let set = system.client.put(url).json(&registration).send().await.unwrap();
            assert!(set.status().is_success(), "{}", set.status());
        }
        let environment = system.environment();
        proxy.set_clock(&environment.clock);
        let observer = connect_gateway(&environment, Part::VARIANTS).unwrap();
        let instances = PORTS.map(|port| {
            let through = [("AWS_ENDPOINT_URL".to_owned(), proxy.port_url(port).to_string())];
            let variables = environment.variables.clone().with(through);
            FunctionInstances::new(port, Environment { variables, ..environment.clone() })
        });
        Self { system, proxy, instances, clock: environment.clock, observer, clock_offset: Duration::ZERO }
    }

    /// Seeds the randomness, and makes a new function for each invocation.
    pub fn seed(&mut self, seed: u64) {
        self.restart(&Random::seeded(seed), false);
    }

    /// Replaces all functions. `are_reused` keeps the new ones warm between invocations.
    pub fn restart(&mut self, random: &Random, are_reused: bool) {
        for instances in &mut self.instances {
            instances.restart(random.clone(), are_reused);
        }
    }

    /// Returns an environment for further functions, whose calls are neither counted nor hit by faults.
    pub fn environment(&self) -> Environment {
        self.instances[0].environment.clone()
    }

    /// Runs a command of the operator's tool, without faults.
    pub async fn admin(&self, words: &[&str]) {
        let local = format!("--local={}", self.system.emulator.url());
        let words = [&["admin", &local], words].concat();
        let environment = self.system.environment();
        let done = ::admin::run(words.iter().map(ToString::to_string), &environment, || Ok(String::new())).await;
        assert_eq!(done.code, 0, "{words:?}: {}", done.err);
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Advances the clock of the emulator and the functions. No work starts by itself.
    pub async fn advance(&mut self, by: Duration) {
        self.system.advance(by.as_secs()).await;
        self.clock_offset += Duration::from_secs(by.as_secs());
        self.clock.set_ahead(self.clock_offset);
    }

    /// Sends a client's request. Returns `None` if the answer was lost.
    pub async fn send_request(&self, port: usize, client_request: &ClientRequest) -> Option<(u16, String)> {
        let request = http::Request::builder().method(client_request.method.clone());
        let mut request = request.uri(format!("https://gateway.example{}", client_request.path));
        for (name, value) in &client_request.headers {
            request = request.header(*name, value);
        }
        let path = client_request.path.split('?').next().unwrap_or_default();
        let request = request.body(Body::from(client_request.body.clone())).unwrap().with_raw_http_path(path);
        let response = self.instances[port].handle_client_request(&self.proxy, path, request).await.returned()?;
        Some((response.status().as_u16(), String::from_utf8_lossy(response.body()).into_owned()))
    }

    /// Delivers a carrier's webhook. Returns whether the answer was a success.
    pub async fn deliver_webhook(&self, port: usize, webhook: &WebhookRequest) -> bool {
        let request = to_request(webhook);
        let response = self.instances[port].handle_webhook(&self.proxy, request, webhook.is_reply()).await;
        response.returned().is_some_and(|response| response.status().is_success())
    }

    /// Delivers receipts concurrently, and returns the failed receipts.
    pub async fn deliver_receipts(&self, receipts: Vec<WebhookRequest>) -> Vec<WebhookRequest> {
        let requests = receipts.iter().map(to_request).collect();
        let responses = self.instances[0].handle_receipts(&self.proxy, requests).await.returned().unwrap();
        let all = receipts.into_iter().zip(responses);
        all.filter(|(_, response)| !response.status().is_success()).map(|(webhook, _)| webhook).collect()
    }

    /// Returns whether there were any jobs.
    pub async fn process_next_batch(&self, queue: &'static str) -> bool {
        let batch = self.receive(queue).await;
        self.process_batch(0, &batch).await;
        !batch.event.records.is_empty()
    }

    /// Processes a batch, and deletes the successful jobs from the queue.
    pub async fn process_batch(&self, port: usize, batch: &Batch) {
        if batch.event.records.is_empty() {
            return;
        }
        let response =
            self.instances[port].process_batch(&self.proxy, batch.queue, batch.event.clone()).await.returned();
        if let Some(response) = response {
            self.delete(batch, &response).await;
        }
    }

    pub async fn tick(&self, port: usize) {
        self.instances[port].tick(&self.proxy).await;
    }

    pub async fn until_accepted(&self, count: usize) {
        let accepted = tokio::time::timeout(NETWORK_TIMEOUT, self.proxy.until_accepted(count)).await;
        assert!(accepted.is_ok(), "expected {count} submits, got {}", self.proxy.submits().len());
    }

    pub async fn until_webhooks(&self, count: usize) {
        let arrived = tokio::time::timeout(NETWORK_TIMEOUT, self.proxy.until_webhooks(count)).await;
        assert!(
            arrived.is_ok(),
            "expected {count} receipts and replies from the network, got {}",
            self.proxy.webhook_count()
        );
    }

    pub async fn items(&self, table: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut asked = json!({"TableName": table});
        loop {
            let mut answer = self.system.aws("DynamoDB_20120810.Scan", &asked).await;
            items.extend(answer["Items"].as_array().unwrap().iter().cloned());
            if answer["LastEvaluatedKey"].is_null() {
                return items;
            }
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"].take();
        }
    }

    /// Empties the tables of messages and recipients, the queues and the sinks.
    pub async fn reset(&self) {
        for (table, key) in [("MessagesTable", "id"), ("RecipientsTable", "number")] {
            let items = self.items(table).await;
            for some in items.chunks(25) {
                let delete = |item: &Value| json!({"DeleteRequest": {"Key": {key: item[key]}}});
                let deletes: Vec<_> = some.iter().map(delete).collect();
                self.system.aws("DynamoDB_20120810.BatchWriteItem", &json!({"RequestItems": {table: deletes}})).await;
            }
        }
        for queue in QUEUES.into_iter().chain(DEAD_LETTERS) {
            self.system.aws("AmazonSQS.PurgeQueue", &json!({"QueueUrl": self.system.queue_url(queue)})).await;
        }
        for sink in SINKS {
            let emptied = self.system.client.delete(self.system.sink(sink)).send().await.unwrap();
            assert!(emptied.status().is_success());
        }
    }

    pub async fn set_channels(&self, phone: &str, behaviors: &Value) {
        self.system.set_channels(phone, behaviors.clone()).await;
    }

    /// Unsubscribes a phone at Mobile Text Alerts, and lifts the opt-out that we recorded in an earlier run.
    pub async fn unsubscribe(&self, phone: &str, sender: &str) {
        let key = carrier_configs()[&"mta".parse().unwrap()].key.clone().unwrap();
        let settings = self.system.request(Method::PUT, "/mta/settings").json(&json!({"refuses_unsubscribed": true}));
        let unsubscribe = self.system.request(Method::POST, "/mta/v3/unsubscribes").bearer_auth(key);
        for request in [settings, unsubscribe.json(&json!({"number": phone}))] {
            assert!(request.send().await.unwrap().status().is_success());
        }
        let (number, sender) = (phone.parse().unwrap(), sender.parse().unwrap());
        let reply = ReplyId::new(Uuid::from_u128(self.clock.now().as_nanosecond().unsigned_abs()));
        let order = KeywordOrder { number: &number, sender: &sender, at: self.clock.now(), reply };
        self.observer.store.opt_in(&order).await.unwrap();
    }

    /// Receives up to ten jobs, which the queue then hides for its visibility timeout.
    pub async fn receive(&self, queue: &'static str) -> Batch {
        let wanted = json!({"QueueUrl": self.system.queue_url(queue), "MaxNumberOfMessages": 10});
        let received = self.system.aws("AmazonSQS.ReceiveMessage", &wanted).await;
        let mut batch = Batch { queue, event: SqsEvent::default(), handles: Vec::new() };
        for message in received["Messages"].as_array().into_iter().flatten() {
            let id = message["MessageId"].as_str().unwrap().to_owned();
            let mut record = SqsMessage::default();
            record.message_id = Some(id.clone());
            record.body = message["Body"].as_str().map(str::to_owned);
            batch.event.records.push(record);
            batch.handles.push((id, message["ReceiptHandle"].clone()));
        }
        batch
    }

    /// Receives up to ten jobs. Retries an empty receive while the other function runs and may enqueue.
    pub async fn receive_or_wait(&self, queue: &'static str, port: usize) -> Batch {
        for _ in 0..RECEIVE_RETRIES {
            let batch = self.receive(queue).await;
            if !batch.event.records.is_empty() || !self.proxy.is_running(1 - port) {
                return batch;
            }
            tokio::time::sleep(RECEIVE_RETRY_INTERVAL).await;
        }
        self.receive(queue).await
    }

    pub async fn receive_all(&self, queue: &'static str) -> Batch {
        let mut all = self.receive(queue).await;
        loop {
            let more = self.receive(queue).await;
            if more.event.records.is_empty() {
                return all;
            }
            all.event.records.extend(more.event.records);
            all.handles.extend(more.handles);
        }
    }

    async fn delete(&self, batch: &Batch, response: &SqsBatchResponse) {
        let failed = |id: &str| response.batch_item_failures.iter().any(|failure| failure.item_identifier == id);
        for (id, handle) in &batch.handles {
            if !failed(id) {
                let delete = json!({"QueueUrl": self.system.queue_url(batch.queue), "ReceiptHandle": handle});
                self.system.aws("AmazonSQS.DeleteMessage", &delete).await;
            }
        }
    }

    pub async fn next_wake_at(&self) -> Option<Timestamp> {
        let items = self.items("MessagesTable").await;
        let wakes = items.iter().filter_map(|item| item["wake_at"]["N"].as_str()?.parse().ok());
        wakes.min().map(|millis| Timestamp::from_millisecond(millis).unwrap())
    }

    pub async fn queued(&self) -> u64 {
        let mut count = 0;
        for queue in QUEUES {
            count += self.system.queue_length(queue).await;
        }
        count
    }

    pub fn time_until(&self, at: Timestamp) -> SignedDuration {
        at.duration_since(self.now())
    }
}

fn to_request(webhook: &WebhookRequest) -> lambda_http::Request {
    let request = http::Request::post(format!("https://gateway.example{}", webhook.path));
    request.body(Body::from(webhook.body.clone())).unwrap().with_raw_http_path(&webhook.path)
}

/// Returns the default configuration, with the proxy's address for every carrier and callback.
fn configuration(proxy: &Proxy, carriers: &[CarrierName], carrier_behavior: &CarrierBehavior) -> TestConfig {
    let CarrierBehavior { timeout_ms, lookup } = carrier_behavior;
    let at_proxy = |path: String| proxy.url.join(&path).unwrap().to_string();
    TestConfig::new()
        .rate(RATE_LIMITED_SENDER, PER_SECOND)
        .each_account(|account| {
            for url in [&mut account.reply_url, &mut account.status_url, &mut account.notice_url] {
                *url = url.take().map(at_proxy);
            }
        })
        .each_carrier(|_, carrier| {
            carrier.lookup = *lookup && carrier.vendor.profile().lookup;
            carrier.endpoint = Some(proxy.url.join(&format!("{}/", carrier.vendor)).unwrap());
            // The tests' own receipts have no signature.
            carrier.signing_secret = None;
            carrier.webhook_url = carrier.vendor.profile().takes_webhook_url.then(|| proxy.url.clone());
        })
        .carrier_timeout_ms((*timeout_ms).into())
        .routes([Route::to(carriers.to_vec())])
}
