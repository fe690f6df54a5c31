//! A world with the proxy before it, and the functions, which are called one by one,
//! each time cold: nothing runs but what a test lets run, so that a run repeats itself.

use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use jiff::{SignedDuration, Timestamp};
use lambda_http::{Body, RequestExt, Response};
use local::{config::Config, world::WorldOptions};
use reqwest::Method;
use serde_json::{Value, json};
use shared::{
    carriers::CarrierName,
    flow::Gateway,
    runtime::{Environment, Random, connect_gateway},
};
use tests::system::{CM_TOKEN, DEMO, System, TOKEN, answer};

use crate::proxy::{Brought, Proxy};

/// How long a carrier's answer is waited for: long for a machine, short for a test.
const CARRIER_PATIENCE_MS: u32 = 1_000;
/// When a carrier answers that answers too late.
const ANSWERS_AFTER: Duration = Duration::from_millis(1_200);
/// How long a receipt may take that the simulated network is to bring.
const NETWORK_PATIENCE: Duration = Duration::from_secs(20);

/// Each queue with the function that it invokes.
pub const QUEUES: [&str; 2] = ["JobsQueue", "CallbacksQueue"];
pub const DEAD_LETTERS: [&str; 2] = ["JobsDeadLetters", "CallbacksDeadLetters"];

pub struct Stage {
    pub system: System,
    pub proxy: Proxy,
    environment: Environment,
    /// Looks at the store past the proxy.
    pub observer: Gateway,
    ahead: Duration,
}

/// A request of a client.
#[derive(Clone, Debug)]
pub struct Wish {
    pub method: Method,
    /// With a query where it has one.
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Stage {
    /// All messages go through `carriers`, the most wanted first, which are asked what
    /// became of a submit if `lookup` says so and they can be.
    pub async fn new(carriers: &[CarrierName], lookup: bool) -> Self {
        let proxy = Proxy::start().await;
        let options = WorldOptions { answer_delay: ANSWERS_AFTER, ..WorldOptions::default() };
        let system = System::configured(options, |world| {
            proxy.lead_to(world);
            configuration(&proxy, carriers, lookup)
        })
        .await
        .without_gateway()
        .await;
        for (carrier, path, token) in [("loopback", "carrier/webhooks", TOKEN), ("cm", "cm/webhooks", CM_TOKEN)] {
            let webhook = |kind: &str| proxy.url.join(&format!("{kind}/{carrier}/{token}")).unwrap();
            let addresses = json!({"receipts": webhook("dlr"), "replies": webhook("mo")});
            let set = system.client.put(system.url(path)).json(&addresses).send().await.unwrap();
            assert!(set.status().is_success(), "{}", set.status());
        }
        let environment = system.environment();
        let observer = connect_gateway(&environment).unwrap();
        let through = [("AWS_ENDPOINT_URL".to_owned(), proxy.url.to_string())];
        let environment = Environment { variables: environment.variables.clone().with(through), ..environment };
        Self { system, proxy, environment, observer, ahead: Duration::ZERO }
    }

    /// From here on chance is that of the seed.
    pub fn seed(&mut self, seed: u64) {
        self.environment.random = Random::seeded(seed);
    }

    pub fn now(&self) -> Timestamp {
        self.environment.clock.now()
    }

    /// Moves the world's clock and the functions'. Nothing starts by itself.
    pub async fn advance(&mut self, by: Duration) {
        self.system.advance(by.as_secs()).await;
        self.ahead += Duration::from_secs(by.as_secs());
        self.environment.clock.set_ahead(self.ahead);
    }

    /// What a client is answered; none if it learns nothing.
    pub async fn ask(&self, wish: &Wish) -> Option<(u16, String)> {
        let request = http::Request::builder().method(wish.method.clone());
        let mut request = request.uri(format!("https://gateway.example{}", wish.path));
        for (name, value) in &wish.headers {
            request = request.header(*name, value);
        }
        let (path, query) = wish.path.split_once('?').unwrap_or((&wish.path, ""));
        let request = request.body(Body::from(wish.body.clone())).unwrap().with_raw_http_path(path);
        let query = url::form_urlencoded::parse(query.as_bytes()).into_owned();
        let mut parameters = std::collections::HashMap::<String, Vec<String>>::new();
        for (name, value) in query {
            parameters.entry(name).or_default().push(value);
        }
        let request = request.with_query_string_parameters(parameters);
        let response = if wish.path.starts_with("/messages") {
            let messages = messages::Messages::new(&self.environment).unwrap();
            self.proxy.invoke("messages", messages.handle(request)).await
        } else {
            let send = send::Send::new(&self.environment).unwrap();
            self.proxy.invoke("send", send.handle(request)).await
        };
        let response = response?;
        Some((response.status().as_u16(), text(&response)))
    }

    /// Brings what a carrier brought. Says whether it was taken.
    pub async fn bring(&self, brought: &Brought) -> bool {
        let request = http::Request::post(format!("https://gateway.example{}", brought.path));
        let request = request.body(Body::from(brought.body.clone())).unwrap().with_raw_http_path(&brought.path);
        let response = if brought.is_reply() {
            let replies = mo_webhook::MoWebhook::new(&self.environment).unwrap();
            self.proxy.invoke("mo-webhook", replies.handle(request)).await
        } else {
            let receipts = dlr_webhook::DlrWebhook::new(&self.environment).unwrap();
            self.proxy.invoke("dlr-webhook", receipts.handle(request)).await
        };
        response.is_some_and(|response| response.status().is_success())
    }

    /// Lets a function do the next jobs of its queue. Says whether there were any.
    pub async fn work(&self, queue: &str) -> bool {
        let (event, handles) = self.receive(queue).await;
        if event.records.is_empty() {
            return false;
        }
        let response = if queue == "JobsQueue" {
            let dispatch = dispatch::Dispatch::new(&self.environment).unwrap();
            self.proxy.invoke("dispatch", dispatch.handle(event)).await
        } else {
            let callback = callback::Callback::new(&self.environment).unwrap();
            self.proxy.invoke("callback", callback.handle(event)).await
        };
        if let Some(response) = response {
            self.delete(queue, handles, &response).await;
        }
        true
    }

    /// One tick of the schedule. Says whether it was well.
    pub async fn tick(&self) -> bool {
        let tick = schedule_tick::ScheduleTick::new(&self.environment).unwrap();
        self.proxy.invoke("schedule-tick", tick.handle(u64::MAX)).await.is_some_and(|ticked| ticked.is_ok())
    }

    /// Waits until the network has brought what it owes.
    pub async fn until_came(&self, count: usize) {
        let came = tokio::time::timeout(NETWORK_PATIENCE, self.proxy.until_came(count)).await;
        assert!(came.is_ok(), "the network owes {count} receipts and replies and brought {}", self.proxy.came());
    }

    /// Every item of a table.
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

    /// Takes away what a run left behind.
    pub async fn wipe(&self) {
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
        for sink in ["status", "replies"] {
            let emptied = self.system.client.delete(self.system.sink(sink)).send().await.unwrap();
            assert!(emptied.status().is_success());
        }
    }

    /// How a phone is to behave on its channels.
    pub async fn set_channels(&self, phone: &str, conducts: &Value) {
        let set = self.system.request(Method::PUT, &format!("/handsets/{phone}/channels")).json(conducts);
        assert!(answer(set).await.status.is_success());
    }

    async fn receive(&self, queue: &str) -> (SqsEvent, Vec<(String, Value)>) {
        let wanted = json!({"QueueUrl": self.system.queue_url(queue), "MaxNumberOfMessages": 10});
        let received = self.system.aws("AmazonSQS.ReceiveMessage", &wanted).await;
        let mut event = SqsEvent::default();
        let mut handles = Vec::new();
        for message in received["Messages"].as_array().into_iter().flatten() {
            let id = message["MessageId"].as_str().unwrap().to_owned();
            let mut record = SqsMessage::default();
            record.message_id = Some(id.clone());
            record.body = message["Body"].as_str().map(str::to_owned);
            event.records.push(record);
            handles.push((id, message["ReceiptHandle"].clone()));
        }
        (event, handles)
    }

    async fn delete(&self, queue: &str, handles: Vec<(String, Value)>, response: &SqsBatchResponse) {
        let failed = |id: &str| response.batch_item_failures.iter().any(|failure| failure.item_identifier == id);
        for (id, handle) in handles {
            if !failed(&id) {
                let delete = json!({"QueueUrl": self.system.queue_url(queue), "ReceiptHandle": handle});
                self.system.aws("AmazonSQS.DeleteMessage", &delete).await;
            }
        }
    }

    /// Until when the first of those rests that rest.
    pub async fn next_wake(&self) -> Option<Timestamp> {
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

    /// How long it is until then.
    pub fn left_until(&self, at: Timestamp) -> SignedDuration {
        at.duration_since(self.now())
    }
}

impl Wish {
    pub fn new(method: Method, path: &str) -> Self {
        let headers = vec![("authorization", format!("Bearer {DEMO}")), ("x-cm-producttoken", DEMO.to_owned())];
        Self { method, path: path.to_owned(), headers, body: String::new() }
    }

    pub fn post(path: &str, body: impl ToString) -> Self {
        Self { body: body.to_string(), ..Self::new(Method::POST, path) }
    }

    pub fn under(self, key: &str) -> Self {
        self.with("idempotency-key", key)
    }

    pub fn with(mut self, header: &'static str, value: &str) -> Self {
        self.headers.push((header, value.to_owned()));
        self
    }
}

fn text(response: &Response<Body>) -> String {
    String::from_utf8_lossy(response.body()).into_owned()
}

/// The usual one, with the proxy before everything that the functions call.
fn configuration(proxy: &Proxy, carriers: &[CarrierName], lookup: bool) -> String {
    let (before, _) = Config::DEFAULT.split_once("[[routes]]").unwrap();
    let quoted: Vec<_> = carriers.iter().map(|carrier| format!("\"{carrier}\"")).collect();
    let url = &proxy.url;
    let config = before
        .replace("\"/sinks/", &format!("\"{url}sinks/"))
        .replace("[carriers.loopback]", &format!("[carriers.loopback]\nlookup = {lookup}\nendpoint = \"{url}\""))
        .replace("[carriers.cm]", &format!("[carriers.cm]\nendpoint = \"{url}cm/\""))
        .replace("timeout_ms = 3000", &format!("timeout_ms = {CARRIER_PATIENCE_MS}"));
    format!("{config}\n[[routes]]\ncarriers = [{}]\n", quoted.join(", "))
}
