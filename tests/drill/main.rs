//! The gateway is killed (`kill -9`) while clients post, and started again while
//! the emulator lives on, as AWS, the carriers and the clients' servers do.
//!
//! What was answered with 200 reaches its phone once, or has an outcome that is
//! said to be unknown, and its receipt reaches the client. `cargo test` kills it
//! some times; `tests/drill/run` as often as it is told, and prints what it saw.

#![expect(clippy::unwrap_used, reason = "a test that fails may say so where it stands")]

mod clients;
mod process;
mod report;

use std::{env, time::Duration};

use shared::runtime::Random;
use tests::system::System;
use tokio::{sync::watch, task::JoinSet};
use url::Url;

use self::{
    clients::{Client, ClientLog},
    process::LocalProcess,
    report::verify,
};

/// How often it is killed unless it is said otherwise.
const KILLS: u64 = 3;
/// How many clients post at once.
const CLIENTS: usize = 8;
/// The longest that a gateway lives.
const MAX_UPTIME: Duration = Duration::from_millis(1_800);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateway_killed_under_load_loses_and_duplicates_nothing() {
    let kills = env::var("DRILL_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let emulator = LocalProcess::start(&["emulator"]).await;
    let mut gateway = LocalProcess::start(&["--emulator", emulator.url.as_str()]).await;
    let (address, stop) = (watch::Sender::new(gateway.url.clone()), watch::Sender::new(false));
    let mut posting = post(&emulator.url, &address, &stop);
    let random = Random::seeded(kills);
    for _ in 0..kills {
        tokio::time::sleep(random.jittered(MAX_UPTIME)).await;
        gateway.kill().await;
        gateway = LocalProcess::start(&["--emulator", emulator.url.as_str()]).await;
        address.send_replace(gateway.url.clone());
    }
    stop.send_replace(true);
    let mut log = ClientLog::default();
    while let Some(of_one) = posting.join_next().await {
        log.add(of_one.unwrap());
    }
    let system = System::remote(emulator.url.clone(), gateway.url.clone());
    let report = verify(&system, &log).await;
    println!("{kills} kills: {report}");
    assert!(report.is_ok(), "{report}\n{}", report.failures.join("\n"));
    assert!(!log.accepted.is_empty(), "nothing was accepted");
}

fn post(emulator: &Url, address: &watch::Sender<Url>, stop: &watch::Sender<bool>) -> JoinSet<ClientLog> {
    let mut posting = JoinSet::new();
    for index in 0..CLIENTS {
        let client = Client::new(index, emulator.clone(), address.subscribe(), stop.subscribe());
        posting.spawn(client.run());
    }
    posting
}
