//! Idle connections closed by their server cost nobody a request.
//!
//! With `IDLE_SECONDS`, the relay forgets connections after as many seconds, and the functions keep them as in
//! production. `IDLE_SECONDS=60` takes five minutes:
//!
//! ```sh
//! IDLE_SECONDS=60 cargo test -p tests --test flows idle_connections_cost -- --nocapture
//! ```

use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use local::emulator::EmulatorOptions;
use serde_json::{Value, json};
use shared::runtime::{Environment, HttpStack, IdleTimeouts};

use tests::{Phone, Relay, Response, System, TestConfig, TestServer, submit_job};

use crate::system::{invocation, owned, with};

const ROUNDS: usize = 5;
/// The rejection is reported to the client without a receipt.
const PHONE: Phone = Phone::rejects();
const FORGETS_AFTER: Duration = Duration::from_secs(2);
/// Shorter than [`FORGETS_AFTER`], as the production timeouts are shorter than the servers'.
const SHORT: IdleTimeouts = IdleTimeouts { aws: Duration::from_millis(500), others: Duration::from_millis(500) };
/// Longer than any run.
const LONG: Duration = Duration::from_secs(3_600);

/// The functions from a request to its callback, which reach AWS, the carrier and the client through a relay.
struct Functions<'a> {
    system: &'a System,
    send: send::Send,
    dispatch: dispatch::Dispatch,
    callback: callback::Callback,
    sink: String,
}

impl<'a> Functions<'a> {
    fn of(system: &'a System, relay: &Relay, idle: IdleTimeouts) -> Self {
        let environment = through(system, &relay.url(), HttpStack::with_idle_timeouts(idle).unwrap());
        Self {
            system,
            send: send::Send::new(&environment).unwrap(),
            dispatch: dispatch::Dispatch::new(&environment).unwrap(),
            callback: callback::Callback::new(&environment).unwrap(),
            sink: relay.url().join("sinks/receipts").unwrap().into(),
        }
    }

    async fn send(&self) -> Result<Vec<String>, String> {
        let message = with(owned(&PHONE, "Hello"), "callback", self.sink.as_str());
        send(&self.send, &[message.clone(), message]).await
    }

    /// Sends two messages and delivers their callbacks. Returns every request that failed.
    async fn failures(&self) -> Vec<String> {
        let ids = match self.send().await {
            Ok(ids) => ids,
            Err(failure) => return vec![failure],
        };
        let mut failures = Vec::new();
        let jobs = ids.iter().map(|id| submit_job(id.as_str()));
        let failed = self.dispatch.handle(event(jobs)).await.batch_item_failures.len();
        failures.extend((0..failed).map(|_| "submit: AWS".to_owned()));
        let before = self.system.callbacks("receipts").await.len();
        let failed = self.callback.handle(self.callbacks().await).await.batch_item_failures.len();
        failures.extend((0..failed).map(|_| "callback: AWS".to_owned()));
        let delivered = self.system.callbacks("receipts").await.len() - before;
        failures.extend((delivered..ids.len()).map(|_| "a callback, or its message's submit".to_owned()));
        failures
    }

    async fn callbacks(&self) -> SqsEvent {
        let wanted = json!({"QueueUrl": self.system.queue_url("CallbacksQueue"), "MaxNumberOfMessages": 10});
        let received = self.system.aws("AmazonSQS.ReceiveMessage", &wanted).await;
        let jobs = received["Messages"].as_array().into_iter().flatten();
        event(jobs.map(|job| job["Body"].as_str().unwrap().to_owned()))
    }
}

fn event(jobs: impl Iterator<Item = String>) -> SqsEvent {
    let mut event = SqsEvent::default();
    for (index, job) in jobs.enumerate() {
        let mut record = SqsMessage::default();
        (record.message_id, record.body) = (Some(index.to_string()), Some(job));
        event.records.push(record);
    }
    event
}

/// Returns an environment that reaches AWS at another URL.
fn through(system: &System, aws: &url::Url, http: HttpStack) -> Environment {
    let Environment { variables, .. } = system.environment();
    let variables = variables.with([("AWS_ENDPOINT_URL".to_owned(), aws.to_string())]);
    Environment { variables, http, ..system.environment() }
}

/// Sends messages, and returns their IDs.
async fn send(send: &send::Send, messages: &[Value]) -> Result<Vec<String>, String> {
    let answer = send.handle(invocation("/message", &json!({"messages": messages}))).await;
    if answer.status() != 200 {
        return Err(format!("send: {}", answer.status()));
    }
    let answer: Value = serde_json::from_slice(answer.body()).unwrap();
    let accepted = answer["messages"].as_array().unwrap();
    Ok(accepted.iter().map(|message| message["messageUuid"].as_str().unwrap().to_owned()).collect())
}

#[tokio::test]
async fn idle_connections_cost_no_request() {
    let seconds = std::env::var("IDLE_SECONDS").ok().map(|seconds| seconds.parse().unwrap());
    let (forgets_after, idle) = match seconds {
        Some(seconds) => (Duration::from_secs(seconds), IdleTimeouts::default()),
        None => (FORGETS_AFTER, SHORT),
    };
    let mut relay = None;
    let system = System::configured(EmulatorOptions::default(), |emulator| {
        let relay = relay.insert(Relay::start(emulator, forgets_after));
        TestConfig::new().carrier_endpoint("loopback", &relay.url().join("loopback/").unwrap())
    })
    .await
    .without_gateway()
    .await;
    let relay = relay.unwrap();
    let careful = Functions::of(&system, &relay, idle);
    // With longer timeouts requests must fail, or the relay forgets no connection.
    let careless = [IdleTimeouts { aws: LONG, ..idle }, IdleTimeouts { others: LONG, ..idle }];
    let careless = careless.map(|idle| Functions::of(&system, &relay, idle));
    let none: [&str; 0] = [];
    for functions in [&careful].into_iter().chain(&careless) {
        assert_eq!(functions.failures().await, none, "new connections");
    }
    for round in 0..ROUNDS {
        tokio::time::sleep(forgets_after + Duration::from_millis(300)).await;
        assert_eq!(careful.failures().await, none, "round {round}");
    }
    // After minutes, a function first reads accounts again: a read finds the closed connection, and is repeated.
    let careless = careless.iter().zip(["aws", "others"]).filter(|_| seconds.is_none());
    for (functions, kept) in careless {
        assert_ne!(functions.failures().await, none, "{kept}: {LONG:?}");
    }
}

#[tokio::test]
async fn batch_is_written_again_if_no_connection_opened() {
    let system = System::start().await.without_gateway().await;
    let mut relay = Relay::start(system.emulator.url(), Duration::MAX);
    let http = HttpStack::new().unwrap();
    let function = send::Send::new(&through(&system, &relay.url(), http)).unwrap();
    let messages = [owned(&PHONE, "Hello"), owned(&PHONE, "Hello again")];
    send(&function, &messages).await.unwrap();

    relay.close().await;
    // The client drops its idle connections when it sees that they are closed.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let reopened = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        relay.open();
    };
    let (sent, ()) = tokio::join!(send(&function, &messages), reopened);
    sent.unwrap();
    assert_eq!(system.scan("MessagesTable").await.len(), 4);
}

#[tokio::test]
async fn batch_without_an_answer_is_not_written_again() {
    let system = System::start().await.without_gateway().await;
    let emulator = system.emulator.url().clone();
    let is_batch = |request: &tests::Request| {
        request.header("x-amz-target").is_some_and(|target| target.ends_with("BatchWriteItem"))
    };
    for written in [true, false] {
        let to = emulator.clone();
        let aws = TestServer::with(move |request| match (is_batch(request), written) {
            (false, _) => Response::Forward(to.clone()),
            (true, true) => Response::LoseAnswer(to.clone()),
            (true, false) => Response::Disconnect,
        })
        .await;
        let function = send::Send::new(&through(&system, aws.url(), HttpStack::new().unwrap())).unwrap();
        let messages = [owned(&PHONE, "Hello"), owned(&PHONE, "Hello again")];
        assert_eq!(send(&function, &messages).await, Err("send: 503 Service Unavailable".to_owned()));
        assert_eq!(aws.requests().iter().filter(|request| is_batch(request)).count(), 1, "{written}");
    }
}
