//! AWS throttles or fails 30% of calls, at random. Every accepted message still arrives, with at most 1.5
//! times the calls of a run without faults.

use futures_util::future::join;
use reqwest::Method;
use serde_json::json;
use shared::{domain::ReceiptStatus, runtime::Random};
use tests::{
    clients::ClientRequest,
    system::{DEMO, answer, owned, shared, with},
};

use crate::{
    fault::{Fault, Peer},
    proxy::{Call, Plan},
    scenario::Phone,
    scenario_run::{Idle, run_until_idle},
    stage::{DEAD_LETTERS, QUEUES, Stage},
};

const FAILURE_PERCENT: usize = 30;
const REQUESTS: usize = 6;
const MESSAGES: usize = 10;

fn failing_plan(seed: u64, failure_percent: usize) -> Plan {
    let random = Random::seeded(seed);
    Box::new(move |_, call: &Call| {
        let fault = if random.index(2) == 0 { Fault::Throttle } else { Fault::ServerError };
        let is_injected = random.index(100) < failure_percent && matches!(call.peer, Peer::Aws(_));
        is_injected.then_some(fault)
    })
}

/// Runs the same traffic every time, and returns the number of AWS calls. We do not count those of ticks,
/// which happen every minute in any case.
async fn count_aws_calls(failure_percent: usize) -> usize {
    let mut stage = Stage::new(&["loopback"]).await;
    stage.restart(&Random::seeded(7), true);
    stage.proxy.begin_run(failing_plan(7, failure_percent));
    for request in (0..REQUESTS).step_by(2) {
        join(post(&stage, 0, request), post(&stage, 1, request + 1)).await;
    }
    run_to_completion(&mut stage, 0).await;
    let submits = stage.proxy.submits();
    assert_eq!(submits.len(), REQUESTS * MESSAGES, "each message is submitted once");
    let mut receipts: Vec<_> = submits.iter().map(|submit| submit.receipt(ReceiptStatus::Delivered)).collect();
    while !receipts.is_empty() {
        receipts = stage.deliver_receipts(receipts).await;
    }
    run_to_completion(&mut stage, 0).await;
    let shown = stage.system.handset(&Phone::NoReceipt.number(0)).await;
    let reply = stage.system.request(Method::POST, &format!("/handsets/{}/replies", Phone::NoReceipt.number(0)));
    assert!(answer(reply.json(&json!({"to": shown[0]["from"], "text": "Yes"}))).await.status.is_success());
    run_to_completion(&mut stage, 1).await;

    let items = stage.items("MessagesTable").await;
    let messages: Vec<_> = items.iter().filter(|item| item["history"].is_object()).collect();
    let delivered = messages.iter().filter(|item| item["receipt_delivered"].is_object()).count();
    let [all, callbacks] = [messages.len(), stage.system.sink_requests("status").await.len()];
    assert_eq!((all, delivered), (REQUESTS * MESSAGES, REQUESTS * MESSAGES));
    assert!(callbacks >= all, "{callbacks} callbacks for {all} messages");
    assert_eq!(stage.system.sink_requests("replies").await.len(), 1);
    for queue in DEAD_LETTERS {
        assert_eq!(stage.system.queue_length(queue).await, 0);
    }
    let counts = |call: &&Call| matches!(call.peer, Peer::Aws(_)) && call.function != "schedule-tick";
    stage.proxy.calls().iter().filter(counts).count()
}

/// Two workers share the queues, because most of the time is SDK backoff.
async fn run_to_completion(stage: &mut Stage, expected_webhooks: usize) {
    for queue in QUEUES {
        loop {
            let (first, second) = (stage.receive(queue).await, stage.receive(queue).await);
            if first.event.records.is_empty() {
                break;
            }
            join(stage.process_batch(0, &first), stage.process_batch(1, &second)).await;
        }
    }
    assert_eq!(run_until_idle(stage, |_| expected_webhooks).await, Idle::Reached);
}

async fn post(stage: &Stage, port: usize, request: usize) {
    let sink = stage.proxy.url.join("sinks/status").unwrap();
    let message = |index| {
        let (to, text) = (Phone::NoReceipt.number(index), format!("request {request}"));
        let message = if request.is_multiple_of(2) { owned(&to, &text) } else { shared(&to, &text) };
        with(message, "callback", sink.as_str())
    };
    let messages: Vec<_> = (0..MESSAGES).map(message).collect();
    let client_request = ClientRequest::post(DEMO, "/message", json!({"messages": messages}))
        .with_idempotency_key(&format!("request {request}"));
    while stage.send_request(port, &client_request).await.is_none_or(|(status, _)| status != 200) {}
}

#[tokio::test]
async fn throttling_30_percent_of_aws_calls_loses_nothing() {
    let (baseline, throttled) = (count_aws_calls(0).await, count_aws_calls(FAILURE_PERCENT).await);
    #[expect(clippy::cast_precision_loss, reason = "a few hundred calls")]
    let ratio = throttled as f64 / baseline as f64;
    println!("{baseline} AWS calls without faults, {throttled} if {FAILURE_PERCENT}% fail: {ratio:.2} times as many");
    assert!(ratio <= 1.5, "{ratio:.2} times the calls");
}
