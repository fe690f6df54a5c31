//! Receipts that bear no name of ours are found by their carrier's own id, however it is
//! written, and never by a guess.

use std::sync::Mutex;

use local::config::Config;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    scripted::carrier,
    system::{DEMO, System, owned, with},
};

const PHONE: &str = "447700900001";

fn by_id() -> String {
    Config::DEFAULT.replace("[carriers.loopback]", "[carriers.loopback]\nreceipts_by_id = true")
}

/// From now on the simulated carrier writes its ids so, and leaves our names out.
async fn writes(system: &System, how: &str) {
    let path = system.emulator.url().join("carrier/receipts").unwrap();
    let set = system.client.put(path).json(&json!({"by_id": how})).send().await.unwrap();
    assert_eq!(set.status(), StatusCode::NO_CONTENT);
}

async fn send(system: &System, phone: &str) -> Value {
    let message = with(owned(phone, "Hello"), "callback", system.sink("receipts"));
    system.send_one(DEMO, message).await["messageUuid"].clone()
}

#[tokio::test]
async fn receipt_is_matched_by_carrier_id_in_any_notation() {
    let system = System::with_config(&by_id()).await;
    for (count, how) in (1..).zip(["hexadecimal", "upper-case", "padded", "decimal"]) {
        writes(&system, how).await;
        let id = send(&system, PHONE).await;
        system.until_state(&id, "delivered").await;
        system.until_sink_requests("receipts", count).await;
    }
    assert!(system.unmatched("receipt").await.is_empty());
}

#[tokio::test]
async fn receipt_before_the_answer_is_matched_a_minute_later() {
    let system = System::with_config(&by_id()).await;
    writes(&system, "decimal").await;
    let id = send(&system, "447700900501").await;
    system.until_state(&id, "submitted").await;
    assert_eq!(system.unmatched("receipt").await.len(), 1);
    system.advance(61).await;
    system.until_state(&id, "delivered").await;
    system.until_sink_requests("receipts", 1).await;
    system.until("nothing is unmatched", async || system.unmatched("receipt").await.is_empty().then_some(())).await;
}

#[tokio::test]
async fn a_message_whose_carrier_was_asked_is_found_by_the_id_it_said() {
    let config = by_id().replace("receipts_by_id = true", "receipts_by_id = true\nlookup = true");
    let system = System::with_config(&config.replace("timeout_ms = 3000", "timeout_ms = 300")).await;
    writes(&system, "upper-case").await;
    let id = send(&system, "447700900811").await;
    system.until_state(&id, "unknown").await;
    system.advance(125).await;
    let message = system.until_state(&id, "submitted").await;
    let carrier_id = message["carrier_id"].as_str().unwrap().to_uppercase();
    system.deliver_receipt(&json!({"id": carrier_id, "status": "delivered"})).await;
    assert_eq!(system.message(&id).await["state"], "delivered");
}

/// A system whose carrier gives these ids, one after the other, and the messages that
/// have them.
async fn given(ids: &[&str], config: &str) -> (System, Vec<Value>) {
    let left = Mutex::new(ids.iter().rev().map(|id| (*id).to_owned()).collect::<Vec<_>>());
    let (url, _) = carrier(Box::new(move |_| Some((202, json!({"id": left.lock().unwrap().pop()})))));
    let endpoint = format!("[carriers.loopback]\nendpoint = \"{url}\"");
    let system = System::with_config(&config.replace("[carriers.loopback]", &endpoint)).await;
    let mut messages = Vec::new();
    for id in ids {
        let message = send(&system, PHONE).await;
        assert_eq!(system.until_state(&message, "submitted").await["carrier_id"], *id);
        messages.push(message);
    }
    (system, messages)
}

#[tokio::test]
async fn an_id_that_may_be_that_of_two_messages_is_that_of_none() {
    let (system, messages) = given(&["4d2", "1234", "77"], &by_id()).await;
    for (unmatched, id) in (1..).zip(["1234", "4D2", "0001234"]) {
        system.deliver_receipt(&json!({"id": id, "status": "delivered"})).await;
        assert_eq!(system.unmatched("receipt").await.len(), unmatched, "{id}");
    }
    system.deliver_receipt(&json!({"id": "077", "status": "delivered"})).await;
    system.advance(61).await;
    system.until_queues_empty().await;
    let states = futures_util::future::join_all(messages.iter().map(|id| system.message(id))).await;
    let states: Vec<_> = states.iter().map(|message| message["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["submitted", "submitted", "delivered"]);
    assert_eq!(system.unmatched("receipt").await.len(), 3);
}

#[tokio::test]
async fn exact_carrier_id_wins_over_one_that_differs_in_case() {
    let (system, messages) = given(&["ab-1F", "AB-1f"], &by_id()).await;
    system.deliver_receipt(&json!({"id": "AB-1f", "status": "delivered"})).await;
    assert_eq!(system.message(&messages[1]).await["state"], "delivered");
    system.deliver_receipt(&json!({"id": "ab-1f", "status": "undelivered"})).await;
    assert_eq!(system.message(&messages[0]).await["state"], "submitted");
    assert_eq!(system.unmatched("receipt").await.len(), 1);
}

#[tokio::test]
async fn an_id_that_a_carrier_uses_anew_is_that_of_no_message() {
    let (system, messages) = given(&["c-1", "c-1"], &by_id()).await;
    system.deliver_receipt(&json!({"id": "c-1", "status": "delivered"})).await;
    for message in &messages {
        assert_eq!(system.message(message).await["state"], "submitted");
    }
    assert_eq!(system.unmatched("receipt").await.len(), 1);
}

#[tokio::test]
async fn a_carrier_that_is_not_set_so_is_not_found_by_its_ids() {
    let (system, messages) = given(&["c-1"], Config::DEFAULT).await;
    system.deliver_receipt(&json!({"id": "c-1", "status": "delivered"})).await;
    system.advance(61).await;
    system.until_queues_empty().await;
    assert_eq!(system.message(&messages[0]).await["state"], "submitted");
    assert_eq!(system.unmatched("receipt").await.len(), 1);
    let items = system.aws("DynamoDB_20120810.Scan", &json!({"TableName": "MessagesTable"})).await;
    assert!(!items.to_string().contains("sent#"), "its ids are not kept");
}
