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

/// Sends a message to each callback in turn, and gives how long it took until the one
/// that works was told of all of its own.
async fn time_to_tell(system: &System, callbacks: &[&str]) -> Duration {
    let message = |url: &&str| with(owned("447700900010", "Hello"), "callback", *url);
    let messages: Vec<Value> = (0..EVENTS).flat_map(|_| callbacks.iter().map(message)).collect();
    let begun = Instant::now();
    system.send(DEMO, &json!({"messages": messages})).await;
    let told = system.until_sunk_within("taking", EVENTS, TIMEOUT * 3).await;
    assert_eq!(told.len(), EVENTS);
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_hang_hold_up_one_that_works_for_one_time_out_at_most() {
    let alone = System::start().await;
    let undisturbed = time_to_tell(&alone, &[&alone.sink("taking")]).await;

    let system = System::start().await;
    let ((silent, silent_calls), (dripping, dripping_calls)) = (hanging(false).await, hanging(true).await);
    let disturbed = time_to_tell(&system, &[&silent, &system.sink("taking"), &dripping]).await;
    let calls = silent_calls.load(Ordering::Relaxed) + dripping_calls.load(Ordering::Relaxed);
    println!("undisturbed {undisturbed:?}, disturbed {disturbed:?}, {calls} calls to those that hang");
    assert!(disturbed < undisturbed * 4 + TIMEOUT + TIMEOUT / 3, "{disturbed:?}, and alone {undisturbed:?}");
    // What each worker had in its hands before the first time-out, and a try or two.
    assert!(calls <= WORKERS * BATCH + 8, "{calls} calls to clients that hang");
}
