//! A client that does not answer does not hold up one that does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use shared::callbacks::TIMEOUT;
use tokio::{io::AsyncWriteExt, net::TcpListener};

use crate::system::{DEMO, System, owned, with};

const EVENTS: usize = 200;
/// The queue's pollers on one machine, and how many jobs each takes at once.
const WORKERS: usize = 8;
const BATCH: usize = 10;

/// A client that takes connections, and either says nothing or a byte a second. Gives its
/// address, and how often it was called.
async fn hanging(drips: bool) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    if drips && connection.write_all(b"H").await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (url, calls)
}

/// Sends messages that call the sink back, and after every second one another that calls
/// one of the others, in turn. Gives how long it took until the sink was told of all.
async fn time_to_tell(system: &System, others: &[&str]) -> Duration {
    let sink = system.sink("taking");
    let message = |url: &str| with(owned("447700900010", "Hello"), "callback", url);
    let mut messages: Vec<Value> = Vec::new();
    for other in others.iter().cycle().take(EVENTS / 2) {
        messages.extend([message(&sink), message(&sink), message(other)]);
    }
    if others.is_empty() {
        messages.extend((0..EVENTS).map(|_| message(&sink)));
    }
    let begun = Instant::now();
    system.send(DEMO, &json!({"messages": messages})).await;
    assert_eq!(system.until_sunk_within("taking", EVENTS, TIMEOUT * 4).await.len(), EVENTS);
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_hang_hold_up_one_that_works_for_one_time_out_at_most() {
    let undisturbed = time_to_tell(&System::start().await, &[]).await;
    let ((silent, silent_calls), (dripping, dripping_calls)) = (hanging(false).await, hanging(true).await);
    let disturbed = time_to_tell(&System::start().await, &[&silent, &dripping]).await;
    let calls = silent_calls.load(Ordering::Relaxed) + dripping_calls.load(Ordering::Relaxed);
    println!("alone {undisturbed:?}, beside {} events for others {disturbed:?}, which had {calls} calls", EVENTS / 2);
    assert!(disturbed < undisturbed * 2 + TIMEOUT + TIMEOUT / 3, "{disturbed:?}, and alone {undisturbed:?}");
    // A third of what the workers had in their hands before the first time-out, and a try
    // or two of each client; each event by itself would have had two by then.
    assert!(calls <= WORKERS * BATCH / 2, "{calls} calls to clients that hang");
}
