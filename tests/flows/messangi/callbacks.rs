//! Callbacks: statuses to each of a message's URLs, and replies.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use tests::{Callback, Phone, System, TestConfig};

use super::{PHONE, message, send};
use crate::system::{DEMO_ACCOUNT, OWN_SENDER as OURS, RATE_LIMITED_SENDER, with};

/// Returns a message that wants statuses at these URLs.
fn notified(to: &str, callbacks: &[String]) -> Value {
    with(with(message(to, "Hello"), "requestDR", true), "callbacks", callbacks.join(","))
}

async fn statuses(system: &System, sink: &str) -> BTreeSet<String> {
    let callbacks = system.callbacks(sink).await;
    callbacks.iter().map(|callback| callback.json()["status"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_url_gets_every_status_under_one_id() {
    let system = System::start().await;
    let (first, second) = (system.sink("first"), system.sink("second"));
    let labels = with(notified(&Phone::fails(), &[first.clone(), second.clone()]), "externalId", "campaign");
    let sent = send(&system, &with(labels, "clientId", "ann")).await;
    assert_eq!(sent["callbacks"], format!("{first},{second}"));
    system.until_state(&sent["id"], "undelivered").await;
    let is_final = |callback: &Callback| callback.json()["status"] == "UNDELIV";
    let mut ids = Vec::new();
    for (sink, url) in [("first", first), ("second", second)] {
        let callback = system.until_callback_that(sink, "the failure", is_final).await;
        let (mut body, at) = (callback.json().clone(), callback.json()["date"].clone());
        let at: Timestamp = at.as_str().unwrap().parse().unwrap();
        assert_eq!(body["timestamp"], at.as_millisecond());
        (body["date"], body["timestamp"]) = (Value::Null, Value::Null);
        let expected = json!({"date": null, "externalId": "campaign", "clientId": "ann", "callback": url, "from": OURS,
            "id": sent["id"], "to": format!("+{}", Phone::fails()), "message": "Hello", "username": "demo",
            "timestamp": null, "status": "UNDELIV"});
        assert_eq!(body, expected);
        assert!(callback.has_header("webhook-signature") && !callback.has_header("signature"));
        ids.push(callback.id().to_owned());
    }
    assert_eq!(ids[0], ids[1]);
    system.until_idle().await;
    assert_eq!(statuses(&system, "first").await, statuses(&system, "second").await);
    // The account's status URL gets nothing if the request names URLs.
    assert!(system.callbacks("status").await.is_empty());
}

#[tokio::test]
async fn failing_url_is_retried_alone_under_the_same_id() {
    let system = System::start().await;
    let sent = send(&system, &notified(&PHONE, &[system.failing_sink("failing", 500), system.sink("fine")])).await;
    system.until_state(&sent["id"], "delivered").await;
    let is_delivery = |callback: &Callback| callback.json()["status"] == "DELIVRD";
    let fine = system.until_callback_that("fine", "the delivery", is_delivery).await;
    let deliveries =
        async |sink: &str| system.callbacks(sink).await.into_iter().filter(is_delivery).collect::<Vec<_>>();
    system.until_callback_that("failing", "the delivery", is_delivery).await;
    system.advance(6).await;
    let failing = system
        .until("the failing URL was tried twice", async || {
            let tried = deliveries("failing").await;
            (tried.len() > 1).then_some(tried)
        })
        .await;
    assert!(failing.iter().all(|tried| tried.id() == fine.id() && tried.body() == failing[0].body()));
    assert_eq!(deliveries("fine").await.len(), 1);
}

#[tokio::test]
async fn no_callback_is_sent_unless_wanted() {
    let system = System::start().await;
    let callbacks = system.sink("receipts");
    for message in [
        message(&PHONE, "Neither"),
        with(message(&PHONE, "Not wanted"), "callbacks", callbacks.as_str()),
        with(notified(&PHONE, &[callbacks]), "requestDR", false),
    ] {
        let sent = send(&system, &message).await;
        assert_eq!(sent["requestDR"], false);
        system.until_state(&sent["id"], "delivered").await;
    }
    system.until_idle().await;
    for sink in ["receipts", "status"] {
        assert!(system.callbacks(sink).await.is_empty(), "{sink}");
    }
}

#[tokio::test]
async fn without_a_url_statuses_go_to_the_account() {
    let system = System::start().await;
    let sent = send(&system, &with(message(&PHONE, "Hello"), "requestDR", true)).await;
    assert_eq!((&sent["requestDR"], sent.get("callbacks")), (&json!(true), None));
    let is_delivery = |callback: &Callback| callback.json()["status"] == "DELIVRD";
    let callback = system.until_callback_that("status", "the delivery", is_delivery).await;
    assert_eq!((&callback.json()["id"], &callback.json()["callback"]), (&sent["id"], &json!(system.sink("status"))));

    let config = TestConfig::new().account(DEMO_ACCOUNT, |account| account.status_url = None);
    let system = System::with_config(config).await;
    let sent = send(&system, &with(message(&PHONE, "Hello"), "requestDR", true)).await;
    assert_eq!(sent["requestDR"], true);
    system.until_state(&sent["id"], "delivered").await;
}

#[tokio::test]
async fn each_failure_has_its_status() {
    let system = System::start().await;
    let sink = |phone: &Phone| system.sink(phone);
    for (phone, status) in [(Phone::rejects(), "REJECTD"), (Phone::fails(), "UNDELIV"), (PHONE, "DELIVRD")] {
        send(&system, &notified(&phone, &[sink(&phone)])).await;
        let is_status = |callback: &Callback| callback.json()["status"] == status;
        system.until_callback_that(&phone, status, is_status).await;
    }
    let stops = Phone::replies_stop();
    send(&system, &notified(&stops, &[sink(&stops)])).await;
    system.until_callback("replies").await;
    send(&system, &notified(&stops, &[system.sink("blocked")])).await;
    assert_eq!(system.until_callback("blocked").await.json()["status"], "BLACKLISTED");
}

#[tokio::test]
async fn cancelled_message_is_reported_as_deleted() {
    let system = System::start().await;
    system.hold_send_slots(RATE_LIMITED_SENDER).await;
    let from = |message: Value| with(message, "from", RATE_LIMITED_SENDER);
    let callbacks = [system.sink("first"), system.sink("second")];
    let sent = send(&system, &from(notified(&PHONE, &callbacks))).await;
    let cancelled = system.cancel(&sent["id"]).await;
    assert_eq!(cancelled.status, 200, "{}", cancelled.body);
    for sink in ["first", "second"] {
        let callback = system.until_callback(sink).await;
        assert_eq!((&callback.json()["status"], &callback.json()["id"]), (&json!("DELETED"), &sent["id"]));
    }
}

#[tokio::test]
async fn reply_has_the_documented_fields() {
    let system = System::start().await;
    send(&system, &with(message(&PHONE, "Hello"), "externalId", "campaign")).await;
    system.until_handset(&PHONE, 1).await;
    system.reply_from(&PHONE, OURS, "Hello back").await;
    let reply = system.until_callback("replies").await.into_json();
    assert!(reply["processId"].as_u64().is_some_and(|id| id < 1 << 53), "{reply}");
    assert!(reply["date"].as_str().unwrap().parse::<Timestamp>().is_ok(), "{reply}");
    let expected = json!({"owner": "demo", "date": reply["date"], "processId": reply["processId"], "origin": OURS,
        "externalId": "campaign", "callback": "", "connection": "", "id": reply["id"], "text": "Hello back",
        "user": format!("+{PHONE}"), "extraInfo": null});
    assert_eq!(reply, expected);

    system.reply_with_files(&PHONE, OURS, "See this", &["https://media.example/1.jpg"]).await;
    let reply = system.until_callbacks("replies", 2).await.remove(1).into_json();
    let file = json!({"fileName": "", "url": "https://media.example/1.jpg", "caption": ""});
    let expected = json!({"type": "image", "attachments": [file], "contacts": []});
    assert_eq!((&reply["text"], &reply["extraInfo"]), (&json!("See this"), &expected));
}
