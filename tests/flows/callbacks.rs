//! Callbacks: a client can check where they come from, and one that does not
//! take them is tried again without holding up the others.

mod endpoints;
mod records;
mod seven_days;
mod slow;

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, StatusCode};
use jiff::ToSpan;
use serde_json::{Value, json};
use sha2::Sha256;
use shared::{
    domain::{MessageId, State},
    gateway::{Part, connect_gateway},
    queue::{CallbackJob, Queue, Subject},
    store::{Freshness, Messages},
};
use standardwebhooks::Webhook;
use strum::VariantArray;

use crate::system::{DEMO, System, owned, with};

const PHONE: &str = "447700900010";
const SECRET: &str = "whsec_ZGVtby1zZWNyZXQtZGVtby1zZWNyZXQtMDAwMQ==";
/// The bytes of it.
const KEY: &[u8] = b"demo-secret-demo-secret-0001";
const DAY: i64 = 86_400;

/// Sends a message that is delivered, with that address to call back.
async fn send(system: &System, callback: impl Into<Value>) {
    let message = system.send_one(DEMO, with(owned(PHONE, "Hello"), "callback", callback)).await;
    system.until_state(&message["messageUuid"], "delivered").await;
}

/// The header of a request that a sink got.
fn header<'a>(request: &'a Value, name: &str) -> &'a str {
    request["headers"][name].as_str().unwrap_or_else(|| panic!("no {name} in {request}"))
}

/// When a callback was made, in seconds.
fn sent_at(request: &Value) -> i64 {
    header(request, "webhook-timestamp").parse().unwrap()
}

/// An endpoint that answers every request with these bytes, and keeps the requests.
fn endpoint(answer: String) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let requests = Arc::<Mutex<Vec<String>>>::default();
    let kept = Arc::clone(&requests);
    std::thread::spawn(move || {
        for mut connection in listener.incoming().map_while(Result::ok) {
            let mut bytes = [0; 8192];
            let length = connection.read(&mut bytes).unwrap_or_default();
            kept.lock().unwrap().push(String::from_utf8_lossy(&bytes[..length]).into_owned());
            let _ = connection.write_all(answer.as_bytes());
        }
    });
    (url, requests)
}

/// A client whose mind can be changed.
struct Client {
    url: String,
    status: Arc<AtomicU16>,
    requests: Arc<Mutex<Vec<String>>>,
}

/// It answers each of so many calls with a 500.
const FAILS_EVERY: usize = 20;

impl Client {
    /// One that fails now and then.
    fn failing_intermittently() -> Self {
        Self::with(|calls, status| if calls % FAILS_EVERY == 0 { 500 } else { status }, 200)
    }

    /// One that answers every request with that status, until it is told otherwise.
    fn answering(status: u16) -> Self {
        Self::with(|_, status| status, status)
    }

    /// One whose answer is of the number of the call and of the status that it has.
    fn with(answer: fn(usize, u16) -> u16, status: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}/dr", listener.local_addr().unwrap());
        let (status, requests) = (Arc::new(AtomicU16::new(status)), Arc::<Mutex<Vec<String>>>::default());
        let (answered, kept) = (Arc::clone(&status), Arc::clone(&requests));
        std::thread::spawn(move || {
            for mut connection in listener.incoming().map_while(Result::ok) {
                let mut bytes = [0; 8192];
                let length = connection.read(&mut bytes).unwrap_or_default();
                let mut requests = kept.lock().unwrap();
                requests.push(String::from_utf8_lossy(&bytes[..length]).into_owned());
                let status = answer(requests.len(), answered.load(Ordering::Relaxed));
                drop(requests);
                let head = format!("HTTP/1.1 {status} -\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                let _ = connection.write_all(head.as_bytes());
            }
        });
        Self { url, status, requests }
    }

    fn answers(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    fn calls(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    /// The values of a header in the calls, in their order.
    fn headers(&self, name: &str) -> Vec<String> {
        let value = |request: &String| {
            let lines = request.lines().filter_map(|line| line.split_once(": "));
            lines.filter(|(header, _)| *header == name).map(|(_, value)| value.to_owned()).next().unwrap()
        };
        self.requests.lock().unwrap().iter().map(value).collect()
    }

    async fn until_calls(&self, system: &System, count: usize) {
        let what = format!("the client was called {count} times");
        system.until(&what, async || (self.calls() >= count).then_some(())).await;
    }
}

#[tokio::test]
async fn a_callback_is_signed_by_the_standard_webhooks_headers() {
    let system = System::start().await;
    send(&system, system.sink("receipts")).await;
    system.reply(PHONE, &"441234567890".into(), "🙂").await;
    for request in
        [&system.until_sink_requests("receipts", 1).await[0], &system.until_sink_requests("replies", 1).await[0]]
    {
        let mut headers = HeaderMap::new();
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            headers.insert(name, header(request, name).parse().unwrap());
        }
        let body = request["body"].as_str().unwrap();
        let ours = Webhook::new(SECRET).unwrap();
        ours.verify(body.as_bytes(), &headers).unwrap();
        let changed = body.replace('4', "5");
        assert!(ours.verify(changed.as_bytes(), &headers).is_err(), "a changed body");
        let others = Webhook::new("whsec_b3RoZXItc2VjcmV0LW90aGVyLXNlY3JldC0wMDAx").unwrap();
        assert!(others.verify(body.as_bytes(), &headers).is_err(), "another secret");
        headers.insert("webhook-id", "another".parse().unwrap());
        assert!(ours.verify(body.as_bytes(), &headers).is_err(), "another id");
    }
}

#[tokio::test]
async fn a_callback_bears_the_dialects_own_signature_too() {
    let system = System::start().await;
    send(&system, system.sink("receipts")).await;
    let request = &system.until_sink_requests("receipts", 1).await[0];
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY).unwrap();
    mac.update(format!("{}.{}", header(request, "timestamp"), request["body"].as_str().unwrap()).as_bytes());
    let signature = header(request, "signature");
    mac.verify_slice(&hex::decode(signature).unwrap()).unwrap();
    assert_eq!(signature, signature.to_lowercase());
    assert_eq!(header(request, "timestamp"), header(request, "webhook-timestamp"));
    assert_eq!(header(request, "environment"), "live");
    assert_eq!(header(request, "content-type"), "application/json");
}

#[tokio::test]
async fn failed_callback_is_retried_after_backoff_with_the_same_id() {
    let system = System::start().await;
    send(&system, format!("{}?status=500", system.sink("failing"))).await;
    system.until_sink_requests("failing", 1).await;
    system.advance(6).await;
    system.until_sink_requests("failing", 2).await;
    let tries = system
        .until("it was tried a third time", async || {
            let tries = system.sink_requests("failing").await;
            if tries.len() == 2 {
                system.advance(3).await;
            }
            (tries.len() == 3).then_some(tries)
        })
        .await;
    assert!(tries.iter().all(|again| header(again, "webhook-id") == header(&tries[0], "webhook-id")));
    assert!(tries.iter().all(|again| again["body"] == tries[0]["body"]));
    // 30 seconds, less a fifth at the most, and what is lost by counting whole seconds.
    let gap = sent_at(&tries[2]) - sent_at(&tries[1]);
    assert!(gap >= 23, "{gap}");
}

#[tokio::test]
async fn accepted_callback_is_sent_once() {
    let system = System::start().await;
    send(&system, format!("{}?status=204", system.sink("taking"))).await;
    system.until_sink_requests("taking", 1).await;
    system.until_queues_empty().await;
    system.advance(7 * 86_400).await;
    system.until_queues_empty().await;
    assert_eq!(system.sink_requests("taking").await.len(), 1);
}

#[tokio::test]
async fn job_for_a_state_the_dialect_omits_sends_no_callback() {
    let system = System::start().await;
    let later = (system.now().await + 10.minutes()).to_string();
    let message = with(with(owned(PHONE, "Hello"), "callback", system.sink("receipts")), "send_at", later);
    let id = system.send_one(DEMO, message).await["messageUuid"].as_str().unwrap().to_owned();
    assert_eq!(system.delete(DEMO, &format!("/messages/{id}")).await.status, StatusCode::OK);
    let gateway = connect_gateway(&system.environment(), Part::VARIANTS).unwrap();
    let id = id.parse::<MessageId>().unwrap();
    let message = gateway.store.message(id, Freshness::Latest).await.unwrap().unwrap();
    assert_eq!((message.state(), message.request.dialect.notifies(State::Cancelled)), (State::Cancelled, false));
    let subject = Subject::State { message: id, state: State::Cancelled };
    let job = CallbackJob::new(subject, message.delivery.execution_id.unwrap(), system.now().await);
    gateway.queue.enqueue_callbacks(&[(job, Duration::ZERO)]).await.unwrap();
    system.until_queues_empty().await;
    assert!(system.sink_requests("receipts").await.is_empty());
    assert_eq!(system.queue_length("CallbacksDeadLetters").await, 0);
}

#[tokio::test]
async fn endpoint_that_answers_gone_is_not_retried() {
    let system = System::start().await;
    send(&system, format!("{}?status=410", system.sink("gone"))).await;
    system.until_sink_requests("gone", 1).await;
    system.until_queues_empty().await;
    system.advance(7 * 86_400).await;
    system.until_queues_empty().await;
    assert_eq!(system.sink_requests("gone").await.len(), 1);
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let system = System::start().await;
    let answer = format!(
        "HTTP/1.1 301 Moved Permanently\r\nlocation: {}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        system.sink("elsewhere")
    );
    let (moved, requests) = endpoint(answer);
    send(&system, moved).await;
    system.until("it was tried", async || (requests.lock().unwrap().len() == 1).then_some(())).await;
    system.advance(6).await;
    system.until("it was tried again", async || (requests.lock().unwrap().len() == 2).then_some(())).await;
    assert!(system.sink_requests("elsewhere").await.is_empty());
}

#[tokio::test]
async fn retry_after_is_respected() {
    let system = System::start().await;
    let head =
        "HTTP/1.1 503 Service Unavailable\r\nretry-after: 7200\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (busy, requests) = endpoint(head.to_owned());
    send(&system, busy).await;
    system
        .until("it was tried again", async || {
            let tries = requests.lock().unwrap().len();
            if tries == 1 {
                system.advance(300).await;
            }
            (tries == 2).then_some(())
        })
        .await;
    let timestamp = |request: &String| -> i64 {
        let line = request.lines().find(|line| line.starts_with("webhook-timestamp")).unwrap();
        line.split(": ").nth(1).unwrap().parse().unwrap()
    };
    let made: Vec<_> = requests.lock().unwrap().iter().map(timestamp).collect();
    assert!(made[1] - made[0] >= 7_199, "{made:?}");
}

#[tokio::test]
async fn event_is_dead_lettered_after_seven_days_of_failures() {
    let system = System::start().await;
    send(&system, format!("{}?status=500", system.sink("failing"))).await;
    system.until_sink_requests("failing", 1).await;
    system.until_dead_lettered(1).await;
    system.until_queues_empty().await;
    let tries = system.sink_requests("failing").await;
    assert!(tries.len() > 10, "{}", tries.len());
    let lasted = sent_at(tries.last().unwrap()) - sent_at(&tries[0]);
    assert!(lasted > 6 * DAY, "{lasted}");
    assert!(tries.iter().all(|again| header(again, "webhook-id") == header(&tries[0], "webhook-id")));
    system.advance(8 * 3_600).await;
    system.until_queues_empty().await;
    assert_eq!(system.sink_requests("failing").await.len(), tries.len());
}

#[tokio::test]
async fn replayed_dead_letter_is_retried_like_a_new_event() {
    let system = System::start().await;
    send(&system, format!("{}?status=500", system.sink("failing"))).await;
    system.until_sink_requests("failing", 1).await;
    system.until_dead_lettered(1).await;
    let tries = system.sink_requests("failing").await.len();
    let arn = |name: &str| format!("arn:aws:sqs:us-east-1:123456789012:{name}");
    let replay = json!({"SourceArn": arn("CallbacksDeadLetters"), "DestinationArn": arn("CallbacksQueue")});
    system.aws("AmazonSQS.StartMessageMoveTask", &replay).await;
    let again = system.until_sink_requests("failing", tries + 1).await;
    assert_eq!(header(&again[tries], "webhook-id"), header(&again[0], "webhook-id"));
    system.advance(6).await;
    system.until_sink_requests("failing", tries + 2).await;
}
