//! Callbacks: signatures, retries and dead letters. A failing client delays no other client.

mod endpoints;
mod records;
mod seven_days;
mod slow;

use std::time::Duration;

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
use tests::{Phone, Response, System, TestServer};

use crate::system::{DEMO, OWN_SENDER, owned, with};

const PHONE: Phone = Phone::delivers();
const SECRET: &str = "whsec_ZGVtby1zZWNyZXQtZGVtby1zZWNyZXQtMDAwMQ==";
const KEY: &[u8] = b"demo-secret-demo-secret-0001";
const DAY: i64 = 86_400;

/// Sends a message with a callback URL, and waits until the message is delivered.
async fn send(system: &System, callback: impl Into<Value>) {
    let message = system.send_one(DEMO, with(owned(&PHONE, "Hello"), "callback", callback)).await;
    system.until_state(&message, "delivered").await;
}

/// Returns the timestamps of the calls to a client, in seconds.
fn sent_at(client: &TestServer) -> Vec<i64> {
    client.headers("webhook-timestamp").iter().map(|at| at.parse().unwrap()).collect()
}

#[tokio::test]
async fn callback_has_a_standard_webhooks_signature() {
    let system = System::start().await;
    send(&system, system.sink("receipts")).await;
    system.reply_from(&PHONE, OWN_SENDER, "🙂").await;
    for callback in [system.until_callback("receipts").await, system.until_callback("replies").await] {
        let mut headers = HeaderMap::new();
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            headers.insert(name, callback.header(name).parse().unwrap());
        }
        let body = callback.body();
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
async fn callback_also_has_the_signature_of_its_dialect() {
    let system = System::start().await;
    send(&system, system.sink("receipts")).await;
    let callback = system.until_callback("receipts").await;
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY).unwrap();
    mac.update(format!("{}.{}", callback.header("timestamp"), callback.body()).as_bytes());
    let signature = callback.header("signature");
    mac.verify_slice(&hex::decode(signature).unwrap()).unwrap();
    assert_eq!(signature, signature.to_lowercase());
    assert_eq!(callback.header("timestamp"), callback.header("webhook-timestamp"));
    assert_eq!(callback.header("environment"), "live");
    assert_eq!(callback.header("content-type"), "application/json");
}

#[tokio::test]
async fn failed_callback_is_retried_after_backoff_with_the_same_id() {
    let system = System::start().await;
    send(&system, system.failing_sink("failing", 500)).await;
    system.until_callbacks("failing", 1).await;
    system.advance(6).await;
    system.until_callbacks("failing", 2).await;
    let attempts = system
        .until("it was attempted three times", async || {
            let attempts = system.callbacks("failing").await;
            if attempts.len() == 2 {
                system.advance(3).await;
            }
            (attempts.len() == 3).then_some(attempts)
        })
        .await;
    assert!(attempts.iter().all(|again| again.id() == attempts[0].id()));
    assert!(attempts.iter().all(|again| again.body() == attempts[0].body()));
    // The gap is 30 seconds, less up to a fifth for jitter and a second for rounding.
    let gap = attempts[2].sent_at() - attempts[1].sent_at();
    assert!(gap >= 23, "{gap}");
}

#[tokio::test]
async fn accepted_callback_is_sent_once() {
    let system = System::start().await;
    send(&system, system.failing_sink("taking", 204)).await;
    system.until_callbacks("taking", 1).await;
    system.until_idle().await;
    system.advance(7 * 86_400).await;
    system.until_idle().await;
    assert_eq!(system.callbacks("taking").await.len(), 1);
}

#[tokio::test]
async fn job_for_a_state_the_dialect_omits_sends_no_callback() {
    let system = System::start().await;
    let later = (system.now().await + 10.minutes()).to_string();
    let message = with(with(owned(&PHONE, "Hello"), "callback", system.sink("receipts")), "send_at", later);
    let id = system.send_one(DEMO, message).await.id.clone();
    assert_eq!(system.cancel(&id).await.status, StatusCode::OK);
    let gateway = connect_gateway(&system.environment(), Part::VARIANTS).unwrap();
    let id = id.parse::<MessageId>().unwrap();
    let message = gateway.store.message(id, Freshness::Latest).await.unwrap().unwrap();
    assert_eq!((message.state(), message.request.dialect.notifies(State::Cancelled)), (State::Cancelled, false));
    let subject = Subject::State { message: id, state: State::Cancelled };
    let job = CallbackJob::new(subject, &message.account, message.delivery.execution_id.unwrap(), system.now().await);
    gateway.queue.enqueue_callbacks(&[(job, Duration::ZERO)]).await.unwrap();
    system.until_idle().await;
    assert!(system.callbacks("receipts").await.is_empty());
    assert_eq!(system.queue_length("CallbacksDeadLetters").await, 0);
}

#[tokio::test]
async fn endpoint_that_answers_gone_is_not_retried() {
    let system = System::start().await;
    send(&system, system.failing_sink("gone", 410)).await;
    system.until_callbacks("gone", 1).await;
    system.until_idle().await;
    system.advance(7 * 86_400).await;
    system.until_idle().await;
    assert_eq!(system.callbacks("gone").await.len(), 1);
}

#[tokio::test]
async fn redirect_is_a_failure_and_is_not_followed() {
    let system = System::start().await;
    let moved = Response::status(301).with_header("location", system.sink("elsewhere"));
    let client = TestServer::responding(moved).await;
    send(&system, client.url().as_str()).await;
    client.until_calls(&system, 1).await;
    system.advance(6).await;
    client.until_calls(&system, 2).await;
    assert!(system.callbacks("elsewhere").await.is_empty());
}

#[tokio::test]
async fn retry_after_is_respected() {
    let system = System::start().await;
    let busy = Response::status(503).with_header("retry-after", "7200");
    let client = TestServer::responding(busy).await;
    send(&system, client.url().as_str()).await;
    system
        .until("it was attempted again", async || {
            if client.calls() == 1 {
                system.advance(300).await;
            }
            (client.calls() == 2).then_some(())
        })
        .await;
    let made = sent_at(&client);
    assert!(made[1] - made[0] >= 7_199, "{made:?}");
}

#[tokio::test]
async fn event_is_dead_lettered_after_seven_days_of_failures() {
    let system = System::start().await;
    send(&system, system.failing_sink("failing", 500)).await;
    system.until_callbacks("failing", 1).await;
    system.until_dead_lettered(1).await;
    system.until_idle().await;
    let attempts = system.callbacks("failing").await;
    assert!(attempts.len() > 10, "{}", attempts.len());
    let lasted = attempts.last().unwrap().sent_at() - attempts[0].sent_at();
    assert!(lasted > 6 * DAY, "{lasted}");
    assert!(attempts.iter().all(|again| again.id() == attempts[0].id()));
    system.advance(8 * 3_600).await;
    system.until_idle().await;
    assert_eq!(system.callbacks("failing").await.len(), attempts.len());
}

#[tokio::test]
async fn replayed_dead_letter_is_retried_like_a_new_event() {
    let system = System::start().await;
    send(&system, system.failing_sink("failing", 500)).await;
    system.until_callbacks("failing", 1).await;
    system.until_dead_lettered(1).await;
    let attempts = system.callbacks("failing").await.len();
    let arn = |name: &str| format!("arn:aws:sqs:us-east-1:123456789012:{name}");
    let replay = json!({"SourceArn": arn("CallbacksDeadLetters"), "DestinationArn": arn("CallbacksQueue")});
    system.aws("AmazonSQS.StartMessageMoveTask", &replay).await;
    let again = system.until_callbacks("failing", attempts + 1).await;
    assert_eq!(again[attempts].id(), again[0].id());
    system.advance(6).await;
    system.until_callbacks("failing", attempts + 2).await;
}
