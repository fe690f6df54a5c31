//! The gateway may end while the emulator lives on, as AWS and the network do.

use serde_json::json;

use crate::system::{DEMO, System, invocation, owned, shared, with};

#[tokio::test]
async fn accepted_messages_survive_a_gateway_restart() {
    let system = System::start().await;
    let mut accepted = Vec::new();
    for index in 0..40 {
        let message = with(shared(&format!("4479000{index:05}"), "Through"), "callback", system.sink("receipts"));
        accepted.push(system.send_one(DEMO, message).await);
    }
    let system = system.without_gateway().await.with_gateway().await;
    let receipts = system.until_sink_requests("receipts", accepted.len()).await;
    system.until_queues_empty().await;
    for message in &accepted {
        let callbacks = receipts.iter().filter(|receipt| receipt["json"]["messageuuid"] == message["messageUuid"]);
        assert_eq!(callbacks.count(), 1);
        assert_eq!(system.handset(message["to"].as_str().unwrap()).await.len(), 1);
    }
}

#[tokio::test]
async fn a_reply_that_comes_while_the_gateway_is_away_waits_for_it() {
    let system = System::start().await;
    let message = system.send_one(DEMO, owned("447700900020", "Hello")).await;
    system.until_state(&message["messageUuid"], "delivered").await;
    let system = system.without_gateway().await;
    system.reply("447700900020", &json!("441234567890"), "Anybody there?").await;
    let system = system.with_gateway().await;
    assert_eq!(system.until_sink_requests("replies", 1).await[0]["json"]["message"], "Anybody there?");
}

#[tokio::test]
async fn a_gateway_that_comes_back_shows_the_clock_that_was_moved() {
    let system = System::start().await;
    system.advance(86_400).await;
    let before = system.now().await;
    let system = system.without_gateway().await.with_gateway().await;
    let message = system.send_one(DEMO, owned("447700900021", "Tomorrow")).await;
    let shown = system.message(&message["messageUuid"]).await;
    let created: jiff::Timestamp = shown["created_at"].as_str().unwrap().parse().unwrap();
    assert!(created >= before, "{created} is before {before}");
}

#[tokio::test]
async fn message_whose_job_was_lost_is_requeued() {
    let system = System::start().await.without_gateway().await;
    let send = send::Send::new(&system.environment()).unwrap();
    let request = json!({"messages": [owned("447700900022", "Written"), owned("447700900023", "And enqueued")]});
    assert_eq!(send.handle(invocation("/message", &request)).await.status(), 200);
    system.aws("AmazonSQS.PurgeQueue", &json!({"QueueUrl": system.queue_url("JobsQueue")})).await;

    let system = system.with_gateway().await;
    system.until_queues_empty().await;
    assert!(system.handset("447700900022").await.is_empty(), "its job is lost");
    let system = system.without_gateway().await.with_requeueing_gateway().await;
    system.until_handset("447700900022", 1).await;
    system.until_handset("447700900023", 1).await;
}
