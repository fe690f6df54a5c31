//! Gateway restarts, while AWS and the phone network go on.

use serde_json::json;

use tests::{Phone, System};

use crate::system::{DEMO, OWN_SENDER, invocation, owned, shared, with};

const PHONE: Phone = Phone::delivers();

#[tokio::test]
async fn accepted_messages_survive_a_gateway_restart() {
    let system = System::start().await;
    let mut accepted = Vec::new();
    for index in 0..40 {
        let message = with(shared(&format!("4479000{index:05}"), "Through"), "callback", system.sink("receipts"));
        accepted.push(system.send_one(DEMO, message).await);
    }
    let system = system.without_gateway().await.with_gateway().await;
    let receipts = system.until_callbacks("receipts", accepted.len()).await;
    system.until_idle().await;
    for message in &accepted {
        let callbacks = receipts.iter().filter(|receipt| receipt.json()["messageuuid"] == message.id);
        assert_eq!(callbacks.count(), 1);
        assert_eq!(system.handset(message["to"].as_str().unwrap()).await.len(), 1);
    }
}

#[tokio::test]
async fn reply_during_a_gateway_outage_is_delivered_later() {
    let system = System::start().await;
    let message = system.send_one(DEMO, owned(&PHONE, "Hello")).await;
    system.until_state(&message, "delivered").await;
    let system = system.without_gateway().await;
    system.reply_from(&PHONE, OWN_SENDER, "Anybody there?").await;
    let system = system.with_gateway().await;
    assert_eq!(system.until_callback("replies").await.json()["message"], "Anybody there?");
}

#[tokio::test]
async fn restarted_gateway_uses_the_moved_clock() {
    let system = System::start().await;
    system.advance(86_400).await;
    let before = system.now().await;
    let system = system.without_gateway().await.with_gateway().await;
    let message = system.send_one(DEMO, owned(&PHONE, "Tomorrow")).await;
    let shown = system.message(&message).await;
    let created: jiff::Timestamp = shown["created_at"].as_str().unwrap().parse().unwrap();
    assert!(created >= before, "{created} is before {before}");
}

#[tokio::test]
async fn message_whose_job_was_lost_is_requeued() {
    let system = System::start().await.without_gateway().await;
    let send = send::Send::new(&system.environment()).unwrap();
    let request = json!({"messages": [owned(&PHONE, "Written"), owned(&PHONE.nth(1), "And enqueued")]});
    assert_eq!(send.handle(invocation("/message", &request)).await.status(), 200);
    system.purge_jobs().await;

    let system = system.with_gateway().await;
    system.until_idle().await;
    assert!(system.handset(&PHONE).await.is_empty(), "the job is lost");
    let system = system.without_gateway().await.with_requeueing_gateway().await;
    system.until_handset(&PHONE, 1).await;
    system.until_handset(&PHONE.nth(1), 1).await;
}
