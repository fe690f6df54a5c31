//! Receipts: in whatever order and however often the network brings them, a
//! message comes to one state, its history keeps them all, and its client is
//! told each thing once.

use futures_util::future::join_all;
use jiff::ToSpan;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    carrier::receipts_path,
    system::{DEMO, System, TOKEN, answer, shared, with},
};

/// Sends to that phone, with the sink `receipts` as callback; gives the id.
async fn send(system: &System, phone: &str) -> Value {
    let message = with(shared(phone, "Hello"), "callback", system.sink("receipts"));
    system.send_one(DEMO, message).await["messageUuid"].clone()
}

/// Sends to a phone whose carrier never brings a receipt.
async fn submitted(system: &System, phone: &str) -> Value {
    let id = send(system, phone).await;
    system.until_state(&id, "submitted").await;
    id
}

fn receipt(id: &Value, status: &str) -> Value {
    json!({"id": "c-1", "reference": id, "status": status, "code": "00", "description": format!("Said {status}")})
}

/// Brings a receipt as the carrier would.
async fn deliver_receipt(system: &System, id: &Value, status: &str) {
    system.deliver_receipt(&receipt(id, status)).await;
}

/// How often a state is in a message's history.
fn times(message: &Value, state: &str) -> usize {
    message["history"].as_array().unwrap().iter().filter(|state_change| state_change["state"] == state).count()
}

/// Whether it was delivered and with which code, for each callback about that message.
async fn callbacks(system: &System, id: &Value) -> Vec<(bool, String)> {
    let requests = system.sink_requests("receipts").await.into_iter().map(|request| request["json"].clone());
    let mine = requests.filter(|callback| callback["messageuuid"] == *id);
    let summary = |callback: Value| {
        let code = callback["receiptInfo"]["code"].as_str().unwrap().to_owned();
        (callback["delivered"].as_bool().unwrap(), code)
    };
    mine.map(summary).collect()
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
    let id = send(&system, "447700900010").await;
    let message = system.until_state(&id, "delivered").await;
    let states: Vec<_> =
        message["history"].as_array().unwrap().iter().map(|state_change| &state_change["state"]).collect();
    assert_eq!(states, ["queued", "submitting", "submitted", "delivered"]);
    system.until_sink_requests("receipts", 1).await;
    assert_eq!(callbacks(&system, &id).await, [delivered()]);
}

#[tokio::test]
async fn undelivered_receipt_notifies_with_its_code() {
    let system = System::start().await;
    let id = send(&system, "447700900110").await;
    system.until_state(&id, "undelivered").await;
    system.until_sink_requests("receipts", 1).await;
    assert_eq!(callbacks(&system, &id).await, [undelivered()]);
    assert!(system.handset("447700900110").await.is_empty());
}

#[tokio::test]
async fn without_a_receipt_a_message_stays_submitted() {
    let system = System::start().await;
    let id = submitted(&system, "447700900310").await;
    assert_eq!(system.handset("447700900310").await.len(), 1);
    system.advance(7 * 86_400).await;
    system.until_queues_empty().await;
    assert_eq!(system.message(&id).await["state"], "submitted");
    assert!(callbacks(&system, &id).await.is_empty());
    assert_eq!(system.handset("447700900310").await.len(), 1);
}

#[tokio::test]
async fn a_receipt_that_comes_five_times_counts_once() {
    let system = System::start().await;
    let id = send(&system, "447700900410").await;
    system.until_state(&id, "delivered").await;
    join_all((0..5).map(|_| deliver_receipt(&system, &id, "delivered"))).await;
    system.until_queues_empty().await;
    assert_eq!(times(&system.message(&id).await, "delivered"), 1);
    assert_eq!(callbacks(&system, &id).await, [delivered()]);
}

#[tokio::test]
async fn receipt_before_the_submit_answer_is_kept() {
    let system = System::start().await;
    let id = send(&system, "447700900510").await;
    let message = system
        .until("the carrier has answered", async || {
            let message = system.message(&id).await;
            message["carrier_id"].is_string().then_some(message)
        })
        .await;
    assert_eq!(message["state"], "delivered");
    assert_eq!((times(&message, "delivered"), times(&message, "submitted")), (1, 1));
    system.until_queues_empty().await;
    assert_eq!(callbacks(&system, &id).await, [delivered()]);
}

#[tokio::test]
async fn sent_after_delivered_is_recorded_without_state_change() {
    let system = System::start().await;
    let id = send(&system, "447700900610").await;
    let message = system
        .until("the later receipt is there", async || {
            let message = system.message(&id).await;
            (times(&message, "submitted") == 2).then_some(message)
        })
        .await;
    assert_eq!(message["state"], "delivered");
    assert_eq!(message["history"][4]["reason"], "Sent to the network");
    assert_eq!(message["history"].as_array().unwrap().len(), 5);
    system.until_queues_empty().await;
    assert_eq!(callbacks(&system, &id).await, [delivered()]);
}

/// Every order of every choice of these.
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
    let message = |number: String| with(shared(&number, "Hello"), "callback", system.sink("receipts"));
    let messages: Vec<_> = (300..364).map(|last| message(format!("447700900{last}"))).collect();
    let messages = system.send(DEMO, &json!({"messages": messages})).await;
    let there_and_back = async |(message, order): (&Value, &Vec<&str>)| {
        let id = &message["messageUuid"];
        system.until_state(id, "submitted").await;
        for status in order.iter().chain(order.iter().rev()) {
            deliver_receipt(&system, id, status).await;
        }
    };
    join_all(messages.iter().zip(&orders).map(there_and_back)).await;
    system.until_queues_empty().await;

    for (message, order) in messages.iter().zip(&orders) {
        let id = &message["messageUuid"];
        let came = |status| order.contains(&status);
        let was_delivered = came("delivered") || came("read");
        let found = system.message(id).await;
        let furthest = FORWARD.into_iter().rev().find(|status| came(status)).unwrap().replace("sent", "submitted");
        assert_eq!(found["state"], furthest, "{order:?}");
        let counts = ["submitted", "undelivered", "delivered", "read"].map(|state| times(&found, state));
        let expected =
            [1 + usize::from(came("sent")), came("undelivered").into(), was_delivered.into(), came("read").into()];
        assert_eq!(counts, expected, "{order:?}: {}", found["history"]);
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
    let id = submitted(&system, "447700900310").await;
    let all = ["delivered", "read", "sent", "undelivered"].repeat(5);
    join_all(all.iter().map(|status| deliver_receipt(&system, &id, status))).await;
    system.until_queues_empty().await;
    let message = system.message(&id).await;
    assert_eq!(message["state"], "read");
    let counts = ["submitted", "undelivered", "delivered", "read"].map(|state| times(&message, state));
    assert_eq!(counts, [2, 1, 1, 1], "{}", message["history"]);
    let mut callbacks = callbacks(&system, &id).await;
    callbacks.sort();
    assert_eq!(callbacks, [undelivered(), delivered()]);
}

#[tokio::test]
async fn five_concurrent_receipts_of_one_kind_notify_once() {
    let system = System::start().await;
    let id = submitted(&system, "447700900310").await;
    join_all((0..5).map(|_| deliver_receipt(&system, &id, "delivered"))).await;
    system.until_queues_empty().await;
    assert_eq!(times(&system.message(&id).await, "delivered"), 1);
    assert_eq!(callbacks(&system, &id).await, [delivered()]);
}

#[tokio::test]
async fn read_implies_delivered() {
    let system = System::start().await;
    let id = submitted(&system, "447700900310").await;
    deliver_receipt(&system, &id, "read").await;
    let message = system.message(&id).await;
    assert_eq!((&message["state"], times(&message, "delivered")), (&"read".into(), 1));
    deliver_receipt(&system, &id, "delivered").await;
    system.until_queues_empty().await;
    assert_eq!(callbacks(&system, &id).await, [delivered()]);
}

#[tokio::test]
async fn late_undelivered_is_notified_but_state_stays_delivered() {
    let system = System::start().await;
    let id = submitted(&system, "447700900310").await;
    deliver_receipt(&system, &id, "delivered").await;
    system.until_sink_requests("receipts", 1).await;
    deliver_receipt(&system, &id, "undelivered").await;
    system.until_sink_requests("receipts", 2).await;
    let message = system.message(&id).await;
    assert_eq!(message["state"], "delivered");
    let last = message["history"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["state"], &last["reason"]), (&"undelivered".into(), &"Said undelivered".into()));
    assert_eq!(callbacks(&system, &id).await, [delivered(), undelivered()]);
}

#[tokio::test]
async fn an_id_in_the_path_wins_over_the_one_in_the_body() {
    let system = System::start().await;
    let of_path = submitted(&system, "447700900310").await;
    let of_body = submitted(&system, "447700900311").await;
    let path = format!("{}/{}", receipts_path(), of_path.as_str().unwrap());
    system.deliver_webhook(&path, &receipt(&of_body, "delivered")).await;
    system.deliver_webhook(&path, &json!({"id": "c-1", "status": "read"})).await;
    assert_eq!(system.message(&of_path).await["state"], "read");
    assert_eq!(system.message(&of_body).await["state"], "submitted");
}

#[tokio::test]
async fn a_receipt_of_no_message_is_unmatched_as_it_came() {
    let system = System::start().await;
    let unknown = receipt(&uuid::Uuid::new_v4().to_string().into(), "delivered");
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
    let phone = "447700900010";
    let at = system.now().await + 1.hour();
    let message = with(shared(phone, "Later"), "callback", system.sink("receipts"));
    let id = system.send_one(DEMO, with(message, "send_at", at.to_string())).await["messageUuid"].clone();
    let before = system.message(&id).await;
    for status in ["sent", "delivered", "read", "undelivered"] {
        deliver_receipt(&system, &id, status).await;
    }
    system.deliver_webhook(&format!("{}/{}", receipts_path(), id.as_str().unwrap()), &receipt(&id, "expired")).await;
    assert_eq!(system.message(&id).await, before);
    assert_eq!(system.unmatched("receipt").await.len(), 5);

    system.advance(3_600).await;
    system.until_state(&id, "delivered").await;
    system.until_queues_empty().await;
    assert_eq!(callbacks(&system, &id).await, [delivered()]);
    assert_eq!(system.handset(phone).await.len(), 1);
}

#[tokio::test]
async fn a_receipt_that_cannot_be_read_is_refused_and_its_field_named() {
    let system = System::start().await;
    let id = submitted(&system, "447700900310").await;
    for (body, field) in [
        ("nonsense".to_owned(), "(body)"),
        (String::new(), "(body)"),
        (receipt(&id, "eaten").to_string(), "(body)"),
        (json!({"reference": id}).to_string(), "(body)"),
        (receipt(&"42".into(), "delivered").to_string(), "reference"),
    ] {
        let refused = answer(system.request(Method::POST, &receipts_path()).body(body.clone())).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(refused.body["errors"][0]["field"], field, "{body}");
    }
    assert_eq!(system.message(&id).await["state"], "submitted");
    assert!(system.unmatched("receipt").await.is_empty());
}

#[tokio::test]
async fn wrong_token_carrier_and_malformed_id_get_the_same_answer() {
    let system = System::start().await;
    let id = submitted(&system, "447700900310").await;
    let mut bodies = Vec::new();
    for path in [
        "/dlr/loopback/wrong-token".to_owned(),
        format!("/dlr/loopback/wrong-token/{}", id.as_str().unwrap()),
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
    assert_eq!(system.message(&id).await["state"], "submitted");
}

#[tokio::test]
async fn rejected_receipt_after_a_refusal_is_notified() {
    let system = System::start().await;
    let failing = format!("{}?status=500", system.sink("receipts"));
    let message = system.send_one(DEMO, with(shared("447700900210", "No"), "callback", failing)).await;
    let id = &message["messageUuid"];
    system.until_state(id, "rejected").await;
    system.until_sink_requests("receipts", 1).await;
    system.deliver_receipt(&json!({"id": "c", "reference": id, "status": "rejected", "code": "24"})).await;
    let count = system.until_sink_requests("receipts", 2).await.len();
    // What was announced first is still tried again, though the receipt came in between.
    system.advance(10).await;
    let again = system.until_sink_requests("receipts", count + 1).await;
    let ids: std::collections::HashSet<_> =
        again.iter().map(|callback| callback["headers"]["webhook-id"].to_string()).collect();
    assert_eq!(ids.len(), 1);
}
