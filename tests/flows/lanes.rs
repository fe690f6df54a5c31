//! Lanes: which lane a message gets, and what a lane or an account with many messages does to others.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    JOB_QUEUES, Phone, ScriptedCarrier, SubmitAnswer, TestConfig,
    clients::{ClientMessage, formats},
};

use crate::system::{DEMO, OTHER, OTHER_SENDER, OWN_SENDER, System, answer, custom, invocation, owned, with};

const PHONE: Phone = Phone::delivers();

/// Posts messages with a header for the lane.
async fn send_in_lane(system: &System, lane: &str, count: usize) -> Vec<Value> {
    post(system, lane, (0..count).map(|index| owned(&PHONE, &index.to_string())).collect()).await
}

async fn post(system: &System, lane: &str, messages: Vec<Value>) -> Vec<Value> {
    let request = system.request(Method::POST, "/message").bearer_auth(DEMO).header("Lane", lane);
    let answered = answer(request.json(&json!({"messages": messages}))).await;
    assert_eq!(answered.status, StatusCode::OK, "{}", answered.body);
    let accepted = answered.body["messages"].as_array().unwrap();
    accepted.iter().map(|accepted| accepted["messageUuid"].clone()).collect()
}

async fn lane_of(system: &System, id: &Value) -> String {
    system.message(id).await["lane"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn request_names_its_lane_or_is_bulk_above_a_hundred() {
    let system = System::start().await.without_gateway().await;
    let send = send::Send::new(&system.environment_of("send")).unwrap();
    for (lane, count, expected) in [
        (Some("urgent"), 1, "UrgentJobsQueue"),
        (Some("URGENT"), 101, "UrgentJobsQueue"),
        (Some("bulk"), 1, "BulkJobsQueue"),
        (Some("normal"), 101, "JobsQueue"),
        (None, 1, "JobsQueue"),
        (None, 100, "JobsQueue"),
        (None, 101, "BulkJobsQueue"),
    ] {
        let messages: Vec<_> = (0..count).map(|index| owned(&PHONE, &index.to_string())).collect();
        let mut request = invocation("/message", &json!({"messages": messages}));
        if let Some(lane) = lane {
            request.headers_mut().insert("lane", lane.parse().unwrap());
        }
        assert_eq!(send.handle(request).await.status(), 200);
        for queue in JOB_QUEUES {
            let jobs = system.queue_length(queue).await;
            assert_eq!(jobs, if queue == expected { count } else { 0 }, "{lane:?}, {count}: {queue}");
        }
        system.purge_jobs().await;
    }
}

#[tokio::test]
async fn message_shows_its_lane_and_keeps_it_in_a_repeat() {
    let system = System::start().await;
    for lane in ["urgent", "normal", "bulk"] {
        let sent = send_in_lane(&system, lane, 1).await;
        assert_eq!(lane_of(&system, &sent[0]).await, lane);
        system.until_state(&sent[0], "delivered").await;
    }
    let posted = async |lane: &str| {
        let request = system.request(Method::POST, "/message").bearer_auth(DEMO).header("Lane", lane);
        let request = request.header("Idempotency-Key", "lanes");
        answer(request.json(&json!({"messages": [owned(&PHONE, "Once")]}))).await.body["messages"][0]["messageUuid"]
            .clone()
    };
    let (first, repeat) = (posted("bulk").await, posted("urgent").await);
    assert_eq!(first, repeat);
    assert_eq!(lane_of(&system, &repeat).await, "bulk", "the first request decides");
}

#[tokio::test]
async fn unknown_lane_is_refused_in_every_format() {
    let system = System::start().await;
    for format in formats() {
        let message = ClientMessage::new(OWN_SENDER, &PHONE, "Hello", "https://client.example/status");
        let request = (format.request)(DEMO, &[message]).with_header("lane", "fast");
        let (_, body) = system.send_request(&request).await;
        assert!(body.contains("Lane"), "{}: {body}", format.name);
    }
    assert!(system.scan("MessagesTable").await.is_empty());
}

#[tokio::test]
async fn scheduled_and_retried_messages_stay_in_their_lane() {
    let carrier = ScriptedCarrier::start([SubmitAnswer::Busy]).await;
    let config = TestConfig::new().carrier_endpoint("loopback", carrier.url());
    let system = System::with_config(config).await;
    let at = system.now().await + jiff::SignedDuration::from_hours(1);
    let message = with(owned(&PHONE, "Later"), "send_at", at.to_string());
    let sent = post(&system, "bulk", vec![message]).await;
    system.advance(3_600).await;
    system.until_state_after(&sent[0], "queued", 1).await;
    let system = system.without_gateway().await;
    assert_eq!(system.queue_length("BulkJobsQueue").await, 1, "the retry");
    assert_eq!(system.queue_length("JobsQueue").await, 0);
}

/// An account with many messages in a lane delays neither another account in the same lane nor an urgent message.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn account_with_a_backlog_delays_no_other() {
    const BACKLOG: usize = 3_000;
    const SMALL: Phone = PHONE.nth(1);
    let system = System::start().await;
    for _ in 0..BACKLOG / 100 {
        send_in_lane(&system, "normal", 100).await;
    }
    let left = system.queue_length("JobsQueue").await;
    assert!(left > 1_000, "{left} of {BACKLOG} are left");
    system.send_one(OTHER, custom(OTHER_SENDER, &SMALL, "Hello")).await;
    let urgent = send_in_lane(&system, "urgent", 1).await;
    system.until_handset(&SMALL, 1).await;
    system.until_state(&urgent[0], "delivered").await;
    let behind = system.queue_length("JobsQueue").await;
    assert!(behind > left / 2, "{left} were ahead of them, and {behind} are left");
}
