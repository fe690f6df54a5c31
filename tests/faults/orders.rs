//! The answer to a submit and its receipts arrive in every order, also with one of them repeated. The message
//! always ends in the same state, with every receipt recorded.

use std::collections::BTreeMap;

use aws_lambda_events::event::sqs::SqsEvent;
use futures_util::future::join;
use serde_json::{Value, json};
use shared::{
    domain::{EventId, Message, MessageId, Progress, ReceiptStatus, State},
    store::Messages,
};
use tests::{
    carrier_of_each_vendor,
    clients::ClientRequest,
    system::{DEMO, owned, with},
    vendor_of,
};

use crate::{
    number,
    proxy::Submit,
    scenario::Phone,
    scenario_run::{Idle, run_until_idle},
    stage::{CarrierBehavior, JOBS, Stage},
};

/// The carrier's answer (`None`), or a receipt.
type Event = Option<ReceiptStatus>;
const ANSWER: Event = None;
const EVENTS: [Event; 5] = {
    use ReceiptStatus::{Delivered, Read, Sent, Undelivered};
    [ANSWER, Some(Sent), Some(Delivered), Some(Undelivered), Some(Read)]
};
const BATCH: usize = 100;
/// Long enough to hold back the carrier's answers for a whole batch.
const CARRIER_TIMEOUT_MS: u32 = 45_000;
/// Default for `FAULTS_EVERY`: of the orders with a repeated event, try 1 in this many.
const EVERY: usize = 30;

/// Returns every order of the events, and every order with one of them repeated.
fn orders() -> (Vec<Vec<Event>>, Vec<Vec<Event>>) {
    let once = permutations(&EVENTS);
    let twice = EVENTS.iter().flat_map(|again| permutations(&[&EVENTS[..], &[*again]].concat())).collect();
    (once, twice)
}

fn permutations(of: &[Event]) -> Vec<Vec<Event>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (index, first) in of.iter().enumerate().filter(|(index, first)| !of[..*index].contains(first)) {
        let rest = [&of[..index], &of[index + 1..]].concat();
        all.extend(permutations(&rest).into_iter().map(|rest| [vec![*first], rest].concat()));
    }
    all
}

#[test]
fn each_order_is_generated_once() {
    let (once, twice) = orders();
    assert_eq!((once.len(), twice.len()), (120, 5 * 360));
}

#[tokio::test]
async fn any_order_of_answer_and_receipts_ends_in_one_state() {
    let (mut orders, twice) = orders();
    orders.extend(twice.into_iter().step_by(number("FAULTS_EVERY").unwrap_or(EVERY)));
    for carrier in carrier_of_each_vendor() {
        let mut stage =
            Stage::with(&[carrier], &CarrierBehavior { timeout_ms: CARRIER_TIMEOUT_MS, ..CarrierBehavior::default() })
                .await;
        stage.restart(&shared::runtime::Random::seeded(1), true);
        for batch in orders.chunks(BATCH) {
            run_orders(&mut stage, batch).await;
            stage.reset().await;
        }
        println!("{carrier}: {} orders", orders.len());
    }
}

async fn run_orders(stage: &mut Stage, orders: &[Vec<Event>]) {
    stage.proxy.begin_run(Box::new(|_, _| None));
    let ids = accept(stage, orders.len()).await;
    let jobs = stage.receive_all(JOBS).await.event;
    stage.proxy.hold_carriers(true);
    let dispatch = dispatch::Dispatch::new(&tests::with_role(stage.environment(), "dispatch")).unwrap();
    let answered = dispatch.handle(jobs.clone());
    let before = async {
        stage.until_accepted(orders.len()).await;
        let submits = submits(stage);
        for (id, order) in ids.iter().zip(orders) {
            for status in order.iter().copied().map_while(|event| event) {
                deliver(stage, &submits[id], status).await;
            }
        }
        stage.proxy.hold_carriers(false);
    };
    let (response, ()) = join(answered, before).await;
    assert!(response.batch_item_failures.is_empty());
    let submits = submits(stage);
    for (id, order) in ids.iter().zip(orders) {
        for event in order.iter().skip_while(|event| event.is_some()).skip(1) {
            match event {
                Some(status) => deliver(stage, &submits[id], *status).await,
                // Redeliver the job, as if its deletion had been lost.
                None => assert!(dispatch.handle(only(*id, &jobs)).await.batch_item_failures.is_empty()),
            }
        }
    }
    assert_eq!(run_until_idle(stage, |_| 0).await, Idle::Reached);
    assert_eq!(stage.proxy.submits().len(), orders.len(), "one carrier call for each message");
    judge(stage, &ids, orders, &submits).await;
}

/// Delivers a receipt, if the vendor reports this status.
async fn deliver(stage: &Stage, submit: &Submit, status: ReceiptStatus) {
    if submit.reports(status) {
        assert!(stage.deliver_webhook(1, &submit.receipt(status)).await);
    }
}

async fn accept(stage: &Stage, count: usize) -> Vec<MessageId> {
    let sink = stage.proxy.url.join("sinks/status").unwrap();
    let message = |index| with(owned(&Phone::NoReceipt.number(index), "Hello"), "callback", sink.as_str());
    let messages: Vec<_> = (0..count).map(message).collect();
    let (status, body) =
        stage.send_request(0, &ClientRequest::post(DEMO, "/message", json!({"messages": messages}))).await.unwrap();
    assert_eq!(status, 200, "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    let ids = body["messages"].as_array().unwrap().iter();
    ids.map(|one| one["messageUuid"].as_str().unwrap().parse::<MessageId>().unwrap()).collect()
}

fn submits(stage: &Stage) -> BTreeMap<MessageId, Submit> {
    let named = |submit: Submit| (submit.reference.parse::<MessageId>().unwrap(), submit);
    stage.proxy.submits().into_iter().map(named).collect()
}

fn only(id: MessageId, jobs: &SqsEvent) -> SqsEvent {
    let is_its = |body: &Option<String>| body.as_ref().is_some_and(|body| body.contains(&id.to_string()));
    let mut event = SqsEvent::default();
    event.records.extend(jobs.records.iter().find(|job| is_its(&job.body)).cloned());
    event
}

async fn judge(stage: &Stage, ids: &[MessageId], orders: &[Vec<Event>], submits: &BTreeMap<MessageId, Submit>) {
    let found = stage.observer.store.messages(ids).await.unwrap();
    let found: BTreeMap<_, _> = found.into_iter().map(|message| (message.id, message)).collect();
    let callbacks = stage.system.sink_requests("status").await;
    let callback_ids: Vec<_> = callbacks.iter().map(|one| one["headers"]["webhook-id"].as_str().unwrap()).collect();
    for (id, order) in ids.iter().zip(orders) {
        let message: &Message = &found[id];
        let reported: Vec<_> = EVENTS.into_iter().flatten().filter(|status| submits[id].reports(*status)).collect();
        let state = reported.iter().map(|status| status.state()).max().unwrap();
        assert_eq!((message.state(), message.delivery.progress), (state, Progress::Submitted), "{order:?}");
        assert!(
            message.delivery.carrier_id.is_some()
                || !vendor_of(message.delivery.carrier.unwrap()).profile().receipts_by_id,
            "{order:?}"
        );
        let receipts: Vec<_> = message.delivery.receipts.iter().map(|receipt| receipt.status).collect();
        assert_eq!(receipts.len(), reported.len(), "{order:?} recorded {receipts:?}");
        let history = message.full_history();
        for status in reported {
            assert!(
                history.iter().any(|state_change| state_change.state == status.state()),
                "{order:?} dropped {status:?}"
            );
        }
        for state in
            [State::Undelivered, State::Delivered].into_iter().filter(|state| message.request.dialect.notifies(*state))
        {
            let event = EventId::of_state(*id, state).to_string();
            let times = callback_ids.iter().filter(|one| **one == event).count();
            assert_eq!(times, 1, "{order:?} notified {} {times} times", state.into_str());
        }
    }
}
