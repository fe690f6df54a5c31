//! The cost of waiting for a send slot, in the units on an AWS bill.

use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use serde_json::{Value, json};
use tests::System;

use super::{PHONE, one_per_second, rate_limited, reserve_send_slots};
use crate::system::invocation;

/// DynamoDB write units, DynamoDB write requests, and SQS sends. We do not count the tick's queries, because
/// they run once a minute anyway.
#[derive(Debug, PartialEq)]
struct Cost {
    write_units: f64,
    writes: f64,
    sends: f64,
}

async fn meter(system: &System) -> Cost {
    let meter = system.client.get(system.emulator.url().join("meter").unwrap()).send().await.unwrap();
    let meter: Value = meter.json().await.unwrap();
    let of = |service: &str, operation: &str, unit: &str| meter[service][operation][unit].as_f64().unwrap_or_default();
    let writing = ["UpdateItem", "PutItem", "BatchWriteItem"];
    Cost {
        write_units: writing.map(|operation| of("dynamodb", operation, "write_units")).iter().sum(),
        writes: writing.map(|operation| of("dynamodb", operation, "requests")).iter().sum(),
        sends: ["SendMessage", "SendMessageBatch"].map(|operation| of("sqs", operation, "requests")).iter().sum(),
    }
}

/// Receives the visible jobs, as Lambda would pass them to a function.
async fn jobs(system: &System) -> SqsEvent {
    let wanted = json!({"QueueUrl": system.queue_url("JobsQueue"), "MaxNumberOfMessages": 10});
    let received = system.aws("AmazonSQS.ReceiveMessage", &wanted).await;
    let mut event = SqsEvent::default();
    for message in received["Messages"].as_array().into_iter().flatten() {
        let mut record = SqsMessage::default();
        record.body = message["Body"].as_str().map(str::to_owned);
        event.records.push(record);
    }
    event
}

/// Measures the cost of a message from acceptance to submit, if it waits so many seconds.
async fn cost_of_waiting(seconds: u64) -> Cost {
    let system = one_per_second().await.without_gateway().await;
    let environment = system.environment();
    let send = send::Send::new(&environment).unwrap();
    let tick = schedule_tick::ScheduleTick::new(&environment).unwrap();
    let dispatch = dispatch::Dispatch::new(&environment).unwrap();
    reserve_send_slots(&system, usize::try_from(seconds).unwrap(), 1).await;
    system.client.delete(system.emulator.url().join("meter").unwrap()).send().await.unwrap();

    let answered = send.handle(invocation("/message", &json!({"messages": [rate_limited(&PHONE, "Hello")]}))).await;
    assert_eq!(answered.status(), 200);
    let mut passed = 0;
    while system.handset(&PHONE).await.is_empty() {
        assert!(passed < seconds + 5, "it was not sent in time");
        let step = seconds.saturating_sub(passed).clamp(1, 50);
        system.advance(step).await;
        passed += step;
        environment.clock.set_ahead(std::time::Duration::from_secs(passed));
        tick.handle(u64::MAX).await.unwrap();
        assert!(dispatch.handle(jobs(&system).await).await.batch_item_failures.is_empty());
    }
    assert!(passed >= seconds, "it was sent after {passed} s");
    meter(&system).await
}

#[tokio::test]
async fn a_longer_wait_costs_no_more() {
    let short = cost_of_waiting(10).await;
    // Writes: the item with its indexes, the send slot, the claim and the outcome. Sends: one job.
    assert_eq!(short, Cost { write_units: 6.0, writes: 4.0, sends: 1.0 });

    let (hour, four_hours) = (cost_of_waiting(3_600).await, cost_of_waiting(4 * 3_600).await);
    assert_eq!(hour, four_hours);
    // More writes: an entry in the index `wake`, which the tick moves and the claim removes.
    assert_eq!(hour, Cost { write_units: 11.0, writes: 5.0, sends: 1.0 });
}
