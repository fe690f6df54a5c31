//! Unresponsive clients do not delay other clients.

use std::time::{Duration, Instant};

use serde_json::Value;
use shared::callbacks::TIMEOUT;
use tests::{Phone, Response, System, TestServer};

use crate::system::{DEMO, OTHER, OTHER_SENDER, custom, owned, with};

const EVENTS: usize = 200;
/// The number of pollers in the local gateway.
const WORKERS: usize = 8;
/// The number of jobs that a poller receives at once.
const BATCH: usize = 10;

fn message(callback: &str) -> Value {
    with(owned(&Phone::delivers(), "Hello"), "callback", callback)
}

/// Sends messages whose callbacks go to a sink. If there are `others`, every third message is for one of
/// them, in turn. Returns the time until the sink has all its callbacks.
async fn time_to_notify(system: &System, others: &[&str]) -> Duration {
    let sink = system.sink("taking");
    let mut messages: Vec<Value> = Vec::new();
    for other in others.iter().cycle().take(EVENTS / 2) {
        messages.extend([message(&sink), message(&sink), message(other)]);
    }
    if others.is_empty() {
        messages.extend((0..EVENTS).map(|_| message(&sink)));
    }
    let started = Instant::now();
    system.send_all(DEMO, messages).await;
    assert_eq!(system.until_callbacks_within("taking", EVENTS, TIMEOUT * 4).await.len(), EVENTS);
    started.elapsed()
}

#[tokio::test]
async fn unresponsive_clients_delay_no_other() {
    const SILENT: usize = WORKERS / 2;
    let system = System::start().await;
    let silent = TestServer::responding(Response::Hang).await;
    for client in 0..SILENT {
        // Each path is an endpoint of its own.
        system.send_one(DEMO, message(&silent.at(&client.to_string()))).await;
    }
    let in_flight = || (silent.calls(), silent.open()) == (SILENT, SILENT);
    system.until("all clients are being called", async || in_flight().then_some(())).await;
    system.send_one(DEMO, message(&system.sink("taking"))).await;
    system.until_callbacks("taking", 1).await;
    assert!(in_flight(), "when the other client was notified, only {} calls were open", silent.open());
}

#[tokio::test(flavor = "multi_thread")]
async fn hanging_clients_delay_others_by_one_timeout_at_most() {
    let undisturbed = time_to_notify(&System::start().await, &[]).await;
    let (silent, dripping) =
        (TestServer::responding(Response::Hang).await, TestServer::responding(Response::Drip).await);
    let disturbed = time_to_notify(&System::start().await, &[silent.url().as_str(), dripping.url().as_str()]).await;
    let calls = silent.calls() + dripping.calls();
    println!("alone {undisturbed:?}, beside {} events for others {disturbed:?}, which had {calls} calls", EVENTS / 2);
    assert!(disturbed < undisturbed * 2 + TIMEOUT + TIMEOUT / 3, "{disturbed:?}, and alone {undisturbed:?}");
    // Before the first timeout, a third of the events in all batches are for clients that hang. After it
    // their circuits are open, but for a probe or two. Without circuit breakers, each of these events would
    // have been sent twice.
    assert!(calls <= WORKERS * BATCH / 2, "{calls} calls to clients that hang");
}

/// Notifies the other account of messages, one after another. Returns the median time from the post to the callback.
async fn median_time_to_notify_other(system: &System) -> Duration {
    const SAMPLES: usize = 31;
    let mut times = Vec::new();
    for index in 0..SAMPLES {
        let started = Instant::now();
        let message = custom(OTHER_SENDER, &Phone::delivers(), "Hello");
        system.send_one(OTHER, with(message, "callback", system.sink("other"))).await;
        system.until_callbacks_within("other", index + 1, TIMEOUT * 4).await;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    times[SAMPLES / 2]
}

/// Each URL fails only once, so that only the origin's circuit can open.
#[tokio::test(flavor = "multi_thread")]
async fn hanging_client_with_an_id_in_each_path_delays_others_once() {
    const HANGING: usize = 600;
    let at_rest = median_time_to_notify_other(&System::start().await).await;
    let system = System::start().await;
    let silent = TestServer::responding(Response::Hang).await;
    for first in (0..HANGING).step_by(100) {
        system.send_all(DEMO, (first..first + 100).map(|id| message(&silent.at(&id.to_string())))).await;
    }
    let beside = median_time_to_notify_other(&system).await;
    println!("median at rest {at_rest:?}, beside {HANGING} hanging callbacks {beside:?}, {} calls", silent.calls());
    assert!(beside <= 2 * at_rest, "{beside:?}, at rest {at_rest:?}");
    // All workers hang once. Then the circuit is open, but for a probe or two.
    assert!(silent.calls() <= WORKERS * BATCH + 3, "{} calls to the client that hangs", silent.calls());
}
