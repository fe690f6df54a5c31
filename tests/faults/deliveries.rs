//! Duplicate jobs: SQS may deliver a job several times, also concurrently, but its effect happens once.

use std::{collections::BTreeSet, time::Duration};

use aws_lambda_events::event::sqs::SqsEvent;
use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use shared::domain::{ReceiptStatus, State};
use tests::{
    clients::ClientRequest,
    system::{DEMO, RATE_LIMITED_SENDER, custom, owned, with},
};

use crate::{
    fault::Fault,
    scenario::Phone,
    scenario_run::{Idle, run_until_idle},
    stage::{CALLBACKS, JOBS, Stage},
};

const DELIVERIES: usize = 5;
/// More than the minute before an unmatched receipt is retried.
const UNMATCHED_RETRY_AFTER: Duration = Duration::from_secs(90);

/// Delivers the batch to several function instances at once, without faults.
async fn deliver(stage: &Stage, queue: &str, event: &SqsEvent) {
    let environment = stage.environment();
    if queue == CALLBACKS {
        let workers: Vec<_> = (0..DELIVERIES).map(|_| callback::Callback::new(&environment).unwrap()).collect();
        join_all(workers.iter().map(|worker| worker.handle(event.clone()))).await;
    } else {
        let workers: Vec<_> = (0..DELIVERIES).map(|_| dispatch::Dispatch::new(&environment).unwrap()).collect();
        join_all(workers.iter().map(|worker| worker.handle(event.clone()))).await;
    }
}

async fn jobs(stage: &Stage, queue: &'static str) -> SqsEvent {
    stage.receive_all(queue).await.event
}

async fn stage() -> Stage {
    let stage = Stage::new(&["loopback"]).await;
    stage.proxy.begin_run(Box::new(|_, _| None));
    stage
}

/// Posts a message, on `channels` if not null, to a phone without receipts.
async fn post(stage: &Stage, channels: Value) {
    let sink = stage.proxy.url.join("sinks/status").unwrap();
    let message = with(owned(&Phone::NoReceipt.number(1), "Hello"), "callback", sink.as_str());
    let message = if channels.is_null() { message } else { with(message, "channels", channels) };
    let (status, body) =
        stage.send_request(0, &ClientRequest::post(DEMO, "/message", json!({"messages": [message]}))).await.unwrap();
    assert_eq!(status, 200, "{body}");
}

async fn item(stage: &Stage) -> Value {
    let items = stage.items("MessagesTable").await;
    items.into_iter().find(|item| item["history"].is_object()).unwrap()
}

/// Processes the queued callbacks, and returns the event IDs of all callbacks so far.
async fn notified_events(stage: &Stage) -> BTreeSet<String> {
    deliver(stage, CALLBACKS, &jobs(stage, CALLBACKS).await).await;
    let callbacks = stage.system.sink_requests("status").await;
    callbacks.iter().map(|one| one["headers"]["webhook-id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn concurrent_deliveries_of_a_submit_job_call_the_carrier_once() {
    let stage = stage().await;
    post(&stage, Value::Null).await;
    deliver(&stage, JOBS, &jobs(&stage, JOBS).await).await;
    let submits = stage.proxy.submits();
    assert_eq!(submits.len(), 1);
    assert!(stage.deliver_webhook(0, &submits[0].receipt(ReceiptStatus::Delivered)).await);
    assert_eq!(notified_events(&stage).await.len(), 1);
}

#[tokio::test]
async fn concurrent_deliveries_of_a_failure_fail_over_once() {
    let stage = stage().await;
    post(&stage, json!(["rcs", "sms"])).await;
    deliver(&stage, JOBS, &jobs(&stage, JOBS).await).await;
    assert!(stage.deliver_webhook(0, &stage.proxy.submits()[0].receipt(ReceiptStatus::Undelivered)).await);
    deliver(&stage, JOBS, &jobs(&stage, JOBS).await).await;
    let submits = stage.proxy.submits();
    let references: BTreeSet<_> = submits.iter().map(|submit| &submit.reference).collect();
    assert_eq!((submits.len(), references.len()), (2, 2));
    assert!(stage.deliver_webhook(0, &submits[1].receipt(ReceiptStatus::Delivered)).await);
    assert_eq!(notified_events(&stage).await.len(), 1);
}

/// The receipt arrives while its message is missing from the table.
#[tokio::test]
async fn concurrent_retries_of_unmatched_receipt_notify_once() {
    let mut stage = stage().await;
    post(&stage, Value::Null).await;
    deliver(&stage, JOBS, &jobs(&stage, JOBS).await).await;
    let there = item(&stage).await;
    let aws = async |operation: &str, body: Value| {
        stage.system.aws(&format!("DynamoDB_20120810.{operation}"), &body).await;
    };
    aws("DeleteItem", json!({"TableName": "MessagesTable", "Key": {"id": there["id"]}})).await;
    assert!(stage.deliver_webhook(0, &stage.proxy.submits()[0].receipt(ReceiptStatus::Delivered)).await);
    assert_eq!(stage.system.unmatched("receipt").await.len(), 1);
    aws("PutItem", json!({"TableName": "MessagesTable", "Item": there})).await;
    stage.advance(UNMATCHED_RETRY_AFTER).await;
    stage.tick(0).await;
    deliver(&stage, JOBS, &jobs(&stage, JOBS).await).await;
    assert_eq!(stage.system.unmatched("receipt").await.len(), 0);
    assert!(item(&stage).await["receipt_delivered"].is_object());
    assert_eq!(notified_events(&stage).await.len(), 1);
}

/// The client may get a callback more than once, and deduplicates by the event ID.
#[tokio::test]
async fn concurrent_deliveries_of_a_callback_have_one_event_id() {
    let stage = stage().await;
    post(&stage, Value::Null).await;
    stage.process_next_batch(JOBS).await;
    let submit = stage.proxy.submits().remove(0);
    for status in [ReceiptStatus::Delivered; DELIVERIES] {
        assert!(stage.deliver_webhook(0, &submit.receipt(status)).await);
    }
    let known = submit.reference.parse::<shared::domain::MessageId>().unwrap();
    let event = shared::domain::EventId::of_state(known, State::Delivered).to_string();
    assert_eq!(notified_events(&stage).await, BTreeSet::from([event]));
    assert!(stage.system.sink_requests("status").await.len() <= DELIVERIES);
}

/// Two workers have the job of a failed channel. The faster worker fails the message over and dies at
/// once. If the slower worker deleted the job, the message would be stuck.
#[tokio::test]
async fn overtaken_worker_keeps_job_of_crashed_worker() {
    let mut stage = stage().await;
    post(&stage, json!(["rcs", "sms"])).await;
    stage.process_next_batch(JOBS).await;
    assert!(stage.deliver_webhook(0, &stage.proxy.submits()[0].receipt(ReceiptStatus::Undelivered)).await);
    let failure = stage.receive(JOBS).await;
    let mut quicker = None;
    stage.proxy.begin_run(Box::new(move |_, call| {
        let first = *quicker.get_or_insert(call.invocation);
        let fault = if call.invocation == first { Fault::DieAfter } else { Fault::Delay };
        (call.name == "DynamoDB UpdateItem").then_some(fault)
    }));
    join(stage.process_batch(0, &failure), stage.process_batch(1, &failure)).await;
    stage.proxy.stop_faults();
    assert_eq!(run_until_idle(&mut stage, |_| 0).await, Idle::Reached);
    assert_eq!(stage.proxy.submits().len(), 1, "submits on the next channel");
    assert_eq!(item(&stage).await["state"]["S"], "submitted");
}

/// Two workers have the job of a sender's slots. The one that has the lease dies. If the other deleted the job, the
/// messages would be stuck.
#[tokio::test]
async fn second_delivery_keeps_job_of_crashed_dealer() {
    let mut stage = stage().await;
    let message = custom(RATE_LIMITED_SENDER, &Phone::NoReceipt.number(1), "Hello");
    let request = ClientRequest::post(DEMO, "/message", json!({"messages": [message]}));
    let (status, body) = stage.send_request(0, &request).await.unwrap();
    assert_eq!(status, 200, "{body}");
    let job = stage.receive("SendSlotsQueue").await;
    let mut quicker = None;
    stage.proxy.begin_run(Box::new(move |_, call| {
        // The claim of the message follows the lease.
        let is_claim = call.name == "DynamoDB UpdateItem" && quicker == Some(call.invocation);
        if call.name == "DynamoDB UpdateItem" {
            quicker.get_or_insert(call.invocation);
        }
        is_claim.then_some(Fault::DieAfter)
    }));
    join(stage.process_batch(0, &job), stage.process_batch(1, &job)).await;
    stage.proxy.stop_faults();
    assert_eq!(run_until_idle(&mut stage, |_| 0).await, Idle::Reached);
    // It is unknown whether the dead worker submitted it.
    assert_eq!(item(&stage).await["state"]["S"], "failed");
}
