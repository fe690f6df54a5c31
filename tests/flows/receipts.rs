//! The same receipts, in any order and however often, lead a message to the same state. Its history has each
//! kind of receipt once, and its client gets each callback once.

mod details;

use futures_util::future::join_all;
use jiff::ToSpan;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use tests::{Accepted, Callback, MessageView, Phone, System};

use crate::{
    carrier::receipts_path,
    system::{DEMO, TOKEN, answer, shared, with},
};

const PHONE: Phone = Phone::delivers();
const SILENT_PHONE: Phone = Phone::delivers_without_receipt();

/// Sends to a phone, with the sink `receipts` as callback; returns the ID.
async fn send(system: &System, phone: &str) -> String {
    let message = with(shared(phone, "Hello"), "callback", system.sink("receipts"));
    system.send_one(DEMO, message).await.id
}

/// Sends to a phone without receipts, and waits until the message is submitted.
async fn submitted(system: &System) -> String {
    let id = send(system, &SILENT_PHONE).await;
    system.until_state(&id, "submitted").await;
    id
}

fn receipt(id: &str, status: &str) -> Value {
    json!({"id": "c-1", "reference": id, "status": status, "code": "00", "description": format!("Said {status}")})
}

async fn deliver_receipt(system: &System, id: &str, status: &str) {
    system.deliver_receipt(&receipt(id, status)).await;
}

/// Returns `delivered` and the code for each callback about a message.
async fn callbacks(system: &System, id: &str) -> Vec<(bool, String)> {
    let summary =
        |callback: Callback| (callback.json()["delivered"].as_bool().unwrap(), callback.receipt_code().to_owned());
    let callbacks = system.callbacks("receipts").await.into_iter();
    callbacks.filter(|callback| callback.json()["messageuuid"] == id).map(summary).collect()
}

fn delivered() -> (bool, String) {
    (true, "00".to_owned())
}

fn undelivered() -> (bool, String) {
    (false, "22".to_owned())
}

#[tokio::test]
async fn delivered_receipt_sets_the_state_and_notifies() {
    let system = System::start().await;
    let id = send(&system, &PHONE).await;
    let message = system.until_state(&id, "delivered").await;
    assert_eq!(message.states(), ["queued", "submitting", "submitted", "delivered"]);
    system.until_callbacks("receipts", 1).await;
    assert_eq!(callbacks(&system, &id).await, [delivered()]);
}

#[tokio::test]
async fn undelivered_receipt_notifies_with_its_code() {
    let system = System::start().await;
    let phone = Phone::fails();
    let id = send(&system, &phone).await;
    system.until_state(&id, "undelivered").await;
    system.until_callbacks("receipts", 1).await;
    assert_eq!(callbacks(&system, &id).await, [undelivered()]);
    assert!(system.handset(&phone).await.is_empty());
}

#[tokio::test]
async fn message_without_a_receipt_stays_submitted() {
    let system = System::start().await;
    let id = submitted(&system).await;
    assert_eq!(system.handset(&SILENT_PHONE).await.len(), 1);
    system.advance(7 * 86_400).await;
    system.until_idle().await;
    assert_eq!(system.message(&id).await.state(), "submitted");
    assert!(callbacks(&system, &id).await.is_empty());
    assert_eq!(system.handset(&SILENT_PHONE).await.len(), 1);
}

#[tokio::test]
async fn repeated_receipt_is_recorded_and_notified_once() {
    let system = System::start().await;
    let id = send(&system, &Phone::repeats_receipt()).await;
    system.until_state(&id, "delivered").await;
    join_all((0..5).map(|_| deliver_receipt(&system, &id, "delivered"))).await;
    system.until_idle().await;
    assert_eq!(system.message(&id).await.times_in("delivered"), 1);
    assert_eq!(callbacks(&system, &id).await, [delivered()]);
}

#[tokio::test]
async fn receipt_before_the_submit_answer_is_kept() {
    let system = System::start().await;
    let id = send(&system, &Phone::receipt_before_answer()).await;
    let message = system.until_message(&id, "has an answer", |message| !message.carrier_id().is_empty()).await;
    assert_eq!(message.state(), "delivered");
    assert_eq!((message.times_in("delivered"), message.times_in("submitted")), (1, 1));
    system.until_idle().await;
    assert_eq!(callbacks(&system, &id).await, [delivered()]);
}

#[tokio::test]
async fn sent_after_delivered_is_recorded_without_state_change() {
    let system = System::start().await;
    let id = send(&system, &Phone::receipts_out_of_order()).await;
    let has_both = |message: &MessageView| message.times_in("submitted") == 2;
    let message = system.until_message(&id, "has both receipts", has_both).await;
    assert_eq!(message.state(), "delivered");
    assert_eq!(message.history()[4]["reason"], "Sent to the network");
    assert_eq!(message.history().len(), 5);
    system.until_idle().await;
    assert_eq!(callbacks(&system, &id).await, [delivered()]);
}

/// Returns every subset in every order.
fn orderings<'a>(of: &[&'a str]) -> Vec<Vec<&'a str>> {
    let beginning_with = |first: &'a str| {
        let rest: Vec<_> = of.iter().copied().filter(|other| *other != first).collect();
        orderings(&rest).into_iter().map(move |rest| [vec![first], rest].concat())
    };
    std::iter::once(Vec::new()).chain(of.iter().copied().flat_map(beginning_with)).collect()
}

#[tokio::test]
async fn receipts_in_any_order_end_in_the_same_state_and_callbacks() {
    const FORWARD: [&str; 4] = ["sent", "undelivered", "delivered", "read"];
    let system = System::start().await;
    let orders: Vec<_> = orderings(&FORWARD).into_iter().filter(|order| !order.is_empty()).collect();
    assert_eq!(orders.len(), 64);
    let message = |phone: Phone| with(shared(&phone, "Hello"), "callback", system.sink("receipts"));
    let messages = system.send_all(DEMO, (0..64).map(|n| message(SILENT_PHONE.nth(n)))).await;
    let there_and_back = async |(message, order): (&Accepted, &Vec<&str>)| {
        let id = &message.id;
        system.until_state(id, "submitted").await;
        for status in order.iter().chain(order.iter().rev()) {
            deliver_receipt(&system, id, status).await;
        }
    };
    join_all(messages.iter().zip(&orders).map(there_and_back)).await;
    system.until_idle().await;

    for (message, order) in messages.iter().zip(&orders) {
        let id = &message.id;
        let came = |status| order.contains(&status);
        let was_delivered = came("delivered") || came("read");
        let found = system.message(id).await;
        let furthest = FORWARD.into_iter().rev().find(|status| came(status)).unwrap().replace("sent", "submitted");
        assert_eq!(found.state(), furthest, "{order:?}");
        let counts = ["submitted", "undelivered", "delivered", "read"].map(|state| found.times_in(state));
        let expected =
            [1 + usize::from(came("sent")), came("undelivered").into(), was_delivered.into(), came("read").into()];
        assert_eq!(counts, expected, "{order:?}: {}", json!(found.history()));
        let mut callbacks = callbacks(&system, id).await;
        callbacks.sort();
        let expected = [(came("undelivered"), undelivered()), (was_delivered, delivered())];
        let expected: Vec<_> = expected.into_iter().filter(|(came, _)| *came).map(|(_, callback)| callback).collect();
        assert_eq!(callbacks, expected, "{order:?}");
    }
}

#[tokio::test]
async fn concurrent_receipts_are_each_recorded_and_notified_once() {
    let system = System::start().await;
    let id = submitted(&system).await;
    let all = ["delivered", "read", "sent", "undelivered"].repeat(5);
    join_all(all.iter().map(|status| deliver_receipt(&system, &id, status))).await;
    system.until_idle().await;
    let message = system.message(&id).await;
    assert_eq!(message.state(), "read");
    let counts = ["submitted", "undelivered", "delivered", "read"].map(|state| message.times_in(state));
    assert_eq!(counts, [2, 1, 1, 1], "{}", message["history"]);
    let mut callbacks = callbacks(&system, &id).await;
    callbacks.sort();
    assert_eq!(callbacks, [undelivered(), delivered()]);
}

#[tokio::test]
async fn five_concurrent_receipts_of_one_kind_notify_once() {
    let system = System::start().await;
    let id = submitted(&system).await;
    join_all((0..5).map(|_| deliver_receipt(&system, &id, "delivered"))).await;
    system.until_idle().await;
    assert_eq!(system.message(&id).await.times_in("delivered"), 1);
    assert_eq!(callbacks(&system, &id).await, [delivered()]);
}

#[tokio::test]
async fn read_implies_delivered() {
    let system = System::start().await;
    let id = submitted(&system).await;
    deliver_receipt(&system, &id, "read").await;
    let message = system.message(&id).await;
    assert_eq!((&message["state"], message.times_in("delivered")), (&"read".into(), 1));
    deliver_receipt(&system, &id, "delivered").await;
    system.until_idle().await;
    assert_eq!(callbacks(&system, &id).await, [delivered()]);
}

#[tokio::test]
async fn late_undelivered_is_notified_but_state_stays_delivered() {
    let system = System::start().await;
    let id = submitted(&system).await;
    deliver_receipt(&system, &id, "delivered").await;
    system.until_callbacks("receipts", 1).await;
    deliver_receipt(&system, &id, "undelivered").await;
    system.until_callbacks("receipts", 2).await;
    let message = system.message(&id).await;
    assert_eq!(message.state(), "delivered");
    let last = message.history().last().unwrap();
    assert_eq!((&last["state"], &last["reason"]), (&"undelivered".into(), &"Said undelivered".into()));
    assert_eq!(callbacks(&system, &id).await, [delivered(), undelivered()]);
}

#[tokio::test]
async fn message_id_of_the_path_wins_over_that_of_the_body() {
    let system = System::start().await;
    let of_path = submitted(&system).await;
    let of_body = submitted(&system).await;
    let path = format!("{}/{of_path}", receipts_path());
    system.deliver_webhook(&path, &receipt(&of_body, "delivered")).await;
    system.deliver_webhook(&path, &json!({"id": "c-1", "status": "read"})).await;
    assert_eq!(system.message(&of_path).await.state(), "read");
    assert_eq!(system.message(&of_body).await.state(), "submitted");
}

#[tokio::test]
async fn receipt_of_an_unknown_message_is_unmatched_unchanged() {
    let system = System::start().await;
    let unknown = receipt(&uuid::Uuid::new_v4().to_string(), "delivered");
    let nameless = json!({"id": "c-2", "status": "delivered"});
    for strange in [&unknown, &nameless, &unknown] {
        system.deliver_receipt(strange).await;
    }
    let unmatched = system.unmatched("receipt").await;
    assert_eq!(unmatched.len(), 2);
    assert!(unmatched.contains(&unknown) && unmatched.contains(&nameless), "{unmatched:?}");
}

#[tokio::test]
async fn receipt_of_an_unsubmitted_message_is_unmatched() {
    let system = System::start().await;
    let at = system.now().await + 1.hour();
    let message = with(shared(&PHONE, "Later"), "callback", system.sink("receipts"));
    let id = system.send_one(DEMO, with(message, "send_at", at.to_string())).await.id;
    let before = system.message(&id).await;
    for status in ["sent", "delivered", "read", "undelivered"] {
        deliver_receipt(&system, &id, status).await;
    }
    system.deliver_webhook(&format!("{}/{id}", receipts_path()), &receipt(&id, "expired")).await;
    assert_eq!(system.message(&id).await, before);
    assert_eq!(system.unmatched("receipt").await.len(), 5);

    system.advance(3_600).await;
    system.until_state(&id, "delivered").await;
    system.until_idle().await;
    assert_eq!(callbacks(&system, &id).await, [delivered()]);
    assert_eq!(system.handset(&PHONE).await.len(), 1);
}

#[tokio::test]
async fn malformed_receipt_is_rejected_with_its_field() {
    let system = System::start().await;
    let id = submitted(&system).await;
    for (body, field) in [
        ("nonsense".to_owned(), "(body)"),
        (String::new(), "(body)"),
        (json!({"status": "eaten"}).to_string(), "status"),
        (json!({"reference": id}).to_string(), "(body)"),
        (receipt("42", "delivered").to_string(), "reference"),
    ] {
        let refused = answer(system.request(Method::POST, &receipts_path()).body(body.clone())).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(refused.body["errors"][0]["field"], field, "{body}");
    }
    assert_eq!(system.message(&id).await.state(), "submitted");
    assert!(system.unmatched("receipt").await.is_empty());
}

#[tokio::test]
async fn wrong_token_carrier_and_malformed_id_get_the_same_answer() {
    let system = System::start().await;
    let id = submitted(&system).await;
    let mut bodies = Vec::new();
    for path in [
        "/dlr/loopback/wrong-token".to_owned(),
        format!("/dlr/loopback/wrong-token/{id}"),
        format!("/dlr/loopback/{}", &TOKEN[..TOKEN.len() - 1]),
        format!("/dlr/nobody/{TOKEN}"),
        format!("/dlr/Loopback/{TOKEN}"),
        format!("{}/42", receipts_path()),
    ] {
        let refused = system.post_webhook(&path, &receipt(&id, "delivered")).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{path}");
        bodies.push(refused.body);
    }
    assert!(bodies.iter().all(|body| body == &bodies[0]), "{bodies:?}");
    assert_eq!(system.message(&id).await.state(), "submitted");
}

#[tokio::test]
async fn rejected_receipt_after_a_refusal_is_notified() {
    let system = System::start().await;
    let failing = system.failing_sink("receipts", 500);
    let message = system.send_one(DEMO, with(shared(&Phone::rejects(), "No"), "callback", failing)).await;
    let id = &message.id;
    system.until_state(id, "rejected").await;
    system.until_callbacks("receipts", 1).await;
    system.deliver_receipt(&json!({"id": "c", "reference": id, "status": "rejected", "code": "24"})).await;
    let count = system.until_callbacks("receipts", 2).await.len();
    // The callback of the refusal is still retried, though the receipt came in between.
    system.advance(10).await;
    let again = system.until_callbacks("receipts", count + 1).await;
    let ids: std::collections::HashSet<_> = again.iter().map(Callback::id).collect();
    assert_eq!(ids.len(), 1);
}
