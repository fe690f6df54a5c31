//! Poison jobs: an unreadable or panicking job is retried, and the rest of its batch is not affected.

use std::collections::BTreeSet;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use serde_json::{Value, json};
use shared::edge::run_batch;
use tests::{
    clients::ClientRequest,
    system::{DEMO, owned, with},
};

use crate::{
    scenario::Phone,
    stage::{CALLBACKS, JOBS, Stage},
};
use shared::flow::JobOutcome;

const BATCH: usize = 10;

fn failed(response: &SqsBatchResponse) -> Vec<&str> {
    response.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect()
}

/// Returns bodies that this release cannot read: no JSON, no job, a job from a later release, no body.
fn unreadable_bodies(body: &str) -> [Option<String>; 4] {
    let later = body.replacen("\"v\":1", "\"v\":2", 1);
    assert_ne!(later, body);
    [Some("nonsense".to_owned()), Some("{\"v\":1}".to_owned()), Some(later), None]
}

/// Posts ten messages, processes all earlier steps, and returns the queue's ten jobs as a batch.
async fn ten_jobs(stage: &Stage, queue: &'static str) -> SqsEvent {
    let sink = stage.proxy.url.join("sinks/status").unwrap();
    let message = |index| with(owned(&Phone::Rejected.number(index), "Hello"), "callback", sink.as_str());
    let messages: Vec<Value> = (0..BATCH).map(message).collect();
    let (status, body) =
        stage.send_request(0, &ClientRequest::post(DEMO, "/message", json!({"messages": messages}))).await.unwrap();
    assert_eq!(status, 200, "{body}");
    let mut event = SqsEvent::default();
    while event.records.len() < BATCH {
        if queue != JOBS {
            stage.process_next_batch(JOBS).await;
        }
        event.records.extend(stage.receive(queue).await.event.records);
    }
    event
}

#[tokio::test]
async fn only_the_unreadable_job_of_a_batch_is_retried() {
    let mut stage = Stage::new(&["loopback"]).await;
    stage.restart(&shared::runtime::Random::seeded(1), true);
    stage.proxy.begin_run(Box::new(|_, _| None));
    let dispatch = dispatch::Dispatch::new(&tests::with_role(stage.environment(), "dispatch")).unwrap();
    let callback = callback::Callback::new(&tests::with_role(stage.environment(), "callback")).unwrap();
    for queue in [JOBS, CALLBACKS] {
        for index in 0..BATCH {
            let mut event = ten_jobs(&stage, queue).await;
            let poisoned = &mut event.records[index];
            let id = poisoned.message_id.clone().unwrap();
            let good = poisoned.body.clone().unwrap();
            poisoned.body = unreadable_bodies(&good)[index % 4].clone();
            let is_dispatch = queue == JOBS;
            let response =
                if is_dispatch { dispatch.handle(event.clone()).await } else { callback.handle(event.clone()).await };
            assert_eq!(failed(&response), [&id], "{queue} at {index}");
            // The other jobs are done: the carrier rejected the message, or the client was notified.
            let done = if is_dispatch { rejected(&stage).await } else { notified_count(&stage).await };
            assert_eq!(done, BATCH - 1, "{queue} at {index}");
            stage.reset().await;
        }
    }
}

async fn rejected(stage: &Stage) -> usize {
    stage.items("MessagesTable").await.iter().filter(|item| item["state"]["S"] == "rejected").count()
}

async fn notified_count(stage: &Stage) -> usize {
    let callbacks = stage.system.sink_requests("status").await;
    callbacks.iter().map(|one| one["headers"]["webhook-id"].as_str().unwrap()).collect::<BTreeSet<_>>().len()
}

/// A job panics before its first await, and in another run after it.
#[tokio::test]
async fn only_the_panicking_job_of_a_batch_is_retried() {
    for index in 0..BATCH {
        for yields in [false, true] {
            let mut event = SqsEvent::default();
            event.records.extend((0..BATCH).map(|index| {
                let mut record = SqsMessage::default();
                record.message_id = Some(format!("id {index}"));
                record.body = Some(index.to_string());
                record
            }));
            let done = std::sync::Mutex::new(Vec::new());
            let run = async |payload: String| {
                if yields {
                    tokio::task::yield_now().await;
                }
                assert_ne!(payload, index.to_string(), "a panic intended by the test");
                tokio::task::yield_now().await;
                done.lock().unwrap().push(payload);
                JobOutcome::Done
            };
            let response = run_batch(event, run).await;
            assert_eq!(failed(&response), [format!("id {index}")]);
            assert_eq!(done.into_inner().unwrap().len(), BATCH - 1);
        }
    }
}
