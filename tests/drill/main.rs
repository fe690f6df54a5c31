//! Kill drill: kills the gateway (`kill -9`) while clients post, and starts it again. The emulator keeps
//! running, as AWS, the carriers and the clients' servers would.
//!
//! Every message answered with 200 reaches its phone once, or is recorded with an unknown outcome, and its
//! callback reaches the client. `cargo test` kills the gateway three times, `tests/drill/run` as often as
//! `--kills` says; both print counts.

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

/// Default for `DRILL_KILLS`.
const KILLS: u64 = 3;
const CLIENTS: usize = 8;
/// Average time before the next kill. It varies by a fifth.
const AVERAGE_UPTIME: Duration = Duration::from_millis(1_800);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateway_killed_under_load_loses_and_duplicates_nothing() {
    let kills = env::var("DRILL_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let emulator = LocalProcess::start(&["emulator"]).await;
    let mut gateway = LocalProcess::start(&["--emulator", emulator.url.as_str()]).await;
    let (address, stop) = (watch::Sender::new(gateway.url.clone()), watch::Sender::new(false));
    let mut posting = post(&emulator.url, &address, &stop);
    let random = Random::seeded(kills);
    for _ in 0..kills {
        tokio::time::sleep(random.jittered(AVERAGE_UPTIME)).await;
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
    assert!(!log.accepted.is_empty(), "no message was accepted");
}

fn post(emulator: &Url, address: &watch::Sender<Url>, stop: &watch::Sender<bool>) -> JoinSet<ClientLog> {
    let mut posting = JoinSet::new();
    for index in 0..CLIENTS {
        let client = Client::new(index, emulator.clone(), address.subscribe(), stop.subscribe());
        posting.spawn(client.run());
    }
    posting
}
