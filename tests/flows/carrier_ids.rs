//! Receipts without our reference are matched by the carrier's own ID, in any notation, but not if that ID is
//! ambiguous.

use futures_util::future::join_all;
use jiff::SignedDuration;
use reqwest::StatusCode;
use serde_json::json;
use shared::{
    domain::SubmitReference,
    runtime::aws,
    store::{DynamoStore, SentIds, TableNames},
};
use tests::{MessageView, Phone, ScriptedCarrier, SubmitAnswer, System, TestConfig, carrier};

use crate::system::{DEMO, owned, with};

/// Makes the simulated carrier omit our reference and write its IDs in a notation.
async fn set_notation(system: &System, notation: &str) {
    let path = system.emulator.url().join("loopback/receipts").unwrap();
    let set = system.client.put(path).json(&json!({"by_id": notation})).send().await.unwrap();
    assert_eq!(set.status(), StatusCode::OK);
}

async fn send(system: &System, phone: Phone) -> String {
    let message = with(owned(&phone, "Hello"), "callback", system.sink("receipts"));
    system.send_one(DEMO, message).await.id
}

#[tokio::test]
async fn receipt_is_matched_by_carrier_id_in_any_notation() {
    let system = System::with_config(TestConfig::new().receipts_by_id()).await;
    for (count, notation) in (1..).zip(["hexadecimal", "upper-case", "padded", "decimal"]) {
        set_notation(&system, notation).await;
        let id = send(&system, Phone::delivers()).await;
        system.until_state(&id, "delivered").await;
        system.until_callbacks("receipts", count).await;
    }
    assert!(system.unmatched("receipt").await.is_empty());
}

#[tokio::test]
async fn receipt_before_the_answer_is_matched_a_minute_later() {
    let system = System::with_config(TestConfig::new().receipts_by_id()).await;
    set_notation(&system, "decimal").await;
    let id = send(&system, Phone::receipt_before_answer()).await;
    system.until_state(&id, "submitted").await;
    assert_eq!(system.unmatched("receipt").await.len(), 1);
    system.advance(61).await;
    system.until_state(&id, "delivered").await;
    system.until_callbacks("receipts", 1).await;
    system.until("nothing is unmatched", async || system.unmatched("receipt").await.is_empty().then_some(())).await;
}

#[tokio::test]
async fn receipt_is_matched_by_the_id_of_a_lookup() {
    let config = TestConfig::new().receipts_by_id().carrier_lookup().carrier_timeout_ms(300);
    let system = System::with_config(config).await;
    set_notation(&system, "upper-case").await;
    let id = send(&system, Phone::unanswered()).await;
    system.until_state(&id, "unknown").await;
    system.advance(125).await;
    let message = system.until_state(&id, "submitted").await;
    let carrier_id = message.carrier_id().to_uppercase();
    system.deliver_receipt(&json!({"id": carrier_id, "status": "delivered"})).await;
    assert_eq!(system.message(&id).await.state(), "delivered");
}

/// Starts a system whose carrier assigns these IDs in order, and sends a message for each.
async fn with_carrier_ids(ids: &[&'static str], config: TestConfig) -> (System, Vec<String>) {
    let carrier = ScriptedCarrier::start(ids.iter().copied().map(SubmitAnswer::Accepts)).await;
    let system = System::with_config(config.carrier_endpoint("loopback", carrier.url())).await;
    let mut messages = Vec::new();
    for id in ids {
        let message = send(&system, Phone::delivers()).await;
        assert_eq!(system.until_state(&message, "submitted").await.carrier_id(), *id);
        messages.push(message);
    }
    (system, messages)
}

#[tokio::test]
async fn ambiguous_carrier_id_matches_no_message() {
    let (system, messages) = with_carrier_ids(&["4d2", "1234", "77"], TestConfig::new().receipts_by_id()).await;
    for (unmatched, id) in (1..).zip(["1234", "4D2", "0001234"]) {
        system.deliver_receipt(&json!({"id": id, "status": "delivered"})).await;
        assert_eq!(system.unmatched("receipt").await.len(), unmatched, "{id}");
    }
    system.deliver_receipt(&json!({"id": "077", "status": "delivered"})).await;
    system.advance(61).await;
    system.until_idle().await;
    let states = futures_util::future::join_all(messages.iter().map(|id| system.message(id))).await;
    let states: Vec<_> = states.iter().map(MessageView::state).collect();
    assert_eq!(states, ["submitted", "submitted", "delivered"]);
    assert_eq!(system.unmatched("receipt").await.len(), 3);
}

#[tokio::test]
async fn exact_carrier_id_wins_over_one_that_differs_in_case() {
    let (system, messages) = with_carrier_ids(&["ab-1F", "AB-1f"], TestConfig::new().receipts_by_id()).await;
    system.deliver_receipt(&json!({"id": "AB-1f", "status": "delivered"})).await;
    assert_eq!(system.message(&messages[1]).await.state(), "delivered");
    system.deliver_receipt(&json!({"id": "ab-1f", "status": "undelivered"})).await;
    assert_eq!(system.message(&messages[0]).await.state(), "submitted");
    assert_eq!(system.unmatched("receipt").await.len(), 1);
}

/// DynamoDB may keep an expired item for days.
#[tokio::test]
async fn expired_carrier_id_is_replaced_by_concurrent_submits() {
    let system = System::start().await;
    let tables = TableNames { messages: "MessagesTable".to_owned(), recipients: None };
    let store = DynamoStore::new(aws::dynamodb(&system.environment()).unwrap(), tables, 90);
    let record = async |index: u8, now| {
        let message = "01a228e3-680c-7247-ab1e-402b4af87c46".parse().unwrap();
        let submit = SubmitReference { message, channel_index: index };
        store.record_sent_id(carrier("loopback"), "1", "1", submit, now).await.unwrap();
    };
    let now = system.environment().clock.now();
    record(0, now - SignedDuration::from_hours(24 * 8)).await;
    join_all((1..5).map(|index| record(index, now))).await;
    let [sent] = <[_; 1]>::try_from(store.sent(carrier("loopback"), "1", now).await.unwrap()).unwrap();
    assert_eq!(sent.submits.len(), 4, "{sent:?}");
}

#[tokio::test]
async fn reused_carrier_id_matches_no_message() {
    let (system, messages) = with_carrier_ids(&["c-1", "c-1"], TestConfig::new().receipts_by_id()).await;
    system.deliver_receipt(&json!({"id": "c-1", "status": "delivered"})).await;
    for message in &messages {
        assert_eq!(system.message(message).await.state(), "submitted");
    }
    assert_eq!(system.unmatched("receipt").await.len(), 1);
}

#[tokio::test]
async fn carrier_ids_are_ignored_unless_configured() {
    let (system, messages) = with_carrier_ids(&["c-1"], TestConfig::new()).await;
    system.deliver_receipt(&json!({"id": "c-1", "status": "delivered"})).await;
    system.advance(61).await;
    system.until_idle().await;
    assert_eq!(system.message(&messages[0]).await.state(), "submitted");
    assert_eq!(system.unmatched("receipt").await.len(), 1);
    let items = system.scan("MessagesTable").await;
    assert!(!json!(items).to_string().contains("sent#"), "its IDs are not stored");
}
