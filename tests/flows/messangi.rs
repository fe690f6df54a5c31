//! Messangi's dialect: requests, answers, status callbacks and replies.

mod batch;
mod callbacks;
mod errors;

use std::path::PathBuf;

use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use shared::domain::Route;
use tests::{Phone, System, TestConfig, route_to};

use crate::{
    admin::read,
    system::{Answer, DEMO, OTHER, OWN_SENDER as OURS, answer, owned, with},
};

const PHONE: Phone = Phone::delivers();

pub(crate) async fn post(system: &System, path: &str, body: &Value) -> Answer {
    answer(system.request(Method::POST, path).bearer_auth(DEMO).json(body)).await
}

pub(crate) fn message(to: &str, text: &str) -> Value {
    json!({"from": OURS, "to": format!("+{to}"), "text": text})
}

/// Sends a message; fails unless it is accepted.
async fn send(system: &System, message: &Value) -> Value {
    let answer = post(system, "/raven/v2/messages", message).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["data"].clone()
}

/// Reads a message, and returns its status and time.
async fn shown(system: &System, id: &Value) -> Value {
    let answer = system.get(DEMO, &format!("/raven/v2/messages/{}", id.as_str().unwrap())).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["data"].clone()
}

#[derive(Deserialize)]
struct Sample {
    source: String,
    path: String,
    request: Value,
    answer: Value,
}

fn samples() -> Vec<Sample> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/messangi");
    let mut files: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()).collect()
}

/// Returns whether an answer is as expected. In `expected`, `<uuid>` is any UUID, `<time>` a time in UTC, and
/// `<milliseconds>` a number.
fn fits(expected: &Value, answer: &Value) -> bool {
    match (expected, answer) {
        (Value::String(expected), Value::Number(_)) => expected == "<milliseconds>" && answer.is_u64(),
        (Value::String(expected), Value::String(answer)) => match expected.as_str() {
            "<uuid>" => Uuid::try_parse(answer).is_ok(),
            "<time>" => answer.ends_with('Z') && answer.parse::<Timestamp>().is_ok(),
            expected => expected == answer,
        },
        (Value::Array(expected), Value::Array(answer)) => {
            expected.len() == answer.len() && expected.iter().zip(answer).all(|(e, a)| fits(e, a))
        }
        (Value::Object(expected), Value::Object(answer)) => {
            expected.len() == answer.len()
                && expected.iter().all(|(key, e)| answer.get(key).is_some_and(|answer| fits(e, answer)))
        }
        (expected, answer) => expected == answer,
    }
}

#[tokio::test]
async fn every_sample_is_answered_and_delivered() {
    let samples = samples();
    assert!(samples.len() >= 5);
    for Sample { source, path, request, answer } in samples {
        let system = System::start().await;
        let given = post(&system, &path, &request).await;
        assert!(given.status == 200 && fits(&answer, &given.body), "{source}: {}", given.body);
        let data = &given.body["data"];
        let numbers: Vec<_> = match data["ids"].as_array() {
            Some(ids) => ids.iter().map(|id| id["mobile"].as_str().unwrap()).collect(),
            None => vec![data["to"].as_str().unwrap()],
        };
        for number in numbers {
            let shown = system.until_handset(&number[1..], 1).await;
            assert_eq!(shown[0]["from"], data["from"], "{source}");
        }
    }
}

#[tokio::test]
async fn placeholders_of_the_sample_are_filled() {
    let system = System::start().await;
    let batch = samples().into_iter().find(|sample| sample.path.ends_with("batch")).unwrap();
    post(&system, &batch.path, &batch.request).await;
    for (number, text) in
        [("525500000000", "Hi Elizabeth, your balance is $10.65"), ("525511111111", "Hi Joshua, your balance is $20.5")]
    {
        assert_eq!(system.until_handset(number, 1).await[0]["text"], text);
    }
}

#[tokio::test]
async fn message_can_be_read_at_every_stage() {
    let system = System::start().await;
    let phone = Phone::delivers_without_receipt();
    let sent = send(&system, &message(&phone, "Hello")).await;
    system.until_state(&sent["id"], "submitted").await;
    let submitted = shown(&system, &sent["id"]).await;
    assert_eq!(submitted["status"], "SENT");
    system.deliver_status(&sent["id"], "delivered").await;
    let delivered = shown(&system, &sent["id"]).await;
    assert_eq!(delivered["status"], "DELIVRD");
    let [sent_at, submitted_at, delivered_at] =
        [&sent, &submitted, &delivered].map(|data| data["date"].as_str().unwrap().parse::<Timestamp>().unwrap());
    assert!(sent_at <= submitted_at && submitted_at <= delivered_at, "{sent_at} {submitted_at} {delivered_at}");
    let mut expected = sent.clone();
    (expected["status"], expected["date"]) = (delivered["status"].clone(), delivered["date"].clone());
    assert_eq!(delivered, expected);
}

#[tokio::test]
async fn message_of_another_dialect_can_be_read() {
    let system = System::start().await;
    let later = (system.now().await + jiff::SignedDuration::from_hours(1)).to_string();
    let scheduled = system.send_one(DEMO, with(owned(&PHONE, "Later"), "send_at", later)).await;
    let id = Value::from(scheduled.id.as_str());
    let data = shown(&system, &id).await;
    assert_eq!(
        (&data["status"], &data["text"], &data["to"]),
        (&json!("QUEUE"), &json!("Later"), &json!(format!("+{PHONE}")))
    );
    system.cancel(&id).await;
    assert_eq!(shown(&system, &id).await["status"], "DELETED");
}

#[tokio::test]
async fn message_of_another_account_is_not_found() {
    let system = System::start().await;
    let sent = send(&system, &message(&PHONE, "Hello")).await;
    let path = format!("/raven/v2/messages/{}", sent["id"].as_str().unwrap());
    for (key, path) in [
        (OTHER, path.as_str()),
        (DEMO, "/raven/v2/messages/b2693dfe-0813-427a-bc2f-62b0e9292403"),
        (DEMO, "/raven/v2/messages/7"),
    ] {
        let answer = system.get(key, path).await;
        assert_eq!((answer.status.as_u16(), &answer.body["error"]["code"]), (404, &json!("NOT_FOUND")), "{path}");
    }
}

#[tokio::test]
async fn connection_is_the_name_of_a_route() {
    let named = |name: &str| Route { name: Some(name.parse().unwrap()), ..route_to(&["cm"]) };
    let config = TestConfig::new().routes([named("premium"), route_to(&["loopback"])]);
    let system = System::with_config(config).await;
    let over = |connection: &str| with(message(&PHONE, connection), "connection", connection);
    let (premium, usual) = (send(&system, &over("premium")).await, send(&system, &message(&PHONE, "any")).await);
    assert_eq!(premium["connection"], "premium");
    assert_eq!(system.until_state(&premium["id"], "delivered").await.carrier(), "cm");
    system.until_state(&usual["id"], "delivered").await;
    assert_eq!(shown(&system, &premium["id"]).await["connection"], "premium");
    for unknown in ["Premium", "no such route"] {
        let answer = post(&system, "/raven/v2/messages", &over(unknown)).await;
        let error = &answer.body["error"];
        assert_eq!((answer.status.as_u16(), &error["code"]), (400, &json!("INVALID_ROUTING")), "{}", answer.body);
        assert_eq!(error["field"], "connection");
    }
}

#[tokio::test]
async fn repeat_gets_its_answer_although_the_route_is_gone() {
    let named = Route { name: Some("premium".parse().unwrap()), ..route_to(&["cm"]) };
    let config = TestConfig::new().routes([named, route_to(&["loopback"])]);
    let system = System::with_config(config).await;
    let over_premium = with(message(&PHONE, "Hello"), "connection", "premium");
    let ask = async |key: &str| {
        let request = system.request(Method::POST, "/raven/v2/messages").bearer_auth(DEMO);
        answer(request.header("Idempotency-Key", key).json(&over_premium)).await
    };
    let first = ask("order-7").await;
    system.until_state(&first.body["data"]["id"], "delivered").await;
    read(&system, &["route", "remove", "1"]).await;
    system.advance(31).await;
    assert_eq!(ask("order-7").await.body["data"], first.body["data"]);
    assert_eq!(ask("order-8").await.status, 400);
}

#[tokio::test]
async fn repeat_under_a_key_gets_the_first_answer() {
    let system = System::start().await;
    let ask = async |text: &str| {
        let request = system.request(Method::POST, "/raven/v2/messages").bearer_auth(DEMO);
        answer(request.header("Idempotency-Key", "order-7").json(&message(&PHONE, text))).await
    };
    let first = ask("Hello").await;
    system.until_state(&first.body["data"]["id"], "delivered").await;
    let again = ask("Hello").await;
    assert_eq!((again.status.as_u16(), &again.body["data"]), (200, &first.body["data"]));
    assert_ne!(again.body["meta"]["transactionId"], first.body["meta"]["transactionId"]);
    let other = ask("Other").await;
    let error = &other.body["error"];
    assert_eq!((other.status.as_u16(), &error["code"]), (409, &json!("CONFLICT")));
    assert_eq!(error["field"], "Idempotency-Key");
    system.until_idle().await;
    assert_eq!(system.texts(&PHONE).await, ["Hello"]);
}

#[tokio::test]
async fn dry_run_answers_and_sends_nothing() {
    let system = System::start().await;
    for (path, to) in [("/raven/v2/messages", json!(PHONE)), ("/raven/v3/messages/batch", json!([{"to": PHONE}]))] {
        let answer = post(&system, &format!("{path}?isDryrun=true"), &with(message(&PHONE, "x"), "to", to)).await;
        assert_eq!((answer.status.as_u16(), &answer.body["data"]["status"]), (200, &json!("QUEUE")));
    }
    system.until_idle().await;
    assert_eq!(system.get(DEMO, "/messages").await.body, json!({"messages": []}));
}
