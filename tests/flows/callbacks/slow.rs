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
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};

use crate::system::{DEMO, System, owned, with};

const EVENTS: usize = 200;
/// The queue's pollers on one machine, and how many jobs each takes at once.
const WORKERS: usize = 8;
const BATCH: usize = 10;

/// A client that takes connections, and either says nothing or a byte a second.
struct HangingClient {
    url: String,
    calls: Arc<AtomicUsize>,
    /// How many of them have not been given up.
    open: Arc<AtomicUsize>,
}

impl HangingClient {
    async fn start(drips: bool) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (calls, open) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let client = Self { url, calls: Arc::clone(&calls), open: Arc::clone(&open) };
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                open.fetch_add(1, Ordering::SeqCst);
                calls.fetch_add(1, Ordering::SeqCst);
                let open = Arc::clone(&open);
                tokio::spawn(async move {
                    hang(connection, drips).await;
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        client
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

/// Keeps a connection until the other side ends it.
async fn hang(mut connection: TcpStream, drips: bool) {
    let (mut request, mut answer) = connection.split();
    let drip = async {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if drips && answer.write_all(b"H").await.is_err() {
                return;
            }
        }
    };
    let mut nowhere = tokio::io::sink();
    tokio::select! {
        _ = tokio::io::copy(&mut request, &mut nowhere) => {}
        () = drip => {}
    }
}

fn message(callback: &str) -> Value {
    with(owned("447700900010", "Hello"), "callback", callback)
}

/// Sends messages that call the sink back, and after every second one another that calls
/// one of the others, in turn. Gives how long it took until the sink was told of all.
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
    system.send(DEMO, &json!({"messages": messages})).await;
    assert_eq!(system.until_sink_requests_within("taking", EVENTS, TIMEOUT * 4).await.len(), EVENTS);
    started.elapsed()
}

#[tokio::test]
async fn unresponsive_clients_delay_no_other() {
    const SILENT: usize = WORKERS / 2;
    let system = System::start().await;
    let silent = HangingClient::start(false).await;
    for client in 0..SILENT {
        // Each path is an endpoint of its own.
        system.send_one(DEMO, message(&format!("{}{client}", silent.url))).await;
    }
    let in_flight = || (silent.calls(), silent.open()) == (SILENT, SILENT);
    system.until("all of them are being called", async || in_flight().then_some(())).await;
    system.send_one(DEMO, message(&system.sink("taking"))).await;
    system.until_sink_requests("taking", 1).await;
    assert!(in_flight(), "when it was told, only {} were still being called", silent.open());
}

#[tokio::test(flavor = "multi_thread")]
async fn hanging_clients_delay_others_by_one_timeout_at_most() {
    let undisturbed = time_to_notify(&System::start().await, &[]).await;
    let (silent, dripping) = (HangingClient::start(false).await, HangingClient::start(true).await);
    let disturbed = time_to_notify(&System::start().await, &[&silent.url, &dripping.url]).await;
    let calls = silent.calls() + dripping.calls();
    println!("alone {undisturbed:?}, beside {} events for others {disturbed:?}, which had {calls} calls", EVENTS / 2);
    assert!(disturbed < undisturbed * 2 + TIMEOUT + TIMEOUT / 3, "{disturbed:?}, and alone {undisturbed:?}");
    // A third of what the workers had in their hands before the first time-out, and a try
    // or two of each client; each event by itself would have had two by then.
    assert!(calls <= WORKERS * BATCH / 2, "{calls} calls to clients that hang");
}
