//! A whole system for one test, and what a client of it does.

use std::time::{Duration, Instant};

use lambda_http::RequestExt;
use local::{
    config::Config,
    emulator::{Emulator, EmulatorOptions},
    gateway::{FunctionsFrom, Gateway, GatewayOptions},
};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use shared::runtime::{Clock, Environment, HttpStack, Metrics, Random, Variables};
use tokio::net::TcpListener;
use url::Url;

/// The demo account's key, and the other account's.
pub const DEMO: &str = "demo-key";
pub const OTHER: &str = "other-key";

/// What the simulated carrier shows in the paths of its webhooks.
pub const TOKEN: &str = "loopback-webhook-token";
/// What the simulated CM.com shows there.
pub const CM_TOKEN: &str = "cm-webhook-token";

/// How long something may take that should come at once.
const TIMEOUT: Duration = Duration::from_secs(30);

pub struct System {
    pub emulator: Component<Emulator>,
    gateway: Option<Component<Gateway>>,
    pub client: Client,
}

/// One of the two halves of a system.
pub enum Component<T> {
    /// Of this process.
    InProcess(T),
    /// Of another one, at this address.
    Remote(Url),
}

impl Component<Emulator> {
    pub fn url(&self) -> &Url {
        match self {
            Self::InProcess(emulator) => emulator.url(),
            Self::Remote(url) => url,
        }
    }
}

impl Component<Gateway> {
    fn url(&self) -> &Url {
        match self {
            Self::InProcess(gateway) => gateway.url(),
            Self::Remote(url) => url,
        }
    }
}

/// An answer: its status and its JSON body.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Value,
}

impl System {
    pub async fn start() -> Self {
        Self::with_config(Config::DEFAULT).await
    }

    pub async fn with_config(config: &str) -> Self {
        Self::of(config, EmulatorOptions::default(), Metrics::none()).await
    }

    /// In an emulator that is made of something else than usual.
    pub async fn in_emulator(config: &str, options: EmulatorOptions) -> Self {
        Self::of(config, options, Metrics::none()).await
    }

    /// With a gateway that tells its metrics.
    pub async fn with_metrics(metrics: Metrics) -> Self {
        Self::of(Config::DEFAULT, EmulatorOptions::default(), metrics).await
    }

    /// With a configuration that is written once the emulator's address is known.
    pub async fn configured(options: EmulatorOptions, configure: impl FnOnce(&Url) -> String) -> Self {
        let emulator = Emulator::start(listener().await, options).await.unwrap();
        let config = configure(emulator.url());
        Self::with_emulator(emulator, &config, Metrics::none()).await
    }

    /// The halves of a system that are processes of their own.
    #[must_use]
    pub fn remote(emulator: Url, gateway: Url) -> Self {
        let client = HttpStack::new().unwrap().client().clone();
        Self { emulator: Component::Remote(emulator), gateway: Some(Component::Remote(gateway)), client }
    }

    /// With another configuration, too.
    pub async fn with_config_and_metrics(config: &str, metrics: Metrics) -> Self {
        Self::of(config, EmulatorOptions::default(), metrics).await
    }

    async fn of(config: &str, options: EmulatorOptions, metrics: Metrics) -> Self {
        let emulator = Emulator::start(listener().await, options).await.unwrap();
        Self::with_emulator(emulator, config, metrics).await
    }

    async fn with_emulator(emulator: Emulator, config: &str, metrics: Metrics) -> Self {
        let gateway = start_gateway(emulator.url(), config, metrics, false).await;
        Self {
            emulator: Component::InProcess(emulator),
            gateway: Some(Component::InProcess(gateway)),
            client: Client::new(),
        }
    }

    /// Ends the gateway; the emulator lives on.
    pub async fn without_gateway(mut self) -> Self {
        if let Some(Component::InProcess(gateway)) = self.gateway.take() {
            gateway.stop().await;
        }
        self
    }

    /// Starts a gateway, on another port than the one before.
    pub async fn with_gateway(self) -> Self {
        let gateway = start_gateway(self.emulator.url(), Config::DEFAULT, Metrics::none(), false).await;
        Self { gateway: Some(Component::InProcess(gateway)), ..self }
    }

    /// Starts a gateway as one whose queues were lost.
    pub async fn with_requeueing_gateway(self) -> Self {
        let gateway = start_gateway(self.emulator.url(), Config::DEFAULT, Metrics::none(), true).await;
        Self { gateway: Some(Component::InProcess(gateway)), ..self }
    }

    /// An address of the gateway, or of the emulator while there is none.
    pub fn url(&self, path: &str) -> Url {
        self.gateway.as_ref().map_or(self.emulator.url(), Component::<Gateway>::url).join(path).unwrap()
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    /// `POST /message` with that key.
    pub async fn post(&self, key: &str, body: &Value) -> Answer {
        answer(self.request(Method::POST, "/message").bearer_auth(key).json(body)).await
    }

    /// Posts and expects it to be accepted; gives the answered messages.
    pub async fn send(&self, key: &str, body: &Value) -> Vec<Value> {
        let answer = self.post(key, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.body["messages"].as_array().unwrap().clone()
    }

    /// Sends one message, and gives it as it was answered.
    pub async fn send_one(&self, key: &str, message: Value) -> Value {
        self.send(key, &json!({"messages": [message]})).await.remove(0)
    }

    pub async fn get(&self, key: &str, path: &str) -> Answer {
        answer(self.request(Method::GET, path).bearer_auth(key)).await
    }

    pub async fn delete(&self, key: &str, path: &str) -> Answer {
        answer(self.request(Method::DELETE, path).bearer_auth(key)).await
    }

    /// The message of that id, as the demo account reads it.
    pub async fn message(&self, id: &Value) -> Value {
        let answer = self.get(DEMO, &format!("/messages/{}", id.as_str().unwrap())).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.body
    }

    /// Waits until the message is in that state, and gives it.
    pub async fn until_state(&self, id: &Value, state: &str) -> Value {
        self.until(&format!("{id} is {state}"), async || {
            let message = self.message(id).await;
            (message["state"] == state).then_some(message)
        })
        .await
    }

    /// For a function that a test calls by itself.
    pub fn environment(&self) -> Environment {
        let emulator = self.emulator.url();
        let variables = [
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_ENDPOINT_URL", emulator.to_string()),
            ("MESSAGES_TABLE", "MessagesTable".to_owned()),
            ("RECIPIENTS_TABLE", "RecipientsTable".to_owned()),
            ("DIRECTORY_TABLE", "DirectoryTable".to_owned()),
            ("CARRIER_SECRETS", "CarrierSecrets".to_owned()),
            ("JOBS_QUEUE_URL", self.queue_url("JobsQueue").into()),
            ("CALLBACKS_QUEUE_URL", self.queue_url("CallbacksQueue").into()),
            ("CALLBACKS_DEAD_LETTERS_URL", self.queue_url("CallbacksDeadLetters").into()),
            ("ALLOW_PRIVATE_CALLBACKS", "true".to_owned()),
        ];
        Environment {
            variables: Variables::from_iter(variables.map(|(name, value)| (name.to_owned(), value))),
            clock: Clock::system(),
            random: Random::seeded(1),
            http: HttpStack::new().unwrap(),
            metrics: Metrics::none(),
        }
    }

    pub fn sink(&self, name: &str) -> String {
        // The emulator's own address: it outlives the gateway.
        self.emulator.url().join(&format!("sinks/{name}")).unwrap().to_string()
    }

    /// The requests that a sink got, with their bodies parsed.
    pub async fn sink_requests(&self, name: &str) -> Vec<Value> {
        let answer = answer(self.request(Method::GET, &format!("/sinks/{name}"))).await;
        let mut requests = answer.body["requests"].as_array().unwrap().clone();
        for request in &mut requests {
            request["json"] = serde_json::from_str(request["body"].as_str().unwrap()).unwrap();
        }
        requests
    }

    /// Waits until a sink has got that many requests.
    pub async fn until_sink_requests(&self, name: &str, count: usize) -> Vec<Value> {
        self.until_sink_requests_within(name, count, TIMEOUT).await
    }

    /// The same, for what may take its time.
    pub async fn until_sink_requests_within(&self, name: &str, count: usize, timeout: Duration) -> Vec<Value> {
        self.until_within(timeout, &format!("sink {name} has {count}"), async || {
            let requests = self.sink_requests(name).await;
            (requests.len() >= count).then_some(requests)
        })
        .await
    }

    /// Moves the clock. What has become due has been started when this returns.
    pub async fn advance(&self, seconds: u64) {
        let moved = answer(self.request(Method::POST, "/clock").json(&json!({"advance_seconds": seconds}))).await;
        assert_eq!(moved.status, StatusCode::OK, "{}", moved.body);
    }

    /// What the clock shows.
    pub async fn now(&self) -> jiff::Timestamp {
        let shown = answer(self.request(Method::GET, "/clock")).await;
        shown.body["now"].as_str().unwrap().parse().unwrap()
    }

    /// Waits until a condition holds; fails with its name when it takes too long.
    pub async fn until<T>(&self, what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
        self.until_within(TIMEOUT, what, look).await
    }

    async fn until_within<T>(&self, timeout: Duration, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(started.elapsed() < timeout, "waited {timeout:?} in vain until {what}");
            // Ever more seldom, so that looking does not slow down what is looked for.
            tokio::time::sleep(Duration::from_millis(10) + started.elapsed() / 8).await;
        }
    }

    /// Waits until nothing is in the queues, in flight or put off.
    pub async fn until_queues_empty(&self) {
        for queue in ["JobsQueue", "CallbacksQueue"] {
            self.until(&format!("{queue} is empty"), async || (self.queue_length(queue).await == 0).then_some(()))
                .await;
        }
    }

    /// Waits until nothing is in the queues but what is put off.
    pub async fn until_only_delayed(&self) {
        for queue in ["JobsQueue", "CallbacksQueue"] {
            let what = format!("what is in {queue} is put off");
            let due = async || self.count_in(queue, &["", "NotVisible"]).await;
            self.until(&what, async || (due().await == 0).then_some(())).await;
        }
    }

    /// Forgets that endpoints fail, as when each has answered to something else meanwhile.
    pub async fn reset_endpoint_health(&self) {
        let items = self.aws("DynamoDB_20120810.Scan", &json!({"TableName": "DirectoryTable"})).await;
        for item in items["Items"].as_array().unwrap() {
            if item["id"]["S"].as_str().unwrap().starts_with("endpoint#") {
                let key = json!({"TableName": "DirectoryTable", "Key": {"id": item["id"]}});
                self.aws("DynamoDB_20120810.DeleteItem", &key).await;
            }
        }
    }

    /// Moves the clock until so many callbacks have been given up, at endpoints that take others.
    pub async fn until_dead_lettered(&self, count: u64) {
        self.until("callbacks are dead letters", async || {
            self.reset_endpoint_health().await;
            // More than the longest gap between two tries.
            self.advance(8 * 3_600).await;
            (self.queue_length("CallbacksDeadLetters").await >= count).then_some(())
        })
        .await;
    }

    /// How many messages are in a queue, in flight or put off.
    pub async fn queue_length(&self, name: &str) -> u64 {
        self.count_in(name, &["", "NotVisible", "Delayed"]).await
    }

    async fn count_in(&self, name: &str, which: &[&str]) -> u64 {
        let names: Vec<_> = which.iter().map(|which| format!("ApproximateNumberOfMessages{which}")).collect();
        let asked = json!({"QueueUrl": self.queue_url(name), "AttributeNames": names});
        let answer = self.aws("AmazonSQS.GetQueueAttributes", &asked).await;
        let count = |name: &String| answer["Attributes"][name].as_str().unwrap().parse::<u64>().unwrap();
        names.iter().map(count).sum()
    }

    /// Puts payloads into the queue of jobs as one batch, to be seen after a delay.
    pub async fn enqueue(&self, payloads: &[String], delay_seconds: u64) {
        let entry = |(index, payload): (usize, &String)| json!({"Id": index.to_string(), "MessageBody": payload, "DelaySeconds": delay_seconds});
        let entries: Vec<_> = payloads.iter().enumerate().map(entry).collect();
        let batch = json!({"QueueUrl": self.queue_url("JobsQueue"), "Entries": entries});
        self.aws("AmazonSQS.SendMessageBatch", &batch).await;
    }

    /// The URL of the queue of that logical name.
    pub fn queue_url(&self, name: &str) -> Url {
        self.emulator.url().join(&format!("123456789012/{name}")).unwrap()
    }

    /// A call of the emulator's DynamoDB or SQS, by its target.
    pub async fn aws(&self, target: &str, body: &Value) -> Value {
        // The embedded DynamoDB wants a signature, and checks only its form.
        let signed =
            "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/any/aws4_request, SignedHeaders=host, Signature=0";
        let request = self.client.post(self.emulator.url().clone()).header("x-amz-target", target);
        let request = request.header("authorization", signed).header("x-amz-date", "20260101T000000Z");
        let answer = answer(request.json(body)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.body
    }
}

/// Sends a request, and reads its answer as JSON.
pub async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status();
    let text = response.text().await.unwrap();
    let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect(&text) };
    Answer { status, body }
}

/// A POST of the demo account, as Lambda brings it.
pub fn invocation(path: &str, body: &Value) -> lambda_http::Request {
    let request = http::Request::post(path).header("authorization", format!("Bearer {DEMO}"));
    request.body(lambda_http::Body::from(body.to_string())).unwrap().with_raw_http_path(path)
}

/// A message to that number from the pool.
pub fn shared(to: &str, body: &str) -> Value {
    json!({"from": {"type": "shared"}, "to": to, "body": body})
}

/// A message to that number from the demo account's own number.
pub fn owned(to: &str, body: &str) -> Value {
    json!({"from": {"type": "custom", "value": "441234567890"}, "to": to, "body": body})
}

/// The message, with another field.
pub fn with(mut message: Value, field: &str, value: impl Into<Value>) -> Value {
    message[field] = value.into();
    message
}

async fn listener() -> TcpListener {
    TcpListener::bind(("127.0.0.1", 0)).await.unwrap()
}

async fn start_gateway(emulator: &Url, config: &str, metrics: Metrics, requeue: bool) -> Gateway {
    let (config, functions) = (Config::parse(config).unwrap(), FunctionsFrom::InProcess);
    let options = GatewayOptions { emulator: emulator.clone(), config, functions, metrics, requeue };
    Gateway::start(listener().await, options).await.unwrap()
}
