//! One account or lane on the lines of a sender does not hold up another.

use serde_json::json;
use tests::{Phone, System, TestConfig};

use super::{PHONE, SENDER, arrivals, assert_order, assert_rate, custom, numbered, rate_limited};
use crate::system::{DEMO, OTHER, POOL_SENDER, answer, shared, with};

/// A system with one shared sender, which has a rate limit.
async fn one_shared_sender(per_second: u16) -> System {
    System::with_config(TestConfig::new().pool(&[POOL_SENDER]).rate(POOL_SENDER, per_second)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_accounts_of_a_shared_sender_get_half_each() {
    const MINE: Phone = PHONE.nth(1);
    let system = one_shared_sender(20).await;
    system.hold_send_slots(POOL_SENDER).await;
    // One has a long line, and the other comes later.
    system.send_all(DEMO, (0..100).map(|index| shared(&PHONE, &index.to_string()))).await;
    system.send_all(OTHER, (0..40).map(|index| shared(&MINE, &index.to_string()))).await;
    system.free_send_slots(POOL_SENDER).await;
    system.until_handset(&MINE, 40).await;
    let (theirs, mine) = (arrivals(&system, &PHONE).await, arrivals(&system, &MINE).await);
    let last = mine[39].0;
    let meanwhile = theirs.iter().filter(|(at, _)| *at <= last).count();
    assert!((38..=42).contains(&meanwhile), "{meanwhile} messages of one account went beside 40 of the other");
    assert_order(&theirs);
    assert_order(&mine);
    let mut all = [theirs, mine].concat();
    all.sort();
    assert_rate(&all, 20);
}

/// Ten requests to an opted-out phone, cancelled or not, cost others on the sender no slot.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn messages_that_do_not_go_take_no_slot() {
    const STOPPED: Phone = PHONE.nth(1);
    const MINE: Phone = PHONE.nth(2);
    let system = one_shared_sender(1).await;
    // The sender answers the first message with STOP.
    system.send_one(DEMO, shared(&STOPPED, "Hello")).await;
    system.until_handset(&STOPPED, 1).await;
    system.reply_from(&STOPPED, POOL_SENDER, "STOP").await;
    system.until_idle().await;
    system.hold_send_slots(POOL_SENDER).await;
    for _ in 0..10 {
        let sent = system.send_all(DEMO, (0..100).map(|_| shared(&STOPPED, "Attack"))).await;
        system.cancel(&sent[0].id).await;
        system.cancel(&sent[99].id).await;
    }
    system.send_all(OTHER, (0..3).map(|index| shared(&MINE, &index.to_string()))).await;
    let started = system.now().await;
    system.free_send_slots(POOL_SENDER).await;
    system.until_handset(&MINE, 3).await;
    let came = arrivals(&system, &MINE).await;
    let elapsed = came[2].0.duration_since(started).as_secs_f64();
    assert!(elapsed < 8.0, "three messages took {elapsed} s");
    assert_rate(&came, 1);
    assert_eq!(system.handset(&STOPPED).await.len(), 1);
}

#[tokio::test]
async fn urgent_message_does_not_wait_behind_a_campaign() {
    const URGENT: Phone = PHONE.nth(1);
    let system = System::start().await;
    let in_lane = async |lane: &str, messages: Vec<serde_json::Value>| {
        let request = system.request(reqwest::Method::POST, "/message").bearer_auth(DEMO).header("Lane", lane);
        assert_eq!(answer(request.json(&json!({"messages": messages}))).await.status, 200);
    };
    in_lane("bulk", numbered(&PHONE, 100)).await;
    system.until_handset(&PHONE, 3).await;
    in_lane("urgent", vec![rate_limited(&URGENT, "Code")]).await;
    system.until_handset(&URGENT, 1).await;
    let (bulk, urgent) = (arrivals(&system, &PHONE).await, arrivals(&system, &URGENT).await);
    let before = bulk.iter().filter(|(at, _)| *at < urgent[0].0).count();
    assert!(before < 25, "{before} of 100 went before it");
}

/// A message to a sender without a limit is not delayed by the lines of others, and costs no write of theirs.
#[tokio::test]
async fn sender_without_a_limit_has_no_line() {
    let system = System::start().await;
    let sent = system
        .send_one(DEMO, with(custom("12345", &PHONE, "Hello"), "id", "b2693dfe-0813-427a-bc2f-62b0e9292403"))
        .await;
    system.until_state(&sent, "delivered").await;
    let items = system.scan("MessagesTable").await;
    assert!(items.iter().all(|item| !item["id"]["S"].as_str().unwrap().starts_with("slots#")));
    assert!(items.iter().all(|item| item.get("line").is_none()));
    assert_eq!(system.waiting(SENDER).await.len(), 0);
}
