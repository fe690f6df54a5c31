//! A client cancels a batch while its own request is still running, because it got no answer in time.

use std::time::Duration;

use futures_util::future::join;
use serde_json::json;
use shared::domain::BatchId;
use tests::{
    clients::ClientRequest,
    system::{DEMO, OWN_SENDER},
};
use uuid::Uuid;

use crate::{
    fault::Fault,
    scenario::{Account, Phone},
    scenario_run::{Idle, cancel_batch, run_until_idle},
    stage::Stage,
};

/// On a busy machine the request may end before the cancellation begins.
const ATTEMPTS: u128 = 20;
const MESSAGES: usize = 3;

fn batch(id: BatchId) -> ClientRequest {
    let phones: Vec<_> = (0..MESSAGES).map(|index| Phone::NoReceipt.number(index)).collect();
    let batch = json!({"from": OWN_SENDER, "message": "Hello, all", "destinations": phones, "id": id});
    ClientRequest::post(DEMO, "/batch", batch)
}

/// Waits until the batch is stored, and then cancels it.
async fn cancel_once_stored(stage: &Stage, id: BatchId) -> Option<(u16, String)> {
    let key = format!("batch#demo#{id}");
    while !stage.items("MessagesTable").await.iter().any(|item| item["id"]["S"] == key) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    stage.send_request(1, &cancel_batch(Account::Demo, id)).await
}

/// Returns the answers to the request and to the cancellation.
async fn race(stage: &Stage, id: BatchId) -> [(u16, String); 2] {
    // The first write is the batch's.
    let mut writes = 0;
    stage.proxy.begin_run(Box::new(move |_, call| {
        writes += usize::from(call.name == "DynamoDB PutItem");
        (call.name == "DynamoDB PutItem" && writes > 1).then_some(Fault::Delay)
    }));
    let (posted, cancelled) = join(stage.send_request(0, &batch(id)), cancel_once_stored(stage, id)).await;
    stage.proxy.stop_faults();
    [posted.unwrap(), cancelled.unwrap()]
}

#[tokio::test]
async fn batch_cancelled_while_it_is_accepted_is_not_sent() {
    let mut stage = Stage::new(&["loopback"]).await;
    for attempt in 0..ATTEMPTS {
        let id = BatchId::new(Uuid::from_u128(0x4000_8000_0000_0000_0000 | attempt));
        let [(posted, answer), (cancelled, report)] = race(&stage, id).await;
        // Not all messages were stored. A repeat does the rest.
        let is_early = cancelled == 503 && report.contains("may still be running");
        assert!(is_early || cancelled == 200, "{cancelled} {report}");
        let (cancelled, report) = stage.send_request(1, &cancel_batch(Account::Demo, id)).await.unwrap();
        assert!(cancelled == 200 && report.contains("\"cancelled\":3"), "{cancelled} {report}");
        assert_eq!(run_until_idle(&mut stage, |_| 0).await, Idle::Reached);
        let items = stage.items("MessagesTable").await;
        let own: Vec<_> = items.iter().filter(|item| item["batch"]["S"] == id.to_string()).collect();
        assert!(own.len() == MESSAGES && own.iter().all(|item| item["state"]["S"] == "cancelled"), "{own:?}");
        assert!(stage.proxy.submits().is_empty());
        if posted == 409 {
            assert!(answer.contains("cancelled"), "{answer}");
            let (status, body) = stage.send_request(0, &batch(id)).await.unwrap();
            return assert_eq!(status, 409, "{body}");
        }
        assert_eq!(posted, 200, "{answer}");
    }
    panic!("no cancellation came before its batch was accepted");
}
