//! A request of 1,000 messages: every message and every receipt arrives once.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use serde_json::json;

use tests::System;

use crate::system::DEMO;

const COUNT: usize = 1000;
/// A busy machine takes its time for a thousand messages.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_messages_are_delivered_and_reported_once_each() {
    let system = System::start().await;
    let number = |index: usize| format!("4479{index:08}");
    let messages: Vec<_> =
        (0..COUNT).map(|index| json!({"to": number(index), "body": format!("Number {index}")})).collect();
    let defaults = json!({"from": {"type": "shared"}, "callback": system.sink("receipts")});
    let started = Instant::now();
    let accepted = system.send(DEMO, &json!({"defaults": defaults, "messages": messages})).await;
    let answered = started.elapsed();
    assert_eq!(accepted.len(), COUNT);

    let receipts = system.until_callbacks_within("receipts", COUNT, PATIENCE).await;
    println!("{COUNT} messages: answered after {answered:.2?}, the last receipt after {:.2?}", started.elapsed());
    system.until_idle().await;

    let reported_ids: HashSet<_> =
        receipts.iter().map(|receipt| receipt.json()["messageuuid"].as_str().unwrap()).collect();
    let ids: HashSet<_> = accepted.iter().map(|message| message.id.as_str()).collect();
    assert_eq!(reported_ids, ids);
    assert_eq!(system.callbacks("receipts").await.len(), COUNT, "no receipt was notified twice");
    for index in 0..COUNT {
        let shown = system.handset(&number(index)).await;
        assert_eq!(shown.len(), 1, "{index}");
        assert_eq!(shown[0]["text"], format!("Number {index}"));
    }
}
