//! Fair queues: whose messages a receive gets.

use serde_json::{Value, json};

use super::Tester;

async fn create_queue(tester: &Tester) -> String {
    let created = tester.sqs("CreateQueue", json!({ "QueueName": "q", "Attributes": {} })).await;
    created["QueueUrl"].as_str().unwrap().to_owned()
}

async fn send(tester: &Tester, queue: &str, group: &str, count: usize) {
    for start in (0..count).step_by(10) {
        let entry = |index| json!({ "Id": format!("{index}"), "MessageBody": group, "MessageGroupId": group });
        let entries: Vec<_> = (start..count.min(start + 10)).map(entry).collect();
        tester.sqs("SendMessageBatch", json!({ "QueueUrl": queue, "Entries": entries })).await;
    }
}

async fn receive(tester: &Tester, queue: &str, most: usize) -> Vec<Value> {
    let call = json!({ "QueueUrl": queue, "WaitTimeSeconds": 0, "MaxNumberOfMessages": most });
    let received = tester.sqs("ReceiveMessage", call).await;
    received["Messages"].as_array().cloned().unwrap_or_default()
}

async fn delete(tester: &Tester, queue: &str, message: &Value) {
    tester.sqs("DeleteMessage", json!({ "QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"] })).await;
}

/// Returns the group of each received message.
fn groups(received: &[Value]) -> Vec<&str> {
    received.iter().map(|message| message["Body"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn group_with_many_in_flight_comes_after_a_quiet_one() {
    let tester = Tester::start().await;
    let queue = create_queue(&tester).await;
    // This group has nearly all the processing time, so only the messages in flight can make another group noisy.
    send(&tester, &queue, "slow", 1).await;
    let slow = receive(&tester, &queue, 1).await;
    tester.advance(25).await;
    delete(&tester, &queue, &slow[0]).await;

    send(&tester, &queue, "big", 100).await;
    for (in_flight, expected) in [(0, "big"), (10, "big"), (20, "big"), (30, "small")] {
        send(&tester, &queue, "small", 1).await;
        let received = receive(&tester, &queue, 1).await;
        assert_eq!(groups(&received), [expected], "{in_flight}");
        receive(&tester, &queue, 9).await;
    }
}

#[tokio::test]
async fn group_that_takes_long_comes_after_a_quiet_one() {
    let tester = Tester::start().await;
    let queue = create_queue(&tester).await;
    send(&tester, &queue, "slow", 3).await;
    let received = receive(&tester, &queue, 1).await;
    tester.advance(20).await;
    delete(&tester, &queue, &received[0]).await;
    send(&tester, &queue, "quick", 1).await;
    assert_eq!(groups(&receive(&tester, &queue, 1).await), ["quick"]);
    assert_eq!(groups(&receive(&tester, &queue, 10).await), ["slow", "slow"]);
}

#[tokio::test]
async fn noisy_group_is_quiet_again_without_a_backlog() {
    let tester = Tester::start().await;
    let queue = create_queue(&tester).await;
    send(&tester, &queue, "slow", 1).await;
    let received = receive(&tester, &queue, 1).await;
    tester.advance(20).await;
    delete(&tester, &queue, &received[0]).await;
    // Longer ago than what is recent.
    tester.advance(120).await;
    send(&tester, &queue, "slow", 1).await;
    send(&tester, &queue, "quick", 1).await;
    assert_eq!(groups(&receive(&tester, &queue, 2).await), ["slow", "quick"]);
}

#[tokio::test]
async fn noisy_group_is_quiet_again_when_it_sends_nothing() {
    let tester = Tester::start().await;
    let queue = create_queue(&tester).await;
    send(&tester, &queue, "big", 60).await;
    for _ in 0..4 {
        receive(&tester, &queue, 10).await;
    }
    tester.advance(25).await;
    send(&tester, &queue, "small", 1).await;
    let small = receive(&tester, &queue, 1).await;
    assert_eq!(groups(&small), ["small"]);
    delete(&tester, &queue, &small[0]).await;
    tester.advance(300).await;
    send(&tester, &queue, "small", 1).await;
    assert_eq!(groups(&receive(&tester, &queue, 1).await), ["big"]);
}

#[tokio::test]
async fn message_without_a_group_is_quiet() {
    let tester = Tester::start().await;
    let queue = create_queue(&tester).await;
    send(&tester, &queue, "big", 60).await;
    for _ in 0..4 {
        receive(&tester, &queue, 10).await;
    }
    tester.sqs("SendMessage", json!({ "QueueUrl": queue, "MessageBody": "alone" })).await;
    assert_eq!(groups(&receive(&tester, &queue, 1).await), ["big"], "one group has nobody to be fair to");
    send(&tester, &queue, "small", 1).await;
    assert_eq!(groups(&receive(&tester, &queue, 2).await), ["alone", "small"]);
}
